"""Documents in a local folder: `<root>/<project_id>/<sha256>.yaml`, each written once and durably.

A put is acknowledged only when the bytes and the name are on disk: temporary file, fsync, link to the final name
(which fails if it exists, so nothing is ever overwritten), fsync of the folder. No user text is part of a path.
"""

import asyncio
import errno
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar
from uuid import UUID

from dakora_server.core.exceptions import DakoraError, DocumentCorrupt, RegistryFull, RegistryUnavailable

P = ParamSpec("P")
R = TypeVar("R")
_SUFFIX = ".yaml"
_TEMPORARY = ".tmp-"
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """What a listing tells of one document: its address, size in bytes and time of writing (UTC)."""

    project_id: UUID
    hash: str
    size: int
    written_at: datetime


class LocalRegistry:
    """The folder at `root`; made when missing. Every call that touches the disk runs on a thread of its own pool."""

    def __init__(self, root: Path, *, threads: int = 8) -> None:
        self.root = root.absolute()
        self._size = threads
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="registry")
        # Folders known to exist and to be durable themselves.
        self._folders: set[UUID] = set()

    async def put(self, project_id: UUID, digest: str, text: bytes) -> None:
        """Store `text` under its hash; storing it again does nothing.

        Raises RegistryFull when the disk is full, RegistryUnavailable for any other failure of the disk.
        """
        await self._run(self._put, project_id, digest, text)

    async def put_many(self, project_id: UUID, documents: Sequence[tuple[str, bytes]]) -> None:
        """Store many texts, each under its hash; as durable as `put`, with one fsync of the folder for all.

        Raises what `put` raises; some of them may be stored then.
        """
        # A journal commits what several threads wait for at once: many times faster than one file after the other.
        shares = [documents[first :: self._size] for first in range(min(self._size, len(documents)))]
        await asyncio.gather(*(self._run(self._put_share, project_id, share) for share in shares))
        await self._run(self._sync, project_id)

    async def get(self, project_id: UUID, digest: str) -> bytes:
        """The stored bytes, unchecked. Raises DocumentCorrupt when there are none, RegistryUnavailable."""
        return await self._run(self._get, project_id, digest)

    async def delete(self, project_id: UUID, digest: str) -> None:
        """Remove a document nobody refers to. Removing what is gone does nothing."""
        await self._run(self._delete, project_id, digest)

    async def check(self) -> None:
        """Raises RegistryUnavailable unless documents can be read and written now."""
        await self._run(self._check)

    def walk(self) -> Iterator[StoredDocument]:
        """Every stored document. Blocks on the disk: for the operator's commands, not for requests."""
        if not self.root.is_dir():
            return
        for folder in sorted(self.root.iterdir()):
            try:
                project_id = UUID(folder.name)
            except ValueError:
                continue
            for path in sorted(folder.glob(f"*{_SUFFIX}")):
                stat = path.stat()
                written_at = datetime.fromtimestamp(stat.st_mtime, UTC)
                yield StoredDocument(project_id, path.stem, stat.st_size, written_at)

    def leftovers(self) -> Iterator[Path]:
        """Temporary files that a crash left behind. Blocks on the disk."""
        yield from self.root.glob(f"*/{_TEMPORARY}*")

    def close(self) -> None:
        """Let running writes finish and end the threads."""
        self._threads.shutdown(wait=True)

    async def _run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, partial(work, *args, **kwargs))
        except DakoraError:
            raise
        except OSError as error:
            raise (RegistryFull() if error.errno in _DISK_FULL else RegistryUnavailable()) from error

    def _path(self, project_id: UUID, digest: str) -> Path:
        return self.root / str(project_id) / f"{digest}{_SUFFIX}"

    def _get(self, project_id: UUID, digest: str) -> bytes:
        try:
            return self._path(project_id, digest).read_bytes()
        except FileNotFoundError:
            if not self.root.is_dir():
                raise RegistryUnavailable from None
            raise DocumentCorrupt("A stored document is missing.") from None

    def _put(self, project_id: UUID, digest: str, text: bytes) -> None:
        final = self._path(project_id, digest)
        if not self._holds(final, text):
            self._put_in(self._folder(project_id), final, text)
            _sync_folder(final.parent)

    def _put_share(self, project_id: UUID, documents: Sequence[tuple[str, bytes]]) -> None:
        for digest, text in documents:
            final = self._path(project_id, digest)
            if not self._holds(final, text):
                self._put_in(self._folder(project_id), final, text)

    def _sync(self, project_id: UUID) -> None:
        _sync_folder(self._folder(project_id))

    def _put_in(self, folder: Path, final: Path, text: bytes) -> None:
        """The document under its name; the name is durable once the folder is synced."""
        temporary = folder / f"{_TEMPORARY}{secrets.token_hex(8)}"
        try:
            _write_durably(temporary, text)
            try:
                os.link(temporary, final)
            except FileExistsError:
                # Another writer was faster with the same bytes, or what stands there is damaged: then ours heals it.
                if not self._holds(final, text):
                    temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)

    @staticmethod
    def _holds(final: Path, text: bytes) -> bool:
        try:
            return final.stat().st_size == len(text) and final.read_bytes() == text
        except FileNotFoundError:
            return False

    def _folder(self, project_id: UUID) -> Path:
        folder = self.root / str(project_id)
        if project_id not in self._folders or not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _sync_folder(self.root)
            self._folders.add(project_id)
        return folder

    def _delete(self, project_id: UUID, digest: str) -> None:
        self._path(project_id, digest).unlink(missing_ok=True)

    def _check(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
            raise RegistryUnavailable


def _write_durably(path: Path, text: bytes) -> None:
    with path.open("xb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
