"""Whether a request may go on, and what its answer says about that."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from dakora_server.core.rate_limits.buckets import SECOND, Bucket
from dakora_server.core.rate_limits.rates import LimitClass, Rate, Rates
from dakora_server.core.rate_limits.shared import UNREACHABLE, SharedWindows

_log: Final = logging.getLogger(__name__)

_SECONDS_BETWEEN_PROBES: Final = 0.5

Header = tuple[bytes, bytes]


class Verdict(NamedTuple):
    """Whether a request may go on, the headers its answer carries, and after how many seconds to come again (or 0).

    Policies are listed for the key and for the workspace; the state is that of whichever has less left.
    """

    allowed: bool
    headers: tuple[Header, ...] = ()
    retry_after: int = 0


_UNLIMITED: Final = Verdict(allowed=True)


class _Limits(NamedTuple):
    """What holds for one class: each rate with whom it counts (0: the caller, 1: the workspace)."""

    rates: tuple[tuple[Rate, int], ...]
    policy: Header


class RateLimits:
    """At most so many requests of a class in each window, for a caller and for its workspace.

    A window begins with a subject's first request. With Redis all processes share the windows, and each takes
    allowances in chunks of a twentieth; without, or while Redis does not answer, this process counts alone.

    `caller` and `workspace` are ids: they are written to Redis as they are, so a secret must not be one. At most
    `kept` buckets are remembered, the least recently used goes first; alone, who is forgotten starts afresh.
    `patience` is how many seconds a request waits for Redis before this process goes on alone. `now` is a clock
    that never jumps, in nanoseconds.

    Raises ValueError when `redis_url` is not an address of Redis.
    """

    def __init__(
        self,
        rates: Rates,
        *,
        redis_url: str | None = None,
        kept: int = 20_000,
        patience: float = 0.2,
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._limits = {what: _limits(what, rates) for what in LimitClass}
        self._shared = SharedWindows(redis_url, patience=patience, now=now) if redis_url else None
        self._alone = self._shared is None
        self._kept = kept
        self._now = now
        self._buckets: OrderedDict[tuple[Rate, str], Bucket] = OrderedDict()
        self._probe: asyncio.Task[None] | None = None

    def spend(self, what: LimitClass, caller: str, workspace: str) -> Verdict | None:
        """Count this request, if both may still make one; a refused request costs neither anything.

        None means that Redis has to be asked first, and that nothing was counted: await `take`.
        """
        rates, policy = self._limits[what]
        if not rates:
            return _UNLIMITED
        now = self._now()
        subjects = (caller, workspace)
        found = []
        lacking = False
        refusing: Bucket | None = None
        for rate, whose in rates:
            bucket = self._bucket(rate, subjects[whose])
            found.append(bucket)
            if now >= bucket.ends or not bucket.left:
                if bucket.lacks(now) and self._alone:
                    bucket.fill_alone(now)
                if bucket.lacks(now):
                    lacking = True
                elif bucket.dry and (refusing is None or bucket.ends > refusing.ends):
                    refusing = bucket
        if refusing is not None:
            return _refusal(refusing, policy, now)
        if lacking:
            return None
        return _admission(found, policy, now)

    async def take(self, what: LimitClass, caller: str, workspace: str) -> Verdict:
        """As `spend`, asking Redis where that is needed. Never fails: without an answer this process counts alone."""
        subjects = (caller, workspace)
        while (verdict := self.spend(what, caller, workspace)) is None:
            for rate, whose in self._limits[what].rates:
                bucket = self._bucket(rate, subjects[whose])
                await self._fill(bucket)
                if bucket.dry:
                    # It will be refused: nothing is set aside from the other one for it.
                    break
        return verdict

    @property
    def is_shared(self) -> bool:
        """Whether processes are to count together, in Redis."""
        return self._shared is not None

    async def check(self) -> bool:
        """Whether Redis answers, or none is needed. False is no reason to take no requests: they are counted here."""
        return self._shared is None or await self._shared.answers()

    async def close(self) -> None:
        """Let go of Redis. Requests can still be counted, by this process alone."""
        self._alone = True
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)
        if self._shared is not None:
            await self._shared.close()

    def _bucket(self, rate: Rate, subject: str) -> Bucket:
        place = (rate, subject)
        bucket = self._buckets.get(place)
        if bucket is None:
            bucket = self._buckets[place] = Bucket(rate, subject)
            if len(self._buckets) > self._kept:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(place)
        return bucket

    async def _fill(self, bucket: Bucket) -> None:
        """Ask Redis for a chunk, unless somebody did while we waited for our turn."""
        async with bucket.lock:
            if self._shared is None or self._alone or not bucket.lacks(self._now()):
                return
            try:
                await self._shared.fill(bucket)
            except UNREACHABLE as failure:
                self._go_alone(failure)

    def _go_alone(self, failure: Exception) -> None:
        if self._alone:
            return
        self._alone = True
        # The name of the failure only: its text may hold the address, and with it a password.
        _log.warning("Redis does not answer (%s); rates are counted in this process alone.", type(failure).__name__)
        self._probe = asyncio.create_task(self._return_when_it_answers())

    async def _return_when_it_answers(self) -> None:
        """Apart from requests, so that none of them waits for a Redis that hangs."""
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_PROBES)
            if await self.check():
                break
        self._alone = False
        _log.warning("Redis answers again; rates are counted there.")


def _limits(what: LimitClass, rates: Rates) -> _Limits:
    items = ((what.value, rates.key.get(what)), (f"workspace-{what.value}", rates.workspace.get(what)))
    found = tuple((Rate.of(name, item), whose) for whose, (name, item) in enumerate(items) if item is not None)
    return _Limits(found, (b"ratelimit-policy", b", ".join(rate.policy for rate, _ in found)))


def _admission(buckets: list[Bucket], policy: Header, now: int) -> Verdict:
    tightest = buckets[0]
    remaining = -1
    for bucket in buckets:
        bucket.left -= 1
        available = bucket.left + bucket.elsewhere
        if remaining < 0 or available < remaining:
            tightest, remaining = bucket, available
    state = tightest.rate.state % (remaining, _seconds(tightest, now))
    return Verdict(True, ((b"ratelimit", state), policy))


def _refusal(bucket: Bucket, policy: Header, now: int) -> Verdict:
    seconds = _seconds(bucket, now)
    state = bucket.rate.state % (0, seconds)
    return Verdict(False, ((b"ratelimit", state), policy, (b"retry-after", b"%d" % seconds)), seconds)


def _seconds(bucket: Bucket, now: int) -> int:
    """Until the window ends, rounded up: a client that waits so long is not early."""
    return -((now - bucket.ends) // SECOND)
