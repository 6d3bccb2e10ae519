"""The shapes of providers and models on the wire."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, Field, SecretStr

from dakora_server.api.tenancy_shapes import Strict
from dakora_server.core.llm.catalogue import RunnableModel
from dakora_server.core.llm.records import Kind, Origin, Provider
from dakora_server.core.llm.service import NewProvider

ProviderName = Annotated[
    str,
    Path(
        max_length=64,
        pattern=r"^[a-z0-9][a-z0-9._-]*$",
        description="The provider's name, as prompts have it in `model.provider`.",
        examples=["openai"],
    ),
]
_MILLION = 1_000_000


class ProviderSetUp(Strict):
    """How a provider is reached."""

    kind: Kind | None = Field(None, description="Which interface it speaks; the name's own for `openai` and the like.")
    api_key: SecretStr | None = Field(
        None,
        min_length=1,
        max_length=4096,
        description="Kept encrypted and never shown again; left out, the one that is there stays.",
    )
    base_url: str | None = Field(
        None, max_length=500, description="Another address than the provider's own, e.g. `http://localhost:11434/v1`."
    )
    api_version: str | None = Field(None, max_length=40, pattern=r"^[0-9a-z-]+$", description="For Azure.")
    models: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=list, max_length=200, description="The models to offer, where the provider does not say."
    )

    def wanted(self, name: str) -> NewProvider:
        """What to set up."""
        key = None if self.api_key is None else self.api_key.get_secret_value().strip()
        return NewProvider(name, self.kind, key or None, self.base_url, self.api_version, self.models)


class ProviderShown(BaseModel):
    """A provider, without its key."""

    name: str
    kind: Kind
    base_url: str | None = Field(description="Null: the provider's own.")
    api_version: str | None
    models: list[str]
    key_hint: str | None = Field(description="The end of the key; null where there is none.")
    origin: Origin = Field(description="`environment`: set up by the operator, and not to be changed here.")
    changed_at: datetime | None


class ModelPrice(BaseModel):
    """US dollars for a million tokens."""

    input: float
    output: float
    cached_input: float


class ModelShown(BaseModel):
    """A model that prompts can be run on."""

    provider: str
    name: str
    price: ModelPrice | None = Field(description="Null: not known, which is not the same as free.")


def provider_shown(provider: Provider) -> ProviderShown:
    """A provider on the wire."""
    return ProviderShown(
        name=provider.name,
        kind=provider.kind,
        base_url=provider.base_url,
        api_version=provider.api_version,
        models=list(provider.models),
        key_hint=provider.key_hint,
        origin=provider.origin,
        changed_at=provider.changed_at,
    )


def model_json(model: RunnableModel) -> dict[str, Any]:
    """A model on the wire."""
    price = model.price
    shown = None
    if price is not None:
        each = {"input": price.input, "output": price.output, "cached_input": price.cached_input}
        shown = {name: round(float(amount * _MILLION), 9) for name, amount in each.items()}
    return {"provider": model.provider, "name": model.name, "price": shown}
