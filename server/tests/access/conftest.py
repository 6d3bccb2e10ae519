"""A database as its owner sees it, and the application asked directly."""

import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from dakora_server.core.storage.database import driver_url

HERE = Path(__file__).resolve().parent


def load(name: str) -> ModuleType:
    """A module beside this file, loaded once."""
    full = f"dakora_tests_access_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, HERE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


@pytest.fixture(scope="session")
def ask() -> Any:
    """Ask the application without a client; see asgi.py."""
    return load("asgi").ask


@pytest.fixture
async def owner(owner_url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """The database as a superuser sees it; every statement commits."""
    async with await psycopg.AsyncConnection.connect(driver_url(owner_url), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
async def crowd(world: Any, owner_url: str) -> Any:
    """One of every kind of caller, and the team that they are tried on; see crowd.py."""
    return await load("crowd").gather(world, driver_url(owner_url))
