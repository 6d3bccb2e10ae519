"""Documents by content hash: checked when read, kept in memory for ever because they never change, within a bound."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from cachetools import LRUCache

from dakora_server.core.exceptions import DocumentCorrupt
from dakora_server.core.storage.registry.base import Registry, damaged
from dakora_server.core.templates.serialization import Document, content_hash

# What Python adds to a document's text when it is parsed: measured at two to four times, plus the objects around it.
_WEIGHT_FACTOR = 4
_WEIGHT_BASE = 2048


def document_weight(document: Document) -> int:
    """About how many bytes of memory a parsed document takes."""
    return len(document.text) * _WEIGHT_FACTOR + _WEIGHT_BASE


class Vault:
    """The registry with a cache before it. One for the process; `ProjectVault` is the face a request sees."""

    def __init__(self, registry: Registry, *, cache_bytes: int) -> None:
        # What is no document goes past the cache.
        self.registry = registry
        self._cache: LRUCache[tuple[UUID, str], Document] = LRUCache(cache_bytes, getsizeof=document_weight)
        self._loading: dict[tuple[UUID, str], asyncio.Task[Document]] = {}

    async def get(self, project_id: UUID, digest: str) -> Document:
        """The document with this hash.

        Raises DocumentCorrupt when it is missing or its bytes do not have that hash, RegistryUnavailable.
        """
        key = (project_id, digest)
        found = self._cache.get(key)
        if found is not None:
            return found
        # Many requests may miss the same document at once; one of them reads it.
        loading = self._loading.get(key)
        if loading is None:
            loading = asyncio.create_task(self._load(project_id, digest))
            self._loading[key] = loading
            loading.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(loading)

    async def _load(self, project_id: UUID, digest: str) -> Document:
        raw = await self.registry.get(project_id, digest)
        # Parsing YAML takes as long as reading it: not on the event loop.
        document = await asyncio.to_thread(_open, digest, raw)
        self._keep(project_id, document)
        return document

    async def put(self, project_id: UUID, document: Document) -> None:
        """Store a document durably; storing it again does nothing. Raises RegistryFull, RegistryUnavailable."""
        await self.registry.put(project_id, document.hash, document.text.encode())
        self._keep(project_id, document)

    async def put_many(self, project_id: UUID, documents: Sequence[tuple[str, bytes]]) -> None:
        """Store many texts by hash, as durably as `put`. Not kept in memory: they would push out what is in use."""
        await self.registry.put_many(project_id, documents)

    async def text_of(self, project_id: UUID, digest: str) -> str:
        """The text with this hash, not parsed and not kept in memory. Raises what `get` raises."""
        raw = await self.registry.get(project_id, digest)
        if content_hash(raw) != digest:
            raise damaged(digest)
        return raw.decode()

    def _keep(self, project_id: UUID, document: Document) -> None:
        if document_weight(document) <= self._cache.maxsize:
            self._cache[project_id, document.hash] = document

    async def check(self) -> None:
        """Raises RegistryUnavailable unless documents can be read and written now."""
        await self.registry.check()


def _open(digest: str, raw: bytes) -> Document:
    try:
        return Document.load_verified(digest, raw.decode())
    except (UnicodeDecodeError, DocumentCorrupt):
        # Named, so that whoever is told knows what to bring back.
        raise damaged(digest) from None


class ProjectVault:
    """One project's documents: the only ones that can be reached through it."""

    __slots__ = ("_project_id", "_vault")

    def __init__(self, vault: Vault, project_id: UUID) -> None:
        self._vault = vault
        self._project_id = project_id

    async def get(self, digest: str) -> Document:
        """See Vault.get."""
        return await self._vault.get(self._project_id, digest)

    async def put(self, document: Document) -> None:
        """See Vault.put."""
        await self._vault.put(self._project_id, document)

    async def put_many(self, documents: Sequence[tuple[str, bytes]]) -> None:
        """See Vault.put_many."""
        await self._vault.put_many(self._project_id, documents)

    async def text_of(self, digest: str) -> str:
        """See Vault.text_of."""
        return await self._vault.text_of(self._project_id, digest)
