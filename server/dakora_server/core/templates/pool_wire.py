"""What the server and its render workers say to each other, and what both keep in step.

A frame is four bytes of length and one JSON array. The server sends `[operation, ...]`; a worker answers
`[kind, payload, reason]`, where a reason asks the server to replace the worker after this answer. Commands to the
zygote are one letter and a worker's number; `FORK` carries the worker's end of a socket pair with it.

This module is imported on both sides and by nothing that costs memory, so it knows the standard library only.
"""

import struct
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")

HEADER: Final = struct.Struct("!I")
COMMAND: Final = struct.Struct("!cI")

# Commands to the zygote.
FORK: Final = b"F"
KILL: Final = b"K"
STEP_BACK: Final = b"B"
MAKE_WAY: Final = b"W"

# Operations of a worker.
ANALYSE: Final = "analyse"
ANALYSE_MANY: Final = "analyse_many"
RENDER: Final = "render"
EXPAND: Final = "expand"
SCHEMAS: Final = "schemas"
DIFF: Final = "diff"
AUDIT: Final = "audit"

# Kinds of answers.
READY: Final = "ready"
COMPILED: Final = "compiled"
MISS: Final = "miss"
OK: Final = "ok"
REFUSED: Final = "refused"
FAILED: Final = "failed"

# The largest answer a worker may send: an output of 1 MiB whose every byte is a control character takes six.
LARGEST_ANSWER: Final = 16 * 1024 * 1024

PROGRAMS_HELD: Final = 256
PROGRAM_CHARACTERS_HELD: Final = 1024 * 1024


class Shelf(Generic[T]):
    """Things kept by key, the longest unused given up first, bounded by their number and their weight.

    The server runs one beside each worker's own, with the same calls in the same order, and so knows what the
    worker holds without asking. A thing heavier than the whole shelf is kept alone.
    """

    def __init__(self, *, number: int = PROGRAMS_HELD, weight: int = PROGRAM_CHARACTERS_HELD) -> None:
        self._number = number
        self._weight = weight
        self._held: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._total = 0

    def __contains__(self, key: str) -> bool:
        return key in self._held

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: str) -> T | None:
        """What is kept under `key`, which is then the most recently used."""
        found = self._held.get(key)
        if found is None:
            return None
        self._held.move_to_end(key)
        return found[0]

    def put(self, key: str, thing: T, *, weight: int) -> None:
        """Keep `thing`, and give up as many others as that takes."""
        self.drop(key)
        self._held[key] = (thing, weight)
        self._total += weight
        while len(self._held) > 1 and (len(self._held) > self._number or self._total > self._weight):
            _, (_, freed) = self._held.popitem(last=False)
            self._total -= freed

    def drop(self, key: str) -> None:
        """Forget `key`, if it is held."""
        found = self._held.pop(key, None)
        if found is not None:
            self._total -= found[1]


def weight_of(sources: Sequence[str], parts: Sequence[str]) -> int:
    """How much of a shelf a program takes: the characters it was compiled from."""
    return sum(map(len, sources)) + sum(map(len, parts))
