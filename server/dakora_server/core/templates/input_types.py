"""The five input types: what each accepts and what it makes of it. The table is in the contract."""

import math
import re
from collections.abc import Callable
from typing import Literal

from pydantic import JsonValue

from dakora_server.core.templates.json_rules import json_problems, number_problem, text_problem

InputType = Literal["string", "number", "boolean", "array<string>", "object"]

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LONGEST_NUMBER = 1_024  # characters; int() takes quadratic time, and no number anybody means is longer
_BOOLEAN_WORDS = {
    **dict.fromkeys(("true", "1", "yes", "y", "on"), True),
    **dict.fromkeys(("false", "0", "no", "n", "off"), False),
}


class WrongTypeError(ValueError):
    """The value does not fit the type; the message completes "The input `x` …"."""


def _checked(text: str) -> str:
    problem = text_problem(text)
    if problem is not None:
        raise WrongTypeError(problem.message)
    return text


def to_string(value: JsonValue) -> JsonValue:
    """Text as it is; a number or boolean in its JSON spelling, which is Python's: `1.0`, `1e+16`, `true`."""
    if type(value) is str:
        return _checked(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        problem = number_problem(value)
        if problem is not None:
            raise WrongTypeError(problem.message)
        return repr(value)
    raise WrongTypeError(f"must be text, not {kind_of(value)}")


def to_number(value: JsonValue) -> JsonValue:
    """A finite number, whole ones staying whole; text that is a JSON number becomes one."""
    if isinstance(value, str):
        value = _number_in(value)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongTypeError(f"must be a number, not {kind_of(value)}")
    problem = number_problem(value)
    if problem is not None:
        raise WrongTypeError(problem.message)
    return value


def _number_in(text: str) -> int | float:
    match = _JSON_NUMBER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if match is None:
        raise WrongTypeError("must be a number, and this text is none")
    is_whole = match[1] is None and match[2] is None
    return int(text) if is_whole else float(text)


def to_boolean(value: JsonValue) -> JsonValue:
    """A boolean; 1 and 0; the usual words in any case."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = _BOOLEAN_WORDS.get(value.lower()) if len(value) <= 5 else None
        if word is None:
            raise WrongTypeError("must be true or false, and this text is neither")
        return word
    # 1.0 is the same number as 1, and the same value in languages that have one kind of number.
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    raise WrongTypeError(f"must be true or false, not {_not_boolean(value)}")


def _not_boolean(value: JsonValue) -> str:
    return "a number other than 1 and 0" if isinstance(value, int | float) else kind_of(value)


def to_string_array(value: JsonValue) -> JsonValue:
    """A list of texts; one text stands for a list of one."""
    if isinstance(value, str):
        return [_checked(value)]
    if not isinstance(value, list):
        raise WrongTypeError(f"must be a list of texts, not {kind_of(value)}")
    for index, member in enumerate(value):
        if not isinstance(member, str):
            raise WrongTypeError(f"must be a list of texts, and member {index + 1} is {kind_of(member)}")
        _checked(member)
    return value


def to_object(value: JsonValue) -> JsonValue:
    """A mapping as it is, at most 32 levels deep."""
    if not isinstance(value, dict):
        raise WrongTypeError(f"must be an object, not {kind_of(value)}")
    return to_any(value)


def to_any(value: JsonValue) -> JsonValue:
    """Any JSON value as it is: what a prompt without declared inputs takes."""
    for problem in json_problems(value):
        raise WrongTypeError(problem.message)
    return value


COERCIONS: dict[InputType, Callable[[JsonValue], JsonValue]] = {
    "string": to_string,
    "number": to_number,
    "boolean": to_boolean,
    "array<string>": to_string_array,
    "object": to_object,
}


def kind_of(value: object) -> str:
    """The JSON kind of a value with its article, for sentences."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "a number" if isinstance(value, int) or math.isfinite(value) else "not a finite number"
    return "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "something else"
