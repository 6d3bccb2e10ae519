"""Bytes and names that are on disk when the call returns."""

import ctypes
import functools
import os
import platform
import re
from collections.abc import Callable
from pathlib import Path

# Before this release of Linux, syncfs did not tell of what could not be written.
_LINUX_THAT_TELLS = (5, 8)


def write(path: Path, text: bytes) -> None:
    """A new file with this text. Raises OSError, FileExistsError among them."""
    _write(path, text, is_durable=True)


def write_for_later(path: Path, text: bytes) -> None:
    """The same, durable only once `sync_all` has been called. Raises OSError."""
    _write(path, text, is_durable=False)


def _write(path: Path, text: bytes, *, is_durable: bool) -> None:
    # Without a file object: of a thousand small files, it costs as much as the rest.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        rest = memoryview(text)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if is_durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def can_sync_all() -> bool:
    """Whether this machine makes many files durable in one call, and tells when that failed."""
    return _syncfs() is not None


def sync_all(folder: Path) -> None:
    """Make everything on the folder's file system durable, for the price of a few files. Raises OSError."""
    syncfs = _syncfs()
    if syncfs is None:
        raise NotImplementedError
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(descriptor) != 0:
            problem = ctypes.get_errno()
            raise OSError(problem, os.strerror(problem), str(folder))
    finally:
        os.close(descriptor)


@functools.cache
def _syncfs() -> Callable[[int], int] | None:
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    if platform.system() != "Linux" or release is None:
        return None
    if (int(release[1]), int(release[2])) < _LINUX_THAT_TELLS:
        return None
    try:
        found = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return None
    found.argtypes = (ctypes.c_int,)
    found.restype = ctypes.c_int
    call: Callable[[int], int] = found
    return call
