"""Documents in a local folder: `<root>/<project_id>/<sha256>.yaml`, each written once and durably.

A put is acknowledged only when the bytes and the name are on disk: temporary file, fsync, link to the final name
(which fails if it exists, so nothing is ever overwritten), fsync of the folder. No user text is part of a path.
"""

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar
from uuid import UUID

from dakora_server.core.exceptions import DakoraError, RegistryFull, RegistryUnavailable
from dakora_server.core.storage.registry import durable
from dakora_server.core.storage.registry.base import (
    DOCUMENT_SUFFIX,
    HASH,
    MAX_OBJECT_BYTES,
    Leftover,
    StoredDocument,
    damaged,
    missing,
)

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
_TEMPORARY = ".tmp-"
# From so many on, one call for the whole file system is cheaper than one a file.
_WORTH_TOGETHER = 8
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class LocalRegistry:
    """The folder at `root`; made when missing. Every call that touches the disk runs on a thread of its own pool."""

    def __init__(self, root: Path, *, threads: int = 8) -> None:
        self.root = root.absolute()
        self._size = threads
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="registry")
        # Folders known to exist and to be durable themselves.
        self._folders: set[UUID] = set()

    async def put(self, project_id: UUID, digest: str, text: bytes) -> None:
        """See Registry.put."""
        await self._run(self._put, project_id, digest, text)

    async def put_many(self, project_id: UUID, documents: Sequence[tuple[str, bytes]]) -> None:
        """See Registry.put_many. One fsync of the folder for all."""
        if len(documents) >= _WORTH_TOGETHER and durable.can_sync_all():
            await self._run(self._put_together, project_id, dict(documents))
            return
        # A journal commits what several threads wait for at once: many times faster than one file after the other.
        shares = [documents[first :: self._size] for first in range(min(self._size, len(documents)))]
        await asyncio.gather(*(self._run(self._put_share, project_id, share) for share in shares))
        await self._run(self._sync, project_id)

    async def get(self, project_id: UUID, digest: str) -> bytes:
        """See Registry.get."""
        return await self._run(self._get, project_id, digest)

    async def sweep(self, project_id: UUID, digest: str, *, before: datetime) -> bool:
        """See Registry.sweep."""
        return await self._run(self._sweep, project_id, digest, before.timestamp())

    async def check(self) -> None:
        """See Registry.check."""
        await self._run(self._check)

    async def walk(self) -> AsyncIterator[StoredDocument]:
        """See Registry.walk."""
        for project_id in await self._run(self._projects):
            for document in await self._run(self._documents, project_id):
                yield document

    async def leftovers(self) -> Sequence[Leftover]:
        """See Registry.leftovers: temporary files."""
        return await self._run(self._temporary_files)

    async def discard(self, leftover: Leftover) -> None:
        """See Registry.discard."""
        await self._run((self.root / leftover.name).unlink, missing_ok=True)

    async def keep(self, name: str, record: bytes) -> bool:
        """See Registry.keep."""
        return await self._run(self._keep, self.root / name, record)

    async def kept(self, folder: str) -> AsyncIterator[tuple[str, bytes]]:
        """See Registry.kept."""
        for path in await self._run(self._records, self.root / folder):
            yield str(path.relative_to(self.root)), await self._run(path.read_bytes)

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
        return self.root / str(project_id) / f"{digest}{DOCUMENT_SUFFIX}"

    def _get(self, project_id: UUID, digest: str) -> bytes:
        try:
            with self._path(project_id, digest).open("rb") as file:
                text = file.read(MAX_OBJECT_BYTES + 1)
        except FileNotFoundError:
            if not self.root.is_dir():
                raise RegistryUnavailable from None
            raise missing(digest) from None
        if len(text) > MAX_OBJECT_BYTES:
            raise damaged(digest)
        return text

    def _projects(self) -> list[UUID]:
        if not self.root.is_dir():
            return []
        return [UUID(entry.name) for entry in sorted(self.root.iterdir()) if _is_project(entry.name)]

    def _documents(self, project_id: UUID) -> list[StoredDocument]:
        found = []
        for path in sorted((self.root / str(project_id)).glob(f"*{DOCUMENT_SUFFIX}")):
            if HASH.fullmatch(path.stem) is None:
                continue
            # Whoever sweeps meanwhile may have removed it.
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                written_at = datetime.fromtimestamp(stat.st_mtime, UTC)
                found.append(StoredDocument(project_id, path.stem, stat.st_size, written_at))
        return found

    def _temporary_files(self) -> list[Leftover]:
        found = []
        for path in sorted(self.root.glob(f"*/{_TEMPORARY}*")):
            # A write that is under way ends meanwhile.
            with contextlib.suppress(FileNotFoundError):
                written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                found.append(Leftover(str(path.relative_to(self.root)), written_at))
        return found

    def _put(self, project_id: UUID, digest: str, text: bytes) -> None:
        final = self._path(project_id, digest)
        if not (self._holds(final, text) and self._renew(final)):
            self._put_in(self._folder(project_id), final, digest, text)
        # Also where it was there already: its writer may not be done yet, and what is acknowledged has to be durable.
        durable.sync_folder(final.parent)

    def _put_share(self, project_id: UUID, documents: Sequence[tuple[str, bytes]]) -> None:
        for digest, text in documents:
            final = self._path(project_id, digest)
            if not (self._holds(final, text) and self._renew(final)):
                self._put_in(self._folder(project_id), final, digest, text)

    def _put_together(self, project_id: UUID, documents: Mapping[str, bytes]) -> None:
        """Files first, all made durable by one call, then their names: several times faster than one by one."""
        folder = self._folder(project_id)
        waiting: list[tuple[Path, Path, str, bytes]] = []
        try:
            for digest, text in documents.items():
                final = self._path(project_id, digest)
                if not (self._holds(final, text) and self._renew(final)):
                    waiting.append((folder / _temporary_name(), final, digest, text))
                    durable.write_for_later(waiting[-1][0], text)
            if waiting:
                durable.sync_all(folder)
            for written in waiting:
                self._name(*written)
        finally:
            for temporary, *_ in waiting:
                temporary.unlink(missing_ok=True)
        durable.sync_folder(folder)

    def _sync(self, project_id: UUID) -> None:
        durable.sync_folder(self._folder(project_id))

    def _put_in(self, folder: Path, final: Path, digest: str, text: bytes) -> None:
        """The document under its name; the name is durable once the folder is synced."""
        temporary = folder / _temporary_name()
        try:
            durable.write(temporary, text)
            self._name(temporary, final, digest, text)
        finally:
            temporary.unlink(missing_ok=True)

    def _name(self, temporary: Path, final: Path, digest: str, text: bytes) -> None:
        """Give a durable file its own name."""
        try:
            os.link(temporary, final)
        except FileExistsError:
            # Another writer was faster with the same bytes, or what stands there is damaged: then ours heals it.
            if not self._holds(final, text):
                _require_hash(digest, text)
                temporary.replace(final)
                logger.warning("document %s was damaged on disk and has been written again", final.name)

    def _keep(self, final: Path, record: bytes) -> bool:
        if not final.parent.is_dir():
            final.parent.mkdir(parents=True, exist_ok=True)
            durable.sync_folder(self.root)
        temporary = final.parent / _temporary_name()
        try:
            durable.write(temporary, record)
            os.link(temporary, final)
            durable.sync_folder(final.parent)
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        return True

    @staticmethod
    def _records(folder: Path) -> list[Path]:
        return sorted(path for path in folder.glob("[!.]*") if path.is_file())

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
            durable.sync_folder(self.root)
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


def _temporary_name() -> str:
    return f"{_TEMPORARY}{secrets.token_hex(8)}"


def _is_project(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _require_hash(digest: str, text: bytes) -> None:
    """Raises DocumentCorrupt unless the text is what its hash promises: only then may it take another's place."""
    if hashlib.sha256(text).hexdigest() != digest:
        raise damaged(digest)


@contextlib.contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Hold a folder against the other processes of this machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
