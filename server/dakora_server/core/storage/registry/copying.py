"""All documents of one store brought to another, each proved by its hash where it arrives."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from dakora_server.core.exceptions import DocumentCorrupt, RegistryUnavailable
from dakora_server.core.storage.registry.base import AUDIT_FOLDER, DOCUMENT_SUFFIX, Registry, StoredDocument
from dakora_server.core.storage.side_by_side import for_each

R = TypeVar("R")
AT_ONCE = 16
# A store that stumbles is given this long to stand up again, before the copy stops where it is.
PAUSES = (0.5, 1.0, 2.0, 4.0)


@dataclass
class CopyReport:
    """How far it is. `present` were there already; `corrupt` are damaged at the source and were left out; `failed` are
    sound at the source, and the target does not give back what it was given."""

    documents: int = 0
    records: int = 0
    copied: int = 0
    present: int = 0
    bytes: int = 0
    corrupt: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many documents have been dealt with."""
        return self.copied + self.present + len(self.corrupt) + len(self.failed)

    @property
    def is_whole(self) -> bool:
        """Whether the target has everything that the source has."""
        return not (self.corrupt or self.failed)


async def copy(
    source: Registry,
    target: Registry,
    report: CopyReport,
    *,
    at_once: int = AT_ONCE,
    trust_size: bool = False,
    pauses: Sequence[float] = PAUSES,
    tell: Callable[[], None] = lambda: None,
) -> None:
    """Bring every document of `source` to `target`, and the audit trail's heads; nothing is removed anywhere.

    Interrupted and started again it goes on: what the target has in the right size is read there and, if its hash
    holds, not copied again (`trust_size`: not even read). `report` is kept up to date, and `tell` called at each step.
    Raises RegistryUnavailable when one of the two stays away, RegistryFull.
    """
    copier = _Copier(source, target, report, trust_size=trust_size, pauses=pauses, tell=tell)
    await target.check()
    await copier.look_around()
    await for_each(source.walk(), copier.bring, at_once=at_once)
    async for name, record in source.kept(AUDIT_FOLDER):
        report.records += await target.keep(name, record)
    report.corrupt.sort()
    report.failed.sort()


class _Copier:
    def __init__(
        self,
        source: Registry,
        target: Registry,
        report: CopyReport,
        *,
        trust_size: bool,
        pauses: Sequence[float],
        tell: Callable[[], None],
    ) -> None:
        self._source = source
        self._target = target
        self._report = report
        self._trust_size = trust_size
        self._pauses = pauses
        self._tell = tell
        self._there: dict[tuple[UUID, str], int] = {}

    async def look_around(self) -> None:
        """Find out what is to be done, and what is there already."""
        async for document in self._target.walk():
            self._there[document.project_id, document.hash] = document.size
        async for _ in self._source.walk():
            self._report.documents += 1
        self._tell()

    async def bring(self, document: StoredDocument) -> None:
        """One document: proved at the source, put, and proved where it is now."""
        report = self._report
        where = f"{document.project_id}/{document.hash}{DOCUMENT_SUFFIX}"
        if await self._is_there(document):
            report.present += 1
        elif (text := await self._sound(self._source, document)) is None:
            report.corrupt.append(where)
        elif await self._put(document, text):
            report.copied += 1
            report.bytes += len(text)
        else:
            report.failed.append(where)
        # Whoever writes to the source meanwhile makes it more than were counted.
        report.documents = max(report.documents, report.done)
        self._tell()

    async def _is_there(self, document: StoredDocument) -> bool:
        if self._there.get((document.project_id, document.hash)) != document.size:
            return False
        return self._trust_size or await self._sound(self._target, document) is not None

    async def _put(self, document: StoredDocument, text: bytes) -> bool:
        try:
            await self._patiently(lambda: self._target.put(document.project_id, document.hash, text))
        except DocumentCorrupt:
            return False
        return await self._sound(self._target, document) == text

    async def _sound(self, registry: Registry, document: StoredDocument) -> bytes | None:
        """The document's bytes, if they are there and have its hash."""
        try:
            text = await self._patiently(lambda: registry.get(document.project_id, document.hash))
        except DocumentCorrupt:
            return None
        return text if hashlib.sha256(text).hexdigest() == document.hash else None

    async def _patiently(self, call: Callable[[], Awaitable[R]]) -> R:
        for pause in self._pauses:
            try:
                return await call()
            except RegistryUnavailable:
                await asyncio.sleep(pause)
        return await call()
