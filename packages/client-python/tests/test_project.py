"""Which project a call lands in."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from dakora_client import AuthenticationError, Dakora, DakoraSync, TimedOut

ADDRESS, KEY = "http://dakora.test", "dk_proj_abcdef"
CONTEXT = {
    "user_id": "u", "email": None, "name": "Key", "workspace_id": "w",
    "project_id": "p-1", "project_slug": "main", "project_name": "Main",
}  # fmt: skip


class Keyed:
    """A server whose key opens one project; `hold` makes the lookup wait."""

    def __init__(self, prompt_json, hold=0.0):
        self.prompt_json, self.hold = prompt_json, hold
        self.paths = []
        self.refuse_lookups = 0

    async def answer(self, request):
        await asyncio.sleep(self.hold if request.url.path.endswith("/context") else 0)
        return self.at_once(request)

    def blocking_answer(self, request):
        time.sleep(self.hold if request.url.path.endswith("/context") else 0)
        return self.at_once(request)

    def at_once(self, request):
        self.paths.append(request.url.path)
        if not request.url.path.endswith("/context"):
            return httpx2.Response(200, json=self.prompt_json)
        if self.refuse_lookups > 0:
            self.refuse_lookups -= 1
            return httpx2.Response(401, json={"detail": "No.", "code": "unauthenticated"})
        return httpx2.Response(200, json=CONTEXT)


async def test_without_a_key_it_is_the_default_one(connect, serve, prompt_json):
    server = serve(httpx2.Response(200, json=prompt_json))
    await connect(server).prompts.get("a")
    assert server.targets == ["GET /api/projects/default/prompts/a"]


async def test_a_key_is_asked_for_its_project_once(connect, prompt_json):
    server = Keyed(prompt_json)
    prompts = connect(server.at_once, api_key=KEY).prompts
    await prompts.get("a")
    await prompts.get("b")
    assert server.paths == ["/api/me/context", "/api/projects/p-1/prompts/a", "/api/projects/p-1/prompts/b"]


@pytest.mark.parametrize("key", [None, KEY])
async def test_a_project_that_was_named_is_not_asked_for(connect, serve, prompt_json, key):
    server = serve(httpx2.Response(200, json=prompt_json))
    await connect(server, api_key=key, project="p/2").prompts.get("a")
    assert server.targets == ["GET /api/projects/p%252F2/prompts/a"]


async def test_calls_outside_a_project_need_none(connect, serve):
    server = serve(httpx2.Response(200, json={"status": "ok"}))
    await connect(server, api_key=KEY).health()
    assert server.targets == ["GET /api/health"]


async def test_a_refused_key_is_told_and_may_be_right_the_next_time(connect, prompt_json):
    server = Keyed(prompt_json)
    server.refuse_lookups = 1
    prompts = connect(server.at_once, api_key=KEY).prompts
    with pytest.raises(AuthenticationError):
        await prompts.get("a")
    assert (await prompts.get("a")).id == "greeting"


async def test_calls_that_start_together_ask_once(prompt_json):
    server = Keyed(prompt_json, hold=0.02)
    async with Dakora(ADDRESS, api_key=KEY, transport=httpx2.MockTransport(server.answer)) as dakora:
        await asyncio.gather(*(dakora.prompts.get("a") for _ in range(20)))
    assert server.paths.count("/api/me/context") == 1


def test_threads_that_start_together_ask_once(prompt_json):
    server = Keyed(prompt_json, hold=0.02)
    transport = httpx2.MockTransport(server.blocking_answer)
    with DakoraSync(ADDRESS, api_key=KEY, transport=transport) as dakora, ThreadPoolExecutor(8) as pool:
        list(pool.map(dakora.prompts.get, "abcdefgh"))
    assert server.paths.count("/api/me/context") == 1


async def test_a_caller_who_gives_up_does_not_spoil_it_for_the_others(prompt_json):
    server = Keyed(prompt_json, hold=0.05)
    async with Dakora(ADDRESS, api_key=KEY, transport=httpx2.MockTransport(server.answer)) as dakora:
        first = asyncio.create_task(dakora.prompts.get("a"))
        second = asyncio.create_task(dakora.prompts.get("b"))
        await asyncio.sleep(0.01)
        first.cancel()
        assert (await second).id == "greeting"
        with pytest.raises(asyncio.CancelledError):
            await first


def test_a_thread_waits_for_the_lookup_no_longer_than_its_own_limit(prompt_json):
    looking, go_on = threading.Event(), threading.Event()
    server = Keyed(prompt_json)

    def answer(request):
        if request.url.path.endswith("/context"):
            looking.set()
            go_on.wait(10)
        return server.at_once(request)

    with DakoraSync(ADDRESS, api_key=KEY, transport=httpx2.MockTransport(answer)) as dakora:
        slow = threading.Thread(target=dakora.prompts.get, args=("a",))
        slow.start()
        looking.wait(10)
        with pytest.raises(TimedOut):
            dakora.prompts.get("b", timeout=0.05)
        go_on.set()
        slow.join()
