"""The processes of the embedded PostgreSQL: ours, and those an earlier owner left behind."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

LAUNCHER = Path(__file__).with_name("embedded_launch.py")
# Nothing of our environment reaches PostgreSQL: no PGDATA, no locale. TZ saves initdb a search through all time zones.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class Child:
    """A running program of PostgreSQL's, started and waited for by a thread of its own.

    Linux sends the signal that announces the parent's death when the *thread* that started the child ends. So that
    thread must not be the caller's, which may end before the program does. `exited` gives the exit code.
    """

    def __init__(self, command: Sequence[str], *, log: int, identity: str | None, folders: Sequence[Path]) -> None:
        self.exited: Future[int] = Future()
        self.exited.set_running_or_notify_cancel()  # from now on nobody can cancel it
        self._started: Future[subprocess.Popen[bytes]] = Future()
        arguments = (_launched(command, identity, folders), log)
        threading.Thread(target=self._live, args=arguments, name="embedded-postgres", daemon=True).start()
        self._process = self._started.result()

    def _live(self, command: Sequence[str], log: int) -> None:
        try:
            # A session of its own: Ctrl-C in the terminal is for the server, which still needs its database to drain.
            process = subprocess.Popen(  # noqa: S603 - our own command line; no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=ENVIRONMENT,
                start_new_session=True,
                umask=0o077,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._started.set_exception(error)
            return
        self._started.set_result(process)
        self.exited.set_result(process.wait())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return not self.exited.done()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the program has ended."""
        if self.running:
            self._process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Whether the program ended within `seconds`."""
        with contextlib.suppress(TimeoutError):
            self.exited.result(seconds)
        return not self.running


def _launched(command: Sequence[str], identity: str | None, folders: Sequence[Path]) -> Sequence[str]:
    """`command` by way of the launcher, where there is something to do before it."""
    if sys.platform != "linux" and identity is None:
        return command
    launcher = (sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), identity or "-")
    return (*launcher, *map(str, folders), "--", *command)


def clear_leftovers(data: Path, *, patience: float) -> None:
    """End what an earlier owner left running on the folder `data`, and remove its pid file.

    Signals only processes that are a postgres working in `data`: the number in the pid file may since belong to
    anybody. Without a pid file PostgreSQL ended cleanly, and there is nothing to do.
    """
    pid_file = data / "postmaster.pid"
    try:
        first_line = pid_file.read_text(errors="replace").partition("\n")[0]
    except FileNotFoundError:  # not asked beforehand: an earlier one may be ending cleanly at this very moment
        return
    postmaster = int(first_line) if first_line.isdecimal() else 0
    for number, seconds in ((signal.SIGINT, patience), (signal.SIGQUIT, patience), (signal.SIGKILL, 5.0)):
        left = processes_in(data)
        if postmaster in left:
            left = [postmaster]  # it ends its children
        elif number == signal.SIGINT:
            continue  # children without a postmaster would only cancel their query
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if _gone(data, seconds):
            break
    pid_file.unlink(missing_ok=True)


def _gone(data: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while processes_in(data):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def processes_in(data: Path) -> list[int]:
    """Every postgres process whose working folder is `data`."""
    if Path("/proc/self/cwd").exists():
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
        return [pid for pid in pids if _works_in(pid, data)]
    return _listed_by_lsof(data)


def cluster_name(data: Path) -> str:
    """What PostgreSQL's processes on the folder `data` call themselves: `postgres: dakora-1f6a…: checkpointer`."""
    return f"dakora-{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}"


def _works_in(pid: int, data: Path) -> bool:
    process = Path("/proc", str(pid))
    try:
        program = (process / "exe").readlink().name.removesuffix(" (deleted)")
        return program == "postgres" and (process / "cwd").samefile(data)
    except PermissionError:
        # A container's root may lack the right to look. Then its command line, which anyone may read, must do.
        return _names(process, data)
    except OSError:  # it ended meanwhile, or is a zombie or a kernel thread
        return False


def _names(process: Path, data: Path) -> bool:
    try:
        line = (process / "cmdline").read_bytes()
    except OSError:
        return False
    words = line.split(b"\0")
    is_postmaster = Path(os.fsdecode(words[0])).name == "postgres" and [b"-D", os.fsencode(data)] == words[1:3]
    return is_postmaster or line.startswith(f"postgres: {cluster_name(data)}: ".encode())


def _listed_by_lsof(data: Path) -> list[int]:
    """The same where there is no /proc: macOS brings lsof, which prints p and a process, then n and its folder."""
    command = ["lsof", "-w", "-a", "-c", "postgres", "-d", "cwd", "-F", "pn"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - constant
    except (OSError, subprocess.TimeoutExpired):
        return []
    found, pid = [], 0
    for line in answer.stdout.splitlines():
        if line.startswith("p"):
            pid = int(line[1:])
        elif line == f"n{data}":
            found.append(pid)
    return found
