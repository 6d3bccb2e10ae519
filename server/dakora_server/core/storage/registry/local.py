"""Documents in a local folder: `<root>/<project_id>/<sha256>.yaml`, each written once and durably.

A put is acknowledged only when the bytes and the name are on disk: temporary file, fsync, link to the final name
(which fails if it exists, so nothing is ever overwritten), fsync of the folder. No user text is part of a path.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
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
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="registry")
        # Folders known to exist and to be durable themselves.
        self._folders: set[UUID] = set()

    async def put(self, project_id: UUID, digest: str, text: bytes) -> None:
        """Store `text` under its hash; storing it again does nothing.

        Raises RegistryFull when the disk is full, RegistryUnavailable for any other failure of the disk.
        """
        await self._run(self._put, project_id, digest, text)

    async def get(self, project_id: UUID, digest: str) -> bytes:
        """The stored bytes, unchecked. Raises DocumentCorrupt when there are none, RegistryUnavailable."""
        return await self._run(self._get, project_id, digest)

    async def sweep(self, project_id: UUID, digest: str, *, before: datetime) -> bool:
        """Remove a document nobody refers to, unless it was stored (again) since `before`; whether it was removed."""
        return await self._run(self._sweep, project_id, digest, before.timestamp())

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
        if self._holds(final, text) and self._renew(final):
            return
        folder = self._folder(project_id)
        temporary = folder / f"{_TEMPORARY}{secrets.token_hex(8)}"
        try:
            _write_durably(temporary, text)
            try:
                os.link(temporary, final)
            except FileExistsError:
                # Another writer was faster with the same bytes, or what stands there is damaged: then ours heals it.
                if not self._holds(final, text):
                    temporary.replace(final)
            _sync_folder(folder)
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

    @staticmethod
    def _renew(final: Path) -> bool:
        """Let a document count as written now, so that no sweeper takes it from its new row; False if it is gone."""
        try:
            with _locked(final.parent, fcntl.LOCK_SH):
                os.utime(final)
        except FileNotFoundError:
            return False
        return True

    def _sweep(self, project_id: UUID, digest: str, before: float) -> bool:
        final = self._path(project_id, digest)
        try:
            # Whoever stores the same document now has made it young by then, or finds it gone.
            with _locked(final.parent, fcntl.LOCK_EX):
                if final.stat().st_mtime >= before:
                    return False
                final.unlink()
        except FileNotFoundError:
            return False
        return True

    def _check(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
            raise RegistryUnavailable


def _write_durably(path: Path, text: bytes) -> None:
    with path.open("xb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Hold a folder against the other processes of this machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
