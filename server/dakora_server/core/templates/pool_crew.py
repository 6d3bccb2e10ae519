"""The zygote and its workers, kept at strength: started, replaced, killed, and gone when the server goes.

A worker's end is known by its socket, never by a process id. So a kill is confirmed by the socket's end, a start by
the worker's first frame; a zygote that confirms neither in time is killed itself and started again, and with it go
all its workers.
"""

import asyncio
import importlib.util
import itertools
import json
import logging
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final, Protocol

from dakora_server.core.exceptions import RendererUnavailable
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.pool_link import Link
from dakora_server.core.templates.pool_wire import COMMAND, FAILED, FORK, KILL, MAKE_WAY, READY, STEP_BACK

_log: Final = logging.getLogger(__name__)

_START_SECONDS: Final = 10.0
_FORK_SECONDS: Final = 4.0
# A worker that has made way for everyone else also takes its time to end, on a machine that is full.
_KILL_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 5.0
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 2.0

_IMPORTED_BY_ZYGOTE: Final = ("dakora_server", "jinja2", "markupsafe", "yaml", "jsonschema_rs")
_BOOT: Final = "import sys; sys.path += sys.argv[3:]; from dakora_server.core.templates.zygote import main; main()"


class Boss(Protocol):
    """Who gives the workers their jobs."""

    def joined(self, link: Link) -> None:
        """A worker is ready for its first job."""

    def answered(self, link: Link, kind: str, payload: object, reason: str) -> None:
        """A worker answered the job it is on."""

    def left(self, link: Link, *, with_zygote: bool) -> None:
        """A worker is gone that nobody sent away, alone or because the zygote went."""

    def unreachable(self) -> None:
        """The zygote cannot be started for now; `joined` will say when it could."""


class Crew:
    """All processes of a render pool. `size` of them are kept ready or on a job."""

    def __init__(self, boss: Boss, *, size: int, limits: Limits, python: str) -> None:
        self.confinement: Mapping[str, bool] = {}
        self.respawns = 0
        self._boss = boss
        self._size = size
        self._limits = limits
        self._python = python
        self._numbers = itertools.count(1)
        self._links: dict[int, Link] = {}
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._connecting: set[asyncio.Task[None]] = set()
        self._reviving: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._empty = asyncio.Event()
        self._launching = False
        self._stopping = False
        self._early_deaths = 0

    @property
    def pids(self) -> list[int]:
        """Of the workers that are ready or on a job."""
        return [link.pid for link in self._links.values() if link.pid is not None and not link.condemned]

    @property
    def zygote_pid(self) -> int | None:
        """Of the zygote, while there is one."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start everything; workers report to the boss as they become ready. Raises RendererUnavailable."""
        try:
            await self._launch()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End every process, and return when none is left."""
        self._stopping = True
        if self._reviving is not None:
            self._reviving.cancel()
            await asyncio.gather(self._reviving, return_exceptions=True)
        self._hang_up()
        await asyncio.gather(*self._connecting)
        await self._bury()
        if self._links:  # their sockets end with their processes
            await self._empty.wait()

    def top_up(self) -> None:
        """Order as many workers as are missing. Those that will leave after their job count as missing already."""
        if self._control is None or self._stopping:
            return
        there = sum(not link.condemned and not link.successor_ordered for link in self._links.values())
        for _ in range(self._size - there):
            self._order()

    def kill(self, link: Link) -> None:
        """End a worker in whatever it does. It is not heard again, and its place can be filled."""
        link.condemned = True
        self.respawns += 1
        self._command(KILL, link)
        asyncio.get_running_loop().call_later(_KILL_SECONDS, self._expect_gone, link)
        self.top_up()

    def dismiss(self, link: Link) -> None:
        """Let go of a worker that waits for a job: it ends when its socket does."""
        self.respawns += 1
        link.close()
        self.top_up()

    def calm(self, link: Link, *, wholly: bool) -> None:
        """A worker computes for long: everyone else goes first from now on, or, if not `wholly`, most of the time."""
        self._command(MAKE_WAY if wholly else STEP_BACK, link)

    def heard(self, link: Link, answer: list[object]) -> None:
        """A link's report."""
        if self._stopping:
            return
        kind, payload, reason = answer
        if kind == READY and link.pid is None and isinstance(payload, int) and isinstance(reason, dict):
            link.pid = payload
            self.confinement = reason
            self._ready.set()
            self._boss.joined(link)
        elif link.job is not None and isinstance(kind, str) and isinstance(reason, str):
            self._early_deaths = 0
            self._boss.answered(link, kind, payload, reason)
        elif kind == FAILED and link.pid is None:
            _log.error("A render worker could not be confined: %s", reason)
        else:
            self.broken(link)

    def broken(self, link: Link) -> None:
        """A link's report."""
        _log.error("A render worker sent something that is no answer, and was replaced.")
        self.kill(link)
        self._boss.left(link, with_zygote=False)

    def ended(self, link: Link) -> None:
        """A link's report."""
        self._forget(link)
        if link.condemned:
            return
        link.condemned = True
        self.respawns += 1
        if link.pid is not None:
            self._boss.left(link, with_zygote=False)
        if link.served:
            self.top_up()
        else:  # it may be that none can live here: no haste then
            self._early_deaths += 1
            pause = min(_FIRST_PAUSE_SECONDS * 2**self._early_deaths, _LONGEST_PAUSE_SECONDS)
            asyncio.get_running_loop().call_later(pause, self.top_up)

    async def _launch(self) -> None:
        """Start the zygote and order all workers; return when the first is ready. Raises RendererUnavailable."""
        ours, theirs = socket.socketpair()
        self._ready.clear()
        self._launching = True
        try:
            self._process = self._spawn(theirs)
        except OSError as error:
            _log.error("The render workers' interpreter %s cannot be started: %s", self._python, error)
            ours.close()
            raise RendererUnavailable from error
        finally:
            theirs.close()
        ours.setblocking(False)
        self._control = ours
        asyncio.get_running_loop().add_reader(ours, self._zygote_ended)
        self.top_up()
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._ready.wait()
        except TimeoutError:
            self._hang_up()
        self._launching = False
        if not self._is_up():  # the socket ended meanwhile
            await self._bury()
            raise RendererUnavailable

    def _spawn(self, control: socket.socket) -> subprocess.Popen[bytes]:
        """The zygote: with no environment, no files but its control socket, and only the folders it imports from."""
        roots = dict.fromkeys(str(_folder_of(package)) for package in _IMPORTED_BY_ZYGOTE)
        limits = json.dumps(asdict(self._limits))
        # Its own group, so that Ctrl-C in a terminal reaches the server alone; the same session, because Linux weighs
        # niceness within a session only.
        return subprocess.Popen(  # noqa: S603 -- our own interpreter with a fixed program
            [self._python, "-I", "-S", "-X", "utf8", "-c", _BOOT, str(control.fileno()), limits, *roots],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(control.fileno(),),
            env={},
            cwd="/",
            process_group=0,
        )

    def _zygote_ended(self) -> None:
        """The zygote never sends anything, so its socket is readable only when it is gone."""
        self._hang_up()
        if self._launching:
            self._ready.set()  # it did not get as far as a worker; `_launch` is waiting and sees that
        elif not self._stopping:
            _log.error("The process that render workers come from ended unexpectedly; starting it again.")
            self.respawns += 1
            self._reviving = asyncio.get_running_loop().create_task(self._revive())

    async def _revive(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        await self._bury()
        while True:
            try:
                await self._launch()
            except RendererUnavailable:
                self._boss.unreachable()
                _log.error("The render workers could not be started; trying again in %.1f s.", pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            else:
                return

    def _is_up(self) -> bool:
        return self._control is not None

    def _hang_up(self) -> None:
        """End the control socket, which ends the zygote and all workers, and give up every link."""
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
        lost = [link for link in self._links.values() if link.pid is not None and not link.condemned]
        for link in self._links.values():
            link.close()
        for link in lost:
            self._boss.left(link, with_zygote=True)

    async def _bury(self) -> None:
        if self._process is not None:
            await asyncio.to_thread(_wait, self._process)
            self._process = None

    def _order(self) -> None:
        """Ask for one more worker."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        link = Link(next(self._numbers), self)
        self._links[link.number] = link
        self._command(FORK, link, theirs)
        theirs.close()
        loop = asyncio.get_running_loop()
        connecting = loop.create_task(self._connect(link, ours))
        self._connecting.add(connecting)
        connecting.add_done_callback(self._connecting.discard)
        if not self._launching:
            loop.call_later(_FORK_SECONDS, self._expect_ready, link)

    async def _connect(self, link: Link, ours: socket.socket) -> None:
        await asyncio.get_running_loop().create_unix_connection(lambda: link, sock=ours)

    def _forget(self, link: Link) -> None:
        self._links.pop(link.number, None)
        if self._stopping and not self._links:
            self._empty.set()

    def _command(self, command: bytes, link: Link, *passed: socket.socket) -> None:
        if self._control is None:
            return
        message = COMMAND.pack(command, link.number)
        try:
            socket.send_fds(self._control, [message], [passing.fileno() for passing in passed])
        except BlockingIOError:
            self._kill_zygote()
        except OSError:  # it is gone; its reader will say so
            return

    def _expect_ready(self, link: Link) -> None:
        if link.pid is None:
            self._expect_gone(link)

    def _expect_gone(self, link: Link) -> None:
        if link.number in self._links and self._control is not None:
            self._kill_zygote()

    def _kill_zygote(self) -> None:
        _log.error("The process that render workers come from does not do as it is told, and is killed.")
        if self._process is not None:
            self._process.kill()


def _folder_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise OSError(f"the package {package} is not installed")
    return Path(spec.origin).parent.parent


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
