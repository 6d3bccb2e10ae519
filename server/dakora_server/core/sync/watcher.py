"""Notices changes: on the disk through the system's own notices, on the server through the change feed.

The notices of the disk are hints, never the truth: the library drops them silently when the kernel's queue overflows,
a folder made and filled at once may be seen too late, and network disks give none. So what is named is read again, a
named folder with all that is in it, and the whole folder is looked over now and then by its times alone.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from uuid import UUID

from watchfiles import Change, awatch

from dakora_server.core.parts.service import part_in
from dakora_server.core.scope import is_prompt
from dakora_server.core.sync.disk import is_straight
from dakora_server.core.sync.names import is_hidden, is_yaml

logger = logging.getLogger(__name__)

# A save is taken for finished when nothing has happened for one step; more than the second is never waited.
_STEP_MS, _DEBOUNCE_MS = 50, 100
# How often it is looked whether the folder is still the one that is watched.
_TURN_MS = 1_000
_ABSENCE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
# More names than this are not worth asking one by one.
_MANY = 200


@dataclass(slots=True)
class Noticed:
    """What may have changed since the last time: `paths` on the disk, `ids` on the server.

    `disk` and `server`: anything may have changed there, as something may have been missed.
    """

    paths: set[str] = field(default_factory=set)
    ids: dict[str, str] = field(default_factory=dict)
    disk: bool = False
    server: bool = False


class Watcher:
    """Collects notices until somebody asks for them. `watch` must be running for those of the disk."""

    def __init__(self, folder: Path, project_id: UUID) -> None:
        self._folder = folder
        self._project_id = project_id
        self._noticed = Noticed()
        self._news = asyncio.Event()
        self._ended = asyncio.Event()
        self.blind = False

    def on_change(self, project_id: UUID, subject: str) -> None:
        """A prompt or part changed on the server."""
        item_id = subject if is_prompt(subject) else part_in(subject)
        if project_id == self._project_id and item_id is not None and not self._ended.is_set():
            self._noticed.ids[item_id.lower()] = item_id
            self._news.set()

    def on_gap(self) -> None:
        """Changes on the server may have been missed."""
        self._noticed.server = True
        self._news.set()

    def wake(self) -> None:
        """Let `next` return now."""
        self._news.set()

    def end(self) -> None:
        """Stop noticing; `watch` returns shortly."""
        self._ended.set()

    async def next(self, patience: float) -> Noticed:
        """What was noticed since the last call; waits for something, at most this many seconds."""
        if patience > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._news.wait()
        self._news.clear()
        noticed, self._noticed = self._noticed, Noticed()
        return noticed

    async def watch(self) -> None:
        """Notice changes on the disk until `end`, whatever becomes of the folder meanwhile."""
        pause = _ABSENCE_SECONDS
        while not self._ended.is_set():
            try:
                await self._watch_once()
                pause = _ABSENCE_SECONDS
            except (OSError, RuntimeError, ExceptionGroup) as error:
                # No more watches left in the kernel, a name that is no text, a folder that went away; the library
                # wraps what fails in its thread. `blind` makes the reader look for itself until it works again.
                if not self.blind:
                    logger.warning("the folder cannot be watched, looking at it instead: %r", error)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS) if self.blind else _ABSENCE_SECONDS
                self.blind = True
                self._notice(set(), all_of_it=True)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._ended.wait()

    async def _watch_once(self) -> None:
        watched = await asyncio.to_thread(self._inode)
        if watched is None:
            return
        begun = False
        notices = awatch(
            self._folder,
            watch_filter=self._counts,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            stop_event=self._ended,
            rust_timeout=_TURN_MS,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        )
        async for changes in notices:
            paths = {self._relative(path) for _, path in changes}
            is_same = await asyncio.to_thread(self._inode) == watched
            # What happened before the watch stood, or to a folder that took this one's place, has no notice.
            is_plain = not paths or await asyncio.to_thread(self._are_plain, paths)
            missed = not begun or not is_same or not is_plain
            self._notice(paths, all_of_it=missed)
            begun, self.blind = True, False
            if not is_same:
                return

    def _relative(self, path: str) -> str:
        inside = PurePath(path).relative_to(self._folder).as_posix()
        return "" if inside == "." else inside

    def _notice(self, paths: set[str], *, all_of_it: bool) -> None:
        if not paths and not all_of_it:
            return
        self._noticed.paths |= paths
        self._noticed.disk |= all_of_it
        if len(self._noticed.paths) > _MANY:
            self._noticed.paths, self._noticed.disk = set(), True
        self._news.set()

    def _inode(self) -> int | None:
        try:
            return self._folder.stat().st_ino
        except OSError:
            return None

    def _are_plain(self, paths: set[str]) -> bool:
        """Whether the names can be trusted: a folder that a link leads to may be named as behind that link."""
        return all(is_straight((self._folder / path).parent, self._folder) for path in paths)

    def _counts(self, change: Change, path: str) -> bool:
        name = PurePath(path)
        if any(is_hidden(part) for part in name.relative_to(self._folder).parts):
            return False
        # Whatever has come or gone may have been a folder.
        return change is not Change.modified or is_yaml(name.name)
