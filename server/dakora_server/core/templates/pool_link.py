"""One worker, as the server sees it: a stream of frames, the programs it holds, and the job it is on."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

import orjson

from dakora_server.core.templates.pool_wire import HEADER, LARGEST_ANSWER, Shelf


@dataclass(slots=True, eq=False)
class Job:
    """One call into a worker. `complete` is the message for a worker that does not hold the program yet.

    `bounded` says that its work grows with its size and no faster; `parts` how many jobs it is in one.
    """

    tenant: str
    message: list[object]
    seconds: float
    future: asyncio.Future[Any]
    key: str = ""
    complete: list[object] = field(default_factory=list)
    weight: int = 0
    bounded: bool = False
    parts: int = 1
    compile_seconds: float = 0.0
    timer: asyncio.TimerHandle | None = None
    link: "Link | None" = None
    retries: int = 0
    started: float = 0.0
    due: float = 0.0
    compiles: bool = False
    spared: bool = False
    watched_since: float = 0.0
    processor_time: int | None = None

    def succeed(self, result: Any) -> None:
        """Give the caller what the worker answered, if one still waits."""
        self.cancel_timer()
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        """Raise `error` where the caller waits, if one still does."""
        self.cancel_timer()
        if not self.future.done():
            self.future.set_exception(error)

    def cancel_timer(self) -> None:
        """Whatever was to happen to this job at a certain time does not."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Listener(Protocol):
    """Who is told what a worker says."""

    def heard(self, link: "Link", answer: list[object]) -> None:
        """A whole answer arrived."""

    def broken(self, link: "Link") -> None:
        """What arrived is not an answer; nothing more will be read."""

    def ended(self, link: "Link") -> None:
        """The worker's end is closed: it is gone."""


class Link(asyncio.Protocol):
    """The server's end of one worker's socket. `programs` mirrors what the worker holds."""

    def __init__(self, number: int, listener: Listener) -> None:
        self.number: Final = number
        self.pid: int | None = None
        self.programs: Shelf[bool] = Shelf()
        self.job: Job | None = None
        self.served = 0
        self.successor_ordered = False
        self.is_slow = False
        self.condemned = False
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._unread = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast("asyncio.Transport", transport)
        if self.condemned:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._listener.ended(self)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop. One chunk that is one frame, the usual case, is not copied."""
        if self.condemned:
            return
        if not self._unread and len(data) >= HEADER.size and HEADER.unpack_from(data)[0] == len(data) - HEADER.size:
            self._hear(memoryview(data)[HEADER.size :])
            return
        self._unread += data
        while len(self._unread) >= HEADER.size and not self.condemned:
            (size,) = HEADER.unpack_from(self._unread)
            if size > LARGEST_ANSWER:
                self._break()
            if len(self._unread) < HEADER.size + size:
                return
            frame = bytes(self._unread[HEADER.size : HEADER.size + size])
            del self._unread[: HEADER.size + size]
            self._hear(frame)

    def send(self, body: bytes) -> None:
        """Queue one frame."""
        if self._transport is not None:
            self._transport.write(HEADER.pack(len(body)) + body)

    def close(self) -> None:
        """Give the worker up; `ended` follows."""
        self.condemned = True
        if self._transport is not None:
            self._transport.abort()

    def _hear(self, frame: bytes | memoryview) -> None:
        try:
            answer = orjson.loads(frame)
        except orjson.JSONDecodeError:
            answer = None
        if isinstance(answer, list) and len(answer) == 3:
            self._listener.heard(self, answer)
        else:
            self._break()

    def _break(self) -> None:
        self.condemned = True
        self._listener.broken(self)
