"""Row-level security switched off for every table in turn: the filters in the queries alone keep tenants apart."""

import asyncio
import os

import psycopg
import pytest
from isolation_suite.driver import drive
from isolation_suite.requests import Composer
from isolation_suite.rows import Snapshot
from isolation_suite.tenants import QUIET
from psycopg import sql

from dakora_server.core.storage.database import driver_url
from dakora_server.core.storage.tables import metadata

REQUESTS = int(os.environ.get("DAKORA_ISOLATION_POLICY_REQUESTS", "500"))


@pytest.fixture(scope="module")
async def stage(scene):
    """The platform, its rows, and what the quiet workspace's come to."""
    return scene, Snapshot(scene.database.owner_url), scene.rows().digest(scene.tenants, QUIET)


def alter(scene, table, what):
    """Switch a table's policies; on a thread, because a transaction of this event loop may hold the table."""
    with psycopg.connect(driver_url(scene.database.owner_url), autocommit=True) as owner:
        owner.execute(sql.SQL("ALTER TABLE {} " + what + " ROW LEVEL SECURITY").format(sql.Identifier(table)))


@pytest.mark.parametrize("table", [table.name for table in metadata.sorted_tables])
async def test_without_a_tables_policy_nothing_of_anothers_is_seen_or_changed(stage, seed, table):
    # The start-up check would refuse such a database, so it becomes one only now.
    scene, snapshot, digest = stage
    tenants = scene.tenants
    await snapshot.restore(scene.platform, tenants)
    await asyncio.to_thread(alter, scene, table, "DISABLE")
    try:
        composer = Composer(scene.app, tenants, warm=0.0)
        run = await drive([scene.app], tenants, composer, REQUESTS, seed=f"{seed} {table}")
    finally:
        await asyncio.to_thread(alter, scene, table, "ENABLE")
    rows = scene.rows()
    run.refuse(run.leaks)
    run.refuse(run.failures)
    run.refuse(tenants.owners.late_strangers())
    run.refuse(rows.strangers(tenants))
    assert rows.digest(tenants, QUIET) == digest, run
