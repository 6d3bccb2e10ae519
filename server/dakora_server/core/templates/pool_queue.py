"""Whose turn it is: jobs that wait, fair among tenants and bounded, and templates that have used up their turns."""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_KILLS_TO_OPEN: Final = 3
_KILLS_WITHIN_SECONDS: Final = 60.0
_OPEN_SECONDS: Final = 30.0


class FairQueue(Generic[T]):
    """First come, first served within a tenant; tenants take turns."""

    def __init__(self, *, per_tenant: int, in_all: int) -> None:
        self._per_tenant = per_tenant
        self._in_all = in_all
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def waits(self, tenant: str) -> bool:
        """Whether this tenant has something in the queue."""
        return tenant in self._waiting

    def put(self, tenant: str, job: T, *, first: bool = False) -> bool:
        """Add a job, at the end or as the tenant's next. False, and nothing is added, if there is no room."""
        line = self._waiting.get(tenant)
        if self._length >= self._in_all or (line is not None and len(line) >= self._per_tenant):
            return False
        if line is None:
            line = self._waiting[tenant] = deque()
        if first:
            line.appendleft(job)
        else:
            line.append(job)
        self._length += 1
        return True

    def take(self, may_run: Callable[[str], bool]) -> T | None:
        """The next job of the next tenant that may run one, who then goes to the end of the round."""
        for tenant, line in self._waiting.items():
            if may_run(tenant):
                job = line.popleft()
                self._length -= 1
                if line:
                    self._waiting.move_to_end(tenant)
                else:
                    del self._waiting[tenant]
                return job
        return None

    def forget(self, tenant: str, job: T) -> None:
        """Take out a job that nobody waits for any more, if it is still there."""
        line = self._waiting.get(tenant)
        if line is not None and job in line:
            line.remove(job)
            self._length -= 1
            if not line:
                del self._waiting[tenant]

    def drain(self) -> list[T]:
        """Everything that waits; the queue is empty afterwards."""
        jobs = [job for line in self._waiting.values() for job in line]
        self._waiting.clear()
        self._length = 0
        return jobs


class Breaker:
    """Remembers which programs had to be killed, and says no to those that keep at it.

    Three kills within a minute, and for 30 seconds the answer is no without a try. One tenant's kills never count
    against another's use of the same text, so the caller's keys hold both.
    """

    def __init__(self, *, keys: int = 1024) -> None:
        self._bound = keys
        self._kills: OrderedDict[tuple[str, str], list[float]] = OrderedDict()

    def killed(self, key: tuple[str, str], *, now: float) -> None:
        """One more kill."""
        recent = [when for when in self._kills.pop(key, []) if now - when < _KILLS_WITHIN_SECONDS]
        self._kills[key] = [*recent, now][-_KILLS_TO_OPEN:]
        if len(self._kills) > self._bound:
            self._kills.popitem(last=False)

    def is_open(self, key: tuple[str, str], *, now: float) -> bool:
        """Whether to say no at once."""
        kills = self._kills.get(key)
        return kills is not None and len(kills) == _KILLS_TO_OPEN and now - kills[-1] < _OPEN_SECONDS
