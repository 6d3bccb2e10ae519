"""What a folder and a server were when last in step, kept in `.dakora/` beside the folder.

It is kept by SQLite, so that a crash or a second command at the same time leaves it whole. Versions never change, so a
number and a hash are enough: the text comes from the server, which thereby confirms it. Losing this file loses no text:
where a file began is found again by the lock, by its version line, or in the server's history.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

from dakora_server.core.sync.names import is_part

_SCHEMA = """
create table if not exists bases (
    place text not null, kind text not null, key text not null,
    id text not null, number integer not null, version text not null, content_hash text not null,
    folder text not null, path text not null, sha256 text not null,
    primary key (place, kind, key)
) without rowid;
"""
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Base:
    """One prompt or part when its file and its newest version were last in step.

    `path` is the file's, relative to the folder. `sha256` is that of the file's bytes then; it is empty where the file
    said something else already, such as a conflict to be solved.
    """

    id: str
    number: int
    version: str
    content_hash: str
    folder: str
    path: str
    sha256: str = ""


def _kind(key: str) -> str:
    return "part" if is_part(key) else "prompt"


class Bases:
    """The bases of one folder at one place: a server's address and a project. What changes is stored by `save`."""

    def __init__(self, root: Path, place: str) -> None:
        name = hashlib.sha256(root.name.encode(errors="surrogateescape")).hexdigest()[:8]
        self.file = root.parent / ".dakora" / f"folder-{name}.db"
        self._place = place
        self._known: dict[str, Base] = {}
        self._changed: dict[str, Base | None] = {}
        with contextlib.suppress(sqlite3.Error, OSError):
            self._load()

    def _load(self) -> None:
        if not self.file.exists():
            return
        with contextlib.closing(self._open()) as stored:
            query = "select id, number, version, content_hash, folder, path, sha256 from bases where place=?"
            for row in stored.execute(query, (self._place,)):
                self._known[row[0].lower()] = Base(*row)

    def _open(self) -> sqlite3.Connection:
        stored = sqlite3.connect(self.file, timeout=_PATIENCE_SECONDS)
        stored.executescript(_SCHEMA)
        return stored

    def __iter__(self) -> Iterator[Base]:
        return iter(list(self._known.values()))

    def get(self, key: str) -> Base | None:
        """The base of the prompt whose id is `key` in lower case."""
        return self._known.get(key)

    def put(self, base: Base) -> None:
        """Remember that this prompt is in step now."""
        self._known[base.id.lower()] = self._changed[base.id.lower()] = base

    def drop(self, key: str) -> None:
        """Forget a prompt that is gone from both sides."""
        if self._known.pop(key, None) is not None:
            self._changed[key] = None

    def save(self) -> None:
        """Store what has changed, in one step. A file that cannot be read any more is made anew. Raises OSError."""
        if not self._changed:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._store()
        except sqlite3.OperationalError as error:
            # The disk is full or read-only, or another command does not come to its end.
            raise OSError(f"{self.file}: {error}") from error
        except sqlite3.DatabaseError:
            self.file.unlink()
            self._store()
        self._changed.clear()

    def _store(self) -> None:
        keys = [(self._place, _kind(key), key) for key in self._changed]
        rows = [(*keys[place], *astuple(base)) for place, base in enumerate(self._changed.values()) if base is not None]
        with contextlib.closing(self._open()) as stored, stored:
            stored.executemany("delete from bases where place=? and kind=? and key=?", keys)
            stored.executemany("insert into bases values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
