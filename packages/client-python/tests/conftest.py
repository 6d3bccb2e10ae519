"""One suite for both faces: every test that takes `connect` runs with `Dakora` and with `DakoraSync`."""

import asyncio
import importlib.util
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest

from dakora_client import Dakora, DakoraSync
from dakora_client._settings import Hooks

ADDRESS = "http://dakora.test"
ROOT = Path(__file__).resolve().parents[3]
KEY = "dk_proj_5ecretsEcretsecretsecretsecret"
_ENVIRONMENT = ("DAKORA_BASE_URL", "DAKORA_API_KEY", "DAKORA_TOKEN", "DAKORA_PROJECT")


def _server_fixtures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dakora_server_fixtures", ROOT / "server/tests/conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# A platform with login, as the server's own tests have it: nothing about being let in is replaced.
_server = _server_fixtures()
issuer, login_settings, world, world_with, model_server = (
    getattr(_server, name) for name in ("issuer", "login_settings", "world", "world_with", "model_server")
)


class FromThread(httpx2.BaseTransport):
    """An application for a blocking client: its thread waits while the event loop serves."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop).result(30)

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._transport.handle_async_request(request)
        return httpx2.Response(response.status_code, headers=response.headers, content=await response.aread())


class OffLoop:
    """The blocking face, each call in a thread of its own, so that one test serves both faces."""

    def __init__(self, face: Any) -> None:
        self._face = face

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._face, name)
        if not callable(found):
            return OffLoop(found)

        def whole(*args: Any, **kwargs: Any) -> Any:
            outcome = found(*args, **kwargs)
            return list(outcome) if inspect.isgenerator(outcome) else outcome

        return lambda *args, **kwargs: asyncio.to_thread(whole, *args, **kwargs)


class Awaiting:
    """Either face, called the same way: every method is awaited."""

    def __init__(self, face: Any) -> None:
        self.face = face

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.face, name)
        if not callable(found):
            return Awaiting(found)

        async def call(*args: Any, **kwargs: Any) -> Any:
            outcome = found(*args, **kwargs)
            if inspect.isasyncgen(outcome):
                return [item async for item in outcome]
            if inspect.isgenerator(outcome):
                return list(outcome)
            return await outcome if inspect.isawaitable(outcome) else outcome

        return call


class FakeTime:
    """A clock that only sleeping moves, and chance that always falls the same way."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.chance = 1.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def async_sleep(self, seconds: float) -> None:
        self.sleep(seconds)

    @property
    def hooks(self) -> Hooks:
        return Hooks(clock=lambda: self.now, random=lambda: self.chance, sleep=self.sleep, async_sleep=self.async_sleep)


class Server:
    """A scripted server: answers in order (the last one again and again) and remembers what it was asked.

    An answer is a response, an exception to raise, or a function of the request.
    """

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    @property
    def targets(self) -> list[str]:
        """Method and raw path of each request, as they go over the wire."""
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def serve() -> type[Server]:
    return Server


@pytest.fixture(params=[Dakora, DakoraSync], ids=["await", "blocking"])
def face(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def connect(face: Any, fake_time: FakeTime) -> Callable[..., Any]:
    """Make a client of a scripted server."""

    def make(server: Server, address: str = ADDRESS, **options: Any) -> Any:
        options.setdefault("_hooks", fake_time.hooks)
        return Awaiting(face(address, transport=httpx2.MockTransport(server), **options))

    return make


@pytest.fixture
async def client_of(face: Any) -> AsyncIterator[Callable[..., Any]]:
    """Make a client of a real application, or of what a transport leads to. It is closed when the test ends."""
    async with AsyncExitStack() as stack:

        async def make(app: Any, **options: Any) -> Any:
            transport = app if isinstance(app, httpx2.AsyncBaseTransport) else httpx2.ASGITransport(app=app)
            if face is Dakora:
                client = await stack.enter_async_context(Dakora("http://localhost", transport=transport, **options))
                return Awaiting(client)
            through = FromThread(transport, asyncio.get_running_loop())
            return OffLoop(stack.enter_context(DakoraSync("http://localhost", transport=through, **options)))

        yield make


@pytest.fixture
def prompt_json() -> dict[str, Any]:
    """A prompt as the server sends it."""
    return {
        "id": "greeting",
        "folder": "support/email",
        "version": "1.2.0",
        "version_number": 3,
        "description": "A greeting",
        "template": "Hello {{ name }}!",
        "inputs": {"name": {"type": "string", "required": True}},
        "model": {"provider": "openai", "name": "gpt", "parameters": {"stop": ["\n"]}},
        "tools": None,
        "response_schema": None,
        "metadata": {"tags": ["example"]},
        "labels": ["latest"],
        "content_hash": "ab" * 32,
        "portable": True,
        "message": "first",
        "created_by": "00000000-0000-4000-8000-000000000001",
        "created_at": "2026-11-01T12:00:00Z",
        "updated_at": "2026-11-02T12:00:00.5+00:00",
    }


@pytest.fixture
def rendered_json() -> dict[str, Any]:
    """A rendered prompt as the server sends it."""
    return {
        "rendered": "Hello Alice!",
        "inputs_used": {"name": "Alice"},
        "prompt_id": "greeting",
        "version": "1.2.0",
        "version_number": 3,
        "content_hash": "ab" * 32,
        "parts": [{"id": "tone/friendly", "version_number": 2}],
    }


@pytest.fixture
def problem() -> Callable[..., httpx2.Response]:
    """An error as the server sends it."""

    def make(status: int, code: str, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx2.Response:
        body = {"type": f"/docs/errors#{code}", "title": "No", "status": status, "detail": "No.", "code": code}
        body |= {"request_id": "0123456789abcdef"} | fields
        return httpx2.Response(
            status, json=body, headers={"content-type": "application/problem+json"} | (headers or {})
        )

    return make
