"""What may change, kept in memory only while we would hear of the change: "the newest version of X is this one"."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from uuid import UUID

from cachetools import LRUCache

from dakora_server.core.storage.changes import ChangeFeed

V = TypeVar("V")
Key = tuple[UUID, str]


class Reservation:
    """A promise to fill in an answer that is being read; void if the prompt changes meanwhile."""

    __slots__ = ("key", "void")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.void = False


class Pointers(Generic[V]):
    """Answers by (project, prompt) and selector, or whatever else changes are announced by. Bounded by weight."""

    def __init__(self, feed: ChangeFeed, *, cache_bytes: int, weigh: Callable[[V], int]) -> None:
        self._feed = feed
        self._weigh = weigh
        self._cache: LRUCache[Key, dict[Any, V]] = LRUCache(
            cache_bytes, getsizeof=lambda answers: sum(weigh(answer) for answer in answers.values())
        )
        self._reading: dict[Key, set[Reservation]] = {}
        feed.subscribe(self._forget, on_gap=self._forget_all)

    def get(self, key: Key, selector: object) -> V | None:
        """The kept answer, or None when there is none that can be trusted now."""
        if not self._feed.live:
            return None
        answers = self._cache.get(key)
        return None if answers is None else answers.get(selector)

    def reserve(self, key: Key) -> Reservation:
        """Say that an answer is about to be read from the database. Must be followed by `fill` or `drop`."""
        reservation = Reservation(key)
        self._reading.setdefault(key, set()).add(reservation)
        return reservation

    def drop(self, reservation: Reservation) -> None:
        """Nothing to keep after all."""
        waiting = self._reading.get(reservation.key)
        if waiting is not None:
            waiting.discard(reservation)
            if not waiting:
                del self._reading[reservation.key]

    def fill(self, reservation: Reservation, selector: object, answer: V) -> None:
        """Keep what was read, unless a change was heard of since `reserve`: then it may be old already."""
        self.drop(reservation)
        if reservation.void or not self._feed.live:
            return
        # An entry is weighed when it is set, so a grown one is set anew.
        answers = {**(self._cache.get(reservation.key) or {}), selector: answer}
        if sum(self._weigh(kept) for kept in answers.values()) <= self._cache.maxsize:
            self._cache[reservation.key] = answers

    def _forget(self, project_id: UUID, prompt_id: str) -> None:
        key = (project_id, prompt_id)
        self._cache.pop(key, None)
        for reservation in self._reading.get(key, ()):
            reservation.void = True

    def _forget_all(self) -> None:
        self._cache.clear()
        for waiting in self._reading.values():
            for reservation in waiting:
                reservation.void = True
