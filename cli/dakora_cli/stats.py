"""`dakora stats`."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import click

from dakora_cli.logs import dollars, milliseconds
from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.periods import Moment
from dakora_cli.reach import ask
from dakora_cli.screen import console, show_rows
from dakora_client import Stats

_GROUPS = ("day", "prompt", "version", "label", "provider", "model", "status")
_FIELDS = {"prompt": "prompt_id", "version": "version_number"}
_WIDE = 100
_COLUMNS = ("runs", "errors", "in", "out", "cost", "unpriced", "p50", "p95", "p99")


class Groups(click.ParamType[list[str]]):
    """Names of groups, separated by commas."""

    name = "GROUPS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """The names. Fails for others, and for one that stands twice."""
        names = [name.strip() for name in value.split(",") if name.strip()]
        if set(names) - set(_GROUPS) or len(set(names)) != len(names):
            self.fail(f"{value!r}: name each of these once: {', '.join(_GROUPS)}.", param, ctx)
        return names


@command("stats", *REACHING, *SPEAKING)
@click.option("--by", "groups", type=Groups(), default="day", help=f"By {', '.join(_GROUPS)}; several with commas.")
@click.option("--prompt", metavar="PROMPT", help="Only runs of this prompt.")
@click.option("--version", type=click.IntRange(1), metavar="NUMBER", help="Only this version.")
@click.option("--label", metavar="LABEL", help="Only runs taken by this label.")
@click.option("--provider", metavar="NAME", help="Only this provider's.")
@click.option("--model", metavar="NAME", help="Only this model's.")
@click.option("--since", type=Moment(), help="First day, UTC (default: 30 days in all): 7d, a date.")
@click.option("--until", type=Moment(), help="Last day, UTC (default: today).")
def stats(call: Invocation, *, groups: list[Any], **wanted: Any) -> None:
    """Say what runs came to: how many, tokens, cost, latency.

    A table on a terminal; in a pipe one group a line, columns parted by tabs, without a heading. The cost is that of
    the runs whose price is known; how many are not is said beside it.
    """
    given = {name: _day(value) for name, value in wanted.items() if value is not None}
    found = ask(call, lambda dakora: dakora.executions.stats(group_by=groups, **given))
    if call.out.as_json:
        call.out.json([_facts(one) for one in found])
        return
    rows = [(*_names(groups, one), *_numbers(one)) for one in found if one.count]
    columns: tuple[str, ...] = _COLUMNS
    if call.out.to_terminal:
        # Where it is narrow, the names come before what can be done without.
        left = {"p99", "unpriced"} if console(call).width < _WIDE and len(groups) > 1 else set()
        columns = tuple(name for name in _COLUMNS if name not in left)
        short = [(_names(groups, one), dict(zip(_COLUMNS, _short(one), strict=True))) for one in found if one.count]
        rows = [(*names, *(cells[name] for name in columns)) for names, cells in short]
    show_rows(call, (*groups, *columns), rows, gives_way=groups[-1] if groups else "runs")
    if not rows:
        call.out.say("No run was recorded in this time.")


def _day(value: Any) -> Any:
    return value.astimezone(UTC).date() if isinstance(value, datetime) else value


def _names(groups: list[str], one: Stats) -> tuple[str, ...]:
    found = (getattr(one, _FIELDS.get(group, group)) for group in groups)
    return tuple("-" if value is None else str(value) for value in found)


def _numbers(one: Stats) -> tuple[str, ...]:
    latency = one.latency_ms
    times = ("-", "-", "-") if latency is None else tuple(map(milliseconds, (latency.p50, latency.p95, latency.p99)))
    counts = (one.count, one.errors, one.input_tokens, one.output_tokens)
    # Where no price is known there is no sum either.
    cost = None if one.unpriced == one.count else one.cost_usd
    return (*map(str, counts), dollars(cost), str(one.unpriced), *times)


def _short(one: Stats) -> tuple[str, ...]:
    """The same for a terminal: tokens in thousands and millions."""
    runs, errors, _, _, *rest = _numbers(one)
    return (runs, errors, _rounded(one.input_tokens), _rounded(one.output_tokens), *rest)


def _rounded(number: int) -> str:
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return str(number)


def _facts(one: Stats) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(one).items()}
