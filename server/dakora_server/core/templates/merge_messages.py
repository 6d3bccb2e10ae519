"""The messages of a chat prompt and those it was made from: which is which, and what came between."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]

_SAME, _LIKE = 1_000, 1


@dataclass(frozen=True, slots=True)
class Alignment:
    """`kept[i]` is what became of the base's message `i`, None if it is gone; `added[i]` what is new before it."""

    kept: list[Message | None]
    added: list[list[Message]]


def align(base: Sequence[Message], side: Sequence[Message]) -> Alignment:
    """Find each message of the base again: by all of it where that is possible, else by its role and order."""
    gains = _gains(base, side)
    kept: list[Message | None] = [None] * len(base)
    added: list[list[Message]] = [[] for _ in range(len(base) + 1)]
    old = new = gap = 0
    while new < len(side):
        if old < len(base) and _is_pair(gains, old, new, _likeness(base[old], side[new])):
            kept[old] = side[new]
            old, new = old + 1, new + 1
            gap = old
        elif old < len(base) and gains[old + 1][new] == gains[old][new]:
            old += 1
        else:
            added[gap].append(side[new])
            new += 1
    return Alignment(kept, added)


def _is_pair(gains: list[list[int]], old: int, new: int, likeness: int) -> bool:
    return likeness > 0 and gains[old][new] == gains[old + 1][new + 1] + likeness


def _likeness(old: Message, new: Message) -> int:
    return _SAME if old == new else _LIKE if old.get("role") == new.get("role") else 0


def _gains(base: Sequence[Message], side: Sequence[Message]) -> list[list[int]]:
    """How alike the rest of both lists can be, from each pair of places on."""
    gains = [[0] * (len(side) + 1) for _ in range(len(base) + 1)]
    for old in range(len(base) - 1, -1, -1):
        for new in range(len(side) - 1, -1, -1):
            pair = _likeness(base[old], side[new])
            gains[old][new] = max(
                gains[old + 1][new], gains[old][new + 1], gains[old + 1][new + 1] + pair if pair else 0
            )
    return gains
