"""What changed inside a line: words kept, taken out and put in, found within a bound on the work."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal, NamedTuple

Op = Literal["equal", "insert", "delete"]

# Written without spaces between words: a character is a word.
_IDEOGRAPHS: Final = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# What belongs to the character before it: accents, vowel signs, joiners and what they join; punctuation does not.
_MARK: Final = r"[^\w\s\x00-\x7f\xa1-\xbf\u2010-\u206f\u3000-\u303f\uff00-\uffef]"
_TOKEN: Final = re.compile(
    rf"\s+|[{_IDEOGRAPHS}]{_MARK}*|(?:(?![{_IDEOGRAPHS}])\w{_MARK}*)+"  # spaces, a word that is a character, a word
    rf"|\{{\{{|\}}\}}|\{{[%#]|[%#]\}}|.{_MARK}*",  # what opens and closes a tag, any other sign
    re.DOTALL,
)
# Steps that one comparison, and all of one document's, may take: a step is about a microsecond. Whole pages of changed
# lines and paragraphs of some hundred words are below; above, lines have no words, and a text its unlike middle.
_STEPS_OF_ONE: Final = 12_000
_STEPS_OF_ALL: Final = 60_000
_STEPS_A_TOKEN: Final = 1
# Each pair of equal words is looked at again for about every block that is found.
_STEPS_A_PAIR: Final = 4
_STEPS_A_LIKENESS: Final = 6
# Blocks of changed lines up to this many pairs are searched for the lines that belong together.
_LINE_PAIRS: Final = 900
# Below this share of words in common, two lines are two lines.
_ALIKE: Final = 0.3


class Word(NamedTuple):
    """A stretch of text, and whether it was kept, put in or taken out."""

    op: Op
    text: str


class Pair(NamedTuple):
    """A line that became another: their places in their blocks, and the words of both."""

    old: int
    new: int
    words: list[Word]


@dataclass(slots=True)
class Budget:
    """The work that is left for the comparison of one document."""

    steps: int = _STEPS_OF_ALL

    def takes(self, cost: int) -> bool:
        """Whether there is enough left for this; if so, it is spent."""
        if cost > self.steps:
            return False
        self.steps -= cost
        return True


def tokens(text: str) -> list[str]:
    """The words, spaces and signs of a text; together they are the text."""
    return _TOKEN.findall(text)


def changed_words(old: str, new: str, budget: Budget) -> list[Word] | None:
    """How `old` became `new`, word by word; None when they have too little in common to be told that way.

    Kept and taken out together are `old`, kept and put in together are `new`.
    """
    # A text has at most a word a character, and usually one for five.
    if not budget.takes((len(old) + len(new)) // 5 * _STEPS_A_TOKEN):
        return None
    before, after = tokens(old), tokens(new)
    if _likeness(_words_in(before), _words_in(after)) < _ALIKE:
        return None
    return _joined(_changes(before, after, budget))


def _words_in(found: Sequence[str]) -> Counter[str]:
    return Counter(token for token in found if not token.isspace())


def _likeness(before: Counter[str], after: Counter[str]) -> float:
    """The share of words that two texts have in common, from 0 to 1."""
    most = max(before.total(), after.total())
    return (before & after).total() / most if most else 0.0


def _changes(before: list[str], after: list[str], budget: Budget) -> Iterator[Word]:
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    yield Word("equal", "".join(before[:start]))
    yield from _middle(old, new, budget)
    yield Word("equal", "".join(before[len(before) - end :]))


def _common(before: Sequence[str], after: Sequence[str]) -> int:
    """How many words both begin with."""
    count = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        count += 1
    return count


def _middle(old: list[str], new: list[str], budget: Budget) -> Iterator[Word]:
    theirs, ours = _words_in(old), _words_in(new)
    cost = len(old) + len(new) + _STEPS_A_PAIR * sum(count * ours[word] for word, count in theirs.items())
    if cost > _STEPS_OF_ONE or not budget.takes(cost):
        yield from (Word("delete", "".join(old)), Word("insert", "".join(new)))
        return
    # Spaces alone never hold two texts together.
    matcher = SequenceMatcher(str.isspace, old, new, autojunk=False)
    for op, start, end, new_start, new_end in matcher.get_opcodes():
        if op == "equal":
            yield Word("equal", "".join(old[start:end]))
        else:
            yield Word("delete", "".join(old[start:end]))
            yield Word("insert", "".join(new[new_start:new_end]))


def _joined(found: Iterator[Word]) -> list[Word]:
    """Without empty stretches, and neighbours of one kind as one."""
    words: list[Word] = []
    for word in found:
        if words and words[-1].op == word.op:
            words[-1] = Word(word.op, words[-1].text + word.text)
        elif word.text:
            words.append(word)
    return words


def paired_lines(old: Sequence[str], new: Sequence[str], budget: Budget) -> list[Pair]:
    """The lines of two blocks that belong together, each with its words, in order. Lines like no other are in none."""
    cells = len(old) * len(new)
    size = (sum(map(len, old)) + sum(map(len, new))) // 5 * _STEPS_A_TOKEN
    if cells > _LINE_PAIRS or not budget.takes(cells * _STEPS_A_LIKENESS + size):
        places = [(place, place) for place in range(min(len(old), len(new)))]
    else:
        places = _best_places(old, new)
    found = ((one, other, changed_words(old[one], new[other], budget)) for one, other in places)
    return [Pair(one, other, words) for one, other, words in found if words is not None]


def _best_places(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Which lines to compare, so that as many words as possible are kept and no two pairs cross."""
    ours = [_words_in(tokens(line)) for line in new]
    theirs = [_words_in(tokens(line)) for line in old]
    likeness = [[_likeness(one, other) for other in ours] for one in theirs]
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for one in reversed(range(len(old))):
        for other in reversed(range(len(new))):
            alike = likeness[one][other]
            together = alike + best[one + 1][other + 1] if alike >= _ALIKE else 0.0
            best[one][other] = max(together, best[one + 1][other], best[one][other + 1])
    places: list[tuple[int, int]] = []
    one = other = 0
    while one < len(old) and other < len(new):
        if best[one][other] == best[one + 1][other]:
            one += 1
        elif best[one][other] == best[one][other + 1]:
            other += 1
        else:
            places.append((one, other))
            one, other = one + 1, other + 1
    return places
