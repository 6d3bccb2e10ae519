"""A platform that can be killed in parts: one server after the other, and its PostgreSQL, on one set of data."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dakora_server.core.storage.database import driver_url
from dakora_server.core.storage.embedded import EmbeddedPostgres
from dakora_server.core.storage.migrations import migrate
from dakora_server.core.storage.schema import APP_ROLE

LAUNCHER = Path(__file__).with_name("launcher.py")
_LIMITS = {f"RATE_LIMIT_{name}": "unlimited" for name in ("READ", "RENDER", "WRITE")}
_PATIENCE = 60.0


@dataclass
class Site:
    """With `own` its PostgreSQL is the test's and is stopped apart; without, it is the server's own, as in `dev`."""

    folder: Path
    own: bool
    address: str = ""
    # Counts the lives of the server.
    life: int = 0
    starting: float = 0.0
    _postgres: EmbeddedPostgres | None = None
    _launcher: "subprocess.Popen[str] | None" = None
    _pid: int = 0
    _environment: dict[str, str] = field(default_factory=dict)

    def open(self) -> None:
        """Start PostgreSQL (where it is ours) and what starts servers."""
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o755)
        self._environment = dict(_LIMITS)
        if self.own:
            # As people run it: durable settings, unlike those of the other tests.
            self._postgres = EmbeddedPostgres(self.folder / "pg", settings={"max_connections": "60"})
            self._postgres.start()
            urls = (self._postgres.url(), self._postgres.url(user=APP_ROLE))
            migrate(urls[0], app_url=urls[1])
            self._environment |= {"DATABASE_URL": urls[1], "REGISTRY_URL": f"file:{self.folder / 'registry'}"}
        bare = {name: value for name, value in os.environ.items() if not name.startswith(("DAKORA_", "DATABASE_"))}
        self._launcher = subprocess.Popen(
            [sys.executable, str(LAUNCHER)],
            cwd=self.folder,
            env=bare,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def close(self) -> None:
        """End whatever still runs."""
        if self._pid:
            self.end()
        if self._launcher is not None:
            self._launcher.communicate()
        if self._postgres is not None:
            self._postgres.stop()

    async def start(self, step: str | None = None, hit: int = 1) -> None:
        """The next server, ready; with `step` it dies there for itself (and may do so before it is ready)."""
        await asyncio.to_thread(self._start, step, hit)

    def _start(self, step: str | None, hit: int) -> None:
        began = time.monotonic()
        self.life += 1
        log = self.folder / "server.log"
        log.unlink(missing_ok=True)
        order = {
            "log": str(log),
            "environment": self._environment,
            "data_dir": None if self.own else str(self.folder / "data"),
            "step": step,
            "hit": hit,
        }
        assert self._launcher is not None
        assert self._launcher.stdin is not None
        print(json.dumps(order), file=self._launcher.stdin, flush=True)
        self._pid = self._hear()["pid"]
        while time.monotonic() < began + _PATIENCE:
            printed = log.read_text(errors="replace") if log.exists() else ""
            if "Dakora is ready: " in printed:
                self.address = printed.split("Dakora is ready: ")[1].split()[0]
                self.starting += time.monotonic() - began
                return
            if not self._lives():
                if step is None:
                    break
                return
            time.sleep(0.005)
        raise AssertionError(f"the server did not start:\n{printed}")

    def _lives(self) -> bool:
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _hear(self) -> dict[str, Any]:
        assert self._launcher is not None
        assert self._launcher.stdout is not None
        heard: dict[str, Any] = json.loads(self._launcher.stdout.readline())
        return heard

    async def died(self) -> int:
        """Wait until the server has ended, and say how."""
        ended = int((await asyncio.to_thread(self._hear))["ended"])
        self._pid = 0
        return ended

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        os.kill(self._pid, signal.SIGKILL)
        assert await self.died() == -signal.SIGKILL

    def end(self) -> None:
        """A clean stop, or whatever comes of it."""
        os.kill(self._pid, signal.SIGTERM)
        self._pid = 0
        self._hear()

    def quit_postgres(self) -> None:
        """What `pg_ctl stop -m immediate` does: no goodbye, recovery at the next start."""
        assert self._postgres is not None
        assert self._postgres.pid is not None
        os.kill(self._postgres.pid, signal.SIGQUIT)

    async def revive_postgres(self) -> None:
        """Wait until it is gone, and start it on the same data at the same address."""
        postgres = self._postgres
        assert postgres is not None
        while postgres.running:  # noqa: ASYNC110 - another process ends, which sets no event
            await asyncio.sleep(0.005)
        await asyncio.to_thread(postgres.restart)

    def operator(self, *command: str) -> tuple[int, dict[str, Any]]:
        """An operator's command on this platform's data: its exit code, and its JSON. The server may run or not."""
        more = [] if self.own else ["--data-dir", str(self.folder / "data")]
        run = subprocess.run(
            [sys.executable, "-m", "dakora_server", *command, "--json", *more],
            cwd=self.folder,
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.stdout, run.stderr
        return run.returncode, json.loads(run.stdout)

    @contextlib.contextmanager
    def rows(self) -> Iterator[str]:
        """The database as its owner sees it, for as long as the block lasts; the server has ended."""
        if self._postgres is not None:
            yield driver_url(self._postgres.url())
        else:
            with EmbeddedPostgres(self.folder / "data" / "postgres") as postgres:
                yield driver_url(postgres.url())
