"""What changed between two versions of a prompt: by field, by line where a text has lines, and by word in a line."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from dakora_server.core.templates.word_diff import Budget, Word, changed_words, paired_lines

# What a version says, in the order a reader wants it. Its number and id are not content.
FIELDS: Final = (
    "description",
    "template",
    "messages",
    "inputs",
    "model",
    "tools",
    "response_schema",
    "metadata",
)

_ABSENT: Final = object()
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")

Change = dict[str, Any]


def diff_documents(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every difference as `{field, op, before, after}`, with `lines` where a text of several lines changed.

    A changed line that is much like the one it became has `words`, and so has a changed text of a single line.
    `op` is `added`, `removed` or `changed`; `field` is a path such as `messages[0].content` or `inputs.name.type`.
    A whole input, message or key that came or went is one difference. At the top a field that is null is a field
    that is not there; further down the two differ. 1, 1.0 and true are three values. The time it takes can grow with
    the square of the number of lines; the words are found within a bound.
    """
    changes: list[Change] = []
    budget = Budget()
    for field in FIELDS:
        old, new = before.get(field), after.get(field)
        changes.extend(_differences(field, _ABSENT if old is None else old, _ABSENT if new is None else new, budget))
    return changes


def _differences(field: str, old: Any, new: Any, budget: Budget) -> Iterator[Change]:
    if old is _ABSENT and new is _ABSENT:
        return
    if old is _ABSENT:
        yield {"field": field, "op": "added", "before": None, "after": new}
    elif new is _ABSENT:
        yield {"field": field, "op": "removed", "before": old, "after": None}
    elif isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _differences(_inside(field, name), old.get(name, _ABSENT), new.get(name, _ABSENT), budget)
    elif _is_list_of_objects(old) and _is_list_of_objects(new):
        for place in range(max(len(old), len(new))):
            yield from _differences(
                f"{field}[{place}]",
                old[place] if place < len(old) else _ABSENT,
                new[place] if place < len(new) else _ABSENT,
                budget,
            )
    elif not _same(old, new):
        change: Change = {"field": field, "op": "changed", "before": old, "after": new}
        if isinstance(old, str) and isinstance(new, str):
            change |= _inside_text(old, new, budget)
        yield change


def _inside_text(old: str, new: str, budget: Budget) -> Change:
    if "\n" in old or "\n" in new:
        return {"lines": list(_lines(old.split("\n"), new.split("\n"), budget))}
    words = changed_words(old, new, budget)
    return {} if words is None else {"words": [word._asdict() for word in words]}


def _inside(field: str, name: str) -> str:
    return f"{field}.{name}" if _PLAIN_NAME.fullmatch(name) else f"{field}[{json.dumps(name, ensure_ascii=False)}]"


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(member, dict) for member in value)


def _same(old: Any, new: Any) -> bool:
    """Equal as JSON: Python alone would hold 1, 1.0 and true for one value."""
    return type(old) is type(new) and (
        old == new if isinstance(old, str) else json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)
    )


def _lines(old: list[str], new: list[str], budget: Budget) -> Iterator[dict[str, Any]]:
    """All lines of both texts, each kept, removed or added. A final newline shows as an empty last line."""
    for op, start, end, new_start, new_end in SequenceMatcher(None, old, new).get_opcodes():
        if op == "equal":
            yield from ({"op": " ", "text": line} for line in old[start:end])
            continue
        theirs, ours = old[start:end], new[new_start:new_end]
        pairs = paired_lines(theirs, ours, budget)
        yield from _marked("-", theirs, {pair.old: pair.words for pair in pairs})
        yield from _marked("+", ours, {pair.new: pair.words for pair in pairs})


def _marked(op: str, lines: Sequence[str], words: Mapping[int, list[Word]]) -> Iterator[dict[str, Any]]:
    """Lines that came or went; those that belong to one on the other side with the words that are in this one."""
    foreign = "insert" if op == "-" else "delete"
    for place, line in enumerate(lines):
        marked: dict[str, Any] = {"op": op, "text": line}
        if place in words:
            marked["words"] = [word._asdict() for word in words[place] if word.op != foreign]
        yield marked
