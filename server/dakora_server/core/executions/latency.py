"""Latencies as counts in buckets: what a day's percentiles are read from, without keeping every value.

The limits of the buckets grow by the same factor, so a percentile is off by at most that factor; inside a bucket it is
taken where the rank falls, which in practice comes within a few per cent.
"""

from bisect import bisect_left
from collections.abc import Sequence

BUCKETS = 64
_FIRST_MS, _LAST_MS = 10.0, 600_000.0
GROWTH: float = (_LAST_MS / _FIRST_MS) ** (1 / (BUCKETS - 2))
"""How much larger the upper limit of each bucket is than that of the one before: 1.194."""

LIMITS: tuple[float, ...] = tuple(_FIRST_MS * GROWTH**number for number in range(BUCKETS - 1))
"""Upper limits in milliseconds. What is above the last one, ten minutes, is in a bucket of its own."""


def bucket_of(milliseconds: float | None) -> int:
    """The number of the bucket, -1 where the latency is not known."""
    return -1 if milliseconds is None else bisect_left(LIMITS, milliseconds)


def percentile(counts: Sequence[int], share: float) -> float | None:
    """The latency in milliseconds that `share` of the runs (0 to 1) did not exceed; None where none is known."""
    total = sum(counts)
    if total == 0:
        return None
    rank, below = share * total, 0
    for number, count in enumerate(counts):
        if count and below + count >= rank:
            return round(_inside(number, (rank - below) / count), 1)
        below += count
    return round(LIMITS[-1], 1)


def _inside(number: int, part: float) -> float:
    if number >= len(LIMITS):
        return LIMITS[-1]
    if number == 0:
        return LIMITS[0] * part
    lower = LIMITS[number - 1]
    return float(lower * (LIMITS[number] / lower) ** part)
