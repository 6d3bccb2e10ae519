"""`dakora list`."""

from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.table import Table
from rich.text import Text

from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.output import age, one_line
from dakora_cli.reach import ask
from dakora_cli.screen import console
from dakora_client import Dakora, PromptSummary

_COLUMNS = ("id", "version", "labels", "folder", "updated", "description")


@command("list", *REACHING, *SPEAKING)
@click.option("--search", metavar="TEXT", help="Only ids and descriptions that hold it.")
@click.option("--tag", metavar="TAG", help="Only prompts with this tag.")
@click.option("--folder", metavar="FOLDER", help="Only this folder and those below.")
@click.option("--label", metavar="LABEL", help="Only prompts with this label.")
def list_prompts(
    call: Invocation, *, search: str | None, tag: str | None, folder: str | None, label: str | None
) -> None:
    """List the prompts of the project.

    A table on a terminal; in a pipe one prompt a line, columns parted by tabs, without a heading.
    """

    async def all_of(dakora: Dakora) -> list[PromptSummary]:
        return [prompt async for prompt in dakora.prompts.iter(search=search, tag=tag, folder=folder, label=label)]

    found, out = ask(call, all_of), call.out
    if out.as_json:
        out.json([asdict(prompt) for prompt in found])
    elif out.to_terminal:
        _print_table(call, [_row(prompt, age(prompt.updated_at, call.world.now())) for prompt in found])
    else:
        for prompt in found:
            updated = prompt.updated_at.isoformat() if prompt.updated_at else ""
            out.line("\t".join(map(one_line, _row(prompt, updated))))
    if not found:
        out.say(
            "No prompt matches."
            if search or tag or folder or label
            else "There are no prompts yet: `dakora push` saves some."
        )


def _row(prompt: PromptSummary, updated: str) -> tuple[str, ...]:
    return prompt.id, prompt.version, ", ".join(prompt.labels), prompt.folder, updated, prompt.description


def _print_table(call: Invocation, rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold" if call.out.paints else "")
    for name in _COLUMNS:
        # Where the terminal is narrow the description gives way, and the rest only when that is not enough.
        table.add_column(name.upper(), no_wrap=name != "description", overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(one_line(cell), no_wrap=True, overflow="ellipsis") for cell in row))
    console(call).print(table)
