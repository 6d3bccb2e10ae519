"""Writing files so that a crash, or a full disk, leaves the old one or the new one."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, text: str, *, mode: int | None = None) -> None:
    """Put `text` at `path`, durably. Without `mode` an existing file keeps its own, a new one gets the usual one."""
    write_bytes_atomically(path, text.encode(), mode=mode)


def write_bytes_atomically(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """`write_atomically` for what is no text."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=".new")
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, which Path cannot open
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), _mode_for(path) if mode is None else mode)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:  # whatever interrupts the write, Ctrl-C too, must leave no half file behind
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_new(path: Path, text: str) -> bool:
    """Put `text` at `path` unless something is there already; says whether it did."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


def _mode_for(path: Path) -> int:
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        # The mask can only be read by setting it.
        mask = os.umask(0o077)
        os.umask(mask)
        return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
