"""`dakora label`."""

from dataclasses import asdict

import click

from dakora_cli.label_requests import COMMANDS
from dakora_cli.options import REACHING, SPEAKING, Invocation, command, group
from dakora_cli.reach import ask
from dakora_cli.screen import ago, show_rows
from dakora_client import Dakora, Label, LabelMove

_COLUMNS = ("label", "version", "semver", "moved", "by")
_HISTORY = ("when", "from", "to", "by", "why")

label = group("label", "Say which version a label points to, and move it.")


@command("list", *REACHING, *SPEAKING)
@click.argument("prompt_id", metavar="PROMPT")
def list_labels(call: Invocation, *, prompt_id: str) -> None:
    """List the labels of a prompt.

    A table on a terminal; in a pipe one label a line, columns parted by tabs, without a heading.
    """
    found = ask(call, lambda dakora: dakora.prompts.labels(prompt_id))
    if call.out.as_json:
        call.out.json([_facts(one) for one in found])
        return
    rows = [(one.label, str(one.version_number), one.version, ago(call, one.moved_at), one.moved_by) for one in found]
    show_rows(call, _COLUMNS, rows, gives_way="by")
    if not found:
        call.out.say(f"{prompt_id} has no labels: `dakora label set {prompt_id} production 1` makes one.")


@command("set", *REACHING, *SPEAKING)
@click.argument("prompt_id", metavar="PROMPT")
@click.argument("name", metavar="LABEL")
@click.argument("version")
@click.option("-m", "--message", metavar="TEXT", help="Why, for the history.")
def set_label(call: Invocation, *, prompt_id: str, name: str, version: str, message: str | None) -> None:
    """Let a label point to a version, by number or semver; a new label is made.

    Everybody who asks for the label gets that version from the next read on.
    """

    async def move(dakora: Dakora) -> Label:
        return await dakora.prompts.set_label(prompt_id, name, version, message=message)

    moved = ask(call, move)
    if call.out.as_json:
        call.out.json(_facts(moved))
    else:
        call.out.say(f"{prompt_id} {moved.label} is version {moved.version_number} ({moved.version}).")


@command("remove", *REACHING, *SPEAKING)
@click.argument("prompt_id", metavar="PROMPT")
@click.argument("name", metavar="LABEL")
def remove_label(call: Invocation, *, prompt_id: str, name: str) -> None:
    """Let a label point nowhere. Its history stays."""
    ask(call, lambda dakora: dakora.prompts.remove_label(prompt_id, name))
    if call.out.as_json:
        call.out.json({"removed": name})
    else:
        call.out.say(f"{prompt_id} has no label {name} any more.")


@command("history", *REACHING, *SPEAKING)
@click.argument("prompt_id", metavar="PROMPT")
@click.argument("name", metavar="LABEL")
def history(call: Invocation, *, prompt_id: str, name: str) -> None:
    """Print every move of a label, newest first: when, from where, to where, by whom and why."""
    found = ask(call, lambda dakora: dakora.prompts.label_history(prompt_id, name))
    if call.out.as_json:
        call.out.json([asdict(move) for move in found])
        return
    show_rows(call, _HISTORY, [_row(call, move) for move in found], gives_way="why")


for _command in (list_labels, set_label, remove_label, history, *COMMANDS):
    label.add_command(_command)


def _facts(one: Label) -> dict[str, object]:
    return {name: value for name, value in asdict(one).items() if name != "etag"}


def _row(call: Invocation, move: LabelMove) -> tuple[str, ...]:
    places = ("" if place is None else str(place) for place in (move.from_version, move.to_version))
    return ago(call, move.at), *places, f"{move.actor_kind} {move.actor_id}", move.message or ""
