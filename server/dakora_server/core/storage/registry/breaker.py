"""Nobody waits for a store that is known not to answer: each who did would hold up others who need no store."""

import time
from collections.abc import Callable

# So many calls in a row without an answer, and the next are refused at once; one a second still goes, to find out.
MISSES = 5
PAUSE_SECONDS = 1.0


class Breaker:
    """What the last calls to a store came to. Refusals are answers: only silence counts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._missed = 0
        self._next_try = 0.0

    @property
    def refuses(self) -> bool:
        """Whether to give up at once. Asking is trying: the one who is let through finds out for the others."""
        if self._missed < MISSES:
            return False
        now = self._clock()
        if now < self._next_try:
            return True
        self._next_try = now + PAUSE_SECONDS
        return False

    def answered(self) -> None:
        """The store said something."""
        self._missed = 0

    def missed(self) -> None:
        """The store said nothing, or not in time."""
        self._missed += 1
        if self._missed >= MISSES:
            self._next_try = self._clock() + PAUSE_SECONDS
