"""`dakora budget`."""

from dataclasses import asdict
from typing import Literal

import click

from dakora_cli.logs import dollars
from dakora_cli.options import REACHING, SPEAKING, Invocation, command, group
from dakora_cli.reach import ask
from dakora_cli.refusals import WrongUse
from dakora_client import Budget

budget = group("budget", "Say what the project may spend on runs in a month, and what is spent.")


@command("show", *REACHING, *SPEAKING)
def show(call: Invocation) -> None:
    """Print the budget, and what is used of it this month (UTC)."""
    _print(call, ask(call, lambda dakora: dakora.models.budget()))


@command("set", *REACHING, *SPEAKING)
@click.argument("limit", metavar="DOLLARS")
@click.option("--warn", type=click.IntRange(1, 100), default=80, metavar="PERCENT", help="Warn from here on (80).")
@click.option(
    "--unpriced",
    type=click.Choice(["refuse", "allow"]),
    default="refuse",
    help="What becomes of runs whose price is not known (default: refuse).",
)
def set_budget(call: Invocation, *, limit: str, warn: int, unpriced: Literal["refuse", "allow"]) -> None:
    """Let the project spend so many US dollars a calendar month; `none` takes the limit away.

    Needs an admin. A run that could go past the limit is refused before it begins.
    """
    amount = _amount(limit)
    _print(call, ask(call, lambda dakora: dakora.models.set_budget(amount, warn_percent=warn, unpriced=unpriced)))


for _command in (show, set_budget):
    budget.add_command(_command)


def _amount(text: str) -> float | None:
    if text.lower() == "none":
        return None
    try:
        return float(text.removeprefix("$"))
    except ValueError:
        raise WrongUse(f"DOLLARS is a number, or none, not {text!r}.") from None


def _print(call: Invocation, found: Budget) -> None:
    if call.out.as_json:
        call.out.json(asdict(found))
        return
    month = f"{found.month:%B %Y}"
    held = f" {dollars(found.held_usd)} more are held by runs under way." if found.held_usd else ""
    if found.limit_usd is None:
        call.out.line(f"{dollars(found.spent_usd)} spent in {month}; no limit.{held}")
        return
    share = f" ({found.spent_usd / found.limit_usd:.0%})" if found.limit_usd else ""
    style = {"warning": "yellow", "exceeded": "red"}.get(found.state)
    call.out.line(f"{dollars(found.spent_usd)} of {dollars(found.limit_usd)}{share} spent in {month}.{held}", style)
    call.out.line(
        f"Answers warn from {found.warn_percent} % on; runs whose price is not known are "
        + ("refused." if found.unpriced == "refuse" else "allowed.")
    )
