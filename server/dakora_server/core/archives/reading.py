"""The files of one prompt or part in an archive: its newest text, and its past where that came with it."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

from dakora_server.core.archives.layout import History, Layout, read_labels, read_versions
from dakora_server.core.archives.zips import Archive, invalid
from dakora_server.core.exceptions import ArchiveInvalid, Fault, TemplateInvalid
from dakora_server.core.folders import RESERVED, is_reserved
from dakora_server.core.parts.service import Exact
from dakora_server.core.sync.names import is_folder
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.part_model import PartSpec
from dakora_server.core.templates.serialization import Document, parse_yaml

# How much text a template may have is the renderer's limit, which is held when the template is checked.
_ANY_SIZE = 1 << 30
_SMALL = 4096


@dataclass(frozen=True, slots=True)
class ReadVersion:
    """A version as its file says it; `raw` is the file, so that faults found later have a place in it."""

    path: str
    raw: bytes
    spec: TemplateSpec
    document: Document
    message: str | None = None
    at: datetime | None = None
    parts: Exact = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadPrompt:
    """A prompt to import, or a part, or why it cannot be: then there are faults."""

    path: str
    folder: str
    prompt_id: str | None
    versions: tuple[ReadVersion, ...] = ()
    labels: dict[str, tuple[int, str]] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


async def read_prompt(archive: Archive, layout: Layout, path: str, folder: str, message: str | None) -> ReadPrompt:
    """The prompt in the file at `path`, and its history. Raises ArchiveInvalid when a file cannot be unpacked.

    A small file is read here, in a turn of the loop: in a thread, every other turn would wait for the interpreter's
    lock while it computes. What takes longer than a turn may is read in a thread all the same.
    """
    await asyncio.sleep(0)
    if archive.size(path) <= _SMALL:
        newest = _newest(archive, path, folder, message)
    else:
        newest = await asyncio.to_thread(_newest, archive, path, folder, message)
    history = None if newest.prompt_id is None or newest.faults else layout.past.get(newest.prompt_id)
    if history is None:
        return newest
    if history.texts or history.pages or (history.labels and archive.size(history.labels) > _SMALL):
        return await asyncio.to_thread(_with_past, archive, newest, history)
    return _with_past(archive, newest, history)


async def read_part(archive: Archive, layout: Layout, path: str, part_id: str, message: str | None) -> ReadPrompt:
    """The part in the file at `path`, which must have the id that the path says, and its history.

    Raises ArchiveInvalid when a file cannot be unpacked.
    """
    return await asyncio.to_thread(_part, archive, layout, path, part_id, message)


def _part(archive: Archive, layout: Layout, path: str, part_id: str, message: str | None) -> ReadPrompt:
    try:
        newest = _version(archive, path, message, kind=PartSpec)
    except TemplateInvalid as error:
        return ReadPrompt(path, "", None, faults=error.errors)
    read = ReadPrompt(path, "", newest.spec.id, (newest,))
    if newest.spec.id != part_id:
        said = f"The path names the part {part_id}, and the file {newest.spec.id}: make them the same."
        return replace(read, versions=(), faults=(Fault(said[:1000], (path,), type="wrong_path"),))
    history = layout.past.get(part_id)
    return read if history is None else _with_past(archive, read, history)


def _newest(archive: Archive, path: str, folder: str, message: str | None) -> ReadPrompt:
    try:
        newest = _version(archive, path, message)
    except TemplateInvalid as error:
        return ReadPrompt(path, folder, None, faults=error.errors)
    prompt_id = newest.spec.id
    if not is_folder(folder):
        said = "The folder's name has characters that folders here do not have."
    elif is_reserved(folder):
        said = RESERVED
    else:
        return ReadPrompt(path, folder, prompt_id, (newest,))
    return ReadPrompt(path, folder, prompt_id, faults=(Fault(said, (path,), type="invalid_folder"),))


def _with_past(archive: Archive, newest: ReadPrompt, history: History) -> ReadPrompt:
    try:
        older = _past(archive, history, newest.versions[0].spec)
        return replace(newest, versions=(*older, *newest.versions), labels=read_labels(archive, history))
    except (ArchiveInvalid, TemplateInvalid) as error:
        return replace(newest, versions=(), faults=error.errors)


def _past(archive: Archive, history: History, newest: TemplateSpec) -> list[ReadVersion]:
    """The versions of a history, oldest first. Raises ArchiveInvalid, TemplateInvalid."""
    found: list[ReadVersion] = []
    for facts in read_versions(archive, history):
        path = history.texts.get(facts.number)
        if path is None:
            raise invalid(f"tells of version {facts.number}, whose text is missing", history.pages[0], "missing_text")
        version = _version(archive, path, facts.message, facts.at, kind=type(newest))
        if (version.spec.id, version.spec.version, version.document.hash) != (
            newest.id,
            facts.semver,
            facts.content_hash,
        ):
            raise invalid("is not the version that its history tells of", path, "wrong_version")
        found.append(replace(version, parts=facts.parts))
    return found


def _version(
    archive: Archive,
    path: str,
    message: str | None,
    at: datetime | None = None,
    *,
    kind: type[TemplateSpec] = TemplateSpec,
) -> ReadVersion:
    """A file's prompt, or part. Raises TemplateInvalid with faults that name the file, ArchiveInvalid."""
    raw = archive.read(path)
    try:
        spec = parse_yaml(raw, filename=path, kind=kind, max_source_bytes=_ANY_SIZE)
        return ReadVersion(path, raw, spec, Document.of(spec), message, at)
    except TemplateInvalid as error:
        faults = [replace(fault, loc=(path, *fault.loc)) for fault in error.errors]
        raise TemplateInvalid(error.detail, errors=faults) from None
