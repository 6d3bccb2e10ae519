"""The work itself: read what has changed, compare some prompts at a time, and sort what goes wrong.

What was noticed is never believed, only looked at: a notice may come twice, late, or from our own writing.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from dakora_server.core.exceptions import (
    DakoraError,
    PartExists,
    PartInUse,
    PartNotFound,
    PromptExists,
    PromptNotFound,
    RegistryFull,
    StaleVersion,
    TemplateInvalid,
)
from dakora_server.core.sync.agenda import Agenda, Item, missing_parts
from dakora_server.core.sync.disk import ChangedMeanwhileError
from dakora_server.core.sync.files import Files, Seen
from dakora_server.core.sync.names import is_part
from dakora_server.core.sync.pairs import Pairs
from dakora_server.core.sync.positions import in_file
from dakora_server.core.sync.project import Project
from dakora_server.core.sync.records import Head
from dakora_server.core.sync.report import SyncReport
from dakora_server.core.sync.state import SyncState
from dakora_server.core.sync.watcher import Noticed
from dakora_server.core.sync.writing import Unsyncable

logger = logging.getLogger(__name__)

# So many prompts before we look again at what has happened meanwhile, and so many of them at the same time.
_ROUND, _AT_ONCE = 64, 4
# Above this, one list of everything is cheaper than asking for each.
_ASK_EACH = 200
_ATTEMPTS = 5
_FAULTS_SAID = 20
# From this size on, the loss of most of a folder is taken for an accident.
_MANY_FILES = 10


class Rounds:
    """Everything between a notice and a pair in step. `agenda` tells whether there is work."""

    def __init__(
        self, files: Files, state: SyncState, project: Project, *, shown: Path, say: Callable[[str], None]
    ) -> None:
        self._files = files
        self._state = state
        self._project = project
        self._shown = shown
        self._say = say
        self._pairs = Pairs(files, state, project, say=say, tell=self._tell)
        self._is_quiet = False
        self._held: set[str] = set()
        self._troubles: set[str] = set()
        self._told: dict[str, str] = {}
        self.agenda = Agenda()
        self.unread: set[str] = set()

    @property
    def report(self) -> SyncReport:
        """What was done since `begin`."""
        return self._pairs.report

    @property
    def must_judge(self) -> bool:
        """Whether files are missing of whose prompts nothing was decided yet."""
        return not self._pairs.leaving <= self._held

    async def begin(self) -> int:
        """Put every prompt and every file on the agenda; answers how many.

        Raises DatabaseUnavailable or Busy when the project cannot be listed, OSError when the folder cannot be made.
        """
        await asyncio.to_thread(self._files.root.mkdir, parents=True, exist_ok=True)
        self._pairs.begin()
        self._is_quiet = True
        heads = await self._project.heads()
        self._note(await asyncio.to_thread(self._files.look))
        keys = dict.fromkeys([*heads, *self._files.keys, *self._state])
        self.agenda.fill({key: heads.get(key) for key in keys})
        return len(keys)

    async def finish(self) -> None:
        """After the last round: archive what is gone, and sum up."""
        await self.judge()
        hidden = len(self.report.faults) - _FAULTS_SAID
        if hidden > 0:
            self._say(f"{self._shown}: and {hidden:,} more faults like these")
        self._is_quiet = False

    async def read(self, noticed: Noticed) -> bool:
        """Read what has changed on the disk; answers whether anything has. `ids` go on the agenda as well."""
        paths, self.unread = noticed.paths | self.unread, set()
        seen = await asyncio.to_thread(self._files.look) if noticed.disk else Seen()
        if paths:
            named = await asyncio.to_thread(self._files.refresh, paths)
            seen = Seen(seen.keys | named.keys, seen.unstable | named.unstable, seen.faults + named.faults)
        self._note(seen)
        for key, prompt_id in noticed.ids.items():
            self.agenda.heard(key, prompt_id)
        return bool(seen.keys)

    def _note(self, seen: Seen) -> None:
        self.unread |= seen.unstable
        self._fault(seen.faults)
        # So many at once are no person's edits: those must not wait behind them.
        is_edit = len(seen.keys) <= _ROUND
        for key in seen.keys:
            self.agenda.edited(key, first=is_edit)

    async def round(self) -> None:
        """Compare some prompts. Whatever goes wrong is told, and done again later where that may help."""
        items = self.agenda.take(_ROUND)
        try:
            if len(unknown := self.agenda.unknown()) > _ASK_EACH:
                heads = await self._project.heads()
                self.agenda.fill({key: heads.get(key) for key in unknown})
            await self._ask_for_heads([item for item in items if not item.known])
        except DakoraError as error:
            for item in items:
                self.agenda.put_off(item)
            self.server_trouble(error)
            return
        gate = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._settle(item, gate) for item in items))

    async def _ask_for_heads(self, items: list[Item]) -> None:
        spellings: dict[str, set[str]] = {}
        for item in items:
            base, file = self._state.get(item.key), self._files.of(item.key)
            ids = {*item.ids, base and base.prompt_id, file and file.prompt_id}
            spellings[item.key] = {prompt_id for prompt_id in ids if prompt_id}
        if spellings:
            heads = await self._project.heads_of(spellings)
            for item in items:
                item.head, item.known = heads[item.key], True

    async def _settle(self, item: Item, gate: asyncio.Semaphore) -> None:
        async with gate:
            try:
                await self._pairs.settle(item.key, item.head)
                self._told.pop(item.key, None)
                self.agenda.arrived(item.key)
            except ChangedMeanwhileError as error:
                self._read_again(item, error.path)
            except (StaleVersion, PromptNotFound, PartNotFound):
                self._again(item)
            except (PromptExists, PartExists) as error:
                # Somebody was faster; or, if that was not it, the id is taken in another spelling.
                if item.attempts == 0:
                    self._again(item)
                else:
                    self._refuse(item, [error.detail])
            except TemplateInvalid as error:
                await self._refuse_template(item, error)
            except Unsyncable as error:
                self._refuse(item, [str(error)])
            except DakoraError as error:
                if error.retry_after is not None or isinstance(error, RegistryFull):
                    self.agenda.put_off(item)
                    self.server_trouble(error)
                else:
                    self._refuse(item, [error.detail])
            except OSError as error:
                self.agenda.put_off(item)
                self.disk_trouble(error)
            except Exception as error:  # noqa: BLE001 -- one prompt we cannot handle must not stop the others
                self.unexpected(error)

    def _again(self, item: Item) -> None:
        if item.attempts < _ATTEMPTS:
            self.agenda.again(item)
        else:
            self.agenda.put_off(item)

    def _read_again(self, item: Item, path: str | None) -> None:
        file = self._files.of(item.key)
        if path is None and file is not None:
            path = file.path
        if path is not None:
            self.unread.add(path)
        # Should it turn out to be as it was, reading it brings no news; so this comes back by itself.
        self.agenda.put_off(item)

    async def _refuse_template(self, item: Item, error: TemplateInvalid) -> None:
        """The server found faults in the template: say where in the file they stand."""
        file = self._files.of(item.key)
        if self._comes_later(item, error):
            return
        if file is None or not error.errors:
            self._refuse(item, [error.detail])
            return
        try:
            raw = await asyncio.to_thread(self._files.text_of, file)
        except (ChangedMeanwhileError, OSError):
            self._read_again(item, file.path)
            return
        located = TemplateInvalid(errors=[in_file(fault, raw) for fault in error.errors])
        self._tell_once(item.key, file.sha256, self._files.fault_lines(file.path, located))

    def _comes_later(self, item: Item, error: TemplateInvalid) -> bool:
        """Whether all that is wrong are parts that may still be on their way: an editor writes one file at a time."""
        missing = missing_parts(error)
        if not missing:
            return False
        patience = 2 if all(self._files.of(part) is not None for part in missing) else 1
        is_early = item.attempts < patience
        self.agenda.wait_for(item, missing)
        if is_early:
            self.agenda.put_off(item)
        return is_early

    def _refuse(self, item: Item, reasons: list[str]) -> None:
        file = self._files.of(item.key)
        subject = item.key if file is None else self._files.show(file.path)
        lines = [f"{subject}: {reason}" for reason in reasons]
        self._tell_once(item.key, f"{file and file.sha256} {lines}", lines)

    def _tell_once(self, key: str, what: str, lines: list[str]) -> None:
        if self._told.get(key) != what:
            self._told[key] = what
            self._fault(lines)

    def _fault(self, lines: list[str]) -> None:
        for line in lines:
            self.report.faults.append(line)
            if not self._is_quiet or len(self.report.faults) <= _FAULTS_SAID:
                self._say(line)

    def _tell(self, line: str) -> None:
        """What was done is told live; a comparison of everything is summed up instead."""
        if not self._is_quiet:
            self._say(line)

    async def judge(self) -> None:
        """Archive the prompts whose files are gone, unless so many are gone that it looks like an accident."""
        leaving = set(self._pairs.leaving)
        absent = sum(self._files.of(key) is None for key in self._state)
        is_most = len(self._state) > _MANY_FILES and absent * 2 > len(self._state)
        if is_most or not len(self._files):
            self.report.held = len(leaving)
            if leaving - self._held:
                self._say(
                    f"{self._shown}: {absent:,} of {len(self._state):,} files are gone at once, so nothing was "
                    "archived: put them back, or archive the prompts on the server"
                )
            self._held = leaving
        else:
            self._held = set()
            await self._archive(leaving)

    async def _archive(self, leaving: set[str]) -> None:
        bases = {key: base for key in leaving if (base := self._state.get(key)) is not None}
        if not bases:
            return
        try:
            heads = await self._project.heads_of({key: {base.prompt_id} for key, base in bases.items()})
            # Parts after what includes them: those that are still in use may not be, once others are gone.
            left = sorted(bases, key=lambda key: (is_part(key), key))
            while left:
                in_use = [key for key in left if not await self._is_archived(key, heads[key], is_last=False)]
                if len(in_use) == len(left):
                    for key in in_use:
                        await self._is_archived(key, heads[key], is_last=True)
                    break
                left = in_use
        except DakoraError as error:
            for key in bases:
                self.agenda.put_off(Item(key))
            self.server_trouble(error)

    async def _is_archived(self, key: str, head: Head | None, *, is_last: bool) -> bool:
        """Archive it; False for a part in use, of which it is said by whom where this `is_last` attempt fails."""
        try:
            await self._pairs.archive(key, head)
        except (StaleVersion, PromptNotFound, PartNotFound):
            self.agenda.edited(key, first=True)
        except PartInUse as error:
            base = self._state.get(key)
            if is_last and base is not None:
                self._held.add(key)
                why = " ".join(fault.message for fault in error.errors)
                line = f"{self._files.show(base.path)}: the file is gone, but {base.prompt_id} stays. {why}"
                self._tell_once(key, line, [line])
            return False
        return True

    # Troubles that pass

    def server_trouble(self, error: DakoraError) -> None:
        """The server cannot serve now: said once until it works again."""
        self._trouble(type(error).__name__, f"{self._shown}: not in step for now. {error.detail} It is tried again.")

    def disk_trouble(self, error: OSError) -> None:
        """The disk refuses: said once until it works again."""
        where = "" if error.filename is None else f" at {error.filename}"
        reason = f"{error.strerror or type(error).__name__}{where}"
        self._trouble(
            f"disk {error.errno}", f"{self._shown}: not in step for now. The disk says: {reason}. It is tried again."
        )

    def unexpected(self, error: Exception) -> None:
        """A mistake of ours: logged in full, said in short."""
        logger.error("the folder could not be kept in step", exc_info=error)
        self._fault([f"{self._shown}: an internal error ({type(error).__name__}), which the log describes"])

    def _trouble(self, kind: str, line: str) -> None:
        if kind not in self._troubles:
            self._troubles.add(kind)
            self.report.faults.append(line)
            self._say(line)

    def recovered(self) -> None:
        """Nothing is left that was put off."""
        if self._troubles:
            self._troubles.clear()
            self._say(f"{self._shown}: in step again")
