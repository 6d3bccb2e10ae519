"""JSON as it is meant: what two readers could understand differently is refused, not guessed.

Parsing is orjson's, which already refuses NaN, lone surrogates and anything but UTF-8. It lets four things pass that we
do not: duplicate keys, NUL, whole numbers beyond 64 bits (it makes them floats) and 1,024 levels. Each leaves a trace
that is cheap to look for; only where there is one, a second, slower reading decides.
"""

import json
from collections.abc import Iterable
from typing import NoReturn

import orjson
from pydantic import JsonValue

from dakora_server.core.exceptions import Fault, InvalidJson
from dakora_server.core.templates.json_rules import MAX_DEPTH, number_problem
from dakora_server.core.templates.spec_faults import shown

MAX_KEYS = 256
"""Keys in one object, unless a route says otherwise."""

_BEYOND_64_BITS = 2.0**63
_MOST_DIGITS = 20  # a sign and the digits of the largest 64-bit number, give or take one


class _DoubtfulError(Exception):
    """The quick look cannot tell; the body must be read again."""


def loads(body: bytes, *, max_depth: int = MAX_DEPTH, max_keys: int = MAX_KEYS) -> JsonValue:
    """The value in `body`, at most `max_depth` brackets deep, at most `max_keys` keys in any one object.

    Raises:
        InvalidJson: with the fault, and its line and column where the parser knows them.
    """
    try:
        value: JsonValue = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _syntax_refusal(error, body) from None
    # An escape can hide a NUL, or a colon that the count below would not find in `body`.
    doubtful = b"\\u00" in body and (b"\\u0000" in body or b"\\u003" in body)
    if not doubtful:
        try:
            # Every member is written with a colon, and the other colons stand in texts. Where all are accounted
            # for, none went missing with the first of two equal keys.
            doubtful = _count_colons([value], max_depth + 1, max_keys) != body.count(b":")
        except _DoubtfulError:
            doubtful = True
    if doubtful:
        _read_again(body, max_depth, max_keys)
    return value


def _count_colons(value: dict[str, JsonValue] | list[JsonValue], levels: int, max_keys: int) -> int:
    """How many colons a list or object was written with, escapes apart; `levels` are how deep it may go."""
    if levels <= 0:
        _refuse_depth()
    colons = 0
    members: Iterable[JsonValue]
    if type(value) is dict:
        if len(value) > max_keys:
            _refuse_keys(max_keys)
        colons = len(value)
        for key in value:
            if ":" in key:
                colons += key.count(":")
        members = value.values()
    else:
        members = value
    for member in members:
        if type(member) is str:
            if ":" in member:
                colons += member.count(":")
        elif type(member) is dict or type(member) is list:
            colons += _count_colons(member, levels - 1, max_keys)
        elif type(member) is float and not -_BEYOND_64_BITS < member < _BEYOND_64_BITS:
            raise _DoubtfulError
    return colons


def _read_again(body: bytes, max_depth: int, max_keys: int) -> None:
    """Reads with the standard library, which tells of every member and every digit, and refuses what must be."""
    try:
        value = json.loads(body, object_pairs_hook=_without_duplicates, parse_int=_whole_number)
    except RecursionError:
        _refuse_depth()
    _check_again(value, max_depth, max_keys)


def _without_duplicates(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members: dict[str, JsonValue] = {}
    for key, value in pairs:
        if key in members:
            _refuse(f"The key `{shown(key)}` stands twice in one object.", kind="duplicate_key")
        members[key] = value
    return members


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS or number_problem(number := int(digits)) is not None:
        _refuse(f"The number {shown(digits)} has more than 64 bits; write it as text.", kind="number_too_large")
    return number


def _check_again(value: JsonValue, levels: int, max_keys: int) -> None:
    if isinstance(value, str):
        if "\0" in value:
            _refuse("The body contains a NUL character, which cannot be stored.", kind="nul_character")
    elif isinstance(value, dict | list):
        if levels <= 0:
            _refuse_depth()
        if isinstance(value, dict):
            if len(value) > max_keys:
                _refuse_keys(max_keys)
            _check_again(list(value), levels, max_keys)
        for member in value.values() if isinstance(value, dict) else value:
            _check_again(member, levels - 1, max_keys)


def _syntax_refusal(error: orjson.JSONDecodeError, body: bytes) -> InvalidJson:
    """What orjson found, in our words where they are clearer, with the position where it is known."""
    try:
        body.decode()
    except UnicodeDecodeError as undecodable:
        before = body[: undecodable.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return _refusal("The body is not UTF-8", kind="not_utf8", line=line, column=column)
    line, column = error.lineno, error.colno
    if not body.strip():
        return _refusal("The body is empty", kind="invalid_syntax", line=line, column=column)
    for trace, message, kind in _KNOWN_REFUSALS:
        if trace in error.msg:
            return _refusal(message, kind=kind, line=line, column=column)
    return _refusal(f"The body is not valid JSON: {error.msg}", kind="invalid_syntax", line=line, column=column)


_KNOWN_REFUSALS = (
    ("depth limit", "The body is nested too deeply", "too_deep"),
    ("surrogate", "The body contains half of a surrogate pair, which is not a character", "lone_surrogate"),
    ("infinity", "The body contains a number that is too large", "number_too_large"),
)


def _refusal(message: str, *, kind: str, line: int, column: int) -> InvalidJson:
    found = f"{message} (line {line}, column {column})."
    return InvalidJson(found, errors=[Fault(found, line=line, column=column, type=kind)])


def _refuse(message: str, *, kind: str) -> NoReturn:
    raise InvalidJson(message, errors=[Fault(message, type=kind)])


def _refuse_depth() -> NoReturn:
    _refuse("The body is nested too deeply.", kind="too_deep")


def _refuse_keys(max_keys: int) -> NoReturn:
    _refuse(f"An object in the body has more than {max_keys} keys.", kind="too_many_keys")
