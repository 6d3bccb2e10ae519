"""What differs between two versions, as the server tells it, in lines for people."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from dakora_cli.word_marks import STYLES, Piece
from dakora_client import Change, DiffLine, DiffWord

_CONTEXT = 3
_OWN = {"-": "delete", "+": "insert"}


def shown(changes: Sequence[Change]) -> Iterator[list[Piece]]:
    """Every change under the name of its field; of a long text the lines around what changed."""
    for change in changes:
        yield [(f"{change.field} ({change.op})", "bold")]
        if change.lines is not None:
            yield from map(_line, _with_context(change.lines))
        elif change.words is not None:
            yield from (_pieces(op, change.words) for op in "-+")
        else:
            for op, unless, value in (("-", "added", change.before), ("+", "removed", change.after)):
                if change.op != unless:
                    yield [(op + _text(value), STYLES[op])]


def _with_context(lines: Sequence[DiffLine]) -> Iterator[DiffLine | None]:
    """The changed lines and some around them; None where others were left out."""
    near = {
        place + distance
        for place, line in enumerate(lines)
        if line.op != " "
        for distance in range(-_CONTEXT, _CONTEXT + 1)
    }
    left_out = False
    for place, line in enumerate(lines):
        if place in near:
            yield line
        elif not left_out:
            yield None
        left_out = place not in near


def _line(line: DiffLine | None) -> list[Piece]:
    if line is None:
        return [("@@", STYLES["@"])]
    if line.words is not None:
        return _pieces(line.op, line.words)
    return [(line.op + line.text, STYLES.get(line.op))]


def _pieces(op: str, words: Sequence[DiffWord]) -> list[Piece]:
    """One side of a changed line: what it has of the words, with its own standing out."""
    style, own = STYLES[op], _OWN[op]
    mine = [word for word in words if word.op in {"equal", own}]
    return [(op, style), *((word.text, f"{style} mark" if word.op == own else style) for word in mine)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
