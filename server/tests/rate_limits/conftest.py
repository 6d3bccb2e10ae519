"""A Redis of our own: on a free port of loopback, in a folder of its own, stopped by its process id.

`LocalRedis` knows nothing of rate limits; another suite that needs a Redis may take it from here.
"""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


class LocalRedis:
    """A redis-server that can be frozen, killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Its address, as in REDIS_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers. The port found free may be taken by then: then another is tried."""
        for _ in range(20):
            port = self.port or _free_port()
            command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
            with (self._folder / "log.txt").open("ab") as log:
                self._process = subprocess.Popen(
                    [*command, "--save", "", "--appendonly", "no"], stdout=log, stderr=subprocess.STDOUT
                )
            if self._answers(port):
                self.port = port
                return
        raise AssertionError((self._folder / "log.txt").read_text(encoding="utf-8", errors="replace"))

    def freeze(self) -> None:
        """SIGSTOP: connections stand, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL: connections break, new ones are refused, everything is forgotten."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def _signal(self, what: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(what)

    def _answers(self, port: int) -> bool:
        assert self._process is not None
        for _ in range(1000):
            if self._process.poll() is not None:
                return False
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                    connection.sendall(b"INFO server\r\n")
                    # Whoever else listens there has not this process id.
                    if f"process_id:{self._process.pid}\r".encode() in connection.recv(65536):
                        return True
            except OSError:
                pass
            time.sleep(0.01)
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRedis]:
    """One for the run; tests use subjects of their own."""
    yield from _running(tmp_path_factory.mktemp("redis") / "shared")


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[LocalRedis]:
    """One for a test that freezes or kills it."""
    yield from _running(tmp_path / "redis")


def _running(folder: Path) -> Iterator[LocalRedis]:
    server = LocalRedis(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
