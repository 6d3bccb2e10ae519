"""Which job goes to which worker, and when it has had its time."""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any, Final

import orjson

from dakora_server.core.exceptions import (
    Busy,
    DakoraError,
    Fault,
    RendererUnavailable,
    RenderFailed,
    RenderLimitExceeded,
    TemplateInvalid,
)
from dakora_server.core.templates import pool_wire as wire
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.pool_crew import Crew
from dakora_server.core.templates.pool_link import Job, Link
from dakora_server.core.templates.pool_queue import Breaker, FairQueue
from dakora_server.core.templates.process_facts import time_on_processor

_log: Final = logging.getLogger(__name__)

# A job that runs on is looked at this often. Once it has computed for a while, everyone else goes first.
_LOOK_SECONDS: Final = 0.005
_HUNGRY_NANOSECONDS: Final = 5_000_000
# The same by the clock, where the system does not say how long a process computed.
_SLOW_SECONDS: Final = 0.02
_STARVED_SECONDS: Final = 0.05
_READING_SECONDS: Final = 0.002
_COMPILE_GRACE_SECONDS: Final = 0.03
# Once for the worker that ended under it, once more because the next may be one that was ending just then.
_RETRIES: Final = 2
_QUEUED_PER_TENANT: Final = 512
_QUEUED_IN_ALL: Final = 2048
# A worker's successor is ordered this many renders before the end of its term, so that nobody waits for the fork.
_NOTICE_RENDERS: Final = 20

_REFUSALS: Final[Mapping[str, type[DakoraError]]] = {
    "template_invalid": TemplateInvalid,
    "render_failed": RenderFailed,
    "render_limit_exceeded": RenderLimitExceeded,
}


class Dispatch:
    """Jobs in, results out. No tenant has more than half of the workers; what waits takes turns by tenant."""

    def __init__(self, *, size: int, limits: Limits, python: str) -> None:
        self.crew = Crew(self, size=size, limits=limits, python=python)
        self.kills = 0
        self.busy = 0
        self._size = size
        self._cap = max(1, size // 2)
        self._limits = limits
        self._queue: FairQueue[Job] = FairQueue(per_tenant=_QUEUED_PER_TENANT, in_all=_QUEUED_IN_ALL)
        self._breaker = Breaker()
        self._idle: list[Link] = []
        self._running: dict[str, int] = {}
        self._available = False

    @property
    def waiting(self) -> int:
        """How many jobs wait for a worker."""
        return len(self._queue)

    def joined(self, link: Link) -> None:
        """The crew's report: a worker is ready."""
        self._available = True
        self._idle.append(link)
        self._next()

    def answered(self, link: Link, kind: str, payload: object, reason: str) -> None:
        """The crew's report: a worker answered."""
        job = link.job
        if job is None:
            return
        if kind == wire.COMPILED and job.compiles:
            self._compiled(link, job)
        elif kind == wire.MISS and not job.compiles:
            link.programs.drop(job.key)
            self._send(link, job)
        else:
            self._release(link, job)
            wrong = _resolve(job, kind, payload)
            self._keep_or_replace(link, reason or wrong)
            self._next()

    def left(self, link: Link, *, with_zygote: bool) -> None:
        """The crew's report: a worker is gone. Rendering changes nothing, so its job is tried again."""
        self._idle = [idle for idle in self._idle if not idle.condemned]
        job = link.job
        if job is None:
            return
        self._release(link, job)
        if not self._available:
            job.fail(RendererUnavailable())
        elif job.retries < _RETRIES:
            job.retries += 1
            self._enqueue(job, first=True)
        elif with_zygote:
            job.fail(RendererUnavailable())
        else:
            self._stopped(job, "It ended its worker process.", "worker_ended")
        self._next()

    def unreachable(self) -> None:
        """The crew's report: there are no workers, and there will be none for a while."""
        self._available = False
        for job in self._queue.drain():
            job.fail(RendererUnavailable())

    async def do(self, job: Job) -> Any:
        """The job's result, when its turn has come. Raises what it ended with."""
        if not self._available:
            raise RendererUnavailable
        if job.key and self._breaker.is_open((job.tenant, job.key), now=asyncio.get_running_loop().time()):
            raise RenderLimitExceeded("The prompt was stopped three times in a minute; try it again in half a minute.")
        link = None if self._queue.waits(job.tenant) else self._free_link(job)
        if link is not None:
            self._run(link, job)
        else:
            self._enqueue(job)
        try:
            return await job.future
        except asyncio.CancelledError:
            if job.link is None:  # nobody waits for it; one that runs is let finish, so that its frames stay in step
                self._queue.forget(job.tenant, job)
                job.cancel_timer()
            raise

    def _enqueue(self, job: Job, *, first: bool = False) -> None:
        if not self._queue.put(job.tenant, job, first=first):
            job.fail(Busy("Too many renders are waiting."))
            return
        job.timer = asyncio.get_running_loop().call_later(self._limits.queue_seconds, self._overdue, job)

    def _overdue(self, job: Job) -> None:
        self._queue.forget(job.tenant, job)
        job.fail(Busy("The render waited too long for its turn."))

    def _may_run(self, tenant: str) -> bool:
        return self._running.get(tenant, 0) < self._cap

    def _free_link(self, job: Job) -> Link | None:
        """A worker for this job: one that holds its program, else the one used last, whose memory is warm."""
        if not self._idle or self.busy >= self._size or not self._may_run(job.tenant):
            return None
        for place in range(len(self._idle) - 1, -1, -1):
            if job.key in self._idle[place].programs:
                return self._idle.pop(place)
        return self._idle.pop()

    def _next(self) -> None:
        """Give idle workers what waits."""
        while self._idle and self.busy < self._size:
            job = self._queue.take(self._may_run)
            if job is None:
                return
            job.cancel_timer()
            if job.future.done():
                continue
            link = self._free_link(job)
            if link is None:
                return
            self._run(link, job)

    def _run(self, link: Link, job: Job) -> None:
        link.job, job.link = job, link
        self.busy += 1
        self._running[job.tenant] = self._running.get(job.tenant, 0) + 1
        loop = asyncio.get_running_loop()
        job.timer = loop.call_later(_LOOK_SECONDS, self._check, link, job)
        self._send(link, job)

    def _send(self, link: Link, job: Job) -> None:
        """The job's frame, with all that this worker needs for it, and when it is due."""
        job.started = now = asyncio.get_running_loop().time()
        if not job.key or link.programs.get(job.key):
            job.due, job.compiles = now + job.seconds, False
            message = job.message
        else:
            job.due, job.compiles = now + job.compile_seconds, True
            message = job.complete
        try:
            link.send(_encode(message))
        except (TypeError, ValueError, RecursionError) as error:  # the caller's values are no JSON; no frame was sent
            self._release(link, job)
            self._idle.append(link)
            job.fail(error)

    def _compiled(self, link: Link, job: Job) -> None:
        """The worker now holds the program, and what counts from here on is the render.

        A long compile is taken off its time, down to a quarter: a caller waits no longer for a template that is new to
        the worker and hostile than for one that is hostile only.
        """
        job.compiles = False
        link.programs.put(job.key, True, weight=job.weight)
        loop = asyncio.get_running_loop()
        now = loop.time()
        in_all = job.started + job.seconds + _COMPILE_GRACE_SECONDS
        job.due = max(min(now + job.seconds, in_all), now + job.seconds / 4)
        if link.is_slow:
            job.cancel_timer()
            job.timer = loop.call_later(job.due - now, self._check, link, job)

    def _check(self, link: Link, job: Job) -> None:
        """A running job's timer: first it is slow, and then it is too late."""
        loop = asyncio.get_running_loop()
        remaining = job.due - loop.time()
        if remaining <= 0.001:
            if job.spared:
                self._kill(link, job)
                return
            # Timers run before sockets are read: the answer may be here, and this process the one that was held up.
            job.spared = True
            remaining = _READING_SECONDS
        elif not link.is_slow:
            if _computes(link, job, now=loop.time()):
                link.is_slow = link.successor_ordered = True
                self.crew.calm(link, wholly=not job.bounded)
                self.crew.top_up()
            else:
                remaining = min(remaining, _LOOK_SECONDS)
        job.timer = loop.call_later(remaining, self._check, link, job)

    def _kill(self, link: Link, job: Job) -> None:
        """End a job that is past its time. One that got no processor to compute on is not at fault: the load is."""
        starved = _was_starved(link, job, now=asyncio.get_running_loop().time())
        self.kills += 1
        self._release(link, job)
        self.crew.kill(link)
        if starved:
            job.fail(Busy("The machine is too busy to render in time."))
        else:
            self._stopped(job, f"It took longer than {job.seconds * 1000:.0f} ms.", "time_limit")
        self._next()

    def _stopped(self, job: Job, sentence: str, kind: str) -> None:
        if job.key:
            self._breaker.killed((job.tenant, job.key), now=asyncio.get_running_loop().time())
        job.fail(RenderLimitExceeded(errors=[Fault(sentence, type=kind)]))

    def _release(self, link: Link, job: Job) -> None:
        job.cancel_timer()
        link.job = job.link = None
        link.served += 1
        self.busy -= 1
        running = self._running[job.tenant] - 1
        if running:
            self._running[job.tenant] = running
        else:
            del self._running[job.tenant]

    def _keep_or_replace(self, link: Link, reason: str) -> None:
        if reason not in {"", "memory"}:
            _log.error("A render worker was replaced: %s.", reason)
        if reason or link.is_slow or link.served >= self._limits.renders_per_worker:
            self.crew.dismiss(link)
            return
        self._idle.append(link)
        if not link.successor_ordered and link.served >= self._limits.renders_per_worker - _NOTICE_RENDERS:
            link.successor_ordered = True
            self.crew.top_up()


def _computes(link: Link, job: Job, *, now: float) -> bool:
    """Whether a job that takes long does so because it computes. The first look only takes the measure.

    A worker that is slow because the machine is busy must keep its place, or it would never get to its end.
    """
    used = time_on_processor(link.pid) if link.pid is not None else None
    if used is None:
        return now - job.started > _SLOW_SECONDS
    if job.processor_time is None:
        job.processor_time, job.watched_since = used, now
        return False
    return used - job.processor_time > _HUNGRY_NANOSECONDS * job.parts


def _was_starved(link: Link, job: Job, *, now: float) -> bool:
    """Whether a late job hardly computed. Of one whose work is bounded, it is enough that it got half of the time."""
    if job.processor_time is None or now - job.watched_since < _STARVED_SECONDS:
        return False
    if not job.bounded:
        return not link.is_slow
    used = time_on_processor(link.pid) if link.pid is not None else None
    return used is not None and used - job.processor_time < (now - job.watched_since) * 1e9 / 2


def _encode(message: list[object]) -> bytes:
    try:
        return orjson.dumps(message)
    except TypeError:  # integers of more than 64 bits, halves of surrogate pairs: rare, and slower
        return json.dumps(message).encode()


def _resolve(job: Job, kind: str, payload: Any) -> str:
    """Give the caller the answer. What comes back is why the worker that gave it should be replaced, if it should."""
    if kind == wire.OK:
        job.succeed(payload)
        return ""
    try:
        code, faults = payload
        job.fail(_REFUSALS[code](errors=[_fault(*fault) for fault in faults]))
    except (TypeError, ValueError, KeyError):
        job.fail(RenderFailed())
        return "malformed answer"
    return ""


def _fault(message: str, kind: str, line: int | None, column: int | None, source: int) -> Fault:
    return Fault(message, loc=(source,), line=line, column=column, type=kind)
