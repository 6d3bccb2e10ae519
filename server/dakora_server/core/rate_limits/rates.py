"""What is limited, and to how much."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from limits import RateLimitItem, parse_many

UNLIMITED: Final = "unlimited"
# Far above any honest limit, and low enough that a sum of them fits Redis's and a structured field's integers.
_MOST: Final = 1_000_000_000
_LONGEST_SECONDS: Final = 366 * 24 * 3600
_CHUNKS: Final = 20


class LimitClass(StrEnum):
    """The kinds of requests that are counted apart."""

    read = "read"
    render = "render"
    write = "write"
    log = "log"
    execute = "execute"


@dataclass(frozen=True, slots=True, eq=False)
class Rate:
    """One limit: `amount` requests in each window of `window` seconds, of which a process takes `chunk` at a time.

    Two rates are the same only if they are the same object: as part of a key they then hash without reading fields.
    """

    name: str
    item: RateLimitItem
    amount: int
    window: int
    chunk: int
    policy: bytes
    state: bytes

    @classmethod
    def of(cls, name: str, item: RateLimitItem) -> "Rate":
        """The limit of that name; its header lines are written once."""
        amount, window = item.amount, item.get_expiry()
        return cls(
            name=name,
            item=item,
            amount=amount,
            window=window,
            chunk=max(1, amount // _CHUNKS),
            policy=b'"%b";q=%d;w=%d' % (name.encode(), amount, window),
            state=b'"%b";r=%%d;t=%%d' % name.encode(),
        )


@dataclass(frozen=True, slots=True)
class Rates:
    """The limits of each class: for one caller (a key, or a signed-in user) and for its whole workspace.

    None is no limit.
    """

    key: Mapping[LimitClass, RateLimitItem | None]
    workspace: Mapping[LimitClass, RateLimitItem | None]

    @classmethod
    def parse(cls, *, key: Mapping[LimitClass, str], workspace: Mapping[LimitClass, str]) -> "Rates":
        """Limits from `1000/second` or `20 per 5 minutes`; `unlimited`, or a class left out, is no limit.

        Raises:
            ValueError: one is not such a notation, or nothing that can be kept; the sentence names it.
        """
        return cls(
            key={what: _item(f"{what} for a key", key.get(what, UNLIMITED)) for what in LimitClass},
            workspace={what: _item(f"{what} for a workspace", workspace.get(what, UNLIMITED)) for what in LimitClass},
        )


def _item(place: str, notation: str) -> RateLimitItem | None:
    if notation.strip().lower() == UNLIMITED:
        return None
    wrong = f"The rate limit of {place} is {notation!r}, which is not like '1000/second' or 'unlimited'."
    try:
        items = parse_many(notation)
    except ValueError:
        raise ValueError(wrong) from None
    if len(items) != 1:
        raise ValueError(wrong)
    item = items[0]
    if not (1 <= item.amount <= _MOST and item.get_expiry() <= _LONGEST_SECONDS):
        raise ValueError(
            f"The rate limit of {place} is {notation!r}; it must be from 1 to {_MOST} in a year at the longest."
        )
    return item
