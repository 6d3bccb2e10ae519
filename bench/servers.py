"""Start and stop what is measured, by process id, on free ports."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True)
class Running:
    """A server under measurement."""

    port: int
    process: subprocess.Popen[bytes]
    started_in: float
    data_dir: Path | None = None
    database_url: str | None = None


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_for_200(address: str, process: subprocess.Popen[bytes], *, seconds: float = 60) -> None:
    give_up = time.perf_counter() + seconds
    while time.perf_counter() < give_up:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with exit code {process.returncode}")
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=1) as answer:
            if answer.status == 200:
                return
        time.sleep(0.01)
    raise TimeoutError(address)


@contextlib.contextmanager
def _running(command: list[str], port: int, ready: str, *, log: Path, env: dict[str, str]) -> Iterator[Running]:
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env, stdin=subprocess.DEVNULL)
    try:
        _wait_for_200(f"http://127.0.0.1:{port}{ready}", process)
        yield Running(port, process, time.perf_counter() - started)
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def bare() -> Iterator[Running]:
    """The bare FastAPI app."""
    port = free_port()
    log = Path(tempfile.gettempdir()) / f"bench-bare-{port}.log"
    with _running(
        [sys.executable, "-m", "bench.bare", str(port)], port, "/static", log=log, env=dict(os.environ)
    ) as running:
        yield running
    log.unlink(missing_ok=True)


@contextlib.contextmanager
def ours(data_dir: Path, ready: str | None = None, **settings: str) -> Iterator[Running]:
    """`dakora dev` on a data folder, logging each request as it does in production."""
    port = free_port()
    env = {**os.environ, "LOG_LEVEL": "info", "LOG_FORMAT": "json", **settings}
    env.pop("DATABASE_URL", None)
    command = [str(Path(sys.executable).with_name("dakora")), "dev", "--port", str(port), "--data-dir", str(data_dir)]
    with _running(
        command, port, ready or "/api/projects/default/prompts?limit=1", log=data_dir / "server.log", env=env
    ) as running:
        yield running


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A data folder with a path short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="dkb-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def memory(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """MiB of the server and its workers, PostgreSQL apart: as the sum of resident sizes, and with shared pages split."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    own = [member for member in family if "postgres" not in member.name()]
    full = [member.memory_full_info() for member in own]
    return {
        "processes": len(own),
        "rss": sum(info.rss for info in full) / 2**20,
        "pss": sum(getattr(info, "pss", info.rss) for info in full) / 2**20,
    }


def load(port: int, requests: list[bytes], *, connections: int, seconds: float) -> dict[str, Any]:
    """Run the load generator in a process of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([request.decode("latin-1") for request in requests], file)
        file.flush()
        command = [
            sys.executable,
            "-m",
            "bench.load",
            "127.0.0.1",
            str(port),
            str(connections),
            str(seconds),
            file.name,
        ]
        result = subprocess.run(command, capture_output=True, check=True, text=True)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def get(path: str, headers: dict[str, str] | None = None) -> bytes:
    """A GET as bytes."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\n{lines}\r\n".encode()


def post(path: str, body: object, headers: dict[str, str] | None = None) -> bytes:
    """A POST of JSON as bytes."""
    raw = json.dumps(body).encode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(raw)}\r\n{lines}\r\n"
    return head.encode() + raw


def start_open_loop(port: int, file: Path, *, rate: float, seconds: float) -> "subprocess.Popen[str]":
    """Requests at a fixed rate, whether or not the last is answered, from a process of its own."""
    command = [sys.executable, "-m", "bench.open_loop", "127.0.0.1", str(port), str(rate), str(seconds), str(file)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def open_loop(port: int, requests: list[bytes], *, rate: float, seconds: float) -> dict[str, Any]:
    """Run such a load to its end; latencies count from when each request was due."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump([request.decode("latin-1") for request in requests], file)
        file.flush()
        told, _ = start_open_loop(port, Path(file.name), rate=rate, seconds=seconds).communicate()
    found: dict[str, Any] = json.loads(told)
    return found
