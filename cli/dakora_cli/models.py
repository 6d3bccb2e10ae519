"""`dakora models`."""

from dataclasses import asdict

import click

from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.reach import ask
from dakora_cli.screen import show_rows
from dakora_client import Model

_COLUMNS = ("model", "input", "output", "cached input")


@command("models", *REACHING, *SPEAKING)
@click.option("--provider", metavar="NAME", help="Only this provider's.")
@click.option("--search", metavar="TEXT", help="Only those with this in their name.")
def models(call: Invocation, *, provider: str | None, search: str | None) -> None:
    """List the models that prompts can be run on, with US dollars for a million tokens.

    A table on a terminal; in a pipe one model a line, columns parted by tabs, without a heading. `-` is a price that is
    not known.
    """
    everything = ask(call, lambda dakora: dakora.models.list())
    found = [
        one
        for one in everything
        if provider in {None, one.provider} and (search is None or search.lower() in one.name.lower())
    ]
    if call.out.as_json:
        call.out.json([asdict(one) for one in found])
        return
    show_rows(call, _COLUMNS, [_row(one) for one in found], gives_way="model")
    if not found:
        call.out.say(
            "No model matches." if everything else "No provider is set up: `dakora provider set openai` takes a key."
        )


def _row(model: Model) -> tuple[str, ...]:
    price = model.price
    prices = ("-", "-", "-") if price is None else tuple(map(_dollars, (price.input, price.output, price.cached_input)))
    return (f"{model.provider}/{model.name}", *prices)


def _dollars(amount: float) -> str:
    return f"${amount:.6f}".rstrip("0").rstrip(".")
