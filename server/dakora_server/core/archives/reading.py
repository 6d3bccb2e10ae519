"""The files of one prompt in an archive: its newest text, and its past where that came with it."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

from dakora_server.core.archives.layout import History, Layout, read_labels, read_versions
from dakora_server.core.archives.zips import Archive, invalid
from dakora_server.core.exceptions import ArchiveInvalid, Fault, TemplateInvalid
from dakora_server.core.sync.names import is_folder
from dakora_server.core.templates.model import TemplateSpec
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


@dataclass(frozen=True, slots=True)
class ReadPrompt:
    """A prompt to import, or why it cannot be: then there are faults."""

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


def _newest(archive: Archive, path: str, folder: str, message: str | None) -> ReadPrompt:
    try:
        newest = _version(archive, path, message)
    except TemplateInvalid as error:
        return ReadPrompt(path, folder, None, faults=error.errors)
    prompt_id = newest.spec.id
    if is_folder(folder):
        return ReadPrompt(path, folder, prompt_id, (newest,))
    fault = Fault("The folder's name has characters that folders here do not have.", (path,), type="invalid_folder")
    return ReadPrompt(path, folder, prompt_id, faults=(fault,))


def _with_past(archive: Archive, newest: ReadPrompt, history: History) -> ReadPrompt:
    try:
        older = _past(archive, history, newest.versions[0].spec.id)
        return replace(newest, versions=(*older, *newest.versions), labels=read_labels(archive, history))
    except (ArchiveInvalid, TemplateInvalid) as error:
        return replace(newest, versions=(), faults=error.errors)


def _past(archive: Archive, history: History, prompt_id: str) -> list[ReadVersion]:
    """The versions of a history, oldest first. Raises ArchiveInvalid, TemplateInvalid."""
    found: list[ReadVersion] = []
    for facts in read_versions(archive, history):
        path = history.texts.get(facts.number)
        if path is None:
            raise invalid(f"tells of version {facts.number}, whose text is missing", history.pages[0], "missing_text")
        version = _version(archive, path, facts.message, facts.at)
        if (version.spec.id, version.spec.version, version.document.hash) != (
            prompt_id,
            facts.semver,
            facts.content_hash,
        ):
            raise invalid("is not the version that its history tells of", path, "wrong_version")
        found.append(version)
    return found


def _version(archive: Archive, path: str, message: str | None, at: datetime | None = None) -> ReadVersion:
    """A file's prompt. Raises TemplateInvalid with faults that name the file, ArchiveInvalid."""
    raw = archive.read(path)
    try:
        spec = parse_yaml(raw, filename=path, max_source_bytes=_ANY_SIZE)
        return ReadVersion(path, raw, spec, Document.of(spec), message, at)
    except TemplateInvalid as error:
        faults = [replace(fault, loc=(path, *fault.loc)) for fault in error.errors]
        raise TemplateInvalid(error.detail, errors=faults) from None
