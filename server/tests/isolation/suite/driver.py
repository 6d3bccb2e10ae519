"""Sends requests straight into the ASGI application, many at once, and searches every answer."""

import asyncio
import contextvars
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from isolation_suite.archive_operations import unpacked
from isolation_suite.calls import Call
from isolation_suite.requests import Composer
from isolation_suite.tenants import Tenants

AT_ONCE = 8
_CLIENT = ("127.0.0.1", 50_000)
_SERVER = ("127.0.0.1", 8000)
# Set while a request runs: which operation it is, for whoever asks what a query is reached by.
OPERATION: contextvars.ContextVar[str] = contextvars.ContextVar("operation", default="")


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


async def send(app: Any, call: Call) -> Answer:
    """The application's answer to a request."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": call.path,
        "raw_path": call.path.encode(),
        "query_string": call.query,
        "root_path": "",
        "headers": list(call.headers),
        "client": _CLIENT,
        "server": _SERVER,
    }
    answer = Answer(0, [], b"")
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            # Nobody goes away here: the rest of the connection's life is silence.
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": call.body, "more_body": False}

    async def take(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], message["headers"]
        else:
            answer.body += message.get("body", b"")

    await app(scope, receive, take)
    return answer


@dataclass
class Run:
    """What a run of requests showed.

    With `lenient`, a query may answer with anything that its caller may see somewhere: for when a filter is missing.
    """

    seed: str
    lenient: bool = False
    leaks: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    sent: int = 0
    seconds: float = 0.0

    def check(self, tenants: Tenants, call: Call, answer: Answer) -> None:
        """Judge one answer."""
        self.sent += 1
        self.statuses[call.operation, answer.status] += 1
        if answer.status >= 500:
            self.failures.append(f"{answer.status} {answer.body[:300]!r} to {call}")
        text = unpacked(answer.body) + b"\n" + b"\n".join(value for _, value in answer.headers)
        view = call.view | call.home if self.lenient else call.view
        for token in tenants.owners.strangers(text, view, call.operation):
            if not call.carries(token):
                labels = sorted(tenants.owners.labels(token))
                self.leaks.append(f"{token} of {labels} in {answer.status} to {call}: {answer.body[:500]!r}")
        if call.foreign and answer.status < 400 and not self.lenient:
            self.leaks.append(f"a stranger got {answer.status} to {call}: {answer.body[:500]!r}")

    def __str__(self) -> str:
        rate = self.sent / self.seconds if self.seconds else 0
        return f"{self.sent} requests at {rate:.0f}/s, seed DAKORA_ISOLATION_SEED={self.seed}"

    def refuse(self, found: Sequence[str]) -> None:
        """Fails, with what is needed to see it again, if anything was found."""
        if found:
            raise AssertionError(f"{self}: {len(found)} found, the first of them:\n" + "\n".join(found[:5]))


async def drive(
    apps: Sequence[Any],
    tenants: Tenants,
    composer: Composer,
    count: int,
    *,
    seed: str,
    at_once: int = AT_ONCE,
    lenient: bool = False,
) -> Run:
    """Send `count` requests to the replicas in turn, several at a time."""
    run = Run(seed, lenient)
    started = time.monotonic()

    async def work(number: int) -> None:
        rng = random.Random(f"{seed} {number}")
        app = apps[number % len(apps)]
        for _ in range(count // at_once + (number < count % at_once)):
            call = composer.draw(rng)
            OPERATION.set(call.operation)
            answer = await send(app, call)
            run.check(tenants, call, answer)
            if call.learn is not None and 200 <= answer.status < 300:
                call.learn(answer.status, dict(answer.headers), json.loads(answer.body) if answer.body else None)

    async with asyncio.TaskGroup() as tasks:
        for number in range(at_once):
            tasks.create_task(work(number))
    run.seconds = time.monotonic() - started
    return run
