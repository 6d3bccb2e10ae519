"""What becomes of a transaction whose caller goes away, or whose connection is lost."""

import asyncio

import psycopg
import pytest
from sqlalchemy import text

from dakora_server.core.exceptions import DatabaseUnavailable
from dakora_server.core.repeated import Repeated
from dakora_server.core.storage.database import Database, driver_url
from dakora_server.core.storage.tenant import NOBODY

SLEEP = text("SELECT pg_sleep(30)")


@pytest.fixture
async def database(database_url):
    made = Database(database_url, pool_size=1)
    yield made
    await made.close()


async def sleeping(database, *, read_only=False):
    async with database.transaction(NOBODY, read_only=read_only) as tx:
        await tx.execute(SLEEP)


@pytest.mark.parametrize("read_only", [True, False])
async def test_who_is_cancelled_hears_of_that_and_the_connection_is_free_again(database, read_only):
    for delay in (0, 0.001, 0.005, 0.05, 0.2):
        task = asyncio.create_task(sleeping(database, read_only=read_only))
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
        async with database.transaction(NOBODY) as tx:
            # Nothing of the transaction before is left: no time limit of its, no tenant.
            found = await tx.execute(text("SELECT pg_current_xact_id_if_assigned() IS NULL"))
            assert found.scalar_one()


async def test_work_beside_the_requests_ends_when_it_is_told_to(database):
    for delay in (0.001, 0.02, 0.1):
        work = Repeated(lambda: sleeping(database), every=0.01, what="nothing waits")
        await work.start()
        await asyncio.sleep(delay)
        await asyncio.wait_for(work.stop(), 10)


async def losing_its_connection(database, owner_url):
    async with database.transaction(NOBODY) as tx:
        pid = (await tx.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        with psycopg.connect(driver_url(owner_url), autocommit=True) as owner:
            owner.execute("SELECT pg_terminate_backend(%s)", [pid])
        await asyncio.sleep(0.2)


async def test_a_lost_connection_is_no_commit(database, owner_url):
    with pytest.raises(DatabaseUnavailable):
        await losing_its_connection(database, owner_url)
    await database.check()
