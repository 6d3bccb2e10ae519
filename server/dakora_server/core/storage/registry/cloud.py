"""Documents in a cloud's object store: Azure Blob Storage, S3 and what speaks it, Google Cloud Storage.

All three put an object whole or not at all, and only if there is none (`create`): the same promise as the folder's.
"""

import asyncio
import contextlib
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from dakora_server.core import clock
from dakora_server.core.exceptions import RegistryFull, RegistryUnavailable
from dakora_server.core.storage.registry.base import (
    DOCUMENT_SUFFIX,
    HASH,
    MAX_OBJECT_BYTES,
    Leftover,
    StoredDocument,
    damaged,
    missing,
)
from dakora_server.core.storage.registry.breaker import Breaker
from dakora_server.core.storage.side_by_side import for_each

if TYPE_CHECKING:
    from obstore import ObjectMeta, UpdateVersion
    from obstore.store import AzureStore, GCSStore, S3Store

logger = logging.getLogger(__name__)

# Written when the store is first checked, and tried again at each check: only whoever may write is told "it exists".
MARKER = "_dakora"
_MARK = b"Documents of Dakora. Written once, never changed; `python -m dakora_server fsck` looks after them.\n"
_DOCUMENT = re.compile(rf"([0-9a-f-]{{36}})/({HASH.pattern}){re.escape(DOCUMENT_SUFFIX)}")
_PAGE = 1000
# Documents that are under way together where many are stored.
_AT_ONCE = 32
# What is stored again is written again if it is older than this, so that it is young enough not to be swept.
_RENEW_AFTER = timedelta(hours=1)
# How often a put looks again at what stands in its place.
_ATTEMPTS = 4
# How the services say that there is no room: HTTP's own word, MinIO's, Ceph's.
_FULL = re.compile(r"507 Insufficient|InsufficientStorage|XMinioStorageFull|QuotaExceeded")
# All that is told of a refusal: status and the service's own word. The rest may hold an address with a signature.
_STATUS = re.compile(r"status code: (\d{3})")
_WORD = re.compile(r"<Code>(\w{1,60})</Code>")


class CloudRegistry:
    """What lies below a store's prefix. One round trip a call, two where a put finds something there."""

    def __init__(self, store: "AzureStore | S3Store | GCSStore", *, timeout_seconds: float) -> None:
        self._store = store
        self._seconds = timeout_seconds
        self._breaker = Breaker()

    async def put(self, project_id: UUID, digest: str, text: bytes) -> None:
        """See Registry.put."""
        path = _path(project_id, digest)
        try:
            await self._create(path, text)
        except AlreadyExistsError:
            await self._settle(path, digest, text)

    async def put_many(self, project_id: UUID, documents: Sequence[tuple[str, bytes]]) -> None:
        """See Registry.put_many."""

        async def each() -> AsyncIterator[tuple[str, bytes]]:
            for document in documents:
                yield document

        async def put(document: tuple[str, bytes]) -> None:
            await self.put(project_id, *document)

        await for_each(each(), put, at_once=_AT_ONCE)

    async def get(self, project_id: UUID, digest: str) -> bytes:
        """See Registry.get."""
        try:
            found, _ = await self._read(_path(project_id, digest))
        except FileNotFoundError:
            await self._require_container()
            raise missing(digest) from None
        except _TooLarge:
            raise damaged(digest) from None
        return found

    async def sweep(self, project_id: UUID, digest: str, *, before: datetime) -> bool:
        """See Registry.sweep. Between the look and the removal there is a moment that these stores cannot close."""
        path = _path(project_id, digest)
        try:
            async with self._bounded():
                if (await obstore.head_async(self._store, path))["last_modified"] >= before:
                    return False
                await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            await self._require_container()
            return False
        return True

    async def check(self) -> None:
        """See Registry.check."""
        # A full store still gives what it holds, and a reader must not be sent away for it.
        with contextlib.suppress(AlreadyExistsError, RegistryFull):
            await self._create(MARKER, _MARK)
        try:
            await self._read(MARKER)
        except (FileNotFoundError, _TooLarge):
            raise RegistryUnavailable from None

    async def walk(self) -> AsyncIterator[StoredDocument]:
        """See Registry.walk."""
        async for found in self._list():
            named = _DOCUMENT.fullmatch(found["path"])
            if named is not None:
                yield StoredDocument(UUID(named[1]), named[2], found["size"], found["last_modified"])

    async def leftovers(self) -> Sequence[Leftover]:
        """None: these stores keep an object whole or not at all."""
        return ()

    async def discard(self, leftover: Leftover) -> None:
        """There are none."""

    async def keep(self, name: str, record: bytes) -> bool:
        """See Registry.keep."""
        try:
            await self._create(name, record)
        except AlreadyExistsError:
            return False
        return True

    async def kept(self, folder: str) -> AsyncIterator[tuple[str, bytes]]:
        """See Registry.kept."""
        async for found in self._list(folder):
            # What was removed meanwhile, or is too large to be one, is none.
            with contextlib.suppress(FileNotFoundError, _TooLarge):
                record, _ = await self._read(found["path"])
                yield found["path"], record

    def close(self) -> None:
        """Connections end with the store itself; nothing is under way behind a call's back."""

    async def _list(self, folder: str | None = None) -> AsyncIterator["ObjectMeta"]:
        pages = obstore.list(self._store, folder, chunk_size=_PAGE)
        while True:
            async with self._bounded():
                page = await anext(pages, None)
            if page is None:
                return
            for found in page:
                yield found

    async def _create(self, path: str, content: bytes) -> None:
        """Put an object where there is none. Raises AlreadyExistsError."""
        try:
            async with self._bounded():
                await obstore.put_async(self._store, path, content, mode="create", use_multipart=False)
        except FileNotFoundError:
            # Only a container can be missing when something is written.
            raise RegistryUnavailable from None

    async def _settle(self, path: str, digest: str, text: bytes) -> None:
        """Something stands where `text` should go: the same bytes, and all is well; or damage, which it replaces."""
        written = is_damage = False
        for _ in range(_ATTEMPTS):
            found, version, written_at = await self._look(path)
            if found == text and (written or clock.now() - written_at < _RENEW_AFTER):
                if is_damage:
                    logger.warning("document %s was damaged in the store and has been written again", path)
                return
            is_damage = is_damage or found != text
            # It took the bytes and gives others, or ours are no better: nothing here is to be relied on.
            if found != text and (written or hashlib.sha256(text).hexdigest() != digest):
                raise damaged(digest)
            # Only in place of what was just read: where another writer was faster, its bytes are looked at again.
            with contextlib.suppress(PreconditionError):
                async with self._bounded():
                    await obstore.put_async(self._store, path, text, mode=version, use_multipart=False)
                written = True
        raise RegistryUnavailable

    async def _look(self, path: str) -> tuple[bytes | None, "UpdateVersion", datetime]:
        """What stands there, None for what is too large, which version of it this is, and when it was written."""
        try:
            content, meta = await self._read(path)
        except _TooLarge as large:
            return None, _version(large.meta), large.meta["last_modified"]
        except FileNotFoundError:
            # It was there a moment ago: somebody sweeps. The caller's next try finds the place free.
            raise RegistryUnavailable from None
        return content, _version(meta), meta["last_modified"]

    async def _read(self, path: str) -> tuple[bytes, "ObjectMeta"]:
        """An object and what the store says of it. Raises FileNotFoundError, _TooLarge, RegistryUnavailable."""
        async with self._bounded():
            result = await obstore.get_async(self._store, path)
            if result.meta["size"] > MAX_OBJECT_BYTES:
                raise _TooLarge(result.meta)
            content = bytes(await result.bytes_async())
            if len(content) != result.meta["size"]:
                raise RegistryUnavailable
        return content, result.meta

    async def _require_container(self) -> None:
        """Raises RegistryUnavailable where there is no container: then it is not the document that is missing."""
        async with self._bounded():
            await anext(obstore.list(self._store, chunk_size=1), None)

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        """One call to the store, retries included: in time, or RegistryUnavailable; refused in words of ours.

        FileNotFoundError, AlreadyExistsError and PreconditionError are answers, and pass.
        """
        if self._breaker.refuses:
            raise RegistryUnavailable
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except (FileNotFoundError, AlreadyExistsError, PreconditionError, _TooLarge):
            self._breaker.answered()
            raise
        except TimeoutError:
            self._breaker.missed()
            logger.warning("the document store did not answer within %g s", self._seconds)
            raise RegistryUnavailable from None
        except (BaseError, OSError, ValueError) as error:
            # Not chained: what the library says may hold an address with a signature in it.
            raise self._refusal(str(error), type(error).__name__) from None
        else:
            self._breaker.answered()

    def _refusal(self, said: str, kind: str) -> RegistryFull | RegistryUnavailable:
        status, word = _STATUS.search(said), _WORD.search(said)
        if status is None:
            self._breaker.missed()
        else:
            self._breaker.answered()
        told = " ".join(found[1] for found in (status, word) if found) or "no answer"
        logger.warning("the document store refused: %s (%s)", told, kind)
        return RegistryFull() if _FULL.search(said) else RegistryUnavailable()


class _TooLarge(Exception):
    """The object is too large to be a document; this is what the store says of it."""

    def __init__(self, meta: "ObjectMeta") -> None:
        super().__init__()
        self.meta = meta


def _version(meta: "ObjectMeta") -> "UpdateVersion":
    """What names exactly this content of an object; the library wants no entry for what the service does not tell."""
    version: UpdateVersion = {}
    if meta["e_tag"] is not None:
        version["e_tag"] = meta["e_tag"]
    if meta["version"] is not None:
        version["version"] = meta["version"]
    return version


def _path(project_id: UUID, digest: str) -> str:
    return f"{project_id}/{digest}{DOCUMENT_SUFFIX}"
