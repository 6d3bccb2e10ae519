"""A chain of one's own to break, and the owner's eyes on everybody's."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from dakora_server.core.audit import service
from dakora_server.core.scope import Origin, Principal
from dakora_server.core.storage.database import Database, Transaction, driver_url
from dakora_server.core.storage.migrations import migrate


@dataclass(frozen=True)
class Scene:
    """Where something happens, as `record` wants it."""

    tx: Transaction
    workspace_id: uuid.UUID = field(default_factory=uuid.uuid4)
    project_id: uuid.UUID | None = field(default_factory=uuid.uuid4)
    actor: Principal = field(default_factory=lambda: Principal(uuid.uuid4(), "Ada"))
    origin: Origin = field(default_factory=lambda: Origin("192.0.2.7", "request-0001"))


@pytest.fixture
def fresh_database(postgres):
    """Makes databases with the newest schema and nothing in them; they are gone after the test."""
    names = []

    def make() -> str:
        name = f"audit_{uuid.uuid4().hex}"
        with psycopg.connect(driver_url(postgres.url()), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        names.append(name)
        url = postgres.url(name)
        migrate(url, app_url=postgres.url(name, user="dakora_app"))
        return url

    yield make
    with psycopg.connect(driver_url(postgres.url()), autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
async def insider(fresh_database):
    """An empty trail, as a superuser reaches it: no wall, no missing right."""
    database = Database(fresh_database(), pool_size=8)
    yield database
    await database.close()


@pytest.fixture
def happens() -> Callable[..., Any]:
    """Commits events, each in a transaction of its own."""

    async def happen(database: Database, *, times: int = 1) -> None:
        for number in range(times):
            async with database.transaction() as tx:
                before, after = {"version": number}, {"version": number + 1, "content_hash": "0" * 64}
                await service.record(Scene(tx), "prompt.saved", f"prompt-{number}", before=before, after=after)

    return happen


@pytest.fixture
async def events_of(owner_url) -> Any:
    """Every event of some request, past every wall."""
    async with await psycopg.AsyncConnection.connect(
        driver_url(owner_url), autocommit=True, row_factory=dict_row
    ) as connection:

        async def find(**wanted: Any) -> list[dict[str, Any]]:
            conditions = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in wanted)
            query = sql.SQL("SELECT * FROM audit_events WHERE {} ORDER BY at, id").format(conditions)
            return await (await connection.execute(query, list(wanted.values()))).fetchall()

        yield find
