"""The suite's own package, and for each test that asks a platform over its own copy of one database of tenants."""

import contextlib
import copy
import importlib.util
import itertools
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from dakora_server.core.prompts import list_queries
from dakora_server.core.storage.database import driver_url
from dakora_server.core.storage.migrations import migrate
from dakora_server.core.storage.schema import APP_ROLE

HERE = Path(__file__).resolve().parent

if "isolation_suite" not in sys.modules:
    # The suites are no packages, and what this one's tests share is too much for one module.
    _spec = importlib.util.spec_from_file_location(
        "isolation_suite", HERE / "suite" / "__init__.py", submodule_search_locations=[str(HERE / "suite")]
    )
    _package = importlib.util.module_from_spec(_spec)
    sys.modules["isolation_suite"] = _package
    _spec.loader.exec_module(_package)

from isolation_suite.rows import Rows  # noqa: E402 - known only once the package is
from isolation_suite.tenants import ADDRESS, build  # noqa: E402

_numbers = itertools.count(1)
# The provider of models listens on loopback, and is not asked twice.
MODELS = {"provider_private_hosts": ("127.0.0.1",), "execute_retries": 0}


@pytest.fixture(scope="package", autouse=True)
def _little_is_much():
    """Lists that find many prompts are answered by other queries than those that find few: here three are many."""
    usual, list_queries._FEW = list_queries._FEW, 2
    yield
    list_queries._FEW = usual


@pytest.fixture(scope="session")
def seed():
    """What all that is random here begins with."""
    return os.environ.get("DAKORA_ISOLATION_SEED") or os.urandom(4).hex()


class OwnDatabase:
    """A database of the run's server, as its owner and as the application sees it."""

    def __init__(self, postgres, name: str) -> None:
        self.name = name
        self.owner_url = postgres.url(name)
        self.app_url = postgres.url(name, user=APP_ROLE)


@contextlib.contextmanager
def new_database(postgres, template: str = "template1") -> Iterator[OwnDatabase]:
    """A database, gone afterwards."""
    name = sql.Identifier(f"isolation_{os.getpid()}_{next(_numbers)}")
    with psycopg.connect(driver_url(postgres.url()), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template)))
    try:
        yield OwnDatabase(postgres, name.as_string().strip('"'))
    finally:
        with psycopg.connect(driver_url(postgres.url()), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


class Scene:
    """A running platform, the tenants in it, and the database as its owner sees it."""

    def __init__(self, world, tenants, database) -> None:
        self.world, self.tenants, self.database = world, tenants, database

    @property
    def app(self):
        return self.world.app

    @property
    def platform(self):
        return self.world.platform

    def rows(self) -> Rows:
        """All rows there are now, their owners known."""
        found = Rows(self.database.owner_url)
        found.learn(self.tenants)
        return found


@pytest.fixture(scope="session")
async def first_scene(postgres, world_with, model_server):
    """The database that all others are copies of, and the tenants in it."""
    ADDRESS["url"] = f"{model_server.url}/v1"
    with new_database(postgres) as database:
        migrate(database.owner_url, app_url=database.app_url)
        async with world_with(database_url=database.app_url, **MODELS) as world:
            tenants = await build(world)
        yield tenants, database


@pytest.fixture(scope="session")
def open_scene(postgres, world_with, first_scene):
    """A platform with tenants over a copy of their database: `async with` it, with some settings changed."""

    @contextlib.asynccontextmanager
    async def opened(*, through=None, **changes) -> AsyncIterator[Scene]:
        tenants, first = first_scene
        with new_database(postgres, first.name) as database:
            url = database.app_url if through is None else through(database)
            async with world_with(database_url=url, **MODELS, **changes) as world:
                yield Scene(world, copy.deepcopy(tenants), database)

    return opened


@pytest.fixture(scope="module")
async def scene(open_scene):
    """One such platform for a module's tests."""
    async with open_scene() as opened:
        yield opened
