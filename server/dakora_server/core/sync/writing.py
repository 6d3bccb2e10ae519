"""Putting the server's texts into the folder. Everything here blocks on the disk."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

from dakora_server.core.sync import disk
from dakora_server.core.sync.disk import ChangedMeanwhileError, Stamp
from dakora_server.core.sync.files import Files
from dakora_server.core.sync.names import is_folder, is_part, lies_with_parts, moved_path, new_path
from dakora_server.core.sync.records import Head, PromptFile
from dakora_server.core.templates.merge import Merged, conflict_file
from dakora_server.core.templates.serialization import Document, to_yaml, update_yaml
from dakora_server.core.templates.versioning import is_higher

_NAMES_TO_TRY = 100


class Unsyncable(Exception):
    """A prompt and its file cannot be brought in step until a person has done something; the message says what."""


def create_file(files: Files, head: Head, document: Document) -> PromptFile:
    """A new file for a prompt, under a name that is free. Raises Unsyncable, OSError."""
    tries = 1 if is_part(head.prompt_id) else _NAMES_TO_TRY
    if tries > 1:
        _check_folder(head.folder)
    text = to_yaml(document.spec, version=head.semver).encode()
    path, stamp = _first_free(
        files,
        lambda attempt: new_path(head.folder, head.prompt_id, attempt=attempt),
        lambda path: disk.create(files.root, path, text),
        tries=tries,
    )
    return PromptFile(path, stamp, _sha256(text), head.prompt_id, head.content_hash, head.semver)


def rewrite_file(files: Files, file: PromptFile, head: Head, document: Document) -> PromptFile:
    """The prompt's file with the text of `head`. Raises ChangedMeanwhileError when somebody saves it, OSError."""
    version = _version_line(file, head)
    text = update_yaml(files.text_of(file).decode(), document.spec, version=version).encode()
    try:
        stamp = disk.replace(files.root, file.path, text, digest=file.sha256)
    except FileNotFoundError:
        raise ChangedMeanwhileError from None
    return PromptFile(file.path, stamp, _sha256(text), head.prompt_id, head.content_hash, version)


def move_file(files: Files, file: PromptFile, folder: str) -> PromptFile:
    """The same file in another folder, under a name that is free there. Raises Unsyncable, OSError."""
    _check_folder(folder)
    path, _ = _first_free(
        files,
        lambda attempt: moved_path(file.path, folder, attempt=attempt),
        lambda path: disk.move(files.root, file.path, path),
    )
    return replace(file, path=path)


def remove_file(files: Files, file: PromptFile) -> None:
    """Delete the file as it was read. Raises ChangedMeanwhileError when somebody saves it, OSError."""
    try:
        disk.remove(files.root, file.path, digest=file.sha256)
    except FileNotFoundError:
        raise ChangedMeanwhileError from None


def write_merged(files: Files, file: PromptFile, head: Head, merged: Merged) -> PromptFile:
    """The file with both sides' changes, and with markers where they are in conflict: then it is no prompt for now.

    Raises ChangedMeanwhileError when somebody saves it, TemplateInvalid when both are too much for one, OSError.
    """
    version = _version_line(file, head)
    if version is not None and file.version is not None and is_higher(file.version, version):
        version = file.version  # it is still to come
    original = files.text_of(file).decode()
    if merged.conflicts:
        text = conflict_file(original, merged, version=version, theirs_name=f"server {head.semver}")
        content_hash = None
    else:
        text = update_yaml(original, merged.ours, version=version)
        content_hash = Document.of(merged.ours).hash
    raw = text.encode()
    try:
        stamp = disk.replace(files.root, file.path, raw, digest=file.sha256)
    except FileNotFoundError:
        raise ChangedMeanwhileError from None
    return PromptFile(file.path, stamp, _sha256(raw), head.prompt_id, content_hash, version)


def _version_line(file: PromptFile, head: Head) -> str | None:
    # A file that its author left without a version stays without one.
    return None if file.version is None else head.semver


def _first_free(
    files: Files, name: Callable[[int], str], make: Callable[[str], Stamp | None], *, tries: int = _NAMES_TO_TRY
) -> tuple[str, Stamp]:
    for attempt in range(tries):
        path = name(attempt)
        try:
            return path, make(path) or disk.NO_STAMP
        except FileExistsError:
            if not files.knows(path) and not (files.root / path).is_dir():
                # Somebody has just made it, perhaps for this very prompt: that is to be read first.
                raise ChangedMeanwhileError(path) from None
    if tries == 1:
        raise Unsyncable(f"{name(0)} is in the way, and it can lie nowhere else")
    raise Unsyncable(f"every name like {name(0)} is taken")


def _check_folder(folder: str) -> None:
    if not is_folder(folder):
        raise Unsyncable(f"its folder {folder!r} on the server cannot be a folder here")
    if lies_with_parts(folder):
        raise Unsyncable(f"its folder {folder} on the server is for parts here: move it to another one")


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
