# ruff: noqa: ASYNC109 - the time limit is part of the promise, and both faces take the same arguments

"""The two ways of doing what `Exchange.steps` says: with `await`, and blocking."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from threading import Lock
from typing import TypeVar

import httpx2

from dakora_client import _operations
from dakora_client._answers import Page
from dakora_client._exchange import Exchange, FindProject, Send, Step, Steps
from dakora_client._log_queue import LogQueue, Sender
from dakora_client._request import Answer, Call
from dakora_client._settings import Settings
from dakora_client.errors import DakoraError

T = TypeVar("T")
# What `Exchange.steps` wants to hear of; anything else is a bug and goes straight up.
_FAILURES = (httpx2.RequestError, httpx2.InvalidURL, DakoraError)
# A connection is let go before the server would hang up (after 5 s without use, commonly): a call that is not safe to
# repeat must not meet one that is just being closed.
# How long closing a client waits for what was logged.
_CLOSING_SECONDS = 5.0
_LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=4.0)


class AsyncSender:
    """Sends calls on an event loop."""

    def __init__(self, settings: Settings, transport: httpx2.AsyncBaseTransport | None) -> None:
        self._exchange = Exchange(settings)
        self._http = httpx2.AsyncClient(transport=transport, limits=_LIMITS)
        self._finding_project = asyncio.Lock()
        self.log_queue = LogQueue(lambda: _sender_beside(settings, transport))

    async def send(self, call: Call[T], timeout: float | None = None) -> T:
        """Send `call` and give back what it answers. Raises DakoraError."""
        steps = self._exchange.steps(call, timeout)
        try:
            async with asyncio.timeout(self._exchange.limit(timeout)) as limit:
                return await self._follow(steps)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise self._exchange.timed_out(timeout) from error

    async def iterate(self, page_at: Callable[..., Call[Page[T]]], timeout: float | None = None) -> AsyncIterator[T]:
        """What the pages of a list hold, fetched as they are needed; `page_at` takes a `cursor`. Raises DakoraError."""
        cursor = None
        while True:
            page = await self.send(page_at(cursor=cursor), timeout)
            for item in page.items:
                yield item
            cursor = page.after(cursor)
            if cursor is None:
                return

    async def lines(self, call: Call[T], timeout: float) -> AsyncGenerator[str]:
        """The lines of an answer that comes bit by bit; who closes it hangs up. Raises DakoraError."""
        deadline = self._exchange.deadline(timeout)
        try:
            async with asyncio.timeout(self._exchange.limit(timeout)) as limit:
                project = await self._do(FindProject(deadline))
                request = self._exchange.request(call, str(project), deadline)
                response = await self._http.send(request, stream=True)
        except httpx2.RequestError as error:
            raise self._exchange.failure(error, timeout) from error
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise self._exchange.timed_out(timeout) from error
        try:
            if response.status_code != 200:
                raise self._exchange.refusal(Answer(response.status_code, response.headers, await response.aread()))
            async for line in response.aiter_lines():
                yield line
        except httpx2.RequestError as error:
            raise self._exchange.failure(error, timeout) from error
        finally:
            await response.aclose()

    async def _follow(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    outcome = await self._do(step)
                except _FAILURES as failure:
                    step = steps.throw(failure)
                else:
                    step = steps.send(outcome)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # StopIteration cannot carry its type

    async def _do(self, step: Step) -> Answer | str | None:
        if isinstance(step, Send):
            response = await self._http.send(step.request)
            return Answer(response.status_code, response.headers, response.content)
        if isinstance(step, FindProject):
            # Calls that start together ask once; if asking fails, each goes on to find out for itself.
            async with self._finding_project:
                if self._exchange.project is None:
                    self._exchange.project = (await self.send(_operations.context())).project_id
                return self._exchange.project
        await self._exchange.settings.hooks.async_sleep(step.seconds)
        return None

    async def flush(self, seconds: float) -> bool:
        """Wait until every logged record has been sent; whether that is so."""
        return await asyncio.to_thread(self.log_queue.flush, seconds)

    async def close(self) -> None:
        """Send what was logged, and close the connections."""
        if self.log_queue.is_used:
            await asyncio.to_thread(self.log_queue.close, _CLOSING_SECONDS)
        await self._http.aclose()


def _sender_beside(settings: Settings, transport: httpx2.AsyncBaseTransport | None) -> Sender:
    """What the thread of the log sends with: connections of its own, as the loop's belong to the loop."""
    if transport is None:
        beside = SyncSender(settings, None)
        return beside.send, beside.close
    own = AsyncSender(settings, transport)
    return lambda call: asyncio.run(own.send(call)), lambda: None


class SyncSender:
    """Sends calls from any thread."""

    def __init__(self, settings: Settings, transport: httpx2.BaseTransport | None) -> None:
        self._exchange = Exchange(settings)
        self._clock = settings.hooks.clock
        self._http = httpx2.Client(transport=transport, limits=_LIMITS)
        self._finding_project = Lock()
        # The same connections: they may be used from any thread.
        self.log_queue = LogQueue(lambda: (self.send, lambda: None))

    def send(self, call: Call[T], timeout: float | None = None) -> T:
        """Send `call` and give back what it answers. Raises DakoraError."""
        steps = self._exchange.steps(call, timeout)
        try:
            step = next(steps)
            while True:
                try:
                    outcome = self._do(step, timeout)
                except _FAILURES as failure:
                    step = steps.throw(failure)
                else:
                    step = steps.send(outcome)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # StopIteration cannot carry its type

    def iterate(self, page_at: Callable[..., Call[Page[T]]], timeout: float | None = None) -> Iterator[T]:
        """What the pages of a list hold, fetched as they are needed; `page_at` takes a `cursor`. Raises DakoraError."""
        cursor = None
        while True:
            page = self.send(page_at(cursor=cursor), timeout)
            yield from page.items
            cursor = page.after(cursor)
            if cursor is None:
                return

    def lines(self, call: Call[T], timeout: float) -> Generator[str]:
        """The lines of an answer that comes bit by bit; who closes it hangs up. Raises DakoraError."""
        deadline = self._exchange.deadline(timeout)
        project = self._find_project(FindProject(deadline), timeout)
        request = self._exchange.request(call, project, deadline)
        try:
            response = self._http.send(request, stream=True)
        except httpx2.RequestError as error:
            raise self._exchange.failure(error, timeout) from error
        try:
            if response.status_code != 200:
                raise self._exchange.refusal(Answer(response.status_code, response.headers, response.read()))
            yield from response.iter_lines()
        except httpx2.RequestError as error:
            raise self._exchange.failure(error, timeout) from error
        finally:
            response.close()

    def _do(self, step: Step, timeout: float | None) -> Answer | str | None:
        if isinstance(step, Send):
            return self._receive(step)
        if isinstance(step, FindProject):
            return self._find_project(step, timeout)
        self._exchange.settings.hooks.sleep(step.seconds)
        return None

    def _find_project(self, step: FindProject, timeout: float | None) -> str:
        if not self._finding_project.acquire(timeout=self._left(step.deadline)):
            raise self._exchange.timed_out(timeout)
        try:
            if self._exchange.project is None:
                self._exchange.project = self.send(_operations.context(), self._left(step.deadline)).project_id
            return self._exchange.project
        finally:
            self._finding_project.release()

    def _left(self, deadline: float) -> float:
        return max(deadline - self._clock(), 0.001)

    def _receive(self, step: Send) -> Answer:
        # Nothing can interrupt a blocking read, but a server that sends a little at a time is noticed between two.
        response = self._http.send(step.request, stream=True)
        try:
            chunks = []
            for chunk in response.iter_bytes():
                chunks.append(chunk)
                if self._clock() > step.deadline:
                    raise httpx2.ReadTimeout("The answer took too long", request=step.request)
        finally:
            response.close()
        return Answer(response.status_code, response.headers, b"".join(chunks))

    def flush(self, seconds: float) -> bool:
        """Wait until every logged record has been sent; whether that is so."""
        return self.log_queue.flush(seconds)

    def close(self) -> None:
        """Send what was logged, and close the connections."""
        if self.log_queue.is_used:
            self.log_queue.close(_CLOSING_SECONDS)
        self._http.close()
