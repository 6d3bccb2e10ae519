"""Answers kept with their ETags. Each is asked about again before it is used, so none is ever stale."""

from threading import Lock
from typing import Any, NamedTuple


class Kept(NamedTuple):
    """An answer and its tag."""

    etag: str
    value: Any


class Cache:
    """The answers used last, at most `size` of them. Safe between threads; size 0 keeps nothing."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[str, Kept] = {}
        self._lock = Lock()

    def get(self, path: str) -> Kept | None:
        """What was kept for `path`."""
        with self._lock:
            kept = self._kept.pop(path, None)
            if kept is not None:
                self._kept[path] = kept  # dicts are in order of insertion: this one is now the newest
            return kept

    def put(self, path: str, kept: Kept) -> None:
        """Keep an answer, and let go of the one not used for longest if there are too many."""
        if self._size == 0:
            return
        with self._lock:
            self._kept.pop(path, None)
            self._kept[path] = kept
            if len(self._kept) > self._size:
                del self._kept[next(iter(self._kept))]
