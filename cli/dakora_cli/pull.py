"""`dakora pull`."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from dakora_cli.folder import folder_at, folder_option, read_folder
from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.output import counted
from dakora_cli.planning import Head
from dakora_cli.progress import progress
from dakora_cli.pulling import Fate, Pulled, Puller
from dakora_cli.reach import ask, at_once
from dakora_cli.refusals import Problem, Refusal
from dakora_client import Dakora, NotFoundError

_STYLES = {Fate.WRITTEN: "green", Fate.UPDATED: "cyan", Fate.MOVED: "cyan"}


@command("pull", *REACHING, *SPEAKING)
@click.argument("ids", nargs=-1)
@folder_option
@click.option("--force", is_flag=True, help="Overwrite edits that were never pushed.")
def pull(call: Invocation, *, ids: Sequence[str], folder: Path, force: bool) -> None:
    """Write the server's prompts into a folder.

    IDS are prompts, all unless given. A file that is there is changed in place, so that its comments stay; new ones
    are named after the prompt, in the sub-folder that is its folder. A file with edits that the server has never seen
    is left alone.
    """
    root = folder_at(call.world, folder)
    heads, results = ask(call, partial(_wanted, ids=ids))
    root.mkdir(parents=True, exist_ok=True)
    reading = read_folder(call.world, folder)
    if reading.problems and not force:
        # One of them may be the file of a prompt, which would then be written a second time.
        raise Refusal("Nothing was written: mend these files first, or use --force.", problems=reading.problems)
    files = {file.key: file for file in reading.files}

    async def write_all(dakora: Dakora) -> None:
        puller = Puller(call.world, root, files, dakora, force)

        async def one(prompt_id: str, head: Head) -> None:
            results.append(await puller.pull(prompt_id, head))

        await at_once([partial(one, *entry) for entry in heads.items()], done=step)

    try:
        with progress(call, "Pulling", len(heads)) as step:
            ask(call, write_all)
    except Refusal:
        _print(call, results)
        raise
    _print(call, results)
    problems = [one.problem for one in results if one.problem is not None]
    if problems:
        were = "was" if len(problems) == 1 else "were"
        raise Refusal(f"{counted(len(problems), 'prompt')} {were} not written.", problems=problems)


async def _wanted(dakora: Dakora, *, ids: Sequence[str]) -> tuple[dict[str, Head], list[Pulled]]:
    """What is to be written, and what is not there."""
    if not ids:
        return {summary.id: summary async for summary in dakora.prompts.iter()}, []
    heads: dict[str, Head] = {}
    absent: list[Pulled] = []
    for prompt_id in ids:
        try:
            heads[prompt_id] = await dakora.prompts.get(prompt_id)
        except NotFoundError as error:
            absent.append(Pulled(prompt_id, Fate.REFUSED, problem=Problem(error.detail, type=error.code)))
    return heads, absent


def _print(call: Invocation, results: Sequence[Pulled]) -> None:
    out = call.out
    ordered = sorted(results, key=lambda one: one.id.lower())
    counts = Counter(one.fate for one in ordered)
    if out.as_json:
        out.json({"prompts": [one.to_json() for one in ordered], "counts": counts})
        return
    for one in ordered:
        if one.fate in _STYLES:
            out.line(f"{one.fate} {one.id} {one.version} ({one.path})", _STYLES[one.fate])
    out.say(", ".join(f"{counts[fate]} {fate}" for fate in Fate if counts[fate]) or "There are no prompts yet.")
