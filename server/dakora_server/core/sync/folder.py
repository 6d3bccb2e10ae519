"""One folder of YAML and one project, kept in step both ways: the three ways in, and when what is due."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dakora_server.core.exceptions import DakoraError
from dakora_server.core.scope import Grant, Platform
from dakora_server.core.sync.files import Files
from dakora_server.core.sync.project import Project
from dakora_server.core.sync.report import SyncReport
from dakora_server.core.sync.rounds import Rounds
from dakora_server.core.sync.state import SyncState
from dakora_server.core.sync.watcher import Noticed, Watcher

# Looking over a large folder may take one part in so many of the time.
_LOOK_SHARE = 1_000
_LONGEST_RETRY = 30.0
_PASSES = 3


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things wait, in seconds.

    `settle`: between two looks at a file that must agree. `leave`: how long the folder must be quiet before prompts
    whose files are gone are archived. `look`: between two looks over the whole folder; `blind`: the same where the
    system gives no notice of changes. `save`: between two writes of the state. `retry`: before the first new attempt.
    """

    settle: float = 0.04
    leave: float = 0.5
    look: float = 15.0
    blind: float = 0.5
    save: float = 1.0
    retry: float = 1.0


class FolderSync:
    """The folder and the project in step: once with `reconcile`, for as long as it runs with `run`.

    `say` gets one line at a time for the person at the terminal; `progress` how many prompts of how many are compared.
    `folder` is shown in those lines as it was given.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        grant: Grant,
        folder: Path,
        state_dir: Path,
        say: Callable[[str], None],
        progress: Callable[[int, int], None] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace or Pace()
        self._say = say
        self._progress = progress
        self._shown = folder
        root = folder.resolve()
        self._state = SyncState(state_dir, folder=root, project_id=grant.project_id)
        source_bytes = platform.renderer.limits.source_bytes
        self._files = Files(
            root, shown=folder, state=self._state, max_source_bytes=source_bytes, pause=self._pace.settle
        )
        project = Project(platform, grant)
        self._rounds = Rounds(self._files, self._state, project, shown=folder, say=say)
        self._feed = platform.feed
        self._watcher = Watcher(root, grant.project_id)
        self._is_loaded = self._is_gone = self._is_comparing = False
        self._must_compare = True
        self._loaded = asyncio.Event()
        self._total = self._done = 0
        self._looked_at = self._look_took = self._save_at = self._retry_at = 0.0
        self._is_state_told = False
        self._judge_at: float | None = None
        self._retry_pause = self._pace.retry

    async def reconcile(self) -> SyncReport:
        """Compare the whole folder with the whole project and bring them in step.

        What goes wrong with single prompts is in the report.
        Raises DatabaseUnavailable or Busy when the project cannot be listed, OSError when there is no folder and none
        can be made.
        """
        if await self._is_missing():
            return SyncReport(held=len(self._state))
        await self._begin()
        for _ in range(_PASSES):
            while self._rounds.agenda:
                await self._rounds.read(Noticed())
                await self._round()
            # What was being saved under our hands has settled by now, or is left to the next time.
            await self._rounds.read(Noticed())
            self._rounds.agenda.retry()
        self._is_comparing = False
        await self._rounds.finish()
        await self._save_state()
        return self._rounds.report

    async def run(self, stopping: asyncio.Event, *, loaded: asyncio.Event | None = None) -> None:
        """Keep folder and project in step until `stopping`. No file, no full disk and no lost database ends it.

        `loaded` is set once everything has been compared for the first time.
        """
        self._loaded = loaded or asyncio.Event()
        self._must_compare = True
        self._feed.subscribe(self._watcher.on_change, on_gap=self._watcher.on_gap)
        tasks = [asyncio.create_task(self._watcher.watch()), asyncio.create_task(self._wake_at(stopping))]
        try:
            while not stopping.is_set():
                noticed = await self._watcher.next(self._patience())
                await self._turn(noticed)
        finally:
            self._watcher.end()
            tasks[1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._save_state()

    async def _wake_at(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._watcher.wake()

    def _patience(self) -> float:
        """How long there is nothing to do unless something is noticed."""
        if self._is_gone:
            return self._pace.blind
        if self._rounds.agenda:
            return 0.0
        now = self._now()
        due = [self._look_at]
        if self._rounds.unread:
            due.append(now + self._pace.settle)
        if self._must_compare or self._rounds.agenda.waits:
            due.append(self._retry_at)
        if self._judge_at is not None:
            due.append(self._judge_at)
        if self._state.dirty:
            due.append(self._save_at)
        return max(0.0, min(due) - now)

    async def _turn(self, noticed: Noticed) -> None:
        """One step of `run`: see what there is, compare some prompts, and do what else is due."""
        if noticed.server:
            self._must_compare, self._retry_at = True, 0.0
        try:
            if await self._is_missing():
                return
            await self._look(noticed)
            if self._now() >= self._retry_at:
                self._rounds.agenda.retry()
                if self._must_compare:
                    await self._begin()
            if self._rounds.agenda:
                await self._round()
            await self._close()
        except DakoraError as error:
            self._rounds.server_trouble(error)
        except OSError as error:
            self._rounds.disk_trouble(error)
        except Exception as error:  # noqa: BLE001 -- the platform runs on whatever is wrong here, and so must this
            self._rounds.unexpected(error)
            await asyncio.sleep(self._pace.retry)
        self._plan_retry()

    async def _is_missing(self) -> bool:
        """Whether the folder that was in step is gone: a disk taken out is no wish to archive everything."""
        if not self._is_loaded:
            await asyncio.to_thread(self._state.load)
            self._is_loaded = True
        if await asyncio.to_thread(self._files.is_there) or not len(self._state):
            self._must_compare |= self._is_gone
            self._is_gone = False
            return False
        if not self._is_gone:
            self._is_gone = True
            self._rounds.agenda.clear()
            self._loaded.set()
            self._say(f"{self._shown}: the folder is gone, so nothing is kept in step and nothing was archived")
        return True

    @property
    def _look_at(self) -> float:
        """When the whole folder is to be looked over again, whatever was noticed."""
        pause = self._pace.blind if self._watcher.blind else self._pace.look
        return self._looked_at + max(pause, self._look_took * _LOOK_SHARE)

    async def _look(self, noticed: Noticed) -> None:
        begun = self._now()
        noticed.disk |= begun >= self._look_at and not self._must_compare
        if await self._rounds.read(noticed):
            self._judge_at = self._now() + self._pace.leave
        if noticed.disk:
            self._looked_at = self._now()
            self._look_took = max(0.0, self._looked_at - begun - self._pace.settle)

    async def _begin(self) -> None:
        self._total = await self._rounds.begin()
        self._must_compare, self._is_comparing, self._done = False, True, 0
        self._looked_at = self._now()

    async def _round(self) -> None:
        await self._rounds.round()
        if self._is_comparing and self._progress is not None:
            # The echo of what we save ourselves joins the agenda meanwhile.
            self._done = max(self._done, self._total - len(self._rounds.agenda))
            self._progress(self._done, self._total)

    async def _close(self) -> None:
        """What is done when nothing is left to compare, or when its time has come."""
        now = self._now()
        if self._rounds.agenda:
            pass
        elif self._is_comparing:
            self._is_comparing, self._judge_at = False, None
            await self._rounds.finish()
            if not self._loaded.is_set() or self._rounds.report.has_news:
                self._say(f"{self._shown}: {self._rounds.report.summary()}")
            self._loaded.set()
        elif self._judge_at is not None and now >= self._judge_at:
            self._judge_at = None
            await self._rounds.judge()
        elif self._judge_at is None and self._rounds.must_judge:
            self._judge_at = now + self._pace.leave
        if self._state.dirty and now >= self._save_at:
            await self._save_state()

    def _plan_retry(self) -> None:
        """What was put off is tried again after a while, and after a longer while each time."""
        now = self._now()
        if not (self._rounds.agenda.waits or self._must_compare):
            if not self._rounds.agenda:
                self._retry_pause = self._pace.retry
                self._rounds.recovered()
        elif now >= self._retry_at:
            self._retry_at = now + self._retry_pause
            self._retry_pause = min(self._retry_pause * 2, _LONGEST_RETRY)

    async def _save_state(self) -> None:
        if not self._state.dirty:
            return
        try:
            await asyncio.to_thread(self._state.store, self._state.snapshot())
            self._is_state_told = False
            self._save_at = self._now() + self._pace.save
        except OSError as error:
            # Without it the next start has to compare anew, and asks where it cannot tell who has changed.
            self._save_at = self._now() + _LONGEST_RETRY
            if not self._is_state_told:
                self._say(f"{self._state.file}: the state of the folder cannot be saved ({error.strerror})")
            self._is_state_told = True

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
