"""What one subject may still do, as far as this process knows."""

import asyncio
from typing import Final

from dakora_server.core.rate_limits.rates import Rate

SECOND: Final = 1_000_000_000


class Bucket:
    """Allowances for one subject under one rate, taken in chunks and spent one by one until their window ends.

    `left` may be spent now. `elsewhere` is what the window still held beyond that when last heard. `dry` means
    that the window has nothing more to give before `ends`, a time of the monotonic clock. `told` means that `ends`
    came from the store that is shared, and not from this process's own count. Times are whole nanoseconds: seconds as
    floats would make a window of 60 seconds last a little longer now and then, and a Retry-After come a little early.
    """

    __slots__ = ("dry", "elsewhere", "ends", "granted", "left", "lock", "rate", "subject", "told")

    def __init__(self, rate: Rate, subject: str) -> None:
        self.rate = rate
        self.subject = subject
        self.left = 0
        self.elsewhere = rate.amount
        self.granted = 0
        self.dry = False
        self.told = False
        self.ends = -1
        self.lock = asyncio.Lock()

    def turn(self) -> None:
        """The window is over: what was not spent is gone."""
        self.left = 0
        self.elsewhere = self.rate.amount
        self.granted = 0
        self.dry = False
        self.told = False

    def lacks(self, now: int) -> bool:
        """Is there nothing to spend, and nothing to refuse by?"""
        return now >= self.ends or not (self.left or self.dry)

    def fill(self, granted: int, *, elsewhere: int) -> None:
        """Take a chunk that was granted; none means that the window is empty."""
        self.left += granted
        self.granted += granted
        self.elsewhere = elsewhere
        self.dry = granted == 0

    def fill_alone(self, now: int) -> None:
        """Take a chunk by this process's own count: it grants no more than the limit in a window, wherever from."""
        if now >= self.ends:
            self.turn()
            self.ends = now + self.rate.window * SECOND
        remaining = max(0, self.rate.amount - self.granted)
        chunk = min(self.rate.chunk, remaining)
        self.fill(chunk, elsewhere=remaining - chunk)
