"""The same behind PgBouncer in transaction pooling, where connections go from tenant to tenant all the time."""

import asyncio
import contextlib
import os
import uuid

import psycopg
import pytest
from isolation_suite.driver import drive
from isolation_suite.pooler import POOL_SIZE, pgbouncer
from isolation_suite.requests import Composer
from isolation_suite.rows import strangers_in_caches
from isolation_suite.tenants import QUIET
from sqlalchemy import text

from dakora_server.core.storage.database import Database, driver_url
from dakora_server.core.storage.schema import APP_ROLE
from dakora_server.core.storage.tenant import Tenant

REQUESTS = int(os.environ.get("DAKORA_ISOLATION_POOLED_REQUESTS", "20000"))
_SETTINGS = ("dakora.user_id", "dakora.workspace_id", "dakora.project_id", "dakora.platform")


@pytest.fixture(scope="module")
def pooler(scratch, postgres):
    """The pooler's URL, without a database."""
    with pgbouncer(scratch / f"pgbouncer-{uuid.uuid4().hex[:8]}", postgres.url(user=APP_ROLE)) as url:
        yield url


@pytest.fixture(scope="module")
async def replicas(open_scene, world_with, pooler):
    """Two processes' worth of platform that share four connections."""
    async with (
        open_scene(through=lambda database: f"{pooler}/{database.name}", database_pool_size=8) as scene,
        world_with(database_url=f"{pooler}/{scene.database.name}", database_pool_size=8) as second,
    ):
        yield scene, second


@pytest.mark.timeout(900)
async def test_no_request_shows_or_changes_what_is_anothers_through_a_pooler(replicas, seed, capsys):
    scene, second = replicas
    tenants = scene.tenants
    before = scene.rows().digest(tenants, QUIET)
    apps = [scene.app, second.app]
    # Two replicas and no more connections than requests at once: every connection serves every tenant.
    run = await drive(apps, tenants, Composer(scene.app, tenants, warm=0.75), REQUESTS, seed=seed, at_once=12)
    with psycopg.connect(driver_url(scene.database.owner_url)) as owner:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = %s"
        connections = owner.execute(query, [APP_ROLE]).fetchone()[0]
    rows = scene.rows()
    with capsys.disabled():
        print(f"\n{run} through {connections} connections")
    assert 1 < connections <= POOL_SIZE
    run.refuse(run.leaks)
    run.refuse(run.failures)
    run.refuse(tenants.owners.late_strangers())
    run.refuse(strangers_in_caches(scene.platform, tenants) + strangers_in_caches(second.platform, tenants))
    run.refuse(rows.strangers(tenants))
    assert rows.digest(tenants, QUIET) == before, run


async def test_nothing_of_a_tenant_stays_on_a_connection_of_the_pooler(replicas, pooler):
    scene, _ = replicas
    url = f"{pooler}/{scene.database.name}"
    database = Database(url, pool_size=POOL_SIZE)
    tenant = Tenant(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), platform=True)
    question = ", ".join(f"current_setting('{name}', true)" for name in _SETTINGS)
    try:
        for read_only in (True, False):
            async with contextlib.AsyncExitStack() as held:
                for _ in range(POOL_SIZE - 1):
                    tx = await held.enter_async_context(database.transaction(tenant, read_only=read_only))
                    await tx.execute(text("SELECT 1"))
            async with contextlib.AsyncExitStack() as held:
                for _ in range(POOL_SIZE - 1):
                    connection = await held.enter_async_context(
                        await psycopg.AsyncConnection.connect(url, prepare_threshold=None)
                    )
                    left = await (await connection.execute(f"SELECT {question}")).fetchone()
                    assert not any(left), left
    finally:
        await database.close()


async def test_a_setting_left_on_a_connection_means_nothing_to_the_next_transaction(replicas, pooler):
    scene, _ = replicas
    url = f"{pooler}/{scene.database.name}"
    foreign, own = scene.tenants.sides["B"].spots[0], scene.tenants.sides["A"].spots[0]
    # Somebody else's careless session setting, on every connection of the pool.
    async with contextlib.AsyncExitStack() as held:
        for _ in range(POOL_SIZE - 1):
            careless = await held.enter_async_context(
                await psycopg.AsyncConnection.connect(url, prepare_threshold=None)
            )
            await careless.execute(f"SET dakora.project_id = '{foreign.id}'")
            await careless.execute("SET dakora.platform = 'on'")
    database = Database(url, pool_size=POOL_SIZE)
    try:
        for tenant, expected in ((Tenant(), set()), (Tenant(project_id=uuid.UUID(own.id)), {own.id})):
            for _ in range(3 * POOL_SIZE):
                async with database.transaction(tenant, read_only=True) as tx:
                    found = await tx.execute(text("SELECT DISTINCT project_id::text FROM versions"))
                    assert set(found.scalars()) == expected
    finally:
        await database.close()
        async with contextlib.AsyncExitStack() as held:
            for _ in range(POOL_SIZE - 1):
                tidy = await held.enter_async_context(
                    await psycopg.AsyncConnection.connect(url, prepare_threshold=None)
                )
                await tidy.execute("RESET dakora.project_id")
                await tidy.execute("RESET dakora.platform")


async def test_a_change_is_heard_by_another_replica_through_the_pooler(replicas):
    scene, second = replicas
    side = scene.tenants.sides["A"]
    owner = next(caller for caller in scene.tenants.callers if caller.name == "A.owner")
    headers = {"authorization": owner.header[1].decode()}
    url = f"/api/projects/{side.spots[1].id}/prompts/greeting"
    for number in range(3):
        for _ in range(2):
            assert (await second.client.get(url, headers=headers)).status_code == 200
        assert second.platform.feed.live
        words = f"Heard {number} {uuid.uuid4().hex}"
        saved = await scene.world.client.put(url, json={"template": words}, headers=headers)
        assert saved.status_code == 200, saved.text
        # Within a second it is; a busy machine gets a few more.
        for _ in range(100):
            seen = (await second.client.get(url, headers=headers)).json().get("template")
            if seen == words:
                break
            await asyncio.sleep(0.05)
        assert seen == words
