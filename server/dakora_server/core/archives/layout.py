"""What lies where in an archive, and what the files that are no prompts say.

    project.yaml                           dakora: 1, which makes it an archive of ours
    prompts/<folder>/<id>.yaml             the newest version of each prompt, as a person would write it
    history/<id>/versions-<n>.yaml         a hundred versions from the n-th on: number, semver, time, message, hash
    history/<id>/<n>.yaml                  the text of version n
    history/<id>/labels.yaml               where the prompt's labels point
    parts/<category>/<part_id>.yaml        the newest version of each part
    parts-history/<category>/<part_id>/…   the past of a part, as that of a prompt

Without `project.yaml` an archive is a folder that somebody zipped: every YAML file below `parts/` is a part, and every
other one a prompt.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from dakora_server.core.archives.zips import Archive, invalid
from dakora_server.core.exceptions import ArchiveInvalid
from dakora_server.core.parts.service import Exact
from dakora_server.core.sync.names import folder_of, new_path
from dakora_server.core.templates.versioning import semver_problem
from dakora_server.core.templates.yaml_reader import UnreadableError, decode, read
from dakora_server.core.templates.yaml_writer import write_yaml

FORMAT = 1
MANIFEST = "project.yaml"
PAGE = 100
_PROMPTS, _HISTORY = "prompts/", "history/"
_PARTS, _PARTS_HISTORY = "parts/", "parts-history/"
_KEY = "dakora"
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What is kept of a version beside its text."""

    number: int
    semver: str
    at: datetime
    message: str | None
    content_hash: str
    # What the names of parts without a version stand for in its text.
    parts: Exact = field(default_factory=dict)


@dataclass(slots=True)
class History:
    """The files that belong to the past of a prompt or part, by path: its versions' facts and texts, its labels."""

    pages: list[str] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)
    labels: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Which files are prompts, each with its folder, and parts, each with its id; and the past of each by its id."""

    prompts: tuple[tuple[str, str], ...]
    parts: tuple[tuple[str, str], ...]
    past: Mapping[str, History]


def manifest_text(*, history: bool) -> str:
    """The file that makes an archive one of ours."""
    return write_yaml({_KEY: FORMAT, "history": history})


def prompt_path(folder: str, prompt_id: str) -> str:
    """Where a prompt's newest version lies."""
    return _PROMPTS + new_path(folder, prompt_id)


def part_path(part_id: str) -> str:
    """Where a part's newest version lies."""
    return f"{_PARTS}{part_id}.yaml"


def text_path(its_id: str, number: int) -> str:
    """Where the text of a version lies: of a prompt, or of a part, whose id has a slash."""
    return f"{_past_of(its_id)}/{number}.yaml"


def page_path(its_id: str, first: int) -> str:
    """Where the facts of the versions of a prompt or a part from this one on lie."""
    return f"{_past_of(its_id)}/versions-{first}.yaml"


def _past_of(its_id: str) -> str:
    return (_PARTS_HISTORY if "/" in its_id else _HISTORY) + its_id


def labels_path(prompt_id: str) -> str:
    """Where it is said where a prompt's labels point."""
    return f"{_HISTORY}{prompt_id}/labels.yaml"


def page_text(versions: Sequence[VersionFacts]) -> str:
    """The facts of some versions."""
    rows: list[JsonValue] = [
        {
            "number": version.number,
            "version": version.semver,
            "created_at": version.at.isoformat(),
            **({} if version.message is None else {"message": version.message}),
            "content_hash": version.content_hash,
            **({"parts": _places(version.parts)} if version.parts else {}),
        }
        for version in versions
    ]
    return write_yaml({"versions": rows})


def labels_text(labels: Iterable[tuple[str, int, str]]) -> str:
    """Where labels point: the number of the version, and the hash that says which content is meant."""
    return write_yaml(_places({label: (number, digest) for label, number, digest in labels}))


def _places(places: Exact) -> dict[str, JsonValue]:
    return {name: {"number": number, "content_hash": digest} for name, (number, digest) in sorted(places.items())}


def layout_of(archive: Archive) -> Layout:
    """What the archive holds. Raises ArchiveInvalid for a file that has no place in it."""
    root = _root_of(archive)
    prompts: list[tuple[str, str]] = []
    parts: list[tuple[str, str]] = []
    past: dict[str, History] = {}
    common = _common(archive) if root is None else ""
    for path in archive.paths:
        inside = path.removeprefix(common if root is None else root)
        if inside.startswith(_PARTS):
            parts.append((path, inside.removeprefix(_PARTS).rpartition(".")[0]))
        elif root is None:
            prompts.append((path, folder_of(inside)))
        elif inside.startswith(_PROMPTS):
            prompts.append((path, folder_of(inside.removeprefix(_PROMPTS))))
        elif inside.startswith((_HISTORY, _PARTS_HISTORY)):
            _place(past, path, inside.partition("/")[2], halves=inside.startswith(_PARTS_HISTORY))
        elif inside != MANIFEST:
            raise invalid("has no place in an archive of this format", path, "unknown_path")
    return Layout(tuple(prompts), tuple(parts), past)


def _root_of(archive: Archive) -> str | None:
    """The folder inside the archive that `project.yaml` lies in; None where there is none of ours."""
    top = "" if not archive.paths else archive.paths[0].partition("/")[0] + "/"
    shared = top if all(path.startswith(top) for path in archive.paths) else ""
    for root in dict.fromkeys(("", shared)):
        path = root + MANIFEST
        if path not in archive:
            continue
        try:
            fields = read(decode(archive.read(path))).plain()
        except UnreadableError:
            continue
        if not isinstance(fields, dict) or _KEY not in fields:
            continue
        if fields[_KEY] != FORMAT:
            raise invalid(f"names a format that this release does not know: it knows {FORMAT}", path, "unknown_format")
        return root
    return None


def _common(archive: Archive) -> str:
    """What the paths of all prompts begin with, if that is the folder that an export has for them."""
    ours = archive.paths and all(path.startswith((_PROMPTS, _PARTS)) for path in archive.paths)
    return _PROMPTS if ours else ""


def _place(past: dict[str, History], path: str, inside: str, *, halves: bool) -> None:
    its_id, _, name = inside.removesuffix(".yaml").rpartition("/")
    if its_id.count("/") != halves:
        raise invalid("has no place in an archive of this format", path, "unknown_path")
    history = past.setdefault(its_id, History())
    if name == "labels" and not halves:
        history.labels = path
    elif name.startswith("versions-") and _NUMBER.fullmatch(name.removeprefix("versions-")):
        history.pages.append(path)
    elif _NUMBER.fullmatch(name):
        history.texts[int(name)] = path
    else:
        raise invalid("has no place in an archive of this format", path, "unknown_path")


def read_versions(archive: Archive, history: History) -> list[VersionFacts]:
    """The facts of a prompt's versions: 1, 2, 3 and so on. Raises ArchiveInvalid."""
    found: list[VersionFacts] = []
    for path in history.pages:
        rows = _fields(archive, path).get("versions")
        if not isinstance(rows, list):
            raise _malformed(path)
        found += [_facts(path, row) for row in rows]
    found.sort(key=lambda version: version.number)
    if [version.number for version in found] != list(range(1, len(found) + 1)):
        raise invalid("belongs to a history with a gap", history.pages[0], "history_gap")
    return found


def read_labels(archive: Archive, history: History) -> dict[str, tuple[int, str]]:
    """Number and hash of the version that each label points to. Raises ArchiveInvalid."""
    if history.labels is None:
        return {}
    return _read_places(history.labels, _fields(archive, history.labels))


def _read_places(path: str, fields: object) -> dict[str, tuple[int, str]]:
    if not isinstance(fields, dict):
        raise _malformed(path)
    found: dict[str, tuple[int, str]] = {}
    for name, place in fields.items():
        match place:
            case {"number": int(number), "content_hash": str(digest), **rest} if not rest and _HASH.fullmatch(digest):
                found[name] = number, digest
            case _:
                raise _malformed(path)
    return found


def _facts(path: str, row: object) -> VersionFacts:
    match row:
        case {
            "number": int(number),
            "version": str(semver),
            "created_at": str(at),
            "content_hash": str(digest),
            **rest,
        } if rest.keys() <= {"message", "parts"} and _HASH.fullmatch(digest):
            message: Any = rest.get("message")
            when = _time(at)
            if when is not None and semver_problem(semver) is None and _is_message(message):
                return VersionFacts(number, semver, when, message, digest, _read_places(path, rest.get("parts", {})))
    raise _malformed(path)


def _is_message(message: object) -> bool:
    """Whether this could have been sent with a save."""
    return message is None or (isinstance(message, str) and len(message) <= 1000 and not _CONTROL.search(message))


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else found


def _fields(archive: Archive, path: str) -> dict[str, JsonValue]:
    try:
        fields = read(decode(archive.read(path))).plain()
    except UnreadableError as error:
        first = error.faults[0]
        where = f"{path}, line {first.line}, column {first.column}: {first.message}"
        raise ArchiveInvalid(where, errors=[replace(fault, loc=(path,)) for fault in error.faults]) from None
    if not isinstance(fields, dict):
        raise _malformed(path)
    return fields


def _malformed(path: str) -> ArchiveInvalid:
    return invalid("does not have the form it must have", path, "invalid_form")
