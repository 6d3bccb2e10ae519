"""`dakora pull`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from dakora_cli.folder import Reading, check_options, folder_at, folder_option, read_folder
from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.origins import Origins, origins_of
from dakora_cli.output import counted
from dakora_cli.planning import Head
from dakora_cli.progress import progress
from dakora_cli.pulling import CHANGING, Fate, Pulled, Puller, refused
from dakora_cli.reach import ask, at_once
from dakora_cli.refusals import Exit, Problem, Refusal
from dakora_cli.remote import Whole, by_kind, everything, fetch, parts_named, spec_of
from dakora_client import Dakora, NotFoundError
from dakora_server.core.templates.serialization import Document

_STYLES = {
    Fate.WRITTEN: "green",
    Fate.UPDATED: "cyan",
    Fate.MERGED: "cyan",
    Fate.MOVED: "cyan",
    Fate.REMOVED: "yellow",
    Fate.CONFLICT: "red",
    Fate.DELETED: "yellow",
}
_WILL = {
    Fate.WRITTEN: "to write",
    Fate.UPDATED: "to update",
    Fate.MERGED: "to merge",
    Fate.MOVED: "to move",
    Fate.REMOVED: "to remove",
}
# From this size on, the loss of most of the prompts is taken for an accident: another server, or an empty one.
_MANY = 10


@command("pull", *REACHING, *SPEAKING)
@click.argument("ids", nargs=-1)
@folder_option
@check_options
@click.option("--locked", is_flag=True, help="Write exactly the versions in the lock, and verify them.")
@click.option("--force", is_flag=True, help="Overwrite edits that were never pushed.")
def pull(
    call: Invocation,
    *,
    ids: Sequence[str],
    folder: Path,
    check_only: bool,
    dry_run: bool,
    locked: bool,
    force: bool,
) -> int:
    """Bring the server's prompts and parts into a folder, merged with what was edited there.

    IDS are prompts and parts, all unless given. A file that is there is changed in place, so that its comments stay;
    new ones are named after the prompt, in the sub-folder that is its folder; parts lie in parts/. What changed here
    and on the server is merged by field and by line; where both changed the same, both stand in the file between
    markers, as in git, and the exit code is 1. A prompt or part that was archived takes its file along, unless that
    was edited.
    """
    found = pull_folder(call, folder, ids=ids, rehearse=check_only or dry_run, force=force, locked=locked)
    show_pulled(call, found.results, rehearse=check_only or dry_run)
    found.refuse()
    return Exit.NO if check_only and found.changes else Exit.DONE


@dataclass(frozen=True, slots=True)
class Pull:
    """What a pull did, or would do."""

    results: Sequence[Pulled]

    @property
    def changes(self) -> bool:
        """Whether the folder changes."""
        return any(one.fate in CHANGING for one in self.results)

    def refuse(self) -> None:
        """Raise Refusal when something was left undone."""
        problems = [one.problem for one in self.results if one.problem is not None]
        if problems:
            needs = "needs" if len(problems) == 1 else "need"
            raise Refusal(f"{counted(len(problems), 'prompt')} {needs} a decision.", problems=problems)


def pull_folder(
    call: Invocation, folder: Path, *, ids: Sequence[str], rehearse: bool, force: bool, locked: bool = False
) -> Pull:
    """Pull, and store what is in step now. Raises Refusal."""
    root = folder_at(call.world, folder)
    if not rehearse:
        root.mkdir(parents=True, exist_ok=True)
    reading = read_folder(call.world, folder) if root.is_dir() else Reading()
    if reading.problems and not force:
        # One of them may be the file of a prompt, which would then be written a second time.
        raise Refusal("Nothing was written: mend these files first, or use --force.", problems=reading.problems)
    files = {file.key: file for file in reading.files}
    results: list[Pulled] = []

    async def pull_all(dakora: Dakora) -> None:
        origins = await origins_of(call, dakora, root)
        heads = await _locked(origins, ids) if locked else await _wanted(dakora, results, ids=ids)
        puller = Puller(call.world, root, files, origins, force=force, rehearse=rehearse, exactly=locked)

        async def one(prompt_id: str, head: Head) -> None:
            results.append(await puller.pull(prompt_id, head, is_named=bool(ids)))

        try:
            with progress(call, "Pulling", len(heads)) as step:
                await at_once([partial(one, *entry) for entry in heads.items()], done=step)
            results.extend(_removed(puller, heads, ids=ids, force=force))
            if not rehearse:
                await origins.complete()
        finally:
            if not rehearse:
                origins.save()

    try:
        ask(call, pull_all)
    except Refusal:
        show_pulled(call, results)
        raise
    return Pull(results)


def _removed(puller: Puller, heads: Mapping[str, Head], *, ids: Sequence[str], force: bool) -> Iterator[Pulled]:
    """What the server had, and has no more."""
    if ids:
        return
    gone = [base.id for base in puller.origins.bases if base.id not in heads]
    if puller.exactly:
        for file in puller.files.values():
            if file.spec.id not in heads:
                yield refused(file.spec.id, "this prompt is not in the lock", file.shown, kind="not_locked")
        return
    there = [prompt_id for prompt_id in gone if prompt_id.lower() in puller.files]
    if there and not force and (not heads or (len(there) > _MANY and len(there) > len(heads))):
        were = "was" if len(there) == 1 else "were"
        message = f"{counted(len(there), 'prompt')} that {were} pulled from this server {were} not found on it."
        raise Refusal(f"{message} No file was removed: --force does it, if that is what you want.")
    for prompt_id in gone:
        removed = puller.remove(prompt_id)
        if removed is not None:
            yield removed


async def _locked(origins: Origins, ids: Sequence[str]) -> dict[str, Head]:
    """The versions in the lock. Raises Refusal where the server has other bytes under such a number."""
    if not origins.lock.exists:
        raise Refusal(f"There is no {origins.lock.shown}: `dakora lock` writes it.")

    async def version(prompt_id: str) -> Whole:
        locked = origins.lock.get(prompt_id)
        if locked is None:
            raise Refusal(f"{prompt_id} is not in {origins.lock.shown}.")
        try:
            found = await fetch(origins.dakora, prompt_id, locked.number)
        except NotFoundError as error:
            raise Refusal(f"{prompt_id} {locked.version} is locked, and the server has no such version.") from error
        # The hash is computed from what came, not believed.
        if Document.of(spec_of(found)).hash != locked.sha256:
            raise Refusal(f"{prompt_id} {locked.version} is another text than the locked one (SHA-256).")
        if locked.parts is not None and parts_named(found) != locked.parts:
            raise Refusal(f"{prompt_id} {locked.version} has other parts than the locked one.")
        return found

    wanted = list(ids or origins.lock)
    return dict(zip(wanted, await at_once([partial(version, prompt_id) for prompt_id in wanted]), strict=True))


async def _wanted(dakora: Dakora, results: list[Pulled], *, ids: Sequence[str]) -> dict[str, Head]:
    """What is to be written; what is not there joins the results."""
    if not ids:
        return await everything(dakora)
    heads: dict[str, Head] = {}
    for prompt_id in ids:
        try:
            heads[prompt_id] = await fetch(dakora, prompt_id)
        except NotFoundError as error:
            results.append(Pulled(prompt_id, Fate.REFUSED, problem=Problem(error.detail, type=error.code)))
    return heads


def show_pulled(call: Invocation, results: Sequence[Pulled], *, rehearse: bool = False) -> None:
    """What became of the prompts, or what would."""
    said = {fate: fate.value for fate in Fate} | (_WILL if rehearse else {})
    out = call.out
    ordered = sorted(results, key=lambda one: one.id.lower())
    counts = Counter(one.fate for one in ordered)
    if out.as_json:
        out.json(pulled_json(results))
        return
    for one in ordered:
        if one.fate in _STYLES:
            version, path = f" {one.version}" if one.version else "", f" ({one.path})" if one.path else ""
            out.line(f"{said[one.fate]} {one.id}{version}{path}", _STYLES[one.fate])
    out.say(", ".join(f"{counts[fate]} {said[fate]}" for fate in Fate if counts[fate]) or "There are no prompts yet.")


def pulled_json(results: Sequence[Pulled]) -> dict[str, Any]:
    """The same, for programs."""
    ordered = sorted(results, key=lambda one: one.id.lower())
    counts = Counter(one.fate.replace(" ", "_") for one in ordered)
    kinds = by_kind({one.id: one.to_json() for one in ordered})
    return {kind: list(entries.values()) for kind, entries in kinds.items()} | {"counts": counts}
