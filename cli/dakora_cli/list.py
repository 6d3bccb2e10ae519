"""`dakora list`."""

from dataclasses import asdict

import click

from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.reach import ask
from dakora_cli.screen import ago, show_rows
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
    else:
        show_rows(
            call, _COLUMNS, [_row(prompt, ago(call, prompt.updated_at)) for prompt in found], gives_way="description"
        )
    if not found:
        out.say(
            "No prompt matches."
            if search or tag or folder or label
            else "There are no prompts yet: `dakora push` saves some."
        )


def _row(prompt: PromptSummary, updated: str) -> tuple[str, ...]:
    return prompt.id, prompt.version, ", ".join(prompt.labels), prompt.folder, updated, prompt.description
