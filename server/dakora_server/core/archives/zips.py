"""A zip that somebody sent: looked over before anything is unpacked, then read file by file.

The archive's own list of files is read here and not by `zipfile`, which would make an object of each of a million
entries before anybody could say no. What passes is bounded: as many files, as many bytes, each of them once.
"""

import re
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

from dakora_server.core.exceptions import ArchiveInvalid, Fault
from dakora_server.core.templates.spec_faults import shown
from dakora_server.core.templates.yaml_reader import MAX_FILE_BYTES

_MIB = 1024 * 1024
# What an archive may unpack to: so many times its own limit, and so many times its size once that is no small matter.
_UNPACKED_FACTOR = 4
_RATIO, _SMALL = 100, 16 * _MIB
# The longest the list of files may be, for each file that is allowed.
_LIST_BYTES = 512
_LONGEST_NAME = 1024

_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s4x4H4x2L5H2L")
_LOCAL_HEADER = 30
_LONGEST_COMMENT = 65_535
_ENCRYPTED, _UTF8 = 0x1 | 0x40 | 0x2000, 0x800
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:|^/|//")
# What the archivers of this world add by themselves.
_HIDDEN = "__MACOSX"


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How large an archive may be, in bytes, and how many files it may hold."""

    bytes: int = 64 * _MIB
    files: int = 50_000


class Archive:
    """The YAML files of a checked archive, by path. Reading may be done from several threads."""

    def __init__(self, unpacking: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo]) -> None:
        self._zip = unpacking
        self._files = files
        self.paths = sorted(files)

    def __contains__(self, path: str) -> bool:
        return path in self._files

    def size(self, path: str) -> int:
        """How many bytes a file has, as the archive says."""
        return self._files[path].file_size

    def read(self, path: str) -> bytes:
        """One file. Raises ArchiveInvalid when it is damaged, or larger than the archive says."""
        info = self._files[path]
        try:
            with self._zip.open(info) as file:
                found = file.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, struct.error) as error:
            raise invalid("cannot be unpacked: the archive is damaged", path, "damaged_file") from error
        if len(found) != info.file_size:
            raise invalid("has not the size that the archive says", path, "damaged_file")
        return found


def invalid(predicate: str, path: str, kind: str) -> ArchiveInvalid:
    """The refusal of an archive for one of its files."""
    message = f"`{shown(path)}` {predicate}."
    return ArchiveInvalid(message, errors=[Fault(message, loc=(path[:_LONGEST_NAME],), type=kind)])


def open_archive(file: IO[bytes], limits: ArchiveLimits) -> Archive:
    """Look an archive over. Blocks on the disk, and takes time in proportion to the number of files allowed.

    Raises ArchiveInvalid for what is no zip, is larger than allowed packed or unpacked, or holds anything but YAML
    files at paths below its root, each once, readable by anybody and packed in the ordinary way.
    """
    size = file.seek(0, 2)
    names = _look_over(file, size, limits)
    try:
        unpacking = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, struct.error) as error:
        raise ArchiveInvalid("The body is not a zip archive that can be read.") from error
    found = unpacking.infolist()
    if len(found) != len(names):
        raise ArchiveInvalid("The archive's list of files does not agree with itself.")
    return Archive(unpacking, {info.filename: info for info in found if _is_wanted(info.filename)})


def _is_wanted(path: str) -> bool:
    """Whether a file counts: hidden ones, and what some archivers add, do not."""
    return not path.endswith("/") and not any(part.startswith(".") or part == _HIDDEN for part in path.split("/"))


def _look_over(file: IO[bytes], size: int, limits: ArchiveLimits) -> list[str]:
    """The names in the archive's list of files, none of which is dangerous. Raises ArchiveInvalid."""
    listed, begin, entries = _list_of_files(file, size, limits)
    names: list[str] = []
    seen: set[str] = set()
    place = unpacked = packed = 0
    most = min(limits.bytes * _UNPACKED_FACTOR, max(_SMALL, size * _RATIO))
    while place < len(listed):
        if len(names) >= entries:
            raise ArchiveInvalid("The archive holds more files than it says.")
        name, entry, place = _entry(listed, place)
        _refuse_entry(name, entry)
        if name.lower() in seen:
            raise invalid("is in the archive twice (letters' case aside)", name, "duplicate_path")
        seen.add(name.lower())
        names.append(name)
        unpacked += entry.unpacked
        packed += entry.packed + _LOCAL_HEADER + entry.name_bytes
        if unpacked > most:
            raise ArchiveInvalid(f"The archive would unpack to more than {most // _MIB:,} MiB.")
    if len(names) != entries:
        raise ArchiveInvalid("The archive holds fewer files than it says.")
    if packed > begin:
        # The same bytes serve as several files: how a small archive becomes a very large one.
        raise ArchiveInvalid("Files of the archive overlap.")
    return names


def _list_of_files(file: IO[bytes], size: int, limits: ArchiveLimits) -> tuple[bytes, int, int]:
    """The raw list of files, where in the archive it begins, and how many files it says it has."""
    refusal = ArchiveInvalid("The body is not a zip archive.")
    tail_at = max(0, size - _END.size - _LONGEST_COMMENT)
    file.seek(tail_at)
    tail = file.read(_END.size + _LONGEST_COMMENT)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise refusal
    _, disk, first_disk, here, entries, length, begin, comment = _END.unpack_from(tail, at)
    if tail[max(0, at - 20) : at].startswith(b"PK\x06\x07") or entries == 0xFFFF or begin == 0xFFFFFFFF:
        raise ArchiveInvalid("The archive has the zip64 format, which only larger ones need.")
    if entries > limits.files:
        raise ArchiveInvalid(f"The archive holds more than {limits.files:,} files.")
    is_whole = (disk, first_disk, here) == (0, 0, entries) and at + _END.size + comment == len(tail)
    if not is_whole or begin + length != tail_at + at or length > limits.files * _LIST_BYTES:
        raise refusal
    file.seek(begin)
    return file.read(length), begin, entries


@dataclass(frozen=True, slots=True)
class _Entry:
    flags: int
    method: int
    packed: int
    unpacked: int
    name_bytes: int
    mode: int


def _entry(listed: bytes, place: int) -> tuple[str, _Entry, int]:
    """The entry at `place`, and where the next one is."""
    if len(listed) - place < _ENTRY.size:
        raise ArchiveInvalid("The archive's list of files is damaged.")
    fields = _ENTRY.unpack_from(listed, place)
    signature, flags, method, _, _, packed, unpacked, name_bytes, extra, comment, _, _, mode, _ = fields
    after = place + _ENTRY.size + name_bytes + extra + comment
    if signature != b"PK\x01\x02" or after > len(listed):
        raise ArchiveInvalid("The archive's list of files is damaged.")
    raw = listed[place + _ENTRY.size : place + _ENTRY.size + name_bytes]
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError:
        raise ArchiveInvalid("The archive holds a file whose name is no text.") from None
    return name, _Entry(flags, method, packed, unpacked, name_bytes, mode >> 16), after


def _refuse_entry(name: str, entry: _Entry) -> None:
    parts = name.removesuffix("/").split("/")
    if not name or len(name) > _LONGEST_NAME or _UNFIT.search(name) or any(part in {".", ".."} for part in parts):
        raise invalid("is not a path below the archive's root", name, "unsafe_path")
    kind = stat.S_IFMT(entry.mode)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR} or (kind == stat.S_IFDIR and not name.endswith("/")):
        raise invalid("is no ordinary file, but a link or a device", name, "not_a_file")
    if entry.flags & _ENCRYPTED:
        raise invalid("is encrypted", name, "encrypted")
    if entry.method not in _METHODS:
        raise invalid("is packed in a way that is not used here: only deflate is", name, "unknown_method")
    if _is_wanted(name) and not name.endswith((".yaml", ".yml")):
        raise invalid("is not a YAML file: an archive holds nothing else", name, "not_yaml")
    if entry.unpacked > MAX_FILE_BYTES:
        raise invalid("is larger than 1 MiB", name, "file_too_large")
