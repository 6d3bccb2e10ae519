"""Three texts line by line: what each side changed since the base, merged, or marked the way git marks it."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

START: Final = "<<<<<<<"
BASE: Final = "|||||||"
MIDDLE: Final = "======="
END: Final = ">>>>>>>"

# Up to here lines that occur often are compared too; above, the time that takes would grow with the square.
_CAREFUL = 1_000_000


class Chunk(NamedTuple):
    """Lines that belong together in the three texts; where a text has nothing there, its list is empty."""

    base: list[str]
    ours: list[str]
    theirs: list[str]


class MergedText(NamedTuple):
    """A merged text. The two differ where both sides changed the same lines: there each has its own side's."""

    ours: str
    base: str
    theirs: str

    @property
    def is_clean(self) -> bool:
        """Whether both sides' changes are in."""
        return self.ours == self.theirs


def merge_text(base: str, ours: str, theirs: str) -> MergedText:
    """The text with the changes of both sides.

    Lines that only one side has changed are that side's; lines that both have changed alike are taken once. As in git,
    changes of neighbouring lines touch each other.
    """
    sides: tuple[list[str], list[str], list[str]] = [], [], []
    for chunk in chunks(base.split("\n"), ours.split("\n"), theirs.split("\n")):
        settled = _settled(chunk)
        for side, own in zip(sides, (chunk.ours, chunk.base, chunk.theirs), strict=True):
            side.extend(own if settled is None else settled)
    return MergedText(*("\n".join(side) for side in sides))


def _settled(chunk: Chunk) -> list[str] | None:
    """The lines of the chunk, unless both sides have changed them."""
    if chunk.theirs in (chunk.base, chunk.ours):
        return chunk.ours
    return chunk.theirs if chunk.ours == chunk.base else None


def marked(base: str | None, ours: str, theirs: str, *, theirs_name: str) -> str:
    """Both texts in one, every place where they differ between markers; without `base` its part is left out.

    A text that has such markers already can have them in a part of its own: nothing is escaped, as in git.
    """
    newline = "\r\n" if "\r\n" in ours else "\n"
    middle = [*_lines(base, newline)] if base is not None else None
    mine, other = _lines(ours, newline), _lines(theirs, newline)
    marked_lines: list[str] = []
    for chunk in chunks(mine if middle is None else middle, mine, other):
        start, end = _common_ends(chunk.ours, chunk.theirs)
        if chunk.ours == chunk.theirs:
            marked_lines += chunk.ours
            continue
        marked_lines += [*chunk.ours[:start], f"{START} yours", *chunk.ours[start : len(chunk.ours) - end]]
        if middle is not None:
            marked_lines += [f"{BASE} base", *_without_ends(chunk, start, end)]
        marked_lines += [MIDDLE, *chunk.theirs[start : len(chunk.theirs) - end], f"{END} {theirs_name}"]
        marked_lines += chunk.ours[len(chunk.ours) - end :]
    return newline.join(marked_lines) + newline


def _lines(text: str, newline: str) -> list[str]:
    return text.removesuffix(newline).split(newline)


def _common_ends(ours: Sequence[str], theirs: Sequence[str]) -> tuple[int, int]:
    """How many lines both begin with, and how many of the rest both end with."""
    most = min(len(ours), len(theirs))
    start = next((place for place in range(most) if ours[place] != theirs[place]), most)
    rest = most - start
    end = next((place for place in range(rest) if ours[-1 - place] != theirs[-1 - place]), rest)
    return start, end


def _without_ends(chunk: Chunk, start: int, end: int) -> list[str]:
    """The base's lines without those that both sides have kept around what they changed."""
    base, ours = chunk.base, chunk.ours
    first = _common_ends(base, ours[:start])[0]
    last = _common_ends(base[first:], ours[len(ours) - end :])[1] if end else 0
    return base[first : len(base) - last]


def has_markers(text: str) -> int | None:
    """The line (from 1) where the first unsolved conflict begins; None without one."""
    begun: int | None = None
    is_half = False
    for number, ended in enumerate(text.split("\n"), 1):
        line = ended.removesuffix("\r")
        if line.startswith(f"{START} "):
            begun, is_half = number, False
        elif begun is not None and line == MIDDLE:
            is_half = True
        elif begun is not None and is_half and line.startswith(f"{END} "):
            return begun
    return None


def chunks(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Iterator[Chunk]:
    """The three texts cut where all three agree: in turn lines that are the same in all, and lines that are not."""
    in_ours, in_theirs = _partners(base, ours), _partners(base, theirs)
    at = here = there = 0
    stable: list[str] = []
    for place, line in enumerate(base):
        mine, other = in_ours[place], in_theirs[place]
        if mine is None or other is None:
            continue
        if (place, mine, other) != (at, here, there):
            if stable:
                yield Chunk(stable, stable, stable)
            yield Chunk([*base[at:place]], [*ours[here:mine]], [*theirs[there:other]])
            stable = []
        stable.append(line)
        at, here, there = place + 1, mine + 1, other + 1
    if stable:
        yield Chunk(stable, stable, stable)
    rest = Chunk([*base[at:]], [*ours[here:]], [*theirs[there:]])
    if any(rest):
        yield rest


def _partners(base: Sequence[str], side: Sequence[str]) -> list[int | None]:
    """For every line of the base its place in the side's text, if it is still there."""
    start, end = _common_ends(base, side)
    partners: list[int | None] = [*range(start), *[None] * (len(base) - start)]
    for place in range(end):
        partners[len(base) - 1 - place] = len(side) - 1 - place
    old, new = base[start : len(base) - end], side[start : len(side) - end]
    matcher = SequenceMatcher(None, old, new, autojunk=len(old) * len(new) > _CAREFUL)
    for match in matcher.get_matching_blocks():
        for step in range(match.size):
            partners[start + match.a + step] = start + match.b + step
    return partners
