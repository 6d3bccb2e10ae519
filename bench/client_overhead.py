"""What the Python client costs by itself: microseconds per call over raw httpx2, both on a transport without a network.

`python -m bench.client_overhead` prints JSON. Raw is what one would write without the client: the same request on an
httpx2 client, and `.json()` where there is a body. Rounds of the two alternate, so that a slow moment hits both; the
figures are medians over rounds.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

from dakora_client import Dakora, DakoraSync

ADDRESS = "http://localhost:54321"
PROMPT = "/api/projects/default/prompts/greeting"
ROUNDS = 60
CALLS = 50
ETAG = '"6b2a5d2f0c1e4a77-3-9"'
INPUTS = {"name": "Alice", "topics": ["billing", "delivery"]}
_PROMPT_BODY = json.dumps(
    {
        "id": "greeting",
        "folder": "support/email",
        "version": "1.0.2",
        "version_number": 3,
        "description": "A greeting with a list of topics",
        "template": "Hello {{ name }}!\n{% for topic in topics %}- {{ topic }}\n{% endfor %}",
        "inputs": {"name": {"type": "string", "required": True}, "topics": {"type": "array<string>", "required": True}},
        "model": None,
        "tools": None,
        "response_schema": None,
        "metadata": {"tags": ["example", "greeting"]},
        "labels": ["latest"],
        "content_hash": "6b2a5d2f0c1e4a77" * 4,
        "portable": False,
        "message": None,
        "created_by": "00000000-0000-4000-8000-000000000001",
        "created_at": "2026-11-01T12:00:00.123456+00:00",
        "updated_at": "2026-11-02T12:00:00.123456+00:00",
    }
).encode()
_RENDER_BODY = json.dumps(
    {
        "rendered": "Hello Alice!\n- billing\n- delivery\n",
        "inputs_used": INPUTS,
        "prompt_id": "greeting",
        "version": "1.0.2",
        "version_number": 3,
        "content_hash": "6b2a5d2f0c1e4a77" * 4,
        "parts": [],
    }
).encode()
_HEADERS = [("content-type", "application/json"), ("etag", ETAG), ("x-request-id", "0123456789abcdef")]

Case = Callable[[], Any]


def answer(request: httpx2.Request) -> httpx2.Response:
    """A server that takes no time: a prompt, a rendered prompt, or 304."""
    if "if-none-match" in request.headers:
        return httpx2.Response(304, headers=_HEADERS, stream=httpx2.ByteStream(b""))
    body = _RENDER_BODY if request.method == "POST" else _PROMPT_BODY
    return httpx2.Response(200, headers=_HEADERS, stream=httpx2.ByteStream(body))


def sync_cases() -> dict[str, tuple[Case, Case]]:
    """Raw and ours, for each call, blocking."""
    transport = httpx2.MockTransport(answer)
    raw = httpx2.Client(base_url=ADDRESS, transport=transport, headers={"Authorization": "Bearer dk_proj_bench"})
    plain = DakoraSync(ADDRESS, api_key="dk_proj_bench", project="default", cache_size=0, transport=transport)
    cached = DakoraSync(ADDRESS, api_key="dk_proj_bench", project="default", transport=transport)
    cached.prompts.get("greeting")
    return {
        "get": (lambda: raw.get(PROMPT).json(), lambda: plain.prompts.get("greeting")),
        "get_304": (
            lambda: raw.get(PROMPT, headers={"If-None-Match": ETAG}),
            lambda: cached.prompts.get("greeting"),
        ),
        "render": (
            lambda: raw.post(f"{PROMPT}/render", json={"inputs": INPUTS}).json(),
            lambda: plain.prompts.render("greeting", INPUTS),
        ),
    }


async def async_cases() -> dict[str, tuple[Case, Case]]:
    """Raw and ours, for each call, awaiting."""
    transport = httpx2.MockTransport(answer)
    raw = httpx2.AsyncClient(base_url=ADDRESS, transport=transport, headers={"Authorization": "Bearer dk_proj_bench"})
    plain = Dakora(ADDRESS, api_key="dk_proj_bench", project="default", cache_size=0, transport=transport)
    cached = Dakora(ADDRESS, api_key="dk_proj_bench", project="default", transport=transport)
    await cached.prompts.get("greeting")

    async def raw_get() -> object:
        return (await raw.get(PROMPT)).json()

    async def raw_render() -> object:
        return (await raw.post(f"{PROMPT}/render", json={"inputs": INPUTS})).json()

    return {
        "get": (raw_get, lambda: plain.prompts.get("greeting")),
        "get_304": (
            lambda: raw.get(PROMPT, headers={"If-None-Match": ETAG}),
            lambda: cached.prompts.get("greeting"),
        ),
        "render": (raw_render, lambda: plain.prompts.render("greeting", INPUTS)),
    }


def _figures(raw: list[float], ours: list[float]) -> dict[str, float]:
    before, after = statistics.median(raw) * 1e6, statistics.median(ours) * 1e6
    return {"raw_us": round(before, 1), "ours_us": round(after, 1), "own_us": round(after - before, 1)}


def measure(cases: dict[str, tuple[Case, Case]]) -> dict[str, dict[str, float]]:
    """Figures for each blocking case."""

    def seconds(call: Case) -> float:
        started = time.perf_counter()
        for _ in range(CALLS):
            call()
        return (time.perf_counter() - started) / CALLS

    found = {}
    for name, (raw, ours) in cases.items():
        seconds(raw), seconds(ours)  # warm
        pairs = [(seconds(raw), seconds(ours)) for _ in range(ROUNDS)]
        found[name] = _figures([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    return found


async def measure_async(cases: dict[str, tuple[Case, Case]]) -> dict[str, dict[str, float]]:
    """Figures for each awaiting case."""

    async def seconds(call: Callable[[], Awaitable[object]]) -> float:
        started = time.perf_counter()
        for _ in range(CALLS):
            await call()
        return (time.perf_counter() - started) / CALLS

    found = {}
    for name, (raw, ours) in cases.items():
        await seconds(raw), await seconds(ours)  # warm
        pairs = [(await seconds(raw), await seconds(ours)) for _ in range(ROUNDS)]
        found[name] = _figures([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    return found


async def _measure_async() -> dict[str, dict[str, float]]:
    return await measure_async(await async_cases())


def run() -> dict[str, dict[str, dict[str, float]]]:
    """All figures: face, call, microseconds."""
    return {"sync": measure(sync_cases()), "async": asyncio.run(_measure_async())}


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
