"""The folder as it was last read: which file is whose, and what each says."""

import hashlib
import re
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dakora_server.core.exceptions import Fault, TemplateInvalid
from dakora_server.core.sync.disk import MAX_FILE_BYTES, NO_STAMP, ChangedMeanwhileError, Entry, Stamp, read, walk
from dakora_server.core.sync.names import id_by_name
from dakora_server.core.sync.parsing import parse_file
from dakora_server.core.sync.records import PromptFile
from dakora_server.core.sync.state import SyncState
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.serialization import Document

# Good enough to know whose file it is that cannot be parsed: a broken file must not look like a deleted prompt.
_NAME = rb"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_ID_LINE = re.compile(rb"^id:[ \t]*[\"']?(" + _NAME + rb"(?:/" + _NAME + rb")?)[\"']?[ \t]*(?:#.*)?\r?$", re.MULTILINE)


@dataclass(slots=True)
class Seen:
    """What a look at the disk has brought: prompts to compare, files just being written, and faults not told yet."""

    keys: set[str] = field(default_factory=set)
    unstable: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


class Files:
    """Every file of the folder that counts. Its methods block on the disk; one thread at a time may call them."""

    def __init__(self, root: Path, *, shown: Path, state: SyncState, max_source_bytes: int, pause: float) -> None:
        self.root = root
        self._shown = shown
        self._state = state
        self._max_source_bytes = max_source_bytes
        self._pause = pause
        self._by_path: dict[str, PromptFile] = {}
        self._by_key: dict[str, set[str]] = {}
        self._closed: set[str] = set()
        self._told: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._by_path)

    @property
    def keys(self) -> Iterable[str]:
        """Every prompt that has a file."""
        return self._by_key.keys()

    def show(self, path: str) -> str:
        """The path as a person at the terminal can use it."""
        return str(self._shown / path)

    def of(self, key: str) -> PromptFile | None:
        """The file of a prompt: the one it had before if that is still its, else the first in the order of paths."""
        paths = self._by_key.get(key)
        base = self._state.get(key)
        if not paths:
            # What is in a folder that cannot be listed is unknown, not gone.
            is_unknown = base is not None and any(is_below(base.path, folder) for folder in self._closed)
            return PromptFile(base.path, NO_STAMP, prompt_id=base.prompt_id) if base and is_unknown else None
        if base is not None and base.path in paths:
            return self._by_path[base.path]
        return min((self._by_path[path] for path in paths), key=lambda file: (file.content_hash is None, file.path))

    def knows(self, path: str) -> bool:
        """Whether something was seen at this path."""
        return path in self._by_path

    def parse(self, file: PromptFile) -> TemplateSpec:
        """What the file says. Raises ChangedMeanwhileError when that is no longer what it said when it was read."""
        return self._parse(file.path, self.text_of(file))

    def text_of(self, file: PromptFile) -> bytes:
        """The file's bytes. Raises ChangedMeanwhileError when they are not those it had when it was read."""
        try:
            raw, _ = read(self.root / file.path)
        except FileNotFoundError:
            raise ChangedMeanwhileError from None
        if hashlib.sha256(raw).hexdigest() != file.sha256:
            raise ChangedMeanwhileError
        return raw

    def is_there(self) -> bool:
        """Whether the folder itself exists."""
        return self.root.is_dir()

    def look(self) -> Seen:
        """Compare the whole folder with what is known of it, and read what differs."""
        return self._take(list(walk(self.root)), set(self._by_path), again=False)

    def refresh(self, paths: Collection[str]) -> Seen:
        """Read these again, whatever their times say: files, or folders with all that is in them."""
        found = {entry.path: entry for path in paths for entry in walk(self.root, path)}
        known = {path for path in self._by_path if any(part in paths for part in _upwards(path))}
        return self._take(list(found.values()), known, again=True)

    def _take(self, entries: list[Entry], known: set[str], *, again: bool) -> Seen:
        seen = Seen()
        for path in known - {entry.path for entry in entries}:
            self._forget(path, seen)
        changed = [entry for entry in entries if again or self._differs(entry)]
        if changed:
            # An editor may be half way through: what looks the same after a moment is whole.
            time.sleep(self._pause)
        for entry in changed:
            self._read(entry, seen)
        self._find_doubles(seen)
        return seen

    def _differs(self, entry: Entry) -> bool:
        known = self._by_path.get(entry.path)
        return known is None or known.stamp != entry.stamp

    def _read(self, entry: Entry, seen: Seen) -> None:
        if entry.refused is not None:
            self._closed.add(entry.path)
            self._keep(PromptFile(entry.path, entry.stamp, prompt_id=self._probable_id(entry.path)), seen)
            self.tell(entry.path, entry.refused, [f"{self.show(entry.path)}: refused, because {entry.refused}"], seen)
            return
        try:
            raw, stamp = read(self.root / entry.path, entry.stamp)
        except (ChangedMeanwhileError, FileNotFoundError):
            seen.unstable.add(entry.path)
            if entry.path not in self._by_path:
                # There is something, and nothing is known of it yet: its prompt must not look deleted.
                self._keep(PromptFile(entry.path, NO_STAMP, prompt_id=self._probable_id(entry.path)), seen)
        except OSError as error:
            self._read(entry._replace(refused=f"it cannot be read ({error.strerror})"), seen)
        else:
            if len(raw) > MAX_FILE_BYTES:
                self._read(entry._replace(refused=f"it has more than {MAX_FILE_BYTES // 1024**2} MiB"), seen)
            else:
                self._keep(self._file(entry.path, raw, stamp, seen), seen)

    def _file(self, path: str, raw: bytes, stamp: Stamp, seen: Seen) -> PromptFile:
        digest = hashlib.sha256(raw).hexdigest()
        base, former = self._state.at(path), self._by_path.get(path)
        if former is not None and former.sha256 == digest:
            return PromptFile(path, stamp, digest, former.prompt_id, former.content_hash, former.version)
        if base is not None and base.sha256 == digest:
            return PromptFile(path, stamp, digest, base.prompt_id, base.content_hash, base.version)
        try:
            spec = self._parse(path, raw)
            content_hash = Document.of(spec).hash
        except TemplateInvalid as error:
            self.tell(path, digest, self.fault_lines(path, error), seen)
            found = _ID_LINE.search(raw)
            claimed = found[1].decode() if found is not None else self._probable_id(path)
            return PromptFile(path, stamp, digest, claimed)
        self._told.pop(path, None)
        return PromptFile(path, stamp, digest, spec.id, content_hash, spec.version)

    def _parse(self, path: str, raw: bytes) -> TemplateSpec:
        return parse_file(raw, at=path, filename=self.show(path), max_source_bytes=self._max_source_bytes)

    def _probable_id(self, path: str) -> str | None:
        """Whose file this is, as far as can be told without reading it."""
        base, former = self._state.at(path), self._by_path.get(path)
        if former is not None and former.prompt_id is not None:
            return former.prompt_id
        return id_by_name(path) if base is None else base.prompt_id

    def written(self, file: PromptFile) -> None:
        """Know of a file that we have written ourselves, so that nobody takes it for an edit."""
        self._keep(file, Seen())

    def removed(self, path: str) -> None:
        """Know that we have removed a file ourselves."""
        self._forget(path, Seen())

    def _keep(self, file: PromptFile, seen: Seen) -> None:
        if file.sha256:
            self._closed.discard(file.path)
        former = self._by_path.get(file.path)
        if former == file:
            return
        if former is not None:
            self._unlist(former, seen)
        self._by_path[file.path] = file
        if file.prompt_id is not None:
            key = file.prompt_id.lower()
            self._by_key.setdefault(key, set()).add(file.path)
            seen.keys.add(key)

    def _forget(self, path: str, seen: Seen) -> None:
        self._told.pop(path, None)
        self._closed.discard(path)
        file = self._by_path.pop(path, None)
        if file is not None:
            self._unlist(file, seen)

    def _unlist(self, file: PromptFile, seen: Seen) -> None:
        if file.prompt_id is None:
            return
        key = file.prompt_id.lower()
        seen.keys.add(key)
        paths = self._by_key[key]
        paths.discard(file.path)
        if not paths:
            del self._by_key[key]

    def _find_doubles(self, seen: Seen) -> None:
        for key in seen.keys:
            paths = self._by_key.get(key, set())
            chosen = self.of(key)
            if len(paths) < 2 or chosen is None:
                continue
            for path in sorted(paths - {chosen.path}):
                if self._by_path[path].content_hash is not None:
                    line = f"{self.show(path)}: not loaded, because {self.show(chosen.path)} has the same id"
                    self.tell(path, f"{chosen.prompt_id} is in {chosen.path}", [f"{line} {chosen.prompt_id}"], seen)

    def tell(self, path: str, what: str, lines: list[str], seen: Seen) -> None:
        """Add these lines unless they were told for the same state of the file before."""
        if self._told.get(path) != what:
            self._told[path] = what
            seen.faults += lines

    def fault_lines(self, path: str, error: TemplateInvalid) -> list[str]:
        """A refusal as lines that editors can jump to: `prompts/greeting.yaml:3:5: message`."""
        shown = self.show(path)
        return [f"{shown}{_position(fault)}: {fault.message}" for fault in error.errors] or [f"{shown}: {error.detail}"]


def _position(fault: Fault) -> str:
    if fault.line is None:
        return ""
    return f":{fault.line}" if fault.column is None else f":{fault.line}:{fault.column}"


def _upwards(path: str) -> Iterator[str]:
    """The path, and every folder above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield path


def is_below(path: str, folder: str) -> bool:
    """Whether `path` lies in `folder`, at any depth."""
    return not folder or path.startswith(f"{folder}/")
