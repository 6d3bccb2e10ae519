"""A call ends when its time is up."""

import asyncio

import httpx2
import pytest

from dakora_client import Dakora, DakoraSync, TimedOut

ADDRESS = "http://dakora.test"


async def test_a_call_takes_its_limit_or_the_clients(connect, serve):
    server = serve(httpx2.Response(200, json={"status": "ok"}))
    dakora = connect(server, timeout=5)
    await dakora.health()
    await dakora.health(timeout=1.5)
    limits = [request.extensions["timeout"]["read"] for request in server.requests]
    assert limits == [5, 1.5]


async def test_by_default_a_call_has_ten_seconds_two_of_them_to_connect(connect, serve):
    server = serve(httpx2.Response(200, json={"status": "ok"}))
    await connect(server).health()
    assert server.requests[0].extensions["timeout"] == {"connect": 2, "read": 10, "write": 10, "pool": 10}


@pytest.mark.parametrize("limit", [0, -1])
async def test_no_time_at_all_is_a_mistake(connect, serve, limit):
    with pytest.raises(ValueError, match="above 0"):
        await connect(serve(httpx2.Response(200))).health(timeout=limit)


async def test_awaiting_ends_on_time_whatever_the_server_does():
    async def never(request):
        await asyncio.sleep(60)

    async with Dakora(ADDRESS, transport=httpx2.MockTransport(never)) as dakora:
        with pytest.raises(TimedOut, match=r"did not answer within 0\.05 seconds"):
            await dakora.health(timeout=0.05)


async def test_a_callers_own_limit_and_cancellation_are_left_alone():
    async def never(request):
        await asyncio.sleep(60)

    async with Dakora(ADDRESS, transport=httpx2.MockTransport(never)) as dakora:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await dakora.health()
        call = asyncio.create_task(dakora.health())
        await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


def test_blocking_ends_when_the_server_sends_a_little_at_a_time(fake_time):
    class Trickle(httpx2.SyncByteStream):
        closed = False

        def __iter__(self):
            while True:
                fake_time.now += 1
                yield b" "

        def close(self):
            Trickle.closed = True

    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Trickle()))
    with DakoraSync(ADDRESS, transport=transport, _hooks=fake_time.hooks) as dakora, pytest.raises(TimedOut):
        dakora.health()
    assert Trickle.closed
    assert fake_time.now < 1012
