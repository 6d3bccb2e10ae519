"""Prices: public ones, an operator's own, and none."""

from decimal import Decimal

import pytest

from dakora_server.config import Settings, UnsafeSettings
from dakora_server.core.prices import Prices, PricesInvalid, load_prices
from dakora_server.main import create_app

ONE = {"input_tokens": 1_000_000, "output_tokens": 0}


def test_providers_are_known_by_the_names_that_instrumentations_use():
    prices = Prices()
    for provider, model in (
        ("openai", "gpt-4o-mini"),
        ("anthropic", "claude-3-5-haiku-latest"),
        ("gcp.gemini", "gemini-2.0-flash"),
        ("mistral_ai", "mistral-small-latest"),
        (None, "gpt-4o-mini-2024-07-18"),
    ):
        assert prices.cost(provider, model, **ONE) > 0, provider


def test_an_unknown_price_is_none_and_never_nothing():
    prices = Prices()
    for provider, model in (("openai", "no-such"), ("nobody", "gpt-4o-mini-x"), ("ollama", "llama-of-mine"), ("", "")):
        assert prices.cost(provider, model, **ONE) is None
    assert prices.cost("openai", "gpt-4o-mini", input_tokens=None, output_tokens=None) is None
    assert prices.cost("openai", "gpt-4o-mini", input_tokens=0, output_tokens=0) == 0


def test_cached_tokens_cost_less():
    prices = Prices()
    cached = prices.cost("openai", "gpt-4o-mini", **ONE, cached_input_tokens=1_000_000)
    assert cached == prices.cost("openai", "gpt-4o-mini", **ONE) / 2


def test_own_prices_come_first(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text(
        "- {provider: ollama, model: 'llama*', input: 0, output: 0}\n"
        "- {model: gpt-4o-mini, input: 1.5, output: 2, cached_input: 0.5}\n"
    )
    prices = load_prices(path)
    assert prices.cost("ollama", "llama3.2", **ONE) == 0
    assert prices.cost("vllm", "llama3.2", **ONE) is None
    assert prices.cost("openai", "gpt-4o-mini", input_tokens=2, output_tokens=3, cached_input_tokens=1) == Decimal(
        "0.000008"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x: 1", "must be a list"),
        ("- {model: a, input: -1, output: 0}", "price 1: input"),
        ("- {model: a, input: 1, output: 1}\n- {model: b}", "price 2: input"),
        ("- {model: a, input: 1, output: 1, price: 2}", "price 1: price"),
        ("[", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start_with_one_sentence(tmp_path, text, said):
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(PricesInvalid, match=said):
        load_prices(path)
    with pytest.raises(UnsafeSettings, match="PRICES_FILE"):
        create_app(Settings(_env_file=None, prices_file=path))
