"""Whole answers are kept while nothing of their project changes, in bounds, and made once for all who wait."""

import contextlib
import uuid

from dakora_server.core.storage import pages as module
from dakora_server.core.storage.changes import ChangeFeed
from dakora_server.core.storage.database import driver_url
from dakora_server.core.storage.pages import Page, PageKey, Pages


@contextlib.asynccontextmanager
async def listening(database_url, cache_bytes=1_000_000):
    feed = ChangeFeed(driver_url(database_url))
    pages = Pages(feed, cache_bytes=cache_bytes)
    await feed.start()
    try:
        yield feed, pages
    finally:
        await feed.stop()


def keep(pages, key, body=b"[]"):
    pages.end(pages.begin(key), Page((), body))


async def test_a_change_makes_a_projects_pages_void_and_nobody_elses(database_url):
    mine, others = uuid.uuid4(), uuid.uuid4()
    async with listening(database_url) as (feed, pages):
        for question in ("a", "b"):
            keep(pages, PageKey(mine, question))
            keep(pages, PageKey(others, question))
        feed.publish(mine, "some-prompt")
        assert [pages.get(PageKey(mine, question)) for question in ("a", "b")] == [None, None]
        assert pages.get(PageKey(others, "a")) == Page((), b"[]")


async def test_what_was_begun_before_a_change_is_not_kept_and_nobody_joins_it(database_url):
    key = PageKey(uuid.uuid4(), "a")
    async with listening(database_url) as (feed, pages):
        old = pages.begin(key)
        assert pages.under_way(key) is old
        feed.publish(key.project_id, "some-prompt")
        assert pages.under_way(key) is None
        new = pages.begin(key)
        pages.end(old, Page((), b"old"))
        assert pages.get(key) is None
        assert pages.under_way(key) is new
        pages.end(new, Page((), b"new"))
        assert pages.get(key).body == b"new"
        assert old.landed.is_set()
        assert new.landed.is_set()


async def test_of_several_who_make_the_same_at_once_none_is_kept_after_a_change(database_url):
    key = PageKey(uuid.uuid4(), "a")
    async with listening(database_url) as (feed, pages):
        flights = [pages.begin(key) for _ in range(3)]
        pages.end(flights[2], None)
        assert pages.under_way(key) is flights[1]
        feed.publish(key.project_id, "some-prompt")
        for flight in flights[:2]:
            pages.end(flight, Page((), b"old"))
            assert pages.get(key) is None
        assert not pages._flights


async def test_nothing_is_given_out_or_waited_for_while_changes_are_not_heard(database_url):
    key = PageKey(uuid.uuid4(), "a")
    async with listening(database_url) as (feed, pages):
        keep(pages, key)
        flight = pages.begin(PageKey(key.project_id, "b"))
        await feed.stop()
        assert pages.get(key) is None
        assert pages.under_way(flight.key) is None
        pages.end(flight, Page((), b"[]"))
        await feed.start()
        assert pages.get(flight.key) is None, "kept what was read while nothing was heard"
        assert pages.get(key) is None, "gave out what was kept before a gap"


async def test_memory_is_bounded_in_bytes_and_in_pages_of_one_project(database_url):
    quiet = PageKey(uuid.uuid4(), "a")
    async with listening(database_url, cache_bytes=4_000_000) as (_, pages):
        keep(pages, quiet)
        loud = uuid.uuid4()
        for number in range(2 * module.MOST_OF_A_PROJECT):
            keep(pages, PageKey(loud, number))
        kept = [number for number in range(2 * module.MOST_OF_A_PROJECT) if pages.get(PageKey(loud, number))]
        assert kept == list(range(module.MOST_OF_A_PROJECT, 2 * module.MOST_OF_A_PROJECT))
        assert pages.get(quiet) is not None
        for number in range(20):
            keep(pages, PageKey(uuid.uuid4(), number), bytes(500_000))
        assert sum(len(page.body) for page in pages._shelf.values()) <= 4_000_000
        keep(pages, quiet, bytes(5_000_000))
        assert pages.get(quiet) is None, "one answer larger than all there is"


async def test_nothing_is_left_behind_of_projects_that_come_and_go(database_url):
    async with listening(database_url, cache_bytes=100_000) as (feed, pages):
        for number in range(1000):
            key = PageKey(uuid.uuid4(), number)
            keep(pages, key)
            pages.end(pages.begin(PageKey(key.project_id, "failed")), None)
            if number % 3 == 0:
                feed.publish(key.project_id, "p")
        assert set(pages._shelf.of_project) == {key.project_id for key in pages._shelf}
        assert not pages._flights
