"""Which JSON values the product takes: text without NUL or half characters, numbers of 64 bits, 32 levels."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from pydantic import JsonValue

MAX_DEPTH = 32
"""Levels of lists and mappings in one document or body, the outermost included."""

MIN_INT, MAX_INT = -(2**63), 2**64 - 1
"""Whole numbers beyond 64 bits lose digits in most JSON readers, so none is stored."""


class Problem(NamedTuple):
    """Something in a JSON value that is not taken, `loc` steps into that value."""

    type: str
    message: str
    loc: tuple[str | int, ...] = ()


def text_problem(text: str) -> Problem | None:
    """What keeps this text from being stored, if anything."""
    if "\0" in text:
        return Problem("nul_character", "contains a NUL character, which cannot be stored")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return Problem("lone_surrogate", "contains half of a surrogate pair, which is not a character")
    return None


def number_problem(number: float) -> Problem | None:
    """What keeps this number from being stored, if anything."""
    if isinstance(number, int):
        if not MIN_INT <= number <= MAX_INT:
            return Problem("number_too_large", "is a whole number of more than 64 bits; write it as text")
    elif not math.isfinite(number):
        return Problem("number_not_finite", "is not a finite number")
    return None


def json_problems(value: object, *, level: int = 1, loc: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """Every problem in `value`, whose own brackets stand on `level` (counted from 1) of its document."""
    if isinstance(value, str):
        problem = text_problem(value)
    elif value is None or isinstance(value, bool):
        return
    elif isinstance(value, int | float):
        problem = number_problem(value)
    elif not isinstance(value, dict | list):
        problem = Problem("not_json", "is not a JSON value")
    elif level > MAX_DEPTH:
        problem = Problem("too_deep", f"is nested more than {MAX_DEPTH} levels deep")
    else:
        yield from _members(value, level=level, loc=loc)
        return
    if problem is not None:
        yield problem._replace(loc=loc)


def _members(
    value: dict[object, object] | list[object], *, level: int, loc: tuple[str | int, ...]
) -> Iterator[Problem]:
    if isinstance(value, list):
        for index, member in enumerate(value):
            yield from json_problems(member, level=level + 1, loc=(*loc, index))
        return
    for key, member in value.items():
        if not isinstance(key, str):
            yield Problem("key_not_text", "has a key that is not text", loc)
            continue
        problem = text_problem(key)
        if problem is not None:
            yield Problem(problem.type, f"has a key that {problem.message}", loc)
            continue
        yield from json_problems(member, level=level + 1, loc=(*loc, key))


def count_values(value: object) -> int:
    """How many values a JSON value is made of: itself, its members, and the keys of mappings."""
    if isinstance(value, dict):
        return 1 + len(value) + sum(map(count_values, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(count_values, value))
    return 1


def same_json(left: JsonValue, right: JsonValue) -> bool:
    """Whether two JSON values are written alike: 1, 1.0 and true are three values, the order of keys is none.

    Python's own `==` would take all three for equal.
    """
    if type(left) is not type(right):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_json(member, right[key]) for key, member in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    return left == right
