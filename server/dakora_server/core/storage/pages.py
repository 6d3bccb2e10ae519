"""Whole answers of a project, kept as long as nothing in the project has changed: lists, above all.

A list shows many prompts, so any change of any of them makes every kept page of the project void. Only while the
process hears of changes is anything kept or given out (see `changes.py`).
"""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from cachetools import LRUCache

from dakora_server.core.storage.changes import ChangeFeed

RawHeaders = tuple[tuple[bytes, bytes], ...]
# So that one project's thousand searches do not drive out what all the others ask for again and again.
MOST_OF_A_PROJECT = 256
# What a page costs beside its bytes: keys, headers, entries of dictionaries.
_OVERHEAD = 2000


@dataclass(frozen=True, slots=True)
class Page:
    """An answer as it went out."""

    headers: RawHeaders
    body: bytes


class PageKey(NamedTuple):
    """What was asked for, by whom: callers who may see other things have other pages."""

    project_id: UUID
    question: Hashable


class Flight:
    """An answer that is being made. Void once its project changes: then it may be old before it is there."""

    __slots__ = ("key", "landed", "void")

    def __init__(self, key: PageKey) -> None:
        self.key = key
        self.void = False
        self.landed = asyncio.Event()


class _Shelf(LRUCache[PageKey, Page]):
    """Pages by how long ago they were asked for, and which of them are whose."""

    def __init__(self, cache_bytes: int) -> None:
        super().__init__(cache_bytes, getsizeof=lambda page: len(page.body) + _OVERHEAD)
        # In order of arrival. Whatever is in the cache is here, and the reverse.
        self.of_project: dict[UUID, dict[PageKey, None]] = {}

    def put(self, key: PageKey, page: Page) -> None:
        if self.getsizeof(page) > self.maxsize:
            return
        self[key] = page
        mine = self.of_project.setdefault(key.project_id, {})
        mine[key] = None
        if len(mine) > MOST_OF_A_PROJECT:
            self.pop(next(iter(mine)))

    def clear(self) -> None:
        super().clear()
        self.of_project.clear()

    def __delitem__(self, key: PageKey) -> None:
        super().__delitem__(key)
        mine = self.of_project[key.project_id]
        mine.pop(key, None)
        if not mine:
            del self.of_project[key.project_id]


class Pages:
    """One a process. Bounded in bytes, and in pages of one project."""

    def __init__(self, feed: ChangeFeed, *, cache_bytes: int) -> None:
        self._feed = feed
        self._shelf = _Shelf(cache_bytes)
        # Mostly one for a question; more when those who waited lost patience. A change must void every one of them.
        self._flights: dict[UUID, dict[PageKey, list[Flight]]] = {}
        feed.subscribe(lambda scope_id, _: self._forget(scope_id), on_gap=self._forget_all)

    def get(self, key: PageKey) -> Page | None:
        """The kept answer, or None when there is none that can be trusted now."""
        return self._shelf.get(key) if self._feed.live else None

    def under_way(self, key: PageKey) -> Flight | None:
        """Somebody's making of this very answer, begun since the last change; None when it would not be kept anyway."""
        if not self._feed.live or self._shelf.maxsize < _OVERHEAD:
            return None
        flights = self._flights.get(key.project_id, {}).get(key)
        return flights[-1] if flights else None

    def begin(self, key: PageKey) -> Flight:
        """Say that this answer is about to be made. Must be followed by `end`."""
        flight = Flight(key)
        self._flights.setdefault(key.project_id, {}).setdefault(key, []).append(flight)
        return flight

    def end(self, flight: Flight, page: Page | None) -> None:
        """Keep the answer, if there is one and nothing has changed since `begin`, and let whoever waits go on."""
        key = flight.key
        if not flight.void:
            mine = self._flights[key.project_id]
            mine[key].remove(flight)
            if not mine[key]:
                del mine[key]
            if not mine:
                del self._flights[key.project_id]
        if page is not None and not flight.void and self._feed.live:
            self._shelf.put(key, page)
        flight.landed.set()

    def _forget(self, project_id: UUID) -> None:
        for key in tuple(self._shelf.of_project.get(project_id, ())):
            self._shelf.pop(key)
        for flights in self._flights.pop(project_id, {}).values():
            for flight in flights:
                flight.void = True

    def _forget_all(self) -> None:
        self._shelf.clear()
        for project_id in tuple(self._flights):
            self._forget(project_id)
