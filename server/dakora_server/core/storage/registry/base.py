"""What a document store promises. `local` and `cloud` keep it; one suite of tests holds both to it."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from dakora_server.core.exceptions import DocumentCorrupt

# A document has at most 1 MiB; what is larger than this was never written by us, and is not read into memory.
MAX_OBJECT_BYTES = 2 * 1024 * 1024
DOCUMENT_SUFFIX = ".yaml"
# The one folder of records that are no documents: the audit trail's heads.
AUDIT_FOLDER = "_audit"
HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """What a listing tells of one document: its address, size in bytes and time of writing (UTC)."""

    project_id: UUID
    hash: str
    size: int
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something half-written that a crash left behind: its name in the store, and its time of writing (UTC)."""

    name: str
    written_at: datetime


class Registry(Protocol):
    """Documents at `<project_id>/<sha256>.yaml`, each written once.

    - A put that returns has happened: whatever ends afterwards, a get gives exactly these bytes.
    - Nothing is overwritten. Putting what is there already changes nothing, by however many writers at once, but that
      it counts as written now, so that no sweeper takes it from the row that is about to name it. One case
      is different: where other bytes stand under a hash that the new ones have and they have not, they are damage;
      the new ones take their place, and the log names the document.
    - A document that is not there, or is too large to be one, is `DocumentCorrupt`, which names it: rows name only
      what was stored. A store that does not answer in time, refuses, or is not there itself is
      `RegistryUnavailable`; one without room is `RegistryFull`. It is never `NotFound`.
    - No user text is part of a name, no caller sees a half-written document, and no call waits for ever.
    """

    async def put(self, project_id: UUID, digest: str, text: bytes) -> None:
        """Store `text` under its hash; storing it again does nothing.

        Raises RegistryFull, RegistryUnavailable; DocumentCorrupt when other bytes stand there that cannot be replaced,
        or when `text` does not have that hash either.
        """

    async def put_many(self, project_id: UUID, documents: Sequence[tuple[str, bytes]]) -> None:
        """Store many texts, each under its hash, as durably as `put`.

        Raises what `put` raises; some of them may be stored then.
        """

    async def get(self, project_id: UUID, digest: str) -> bytes:
        """The stored bytes; comparing them with the hash is up to the caller. Raises DocumentCorrupt when there are
        none, RegistryUnavailable."""

    async def sweep(self, project_id: UUID, digest: str, *, before: datetime) -> bool:
        """Remove a document nobody refers to, unless it was stored (again) since `before`; whether it was removed.

        Raises RegistryUnavailable.
        """

    async def check(self) -> None:
        """Raises RegistryUnavailable unless documents can be read now, and written where there is room."""

    def walk(self) -> AsyncIterator[StoredDocument]:
        """Every stored document, in no order that counts; what else lies in the store is passed over.

        Raises RegistryUnavailable.
        """

    async def leftovers(self) -> Sequence[Leftover]:
        """What crashes left behind. Raises RegistryUnavailable."""

    async def discard(self, leftover: Leftover) -> None:
        """Remove it; removing what is gone does nothing. Raises RegistryUnavailable."""

    async def keep(self, name: str, record: bytes) -> bool:
        """Keep a small record that is no document, for good, under a name like `_audit/0001.json`.

        False where something is kept under that name already: it stays as it is. Raises RegistryFull,
        RegistryUnavailable.
        """

    def kept(self, folder: str) -> AsyncIterator[tuple[str, bytes]]:
        """Every record that is kept in a folder, with its name. Raises RegistryUnavailable."""

    def close(self) -> None:
        """Let running work finish, and let go of what is held."""


def missing(digest: str) -> DocumentCorrupt:
    """The error for a document that is not there."""
    return DocumentCorrupt(f"The stored document {digest} is missing.")


def damaged(digest: str) -> DocumentCorrupt:
    """The error for a document with other bytes than its hash promises."""
    return DocumentCorrupt(f"The stored document {digest} does not have the bytes its hash promises.")
