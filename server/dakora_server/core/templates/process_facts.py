"""What Linux says of another process. On other systems nobody says, and the answer is None."""

import os
from pathlib import Path


def time_on_processor(pid: int) -> int | None:
    """Nanoseconds that a process has been running in all."""
    return _number(f"/proc/{pid}/schedstat", 0)


def resident_bytes(pid: int) -> int | None:
    """How much memory a process has in use, what it shares with others included."""
    pages = _number(f"/proc/{pid}/statm", 1)
    return None if pages is None else pages * os.sysconf("SC_PAGE_SIZE")


def _number(path: str, place: int) -> int | None:
    try:
        return int(Path(path).read_bytes().split()[place])
    except (OSError, IndexError, ValueError):
        return None
