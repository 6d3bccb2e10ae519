"""The files of one prompt in an archive: its newest text, and its past where that came with it."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from dakora_server.core.archives.layout import History, Layout, VersionFacts, read_labels, read_versions
from dakora_server.core.archives.zips import Archive
from dakora_server.core.exceptions import ArchiveInvalid, Fault, TemplateInvalid
from dakora_server.core.sync.names import is_folder
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.serialization import parse_yaml

# How much text a template may have is the renderer's limit, which is held when the template is checked.
_ANY_SIZE = 1 << 30


@dataclass(frozen=True, slots=True)
class ReadVersion:
    """A version as its file says it; `raw` is the file, so that faults found later have a place in it."""

    path: str
    raw: bytes
    spec: TemplateSpec
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


def read_prompt(archive: Archive, layout: Layout, path: str, folder: str, message: str | None) -> ReadPrompt:
    """The prompt in the file at `path`, and its history. Raises ArchiveInvalid when a file cannot be unpacked."""
    raw = archive.read(path)
    try:
        spec = parse_yaml(raw, filename=path, max_source_bytes=_ANY_SIZE)
    except TemplateInvalid as error:
        faults = tuple(replace(fault, loc=(path, *fault.loc)) for fault in error.errors)
        return ReadPrompt(path, folder, None, faults=faults)
    if not is_folder(folder):
        fault = Fault("The folder's name has characters that folders here do not have.", (path,), type="invalid_folder")
        return ReadPrompt(path, folder, spec.id, faults=(fault,))
    newest = ReadVersion(path, raw, spec, message)
    history = layout.past.get(spec.id)
    if history is None:
        return ReadPrompt(path, folder, spec.id, (newest,))
    try:
        older = _past(archive, history, spec.id)
        labels = read_labels(archive, history)
    except ArchiveInvalid as error:
        return ReadPrompt(path, folder, spec.id, faults=error.errors)
    return ReadPrompt(path, folder, spec.id, (*older, newest), labels)


def _past(archive: Archive, history: History, prompt_id: str) -> list[ReadVersion]:
    """The versions of a history, oldest first. Raises ArchiveInvalid for what is missing or cannot be read."""
    found: list[ReadVersion] = []
    for facts in read_versions(archive, history):
        path = history.texts.get(facts.number)
        if path is None:
            message = f"The text of version {facts.number} is missing."
            raise ArchiveInvalid(message, errors=[Fault(message, (history.pages[0],), type="missing_text")])
        found.append(_version(archive.read(path), path, prompt_id, facts))
    return found


def _version(raw: bytes, path: str, prompt_id: str, facts: VersionFacts) -> ReadVersion:
    try:
        spec = parse_yaml(raw, filename=path, max_source_bytes=_ANY_SIZE)
    except TemplateInvalid as error:
        faults = [replace(fault, loc=(path, *fault.loc)) for fault in error.errors]
        raise ArchiveInvalid(error.detail, errors=faults) from None
    if spec.id != prompt_id or spec.version != facts.semver:
        message = "The file is not the version that its history says."
        raise ArchiveInvalid(message, errors=[Fault(message, (path,), type="wrong_version")])
    return ReadVersion(path, raw, spec, facts.message, facts.at)
