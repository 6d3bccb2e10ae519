"""What folder and project looked like when they were last in step: the base that tells who has changed."""

import contextlib
import hashlib
import logging
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import orjson
from pydantic import TypeAdapter, ValidationError

from dakora_server.core.sync.names import TEMPORARY
from dakora_server.core.sync.records import Base

logger = logging.getLogger(__name__)
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class _Stored:
    format: int
    prompts: list[Base]


_STORED = TypeAdapter(_Stored)


class SyncState:
    """The base of one folder and one project, kept in a file. Losing it loses no text: see `decision`."""

    def __init__(self, state_dir: Path, *, folder: Path, project_id: UUID) -> None:
        name = hashlib.sha256(f"{project_id}:{folder}".encode(errors="surrogateescape")).hexdigest()[:16]
        self.file = state_dir / f"{name}.json"
        self._folder = folder
        self._bases: dict[str, Base] = {}
        self._by_path: dict[str, str] = {}
        self._changes = self._stored = 0

    @property
    def dirty(self) -> bool:
        """Whether something is not stored yet."""
        return self._changes != self._stored

    def load(self) -> None:
        """Read what was saved. A file that is missing or damaged is no base at all. Blocks on the disk."""
        try:
            stored = _STORED.validate_json(self.file.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValidationError) as error:
            logger.warning("the state of the folder could not be read, comparing anew: %s", type(error).__name__)
            return
        if stored.format == _FORMAT:
            for base in stored.prompts:
                self.put(base)
            self._stored = self._changes

    def snapshot(self) -> tuple[int, bytes]:
        """What `store` is to write, as it is now."""
        # The folder is for people who wonder which one this is.
        shown = os.fsencode(self._folder).decode(errors="replace")
        content = {"format": _FORMAT, "folder": shown, "prompts": list(self._bases.values())}
        return self._changes, orjson.dumps(content)

    def store(self, snapshot: tuple[int, bytes]) -> None:
        """Replace the file in one step. Blocks on the disk; raises OSError."""
        changes, content = snapshot
        self.file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.file.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
        try:
            temporary.write_bytes(content)
            temporary.replace(self.file)
            self._stored = changes
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._bases)

    def __iter__(self) -> Iterator[str]:
        return iter(self._bases)

    def get(self, key: str) -> Base | None:
        """The base of the prompt whose id is `key` in lower case."""
        return self._bases.get(key)

    def at(self, path: str) -> Base | None:
        """The base of the prompt whose file was at `path`."""
        key = self._by_path.get(path)
        return None if key is None else self._bases[key]

    def put(self, base: Base) -> None:
        """Remember that this prompt is in step now."""
        key = base.prompt_id.lower()
        if self._bases.get(key) == base:
            return
        self.drop(key)
        # A path has one prompt: who had it before is found by its id from now on.
        self._bases[key] = base
        self._by_path[base.path] = key
        self._changes += 1

    def drop(self, key: str) -> None:
        """Forget a prompt that is gone from both sides."""
        base = self._bases.pop(key, None)
        if base is not None:
            if self._by_path.get(base.path) == key:
                del self._by_path[base.path]
            self._changes += 1
