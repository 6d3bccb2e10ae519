"""The words that changed in the lines of a unified diff: marked by colour, or by brackets."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from dakora_server.core.templates.word_diff import Budget, Pair, Word, paired_lines

Piece = tuple[str, str | None]

STYLES = {"+": "green", "-": "red", "@": "cyan"}
_BRACKETS = {"equal": "{}", "delete": "[-{}-]", "insert": "{{+{}+}}"}


class _Block(NamedTuple):
    """Lines that went, and lines that came in their place."""

    old: Sequence[str]
    new: Sequence[str]


def _blocks(lines: Sequence[str]) -> Iterator[str | _Block]:
    """The lines of a diff; those that changed as blocks. The headings before the first hunk are lines like others."""
    place, in_hunks = 0, False
    while place < len(lines):
        line = lines[place]
        in_hunks = in_hunks or line.startswith("@@")
        if not in_hunks or line[:1] not in {"-", "+"}:
            yield line
            place += 1
            continue
        old = list(takewhile(lambda one: one.startswith("-"), lines[place:]))
        new = list(takewhile(lambda one: one.startswith("+"), lines[place + len(old) :]))
        yield _Block([one[1:] for one in old], [one[1:] for one in new])
        place += len(old) + len(new)


def painted(lines: Sequence[str]) -> Iterator[list[Piece]]:
    """Each line as pieces with their styles; the words that changed stand out."""
    budget = Budget()
    for block in _blocks(lines):
        if isinstance(block, str):
            heading = block.startswith(("--- ", "+++ "))
            yield [(block, "bold" if heading else STYLES.get(block[:1]))]
            continue
        pairs = paired_lines(block.old, block.new, budget)
        yield from _side("-", "delete", block.old, {pair.old: pair.words for pair in pairs})
        yield from _side("+", "insert", block.new, {pair.new: pair.words for pair in pairs})


def _side(mark: str, own: str, texts: Sequence[str], words: dict[int, list[Word]]) -> Iterator[list[Piece]]:
    style = STYLES[mark]
    for place, text in enumerate(texts):
        pieces: list[Piece] = [(mark + text, style)]
        if place in words:
            shown = [word for word in words[place] if word.op in {own, "equal"}]
            pieces = [(mark, style)]
            pieces += [(word.text, f"{style} mark" if word.op == own else style) for word in shown]
        yield pieces


def merged(lines: Sequence[str]) -> Iterator[str]:
    """Lines that became others once, after `~`: `[-…-]` was taken out, `{+…+}` put in. All others as they are."""
    budget = Budget()
    for block in _blocks(lines):
        if isinstance(block, str):
            yield block
            continue
        old = new = 0
        ends = Pair(len(block.old), len(block.new), [])
        for pair in [*paired_lines(block.old, block.new, budget), ends]:
            yield from (f"-{text}" for text in block.old[old : pair.old])
            yield from (f"+{text}" for text in block.new[new : pair.new])
            if pair is not ends:
                yield "~" + "".join(_BRACKETS[word.op].format(word.text) for word in pair.words)
            old, new = pair.old + 1, pair.new + 1
