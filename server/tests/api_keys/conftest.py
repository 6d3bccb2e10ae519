"""A database as its owner sees it, and the application asked directly."""

import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dakora_server.core.storage.database import driver_url

ASGI = Path(__file__).resolve().parent.parent / "access" / "asgi.py"


@pytest.fixture(scope="session")
def ask() -> Any:
    """Ask the application without a client; see asgi.py."""
    name = "dakora_tests_access_asgi"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ASGI)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name].ask


@pytest.fixture
async def owner(owner_url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """The database as a superuser sees it; every statement commits."""
    async with await psycopg.AsyncConnection.connect(driver_url(owner_url), autocommit=True) as connection:
        yield connection
