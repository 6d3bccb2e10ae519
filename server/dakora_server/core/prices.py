"""What tokens cost: the public prices of models, and an operator's own on top.

The data set is genai-prices' (see decision 24); it is loaded with the first question. A model that neither knows has no
price, which is not the same as costing nothing.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

_MILLION = Decimal(1_000_000)
_MOST_KEPT = 2_000
# The data set has models that no prompt is run on, and does not say which.
_NOT_FOR_CHAT = (
    "embed", "whisper", "tts", "image", "dall-e", "moderation", "realtime", "transcribe", "ocr", "rerank", "ft:"
)  # fmt: skip
# Names of providers in the GenAI conventions and in other libraries, as the data set has them.
_ALIASES = {
    "azure.ai.openai": "azure",
    "az.ai.openai": "azure",
    "azure_openai": "azure",
    "azure.ai.inference": "azure",
    "az.ai.inference": "azure",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "gcp.gen_ai": "google",
    "google_genai": "google",
    "gemini": "google",
    "vertex_ai": "google",
    "aws.bedrock": "aws",
    "bedrock": "aws",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "x_ai": "x-ai",
    "xai": "x-ai",
}


class PricesInvalid(Exception):
    """The file of own prices cannot be used; the message says where and why."""


class OwnPrice(BaseModel):
    """A model's price in US dollars for a million tokens. A name that ends in `*` stands for all that begin so."""

    model_config = ConfigDict(extra="forbid")

    provider: str | None = None
    model: str = Field(min_length=1)
    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cached_input: Decimal | None = Field(None, ge=0)

    def is_for(self, provider: str | None, model: str) -> bool:
        """Whether it is this model's price."""
        if self.provider is not None and self.provider != provider:
            return False
        return model.startswith(self.model[:-1]) if self.model.endswith("*") else model == self.model


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one token."""

    input: Decimal
    output: Decimal
    cached_input: Decimal

    def of(self, input_tokens: int, output_tokens: int, cached: int) -> Decimal:
        """What so many tokens cost; the cached ones are among the input's."""
        cached = min(cached, input_tokens)
        return (input_tokens - cached) * self.input + cached * self.cached_input + output_tokens * self.output


class Prices:
    """Prices by provider and model; own ones come before the data set's."""

    def __init__(self, own: Sequence[OwnPrice] = ()) -> None:
        self._own = tuple(own)
        self._flat: dict[tuple[str | None, str], Price | None] = {}
        self._library: Any = None

    @property
    def is_loaded(self) -> bool:
        """Whether the data set is in memory. What is asked before that loads it, and waits for it."""
        return self._library is not None

    def load(self) -> None:
        """Load the data set: a quarter of a second, for a thread of its own where others must not wait."""
        self._library = importlib.import_module("genai_prices")

    def cost(
        self,
        provider: str | None,
        model: str,
        *,
        input_tokens: int | None,
        output_tokens: int | None,
        cached_input_tokens: int | None = None,
    ) -> Decimal | None:
        """US dollars for these tokens; None where the price is not known, or nothing of the tokens is."""
        if input_tokens is None and output_tokens is None:
            return None
        price = self.price_of(provider, model)
        return None if price is None else price.of(input_tokens or 0, output_tokens or 0, cached_input_tokens or 0)

    def price_of(self, provider: str | None, model: str) -> Price | None:
        """The price of a token, as it is for short requests; None where it is not known."""
        name = None if provider is None else _ALIASES.get(provider.lower(), provider.lower())
        key = (name, model)
        if key not in self._flat:
            if len(self._flat) >= _MOST_KEPT:
                # What is asked for comes from callers.
                self._flat.clear()
            self._flat[key] = self._look_up(name, model)
        return self._flat[key]

    def models_of(self, provider: str) -> list[str]:
        """The models of a provider whose prices are public, those on their way out aside, and those with own prices."""
        if not self.is_loaded:
            self.load()
        snapshot = importlib.import_module("genai_prices.data_snapshot").get_snapshot()
        own = {one.model for one in self._own if one.provider == provider and not one.model.endswith("*")}
        public = {
            model.id
            for known in snapshot.providers
            if known.id == provider
            for model in known.models
            if not model.deprecated and not any(word in model.id for word in _NOT_FOR_CHAT)
        }
        return sorted(own | public)

    def _look_up(self, provider: str | None, model: str) -> Price | None:
        for own in self._own:
            if own.is_for(provider, model):
                cached = own.input if own.cached_input is None else own.cached_input
                return Price(own.input / _MILLION, own.output / _MILLION, cached / _MILLION)
        if not self.is_loaded:
            self.load()
        return self._published(provider, model)

    def _published(self, provider: str | None, model: str) -> Price | None:
        ask = self._library.calc_price
        usage = self._library.Usage
        try:
            # A thousand of each: below every step of prices that rise with the length of the request.
            plain = ask(usage(input_tokens=1000, output_tokens=1000), model_ref=model, provider_id=provider)
            cached = ask(usage(input_tokens=1000, cache_read_tokens=1000), model_ref=model, provider_id=provider)
        except (LookupError, ValueError):
            return None
        return Price(plain.input_price / 1000, plain.output_price / 1000, cached.total_price / 1000)


def load_prices(path: Path | None) -> Prices:
    """Prices with those of a YAML file on top: a list of `{provider, model, input, output, cached_input}`.

    Raises PricesInvalid.
    """
    if path is None:
        return Prices()
    try:
        entries = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PricesInvalid(f"PRICES_FILE cannot be read: {error}.") from None
    if not isinstance(entries, list):
        raise PricesInvalid("PRICES_FILE must be a list of prices.")
    own = []
    for number, entry in enumerate(entries, start=1):
        try:
            own.append(OwnPrice.model_validate(entry))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the entry"
            raise PricesInvalid(f"PRICES_FILE, price {number}: {where}: {first['msg'].lower()}.") from None
    return Prices(own)
