"""Pointers are answered from memory only while a change would be heard of."""

import asyncio
import contextlib
import uuid

import psycopg

from dakora_server.core.storage.changes import ChangeFeed, announce
from dakora_server.core.storage.database import Database, driver_url
from dakora_server.core.storage.pointers import Pointers


@contextlib.asynccontextmanager
async def listening(database_url):
    feed = ChangeFeed(database_url)
    pointers = Pointers(feed, cache_bytes=1000, weigh=len)
    await feed.start()
    try:
        yield feed, pointers
    finally:
        await feed.stop()


async def until(condition, seconds=5.0):
    for _ in range(int(seconds * 100)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in time")


def keep(pointers, key, value, selector="head"):
    pointers.fill(pointers.reserve(key), selector, value)


async def test_a_change_by_another_process_is_heard(database_url):
    key = (uuid.uuid4(), "p")
    database = Database(database_url)
    async with listening(driver_url(database_url)) as (_, pointers):
        keep(pointers, key, "old")
        assert pointers.get(key, "head") == "old"
        async with database.transaction() as tx:
            await announce(tx, key[0], key[1])
        await until(lambda: pointers.get(key, "head") is None)
    await database.close()


async def test_a_change_that_is_rolled_back_is_not_announced(database_url):
    key = (uuid.uuid4(), "p")
    database = Database(database_url)
    async with listening(driver_url(database_url)) as (feed, pointers):
        heard = []
        feed.subscribe(lambda project, prompt: heard.append((project, prompt)), on_gap=lambda: None)
        keep(pointers, key, "kept")
        with contextlib.suppress(ZeroDivisionError):
            async with database.transaction() as tx:
                await announce(tx, key[0], key[1])
                raise ZeroDivisionError
        async with database.transaction() as tx:
            await announce(tx, key[0], "marker")
        # Word comes in the order of commits: once the later one is heard, the earlier is known not to come.
        await until(lambda: (key[0], "marker") in heard)
        assert key not in heard
        assert pointers.get(key, "head") == "kept"
    await database.close()


async def test_nothing_is_kept_while_the_connection_is_cut_and_all_is_forgotten_after(database_url):
    key = (uuid.uuid4(), "p")
    async with listening(driver_url(database_url)) as (feed, pointers):
        keep(pointers, key, "old")
        async with await psycopg.AsyncConnection.connect(driver_url(database_url), autocommit=True) as other:
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dakora changes'"
            )
        await until(lambda: not feed.live)
        assert pointers.get(key, "head") is None
        keep(pointers, key, "unsafe")
        await until(lambda: feed.live)
        assert pointers.get(key, "head") is None


async def test_without_a_database_nothing_is_kept(tmp_path):
    async with listening(f"postgresql://nobody@/none?host={tmp_path}") as (feed, pointers):
        assert not feed.live
        key = (uuid.uuid4(), "p")
        keep(pointers, key, "value")
        assert pointers.get(key, "head") is None


async def test_what_was_read_before_a_change_is_not_kept_after_it(database_url):
    key = (uuid.uuid4(), "p")
    async with listening(driver_url(database_url)) as (feed, pointers):
        reading = pointers.reserve(key)
        feed.publish(*key)
        pointers.fill(reading, "head", "read before the change")
        assert pointers.get(key, "head") is None
        assert pointers._reading == {}


async def test_the_cache_stays_within_its_bound(database_url):
    async with listening(driver_url(database_url)) as (_, pointers):
        project = uuid.uuid4()
        for number in range(100):
            keep(pointers, (project, f"p{number}"), "x" * 90)
        assert pointers._cache.currsize <= 1000
        keep(pointers, (project, "huge"), "x" * 2000)
        assert pointers.get((project, "huge"), "head") is None
