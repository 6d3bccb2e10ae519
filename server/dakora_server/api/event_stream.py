"""Server-sent events of a run, as it goes on; who goes away ends it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import orjson
from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_T = TypeVar("_T")
# Proxies close what is silent for long.
_SILENCE_SECONDS = 15.0
_STILL_THERE = b": waiting\n\n"
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


def event_bytes(name: str, facts: dict[str, Any]) -> bytes:
    """One event on the wire."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(facts))


class EventStream(Response):
    """`text/event-stream`: what `events` gives, until its end, or until the client goes; then `leave` is called."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], leave: Callable[[], Awaitable[None]]) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._events = events
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until one of the two ends."""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await _first_of(self._send_all(send), _until_gone(receive))
        finally:
            await self._leave()

    async def _send_all(self, send: Send) -> None:
        coming = asyncio.ensure_future(anext(self._events))
        try:
            while True:
                await asyncio.wait({coming}, timeout=_SILENCE_SECONDS)
                if not coming.done():
                    await send({"type": "http.response.body", "body": _STILL_THERE, "more_body": True})
                    continue
                try:
                    body = coming.result()
                except StopAsyncIteration:
                    break
                await send({"type": "http.response.body", "body": body, "more_body": True})
                coming = asyncio.ensure_future(anext(self._events))
        finally:
            coming.cancel()
        await send({"type": "http.response.body", "body": b""})


async def unless_gone(request: Request, work: Awaitable[_T]) -> _T | None:
    """What `work` comes to; None when the client goes away before, which cancels it."""
    return await _first_of(work, _until_gone(request.receive))


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first_of(work: Awaitable[_T], other: Awaitable[None]) -> _T | None:
    working, watching = asyncio.ensure_future(work), asyncio.ensure_future(other)
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        return None
    finally:
        for task in (working, watching):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
