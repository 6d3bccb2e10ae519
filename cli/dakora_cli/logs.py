"""`dakora logs`."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import click

from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.periods import Moment
from dakora_cli.reach import ask
from dakora_cli.refusals import WrongUse
from dakora_cli.screen import ago, console, show_rows
from dakora_client import Dakora, Execution

_COLUMNS = ("when", "prompt", "version", "model", "status", "tokens", "cost", "latency", "id")
_STATUS = click.Choice(["ok", "error", "timeout", "cancelled", "invalid"])
# A terminal on which all columns can be read.
WIDE = 130
_POLL_SECONDS = 1.0
# What arrives late, with an earlier beginning, is still met.
_LOOK_BACK = timedelta(minutes=10)


@command("logs", *REACHING, *SPEAKING)
@click.argument("execution_id", metavar="[ID]", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--limit", type=click.IntRange(1), default=20, metavar="NUMBER", help="How many (default: 20).")
@click.option("--prompt", metavar="PROMPT", help="Only runs of this prompt.")
@click.option("--version", metavar="VERSION", help="Only this version, a number or semver.")
@click.option("--label", metavar="LABEL", help="Only runs taken by this label.")
@click.option("--provider", metavar="NAME", help="Only this provider's.")
@click.option("--model", metavar="NAME", help="Only this model's.")
@click.option("--status", type=_STATUS, help="Only runs that ended so.")
@click.option("--user", metavar="USER", help="Only this user's.")
@click.option("--since", type=Moment(), help="Only what began then or later: 30m, 2h, 7d, a date, a moment.")
def logs(call: Invocation, *, execution_id: str | None, follow: bool, limit: int, **wanted: Any) -> None:
    """List recorded runs, newest first; with an ID, everything about one.

    A table on a terminal; in a pipe one run a line, columns parted by tabs, without a heading. With --follow the oldest
    comes first, and --json prints one object a line.
    """
    given = {name: value for name, value in wanted.items() if value is not None}
    if execution_id is not None:
        if follow or given:
            raise WrongUse("An ID names one run: leave the other options out.")
        _show(call, ask(call, lambda dakora: dakora.executions.get(execution_id)))
        return
    if follow:
        ask(call, lambda dakora: _follow(call, dakora, given, limit))
        return
    found = ask(call, lambda dakora: dakora.executions.list(**given, limit=limit))
    if call.out.as_json:
        call.out.json([_facts(one) for one in found])
        return
    _table(call, found)
    if not found:
        call.out.say("No run matches." if given else "No run has been recorded yet.")


def _table(call: Invocation, found: Sequence[Execution]) -> None:
    """As many columns as fit: ids take as much room as half of the others."""
    rows = [_row(call, one) for one in found]
    if not call.out.to_terminal or console(call).width >= WIDE:
        show_rows(call, _COLUMNS, rows, gives_way="model")
        return
    show_rows(call, ("when", "prompt", "model", *_COLUMNS[4:-1]), [_narrow(row) for row in rows], gives_way="model")
    if rows:
        call.out.say("A wider terminal, --json or a pipe shows the ids, for `dakora logs ID`.", "dim")


def _narrow(row: tuple[str, ...]) -> tuple[str, ...]:
    when, prompt, version, model, *rest = row
    short = when.removesuffix(" ago").replace(" seconds", "s").replace(" second", "s")
    for unit in ("minute", "hour", "day"):
        short = short.replace(f" {unit}s", unit[0]).replace(f" {unit}", unit[0])
    named = prompt if version == "-" else f"{prompt}@{version}"
    return (short, named, model.rpartition("/")[2], *rest[:-1])


async def _follow(call: Invocation, dakora: Dakora, wanted: Mapping[str, Any], limit: int) -> None:
    """Print what is there, then what comes, in the order in which it is met."""
    seen: dict[str, datetime] = {}
    while True:
        newest = max(seen.values(), default=None)
        window = {**wanted, "since": newest - _LOOK_BACK} if newest is not None else wanted
        found = await dakora.executions.list(**window, limit=limit if not seen else 1000)
        for one in reversed(found):
            if one.id not in seen:
                _line(call, one)
        seen |= {one.id: one.started_at for one in found}
        if newest is not None:
            seen = {name: at for name, at in seen.items() if at >= newest - _LOOK_BACK}
        call.out.flush()
        await asyncio.sleep(_POLL_SECONDS)


def _line(call: Invocation, one: Execution) -> None:
    if call.out.as_json:
        call.out.json_line(_facts(one))
        return
    when = one.started_at.astimezone().strftime("%H:%M:%S") if call.out.to_terminal else one.started_at.isoformat()
    cells = (when, *_row(call, one)[1:])
    bad = one.status != "ok"
    call.out.line(("  " if call.out.to_terminal else "\t").join(cells), "red" if bad else None)
    if bad and one.error_message and call.out.to_terminal:
        call.out.line(f"          {' '.join(one.error_message.split())[:200]}", "dim")


def _row(call: Invocation, one: Execution) -> tuple[str, ...]:
    version = "" if one.version_number is None else str(one.version_number)
    return (
        ago(call, one.started_at),
        one.prompt_id or "-",
        version or one.version or "-",
        "/".join(filter(None, (one.provider, one.model))) or "-",
        one.status,
        tokens(one.input_tokens, one.output_tokens),
        dollars(one.cost_usd),
        milliseconds(one.latency_ms),
        one.id,
    )


def tokens(taken: int | None, given: int | None) -> str:
    """`120+35`: of the input, and of the answer."""
    if taken is None and given is None:
        return "-"
    return f"{taken or 0}+{given or 0}"


def dollars(cost: float | None) -> str:
    """US dollars, with the digits that count; `-` where the price is not known."""
    if cost is None:
        return "-"
    return (
        f"${cost:.2f}"
        if cost >= 1 or cost == 0
        else f"${cost:.6f}".rstrip("0").rstrip(".")
        if cost >= 1e-6
        else "<$0.000001"
    )


def milliseconds(value: float | None) -> str:
    """A time as people say it."""
    if value is None:
        return "-"
    return f"{value / 1000:.1f}s" if value >= 1000 else f"{value:.0f}ms"


def _facts(one: Execution) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(one).items()}


def _show(call: Invocation, one: Execution) -> None:
    """Everything about a run: facts first, texts last."""
    facts = _facts(one)
    if call.out.as_json:
        call.out.json(facts)
        return
    texts = ("inputs", "messages", "output", "tool_calls")
    for name, value in facts.items():
        if name not in texts and value not in (None, (), {}):
            call.out.line(f"{name + ':':21} {value}")
    for name in texts:
        if facts[name] is not None:
            call.out.line("")
            call.out.line(f"{name}:", "bold")
            value = facts[name]
            call.out.line(value) if isinstance(value, str) else call.out.json(value)
    if all(facts[name] is None for name in texts):
        call.out.say("Its texts are not kept.")
