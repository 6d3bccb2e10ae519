"""Several processes, one Redis; and the same without it, when it is away."""

import asyncio
import contextlib
import math
import socket
import time
import uuid

import pytest

from dakora_server.core.rate_limits import LimitClass, RateLimits, Rates

pytestmark = pytest.mark.alone

PATIENT = 30.0


def rates(key, workspace="unlimited"):
    return Rates.parse(key={LimitClass.read: key}, workspace={LimitClass.read: workspace})


@contextlib.asynccontextmanager
async def processes(url, limits, *, count=3, patience=PATIENT):
    """As many RateLimits as there would be processes."""
    built = [RateLimits(limits, redis_url=url, patience=patience) for _ in range(count)]
    try:
        yield built
    finally:
        for one in built:
            await one.close()


def subject():
    return str(uuid.uuid4())


async def take(limits, key, workspace="workspace"):
    # What hangs must fail here and not hold up the suite; this is no measurement.
    async with asyncio.timeout(60):
        return await limits.take(LimitClass.read, key, workspace)


async def allowed(built, key, *, tries, workspace="workspace"):
    verdicts = await asyncio.gather(*(take(built[n % len(built)], key, workspace) for n in range(tries)))
    return sum(v.allowed for v in verdicts)


async def until(condition):
    for _ in range(3000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in time")


async def test_three_processes_together_allow_the_limit_and_no_more(redis):
    async with processes(redis.url, rates("400/hour", "1000/hour")) as built:
        workspace = subject()
        keys = [subject() for _ in range(4)]
        each = [await allowed(built, key, tries=900, workspace=workspace) for key in keys]

    assert all(360 <= count <= 400 for count in each[:2]), each
    assert 900 <= sum(each) <= 1000


async def test_a_low_limit_is_exact_over_three_processes(redis):
    async with processes(redis.url, rates("5/hour")) as built:
        assert await allowed(built, subject(), tries=60) == 5


async def test_no_window_allows_more_than_the_limit_while_windows_turn(redis):
    key, counted, times = subject(), 0, []

    async def hammer(limits, end):
        nonlocal counted
        while time.monotonic() < end:
            verdict = await take(limits, key)
            if verdict.allowed:
                counted += 1
                times.append(time.monotonic())
            await asyncio.sleep(0)

    async with processes(redis.url, rates("200/second")) as built:
        end = time.monotonic() + 3.5
        await asyncio.gather(*(hammer(limits, end) for limits in built for _ in range(4)))

    # Redis keeps each window for a whole second, so that no more of them can have begun.
    windows = math.floor(times[-1] - times[0]) + 1
    assert 200 < counted <= 200 * windows


async def test_what_is_left_unspent_in_a_chunk_ends_with_its_window(redis):
    key = subject()
    async with processes(redis.url, rates("200/second"), count=2) as (first, second):
        verdict = await take(first, key)
        assert first.spend(LimitClass.read, key, "workspace").allowed
        await asyncio.sleep(int(verdict.headers[0][1].rpartition(b"t=")[2]))

        # The old chunk must not be spent on top of the new window.
        assert first.spend(LimitClass.read, key, "workspace") is None
        assert (await take(second, key)).headers[0][1].startswith(b'"read";r=199;')


async def test_a_warm_request_does_not_wait_for_redis(redis):
    key = subject()
    async with processes(redis.url, rates("1000/hour"), count=1) as (limits,):
        assert limits.spend(LimitClass.read, key, "workspace") is None
        assert (await take(limits, key)).allowed

        assert limits.spend(LimitClass.read, key, "workspace").allowed


async def test_many_requests_at_once_take_one_chunk_and_not_one_each(redis):
    key = subject()
    async with processes(redis.url, rates("1000/hour"), count=2) as (first, second):
        assert await allowed([first], key, tries=40) == 40

        assert await allowed([second], key, tries=1200) == 950


async def test_more_callers_at_once_than_connections_are_all_answered(redis):
    async with processes(redis.url, rates("1/hour", "unlimited"), count=1) as (limits,):
        keys = [subject() for _ in range(500)]
        verdicts = await asyncio.gather(*(take(limits, key) for key in keys * 2))

        assert sum(verdict.allowed for verdict in verdicts) == 500
        assert limits.spend(LimitClass.read, subject(), "workspace") is None


async def test_a_refused_key_sets_nothing_of_its_workspace_aside(redis):
    key, workspace = subject(), subject()
    async with processes(redis.url, rates("1/hour", "1000/hour"), count=2) as (first, second):
        assert await allowed([first], key, tries=1, workspace=workspace) == 1
        assert await allowed([second], key, tries=1, workspace=workspace) == 0

        others = [await take(first, subject(), workspace) for _ in range(1100)]
        assert sum(verdict.allowed for verdict in others) == 999


async def test_a_flood_that_is_refused_does_not_reach_redis(redis):
    key = subject()
    async with processes(redis.url, rates("3/hour"), count=1) as (limits,):
        assert await allowed([limits], key, tries=4) == 3

        assert not limits.spend(LimitClass.read, key, "workspace").allowed


async def test_with_redis_frozen_this_process_counts_and_later_redis_does_again(own_redis):
    await outage(own_redis, begin=own_redis.freeze, end=own_redis.thaw)


async def test_with_redis_killed_this_process_counts_and_later_redis_does_again(own_redis):
    await outage(own_redis, begin=own_redis.kill, end=own_redis.start)


async def outage(server, *, begin, end):
    async with processes(server.url, rates("5/hour"), count=2, patience=1.0) as built:
        for limits in built:
            assert (await take(limits, subject())).allowed
        begin()

        # The first to notice waits its patience, and is then counted here, as everybody after it, at once.
        key = subject()
        assert await allowed(built[:1], key, tries=20) == 5
        assert built[0].spend(LimitClass.read, subject(), "workspace").allowed
        assert not built[0].spend(LimitClass.read, key, "workspace").allowed
        assert await allowed(built[1:], key, tries=20) == 5
        assert not await built[0].check()

        end()

        async def asks_again():
            return all(limits.spend(LimitClass.read, subject(), "workspace") is None for limits in built)

        await until(asks_again)
        assert await built[0].check()
        assert await allowed(built, subject(), tries=20) == 5


async def test_an_outage_in_the_middle_of_a_window_gives_a_process_no_second_allowance(own_redis):
    key = subject()
    async with processes(own_redis.url, rates("5/hour"), count=1) as (limits,):
        assert await allowed([limits], key, tries=3) == 3
        own_redis.kill()

        assert await allowed([limits], key, tries=20) == 2


async def test_a_redis_that_takes_no_writes_counts_as_away(own_redis):
    async with processes(own_redis.url, rates("5/hour"), count=1) as (limits,):
        with socket.create_connection(("127.0.0.1", own_redis.port), timeout=10) as connection:
            connection.sendall(b"REPLICAOF 127.0.0.1 1\r\n")
            assert connection.recv(100).startswith(b"+OK")

        assert await allowed([limits], subject(), tries=20) == 5
        assert not await limits.check()


async def test_without_redis_from_the_start_requests_are_counted_and_no_password_is_logged(caplog):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"redis://user:s3cret@127.0.0.1:{nobody.getsockname()[1]}/0"
        async with processes(url, rates("5/hour"), count=1) as (limits,):
            assert await allowed([limits], subject(), tries=20) == 5
            assert not await limits.check()

    assert "Redis does not answer" in caplog.text
    assert "s3cret" not in caplog.text


async def test_after_closing_requests_are_still_counted(redis):
    key = subject()
    limits = RateLimits(rates("5/hour"), redis_url=redis.url, patience=PATIENT)
    assert await allowed([limits], key, tries=2) == 2
    await limits.close()

    assert sum(limits.spend(LimitClass.read, key, "workspace").allowed for _ in range(20)) == 3
