"""A platform with login, for whoever asks for `world`; more replicas of it for whoever asks for `replicas`."""

import contextlib
import importlib.util
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest

from dakora_server.config import Settings
from dakora_server.main import create_app

HERE = Path(__file__).resolve().parent


def load(path: str) -> ModuleType:
    """A module that several suites share, loaded once: the suites themselves are no package."""
    name = "dakora_tests_" + path.replace("/", "_").removesuffix(".py")
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


world_module = load("world.py")


@pytest.fixture(scope="session")
def issuer() -> Iterator[Any]:
    """Who signs session tokens in this run, with a real key set behind a real address."""
    with load("peers/keyserver.py").KeyServer() as server:
        yield server


@pytest.fixture(scope="session")
def login_settings(settings: Settings, issuer: Any) -> Settings:
    """Settings of a platform that people sign in to with Clerk."""
    return Settings(
        _env_file=None,
        **{
            **settings.model_dump(),
            "clerk_jwt_issuer": issuer.issuer,
            "clerk_jwks_url": issuer.jwks_url,
            "clerk_authorized_parties": world_module.STUDIO,
            "clerk_webhook_secret": world_module.WEBHOOK_SECRET,
            "secret_key": world_module.SECRET_KEY,
            "rate_limit_read": "unlimited",
            "rate_limit_render": "unlimited",
            "rate_limit_write": "unlimited",
            "rate_limit_log": "unlimited",
            "rate_limit_execute": "unlimited",
        },
    )


@contextlib.asynccontextmanager
async def open_world(settings: Settings, issuer: Any) -> AsyncIterator[Any]:
    """A started application with a client before it."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost", timeout=30) as client:
            yield world_module.World(app, client, issuer)


@pytest.fixture(scope="session")
async def world(login_settings: Settings, issuer: Any) -> AsyncIterator[Any]:
    """A platform with login."""
    async with open_world(login_settings, issuer) as opened:
        yield opened


@pytest.fixture(scope="session")
def world_with(login_settings: Settings, issuer: Any) -> Callable[..., Any]:
    """A further process's worth of platform on the same database, with some settings changed: `async with` it."""

    def opened(**changes: Any) -> Any:
        settings = Settings(_env_file=None, **{**login_settings.model_dump(), **changes})
        return open_world(settings, issuer)

    return opened


@pytest.fixture(scope="session")
def open_platform_with_login(issuer: Any) -> Callable[[Settings], Any]:
    """A platform on settings of one's own: `async with` it."""
    return lambda settings: open_world(settings, issuer)


@pytest.fixture(scope="session")
def peers() -> Callable[[str], ModuleType]:
    """A module of the peers' folder by name: servers that are not ours, for tests to talk to."""
    return lambda name: load(f"peers/{name}.py")


@pytest.fixture(scope="session")
def model_server() -> Iterator[Any]:
    """A provider of models on loopback that speaks OpenAI's interface and Anthropic's."""
    with load("peers/models.py").ModelServer() as server:
        yield server
