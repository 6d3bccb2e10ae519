"""A user at a terminal: a world of their own, and commands to type."""

import asyncio
import importlib.util
import io
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from dakora_cli.main import run
from dakora_cli.world import World
from dakora_client import Dakora

ROOT = Path(__file__).resolve().parents[2]


def _server_fixtures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dakora_server_fixtures", ROOT / "server/tests/conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# A platform with login, as the server's own tests have it: nothing about being let in is replaced.
_server = _server_fixtures()
issuer, login_settings, world, model_server = (
    getattr(_server, name) for name in ("issuer", "login_settings", "world", "model_server")
)


class Screen(io.StringIO):
    """What a command prints, on a terminal or into a pipe."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class User:
    """Somebody in a folder, with an environment, who types commands."""

    folder: Path
    config_dir: Path
    env: Mapping[str, str] = field(default_factory=dict)
    answers: Callable[[httpx2.Request], httpx2.Response] | None = None
    secret: str = ""
    became: list[list[str]] = field(default_factory=list)

    def with_env(self, **env: str) -> "User":
        """The same user with these variables."""
        return replace(self, env={**self.env, **env})

    def facing(self, answers: Callable[[httpx2.Request], httpx2.Response]) -> "User":
        """The same user, whose every request is answered by a function in place of a server."""
        return replace(self, answers=answers)

    def world(self, *, stdin: str = "", terminal: bool = False) -> World:
        """What a command sees of this user."""
        transport = None if self.answers is None else httpx2.MockTransport(self.answers)
        return World(
            stdin=io.StringIO(stdin),
            stdout=Screen(is_terminal=terminal),
            stderr=Screen(is_terminal=terminal),
            env={"TERM": "xterm", **self.env},
            cwd=self.folder,
            config_dir=self.config_dir,
            open_client=Dakora if transport is None else partial(Dakora, transport=transport),
            become=lambda arguments: self.became.append(arguments) or 0,
            ask_secret=lambda _: self.secret,
            now=lambda: datetime(2026, 11, 23, 12, tzinfo=UTC),
        )

    def __call__(self, *words: str, stdin: str = "", terminal: bool = False) -> Result:
        """Type `dakora` and these words."""
        world = self.world(stdin=stdin, terminal=terminal)
        code = run(words, world)
        return Result(code, world.stdout.getvalue(), world.stderr.getvalue())

    def write(self, name: str, text: str) -> Path:
        """A file in the user's folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


class _Serving(uvicorn.Server):
    """Serves from this process's own loop, and leaves its signals alone."""

    def capture_signals(self):
        return nullcontext()


@asynccontextmanager
async def _listening(app: FastAPI) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Serving(uvicorn.Config(app, lifespan="off", log_config=None))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        # The socket takes connections already; they are answered once the server has begun.
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture(scope="session")
async def address(app: FastAPI) -> AsyncIterator[str]:
    """The real application, listening."""
    async with _listening(app) as found:
        yield found


@pytest.fixture(scope="session")
async def login_address(world: Any) -> AsyncIterator[str]:
    """The platform with login, listening."""
    async with _listening(world.app) as found:
        yield found


Cli = Callable[..., Awaitable[Result]]


@pytest.fixture
def cli(user: User, project: Any, address: str) -> Cli:
    """Types commands against the real server, in a project made for the test."""
    member = user.with_env(DAKORA_BASE_URL=address, DAKORA_PROJECT=str(project.id))
    return partial(asyncio.to_thread, member)


@pytest.fixture
def user(tmp_path: Path) -> User:
    """A user with an empty folder and nothing set."""
    folder = tmp_path / "work"
    folder.mkdir()
    return User(folder.resolve(), tmp_path / "config")


def prompt_json(prompt_id: str = "greeting", **fields: Any) -> dict[str, Any]:
    """A prompt as the API answers with it."""
    return {
        "id": prompt_id,
        "folder": "",
        "version": "1.0.0",
        "version_number": 1,
        "description": "",
        "template": "Hello",
        "inputs": {},
        "metadata": {},
        "labels": ["latest"],
        "content_hash": "0" * 64,
        "portable": True,
        "message": None,
        "created_by": None,
        "created_at": "2026-11-23T11:00:00Z",
        "updated_at": "2026-11-23T11:00:00Z",
    } | fields


def problem(status: int, code: str, detail: str = "No.", **fields: Any) -> httpx2.Response:
    """An error as the API answers with it."""
    body = {"title": detail, "status": status, "detail": detail, "code": code, "request_id": "r-1", **fields}
    return httpx2.Response(status, json=body, headers={"content-type": "application/problem+json"})


@pytest.fixture
def answer() -> type[httpx2.Response]:
    """Makes answers of a server."""
    return httpx2.Response


@pytest.fixture(name="prompt_json")
def _prompt_json() -> Callable[..., dict[str, Any]]:
    return prompt_json


@pytest.fixture(name="problem")
def _problem() -> Callable[..., httpx2.Response]:
    return problem
