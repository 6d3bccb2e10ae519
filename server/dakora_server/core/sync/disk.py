"""The folder on disk: finding files, reading them whole, replacing them without ever losing somebody else's text."""

import contextlib
import ctypes
import errno
import hashlib
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dakora_server.core.sync.names import TEMPORARY, folder_of, is_folder, is_hidden, is_part_folder, is_yaml

MAX_FILE_BYTES = 1024 * 1024


class Stamp(NamedTuple):
    """What tells cheaply that a file may have changed; `modified` is in nanoseconds."""

    inode: int
    size: int
    modified: int


NO_STAMP = Stamp(0, 0, 0)
"""The stamp of what could not be looked at; no file has it."""


class Entry(NamedTuple):
    """A file that counts, or (`refused`, with the reason) one that must not be read.

    A folder that cannot be listed is refused as a whole; what is in it is unknown, not gone.
    """

    path: str
    stamp: Stamp
    refused: str | None = None


class ChangedMeanwhileError(Exception):
    """The file is not what it was when it was read: somebody is saving it. `path` names one that was not known of."""

    def __init__(self, path: str | None = None) -> None:
        super().__init__(path)
        self.path = path


def walk(root: Path, path: str = "") -> Iterator[Entry]:
    """Every YAML file at or below `path`, which is relative to `root`; nothing where there is nothing."""
    full = root / path
    if any(map(is_hidden, Path(path).parts)) or not is_straight(full.parent, root):
        return
    try:
        info = full.stat() if not path else full.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        yield Entry(path, NO_STAMP, f"it cannot be looked at ({error.strerror})")
        return
    if stat.S_ISDIR(info.st_mode):
        yield from _walk_folder(root, path)
    else:
        yield from _entries_of(root, path, info, refused=_refusal(folder_of(path)))


def is_straight(folder: Path, root: Path) -> bool:
    """Whether no link leads to this folder: what is behind one would be read twice, or be none of ours."""
    try:
        return folder == root.parent or folder.resolve() == folder
    except (OSError, RuntimeError):
        return False


def _walk_folder(root: Path, path: str) -> Iterator[Entry]:
    # Strings instead of paths: this is done over and over, for thousands of files.
    try:
        with os.scandir(f"{root}/{path}") as listing:
            entries = [entry for entry in listing if not is_hidden(entry.name)]
    except FileNotFoundError:
        return
    except OSError as error:
        yield Entry(path, NO_STAMP, f"this folder cannot be read ({error.strerror})")
        return
    refused = _refusal(path)
    for entry in entries:
        inner = f"{path}/{entry.name}" if path else entry.name
        try:
            info = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(info.st_mode):
            yield from _walk_folder(root, inner)
        else:
            yield from _entries_of(root, inner, info, refused=refused)


def _entries_of(root: Path, path: str, info: os.stat_result, *, refused: str | None) -> Iterator[Entry]:
    """The entry of something that is no folder, if it counts. `refused` says what is wrong with its folder."""
    name = path.rpartition("/")[2]
    counts = is_yaml(name)
    if stat.S_ISLNK(info.st_mode):
        try:
            target = (root / path).resolve(strict=True)
            info = target.stat()
        except (OSError, RuntimeError):
            if counts:
                yield Entry(path, NO_STAMP, "this link leads nowhere")
            return
        is_folder_link = stat.S_ISDIR(info.st_mode)
        if not target.is_relative_to(root):
            refused, counts = "this link leads out of the folder", counts or is_folder_link
        elif is_folder_link:
            # It would only show files twice.
            return
    if counts:
        if not name.isprintable():
            refused = "the name has characters that cannot be shown"
        elif not refused and not stat.S_ISREG(info.st_mode):
            refused = "this is not a regular file"
        yield Entry(path, stamp_of(info), refused)


def stamp_of(info: os.stat_result) -> Stamp:
    """The stamp in what `stat` told."""
    return Stamp(info.st_ino, info.st_size, info.st_mtime_ns)


def _refusal(folder: str) -> str | None:
    if is_folder(folder) or is_part_folder(folder):
        return None
    return (
        "the names of its sub-folders must be letters, digits, dots, spaces, hyphens or underscores, begin with "
        "a letter or digit, have at most 64 characters and be at most 8 levels deep"
    )


def read(full: Path, expected: Stamp | None = None) -> tuple[bytes, Stamp]:
    """All of a file (one byte more than is allowed, if it is too large) and its stamp.

    Raises ChangedMeanwhileError when it is not `expected` or changes while it is read; OSError.
    """
    # Without O_NONBLOCK, a pipe put in the file's place would hold us for ever.
    descriptor = os.open(full, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode) or (expected is not None and stamp_of(before) != expected):
            raise ChangedMeanwhileError
        raw = file.read(MAX_FILE_BYTES + 1)
        if stamp_of(os.fstat(descriptor)) != stamp_of(before):
            raise ChangedMeanwhileError
    return raw, stamp_of(before)


def create(root: Path, path: str, text: bytes) -> Stamp:
    """Make a new file with this text, whole from the first moment on. Raises FileExistsError, OSError."""
    full = _place(root, path)
    temporary = _temporary(full)
    try:
        temporary.write_bytes(text)
        _link(temporary, full)
        return stamp_of(full.stat())
    finally:
        _discard(temporary)


def replace(root: Path, path: str, text: bytes, *, digest: str) -> Stamp:
    """Put this text in the place of the text with SHA-256 `digest`, in one step, keeping mode and owner.

    Raises ChangedMeanwhileError when there is another text by now, and leaves that one; OSError.
    """
    full = (root / path).resolve(strict=True)
    info = full.stat()
    if not stat.S_ISREG(info.st_mode):
        raise IsADirectoryError(errno.EISDIR, "there is no regular file any more", str(full))
    temporary = _temporary(full)
    try:
        with temporary.open("xb") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), stat.S_IMODE(info.st_mode))
            if (info.st_uid, info.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(PermissionError):
                    os.fchown(file.fileno(), info.st_uid, info.st_gid)
            # The comments in the old text are nowhere else: it must not go before the new one is there.
            os.fsync(file.fileno())
        _take_place(temporary, full, text=text, digest=digest)
        return stamp_of(full.stat())
    finally:
        _discard(temporary)


def _take_place(temporary: Path, full: Path, *, text: bytes, digest: str) -> None:
    """An editor may save between our last look at a file and its replacement: so look at what was replaced, after."""
    if not _exchange(temporary, full):
        if _digest(full) != digest:
            raise ChangedMeanwhileError
        temporary.replace(full)
        return
    if _digest(temporary) == digest:
        return
    # Somebody's save came away with our temporary name: it goes back. Had they saved over ours as well, that is newer.
    _exchange(temporary, full)
    if _digest(temporary) != hashlib.sha256(text).hexdigest():
        temporary.replace(full)
    raise ChangedMeanwhileError


def remove(root: Path, path: str, *, digest: str) -> None:
    """Delete the file if it still has the text with this SHA-256. Raises ChangedMeanwhileError, OSError."""
    full = root / path
    aside = _temporary(full)
    full.rename(aside)
    if _digest(aside) == digest:
        aside.unlink()
        return
    # Somebody has saved: it goes back, unless they have saved yet again.
    with contextlib.suppress(FileExistsError):
        _link(aside, full)
    _discard(aside)
    raise ChangedMeanwhileError


def move(root: Path, path: str, target: str) -> None:
    """Move a file to where there is none yet. Raises FileExistsError, OSError."""
    full, goal = root / path, _place(root, target)
    _link(full, goal)
    full.unlink(missing_ok=True)


def _place(root: Path, path: str) -> Path:
    """The full path of a new file, its folder made. Raises OSError where a link leads that folder elsewhere."""
    full = root / path
    full.parent.mkdir(parents=True, exist_ok=True)
    if not is_straight(full.parent, root):
        raise OSError(errno.ELOOP, "a link stands where the folder should be")
    return full


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, never taking one away. Raises FileExistsError."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        # Some disks (exFAT, network shares) have no links.
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        source.rename(target)


def _temporary(full: Path) -> Path:
    return full.with_name(f"{TEMPORARY}{secrets.token_hex(8)}.tmp")


def _discard(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink(missing_ok=True)


def _digest(full: Path) -> str:
    return hashlib.sha256(full.read_bytes()).hexdigest()


_libc = ctypes.CDLL(None)


def _exchange(one: Path, other: Path) -> bool:
    """Let two files change names in one step. False where system or disk cannot do that."""
    first, second = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform == "darwin":
            return bool(_libc.renamex_np(first, second, _SWAP) == 0)
        return bool(_libc.renameat2(_HERE, first, _HERE, second, _SWAP) == 0)
    except AttributeError:
        return False


_SWAP = 2  # RENAME_SWAP of macOS, RENAME_EXCHANGE of Linux
_HERE = -100  # AT_FDCWD
