"""`dakora diff`."""

import difflib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from dakora_cli.folder import PromptFile, folder_at, folder_option, read_folder
from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.origins import Changed, Origins, fields_in_conflict, origins_of
from dakora_cli.planning import Head, raised
from dakora_cli.reach import ask, at_once
from dakora_cli.refusals import Exit, Refusal
from dakora_cli.remote import Whole, everything, fetch, folder_on_server, heads_of, spec_of
from dakora_cli.word_marks import merged, painted
from dakora_client import Dakora
from dakora_server.core.sync.names import is_part
from dakora_server.core.templates.merge import merge
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.serialization import to_yaml

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True, slots=True)
class Difference:
    """A prompt that is not the same on both sides: `changed`, `only here` or `only on the server`."""

    kind: str
    id: str
    path: str | None = None
    server_version: str | None = None
    file_version: str | None = None
    lines: Sequence[str] = field(default=())
    changed: Changed | None = None
    conflicts: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """The same, for programs."""
        return {
            "id": self.id,
            "status": self.kind.replace(" ", "_"),
            "path": self.path,
            "server_version": self.server_version,
            "file_version": self.file_version,
            "diff": "\n".join(self.lines) or None,
            "changed": None if self.changed is None else self.changed.name,
            "conflicts": list(self.conflicts),
        }


@command("diff", *REACHING, *SPEAKING)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@folder_option
@click.option("--words", is_flag=True, help="Print a changed line once, with [-removed-] and {+added+} words.")
@click.option("--check", "--exit-code", is_flag=True, help="Exit 1 when there is a difference.")
def diff(call: Invocation, *, paths: Sequence[Path], folder: Path, words: bool, check: bool) -> int:
    """Show how a folder differs from the server.

    PATHS are files and sub-folders, all unless given. Lines with - are the server's newest version, lines with + the
    file's. Where both have changed since they were last in step, each is shown against the version they have in
    common, and the fields that a pull could not merge are named. On a terminal the words that changed in a line stand
    out. Comments and the order of fields are not compared. Prompts and parts that are only on the server are named
    unless paths are given.
    """
    reading = read_folder(call.world, folder, paths)
    if reading.problems:
        raise Refusal("These files cannot be compared: mend them first.", problems=reading.problems)
    root = folder_at(call.world, folder)

    async def compare(dakora: Dakora) -> list[Difference]:
        return await _compare(await origins_of(call, dakora, root), files=reading.files, with_rest=not paths)

    found = ask(call, compare)
    _report(call, [replace(one, lines=list(merged(one.lines))) for one in found] if words else found)
    return Exit.NO if check and found else Exit.DONE


async def _compare(origins: Origins, *, files: Sequence[PromptFile], with_rest: bool) -> list[Difference]:
    dakora, ids = origins.dakora, [file.spec.id for file in files]
    if with_rest:
        heads = await everything(dakora)
    else:
        heads = await heads_of(dakora, ids=ids)
    here = [Difference("only here", file.spec.id, file.shown) for file in files if file.spec.id not in heads]
    there = [
        Difference("only on the server", prompt_id, server_version=heads[prompt_id].version)
        for prompt_id in sorted(heads.keys() - set(ids))
    ]
    differing = [file for file in files if file.spec.id in heads and _differs(file, heads[file.spec.id])]
    return [*await at_once([partial(_difference, origins, file) for file in differing]), *here, *there]


def _differs(file: PromptFile, head: Head) -> bool:
    is_same = file.content_hash == head.content_hash and file.folder == folder_on_server(head)
    return not is_same or raised(file, head) is not None


async def _difference(origins: Origins, file: PromptFile) -> Difference:
    prompt = await fetch(origins.dakora, file.spec.id)
    changed, origin = await origins.changed(file, prompt)
    base = None if origin is None else await origins.spec(file.spec.id, origin)
    lines, here, there = list(_first_lines(file, prompt)), file.spec, spec_of(prompt)
    name, conflicts = f"{prompt.id} {prompt.version} on the server", tuple[str, ...]()
    if changed is Changed.both and base is not None and origin is not None:
        common = f"{prompt.id} {origin.version}, in common"
        conflicts = fields_in_conflict(merge(base, here, there))
        lines += [*_unified(base, there, common, name), *_unified(base, here, common, file.shown)]
        lines += [f"conflict in {one}" for one in conflicts]
    else:
        lines += _unified(there, here, name, file.shown)
    return Difference("changed", file.spec.id, file.shown, prompt.version, file.spec.version, lines, changed, conflicts)


def _first_lines(file: PromptFile, prompt: Whole) -> Iterator[str]:
    """What differs besides the text."""
    if file.folder != (there := folder_on_server(prompt)):
        yield f"folder: {there or '(none)'} -> {file.folder or '(none)'}"
    elif file.content_hash == prompt.content_hash:
        yield f"version: {prompt.version} -> {file.spec.version}"


def _unified(before: TemplateSpec, after: TemplateSpec, old_name: str, new_name: str) -> Iterator[str]:
    """A unified diff of both as they would be written, each hunk with the field its first change is in."""
    theirs, ours = _document(before), _document(after)
    lines = list(difflib.unified_diff(theirs, ours, old_name, new_name, lineterm=""))
    for index, line in enumerate(lines):
        hunk = _HUNK.match(line)
        if hunk is None:
            yield line
            continue
        same = sum(1 for _ in itertools.takewhile(lambda after: after.startswith(" "), lines[index + 1 :]))
        removed = lines[index + 1 + same].startswith("-")
        text, start = (theirs, hunk[1]) if removed else (ours, hunk[2])
        yield f"{line} {_field_at(text, int(start) + same)}"


def _document(spec: TemplateSpec) -> list[str]:
    return to_yaml(spec.model_copy(update={"version": None})).split("\n")[:-1]


def _field_at(lines: Sequence[str], number: int) -> str:
    """The field that a line (from 1) belongs to."""
    for line in reversed(lines[:number]):
        if line and not line.startswith((" ", "#", "-")):
            return line.partition(":")[0]
    return ""


def _by_kind(found: Sequence[Difference]) -> dict[str, list[dict[str, Any]]]:
    kinds = {"prompts": False, "parts": True}
    return {kind: [one.to_json() for one in found if is_part(one.id) is wanted] for kind, wanted in kinds.items()}


def _report(call: Invocation, found: Sequence[Difference]) -> None:
    out = call.out
    if out.as_json:
        out.json({"differs": bool(found), **_by_kind(found)})
        return
    for one in found:
        if one.kind == "changed":
            for pieces in painted(one.lines):
                out.pieces(pieces)
        else:
            out.line(f"{one.kind}: {one.id}{f' ({one.path})' if one.path else ''}", "yellow")
    if not found:
        out.say("The folder and the server say the same.")
