"""`dakora push`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from dakora_cli.bases import Base
from dakora_cli.checks import check
from dakora_cli.folder import PromptFile, Reading, check_options, folder_at, folder_option, read_folder
from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.origins import Origins, origins_of
from dakora_cli.output import counted
from dakora_cli.planning import SENDING, Head, Outcome, Plan
from dakora_cli.reach import ask, at_once
from dakora_cli.refusals import Exit, Problem, Refusal
from dakora_cli.remote import by_kind, heads_of
from dakora_cli.saving import Saved, Saver
from dakora_cli.sending import Sender, foreseen, sending
from dakora_client import Dakora

_STYLES = {
    Outcome.CREATED: "green",
    Outcome.UPDATED: "cyan",
    Outcome.MERGED: "cyan",
    Outcome.RESTORED: "green",
    Outcome.ARCHIVED: "yellow",
    Outcome.MISSING: "yellow",
}
_DID = {outcome: outcome.value for outcome in Outcome} | {Outcome.MISSING: "deleted here"}
_WILL = _DID | {
    Outcome.CREATED: "to create",
    Outcome.UPDATED: "to update",
    Outcome.MERGED: "to merge",
    Outcome.ARCHIVED: "to archive",
}
# From this size on, the loss of most files is taken for an accident.
_MANY = 10


@dataclass(frozen=True, slots=True)
class Push:
    """What is to be pushed, and how."""

    folder: Path
    paths: Sequence[Path] = ()
    message: str | None = None
    force: bool = False
    delete: bool = False
    rehearse: bool = False
    spared: frozenset[str] = frozenset()
    """Ids of prompts whose files are there and left out for now."""


@command("push", *REACHING, *SPEAKING)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@folder_option
@check_options
@click.option("--delete", is_flag=True, help="Archive the prompts whose files were deleted.")
@click.option("--message", "-m", metavar="TEXT", help="Why, for the history.")
@click.option("--force", is_flag=True, help="Save what is here, whatever the server has.")
def push(
    call: Invocation,
    *,
    paths: Sequence[Path],
    folder: Path,
    check_only: bool,
    dry_run: bool,
    delete: bool,
    message: str | None,
    force: bool,
) -> int:
    """Save the prompts and parts of a folder on the server.

    PATHS are files and sub-folders, all unless given. Every file is checked before the first one is sent, and parts go
    before what includes them. What has not changed is left alone; a changed file becomes the next version, and its
    version line is rewritten. What somebody else has saved since is merged into it by field and by line; where both
    changed the same, the file is refused.
    """
    rehearse = check_only or dry_run
    order = Push(folder, paths, message, force, delete, rehearse)
    results = push_folder(call, order, read_folder(call.world, folder, paths))
    show_saved(call, results, rehearse=rehearse)
    refuse(results)
    return Exit.NO if check_only and changes(results) else Exit.DONE


def changes(results: Sequence[Saved]) -> bool:
    """Whether the server changes."""
    return any(one.outcome in SENDING for one in results)


def push_folder(call: Invocation, order: Push, reading: Reading) -> Sequence[Saved]:
    """Push what was read, and store what is in step now. Raises Refusal."""
    if reading.problems:
        raise _unfit(reading.problems)
    results: list[Saved] = []

    async def push_all(dakora: Dakora) -> None:
        origins = await origins_of(call, dakora, folder_at(call.world, order.folder))
        try:
            await _push(call, order, reading.files, origins, results)
        finally:
            if not order.rehearse:
                origins.save()

    try:
        ask(call, push_all)
    except Refusal as refusal:
        if results and not refusal.problems:
            show_saved(call, results, rehearse=order.rehearse)
        raise
    return results


async def _push(
    call: Invocation, order: Push, files: Sequence[PromptFile], origins: Origins, results: list[Saved]
) -> None:
    saver = Saver(origins, order.message, order.force)
    heads = await heads_of(origins.dakora, ids=[file.spec.id for file in files])
    plans = await _planned(saver, files, heads)
    faults = [fault for file, plan in plans if plan.is_sent for fault in check(file)[0]]
    if faults:
        raise _unfit(faults)
    gone = _gone(order, files, origins)
    if order.rehearse:
        results += [foreseen(file, plan) for file, plan in plans]
        results += [Saved(base.id, base.path, Outcome.ARCHIVED if order.delete else Outcome.MISSING) for base in gone]
        return
    sent = sum(plan.is_sent for _, plan in plans)
    with sending(call, sent + len(gone) * order.delete) as step:
        sender = Sender(saver, results, step)
        first = [(file, plan) for file, plan in plans if file.is_part and plan.is_sent]
        before, plans = heads, [entry for entry in plans if not (entry[0].is_part and entry[1].is_sent)]
        if await sender.parts(first):
            # What follows a part has a new version now, and its file is not behind because of that.
            heads = await heads_of(origins.dakora, ids=[file.spec.id for file, _ in plans])
            plans = await _planned(saver, [file for file, _ in plans], heads)
        sender.keep([entry for entry in plans if not entry[1].is_sent], heads, before=before)
        await sender.send([entry for entry in plans if entry[1].is_sent])
        if order.delete:
            await sender.archive(gone)
    await origins.complete()
    if not order.delete:
        results += [Saved(base.id, base.path, Outcome.MISSING) for base in gone]


async def _planned(
    saver: Saver, files: Sequence[PromptFile], heads: Mapping[str, Head]
) -> list[tuple[PromptFile, Plan]]:
    async def planned(file: PromptFile) -> tuple[PromptFile, Plan]:
        return file, await saver.plan(file, heads.get(file.spec.id))

    return await at_once([partial(planned, file) for file in files])


def _gone(order: Push, files: Sequence[PromptFile], origins: Origins) -> list[Base]:
    """The prompts whose files were here and are here no more. Raises Refusal where that looks like an accident."""
    if order.paths:
        return []
    there = {file.key for file in files} | {prompt_id.lower() for prompt_id in order.spared}
    gone = [base for base in origins.bases if base.id.lower() not in there]
    if order.delete and gone and not order.force and (not files or (len(gone) > _MANY and len(gone) > len(files))):
        raise Refusal(
            f"{counted(len(gone), 'file')} of {len(gone) + len(files)} are gone at once, so nothing was archived: "
            "--force does it, if that is what you want."
        )
    return gone


def _unfit(problems: Sequence[Problem]) -> Refusal:
    return Refusal("Nothing was sent: mend the files first.", problems=problems)


def refuse(results: Sequence[Saved]) -> None:
    """Raise Refusal when not all is well."""
    found = [problem for one in results for problem in one.problems]
    if found:
        count = sum(1 for one in results if one.problems)
        raise Refusal(f"{counted(count, 'file')} {'has' if count == 1 else 'have'} problems.", problems=found)


def show_saved(call: Invocation, results: Sequence[Saved], *, rehearse: bool) -> None:
    """What became of the files, or what would."""
    out, words = call.out, _WILL if rehearse else _DID
    if out.as_json:
        out.json(saved_json(results))
        return
    counts = Counter(one.outcome for one in results)
    for one in sorted(results, key=lambda one: one.path or one.id):
        if one.outcome in _STYLES:
            version = f" {one.version}" if one.version else ""
            out.line(f"{words[one.outcome]} {one.id}{version} ({one.path})", _STYLES[one.outcome])
    said = [f"{counts[outcome]} {words[outcome]}" for outcome in Outcome if counts[outcome]]
    out.say(", ".join(said) or "There are no prompts in this folder.")
    if counts[Outcome.BEHIND]:
        out.say("What is behind was not changed here: pull brings the newest, --force saves it as the next version.")
    if counts[Outcome.MISSING]:
        out.say(
            "Deleted files leave their prompts on the server: --delete archives them, `dakora pull ID` brings one back."
        )


def saved_json(results: Sequence[Saved]) -> dict[str, Any]:
    """The same, for programs."""
    ordered = sorted(results, key=lambda one: one.path or one.id)
    kinds = by_kind({one.id: one.to_json() for one in ordered})
    return {kind: list(entries.values()) for kind, entries in kinds.items()} | {
        "counts": Counter(one.outcome for one in ordered)
    }
