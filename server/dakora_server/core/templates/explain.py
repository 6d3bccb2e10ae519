"""What went wrong in a render, in a sentence without the names of Python's classes, addresses or paths."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from jinja2 import Template
from jinja2.exceptions import FilterArgumentError, SecurityError, TemplateNotFound, TemplateRuntimeError, UndefinedError

from dakora_server.core.templates.arithmetic import TooMuch
from dakora_server.core.templates.faults import TemplateFault
from dakora_server.core.templates.words import bare, named

_UNCLEAR = "A value is of a kind that does not work here"


@dataclass(frozen=True, slots=True)
class Explained:
    """The fault, and whether a limit stands behind it."""

    fault: TemplateFault
    is_limit: bool = False


def explain(error: Exception, *, source: int, reached: int | None = None) -> Explained:
    """The error as a fault of the text with that index.

    Its position is the traceback's, or else the one the render had `reached`.
    """
    message, type_, is_limit = _sentence(error)
    position, part = _place(error.__traceback__)
    if part is not None:
        message = f"{message} (in the part '{part}')"
    fault = TemplateFault.at(position or reached, f"{message[:1].upper()}{message[1:]}.", type=type_, source=source)
    return Explained(fault, is_limit)


def _place(traceback: TracebackType | None) -> tuple[int | None, str | None]:
    """The position in the prompt's own text, and the part the error happened in, if it was included."""
    position: int | None = None
    part: str | None = None
    while traceback is not None:
        template = traceback.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template) and template.name is not None:
            if template.name.startswith("#"):
                position = template.get_corresponding_lineno(traceback.tb_lineno)
            else:
                part = template.name
        traceback = traceback.tb_next
    return position, part


def _sentence(error: Exception) -> tuple[str, str, bool]:
    """The sentence without its full stop, the fault's type, and whether it is a limit."""
    if isinstance(error, TooMuch):
        return str(error), "too_much", True
    if isinstance(error, RecursionError):
        return "The template calls itself too often", "nesting_limit", True
    if isinstance(error, MemoryError):
        return "The render needs more memory than it may have", "memory_limit", True
    for kinds, type_, say in _KINDS:
        if isinstance(error, kinds):
            return say(str(error)), type_, False
    return "The template cannot be rendered with these inputs", "render_error", False


def _as_it_is(message: str) -> str:
    return message.rstrip(".")


def _type_error(message: str) -> str:
    for pattern, sentence in _TYPE_ERRORS:
        found = pattern.search(message)
        if found is not None:
            return _filled(sentence, found)
    return _UNCLEAR


def _filled(sentence: str, found: re.Match[str]) -> str:
    """The sentence with the operator and with what the values are, as `{x}` and `{y}` or, with an article, `{an_x}`."""
    groups = found.groupdict()
    words = {f"an_{key}": named(groups[key] or "") for key in ("x", "y") if key in groups}
    return sentence.format(sign=groups.get("sign"), **words, **{key[3:]: bare(word) for key, word in words.items()})


def _value_error(message: str) -> str:
    for pattern, sentence in _VALUE_ERRORS:
        if pattern in message:
            return sentence
    return "A value is not one that this works with"


# Python's own words for a type error, and ours.
_TYPE_ERRORS: list[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (
            r"^unsupported operand type\(s\) for (?P<sign>\S+?)=?(?: or pow\(\))?: '(?P<x>.+)' and '(?P<y>.+)'$",
            "unsupported operand for {sign}: {x} and {y}",
        ),
        (
            r"^can only concatenate (?P<x>\w+) \(not \"(?P<y>.+)\"\) to \w+$",
            "unsupported operand for +: {x} and {y}",
        ),
        (
            r"^can't multiply sequence by non-int of type '(?P<x>.+)'$",
            "a text or list is repeated by a whole number, not by {an_x}",
        ),
        (
            r"^bad operand type for (?:unary )?(?P<sign>\S+?)(?:\(\))?: '(?P<x>.+)'$",
            "unsupported operand for {sign}: {x}",
        ),
        (
            r"^'(?P<sign>[<>]=?)' not supported between instances of '(?P<x>.+)' and '(?P<y>.+)'$",
            "{an_x} and {an_y} cannot be compared with {sign}",
        ),
        (r"^cannot unpack non-iterable (?P<x>\w+) object$", "{an_x} cannot be unpacked"),
        (r"^argument of type '(?P<x>.+)' is not iterable$", "nothing can be looked for in {an_x}"),
        (r"^'in <string>' requires string as left operand, not (?P<x>.+)$", "{an_x} cannot be looked for in a text"),
        (r"^'(?P<x>.+)' object is not iterable$", "{an_x} cannot be looped over"),
        (r"^'(?P<x>.+)' object is not reversible$", "{an_x} cannot be reversed"),
        (r"^'(?P<x>.+)' object is not subscriptable$", "{an_x} has no elements"),
        (r"^object of type '(?P<x>.+)' has no len\(\)$", "{an_x} has no length"),
        (r"^unhashable type: '(?P<x>.+)'$", "{an_x} cannot be a key"),
        (r"^sequence item \d+: expected str instance, (?P<x>\w+) found$", "only texts can be joined, not {an_x}"),
        (r"^Object of type (?P<x>\w+) is not JSON serializable$", "{an_x} cannot be written as JSON"),
        (r"^string indices must be integers", "the elements of a text have whole numbers"),
        (r"^slice indices must be integers", "a slice goes from one whole number to another"),
        (r"^(?:list|tuple) indices must be integers", "the elements of a list have whole numbers"),
        (r"^'(?P<x>.+)' object cannot be interpreted as an integer$", "a whole number is needed, not {an_x}"),
        (r"^must be .+, not (?P<x>\w+)$", "{an_x} does not work here"),
        (r"^type (?P<x>\w+) doesn't define __round__", "{an_x} cannot be rounded"),
        (r"^no items for cycling", "there is nothing to cycle through"),
        (
            r"positional argument|keyword argument|takes |argument \d|expected at (?:least|most) \d",
            "the arguments do not fit what is called",
        ),
        (r"^not enough arguments for format|^not all arguments converted", "the values do not fit the format"),
        (r"^%\S* format: |^%\S* requires ", "the values do not fit the format"),
        (r"^Can only get item pairs from a mapping", "only an object has items"),
        (r"^The loop must have the 'recursive' marker", "the loop is not marked as recursive"),
    )
]

_VALUE_ERRORS = (
    ("Exceeds the limit", "a number has too many digits to be printed"),
    ("too many values to unpack", "there are more values than names to unpack them to"),
    ("not enough values to unpack", "there are fewer values than names to unpack them to"),
    ("not found", "the text does not hold what is looked for"),
    ("is not in list", "the list does not hold what is looked for"),
    ("empty separator", "a text cannot be split at nothing"),
    ("arg 3 must not be zero", "a range cannot go by steps of 0"),
    ("slice step cannot be zero", "a slice cannot go by steps of 0"),
    ("not JSON compliant", "a number is not one that JSON can write"),
    ("unsupported format character", "the format is not one that works here"),
    ("incomplete format", "the format is not one that works here"),
)

_KINDS: tuple[tuple[tuple[type[Exception], ...], str, Callable[[str], str]], ...] = (
    ((UndefinedError,), "undefined_variable", _as_it_is),
    ((SecurityError,), "forbidden_attribute", _as_it_is),
    ((TemplateNotFound,), "unknown_part", lambda message: f"There is no part '{message}'"),
    ((FilterArgumentError, TemplateRuntimeError), "render_error", _as_it_is),
    ((ZeroDivisionError,), "render_error", lambda _: "division by zero"),
    ((TypeError,), "render_error", _type_error),
    ((UnicodeError,), "invalid_text", lambda _: "The output holds half of a surrogate pair, which is no character"),
    ((OverflowError,), "render_error", lambda _: "a number is too large"),
    ((ValueError,), "render_error", _value_error),
    ((LookupError,), "render_error", lambda _: "There is no such element"),
    ((AttributeError,), "render_error", lambda _: _UNCLEAR),
    ((AssertionError,), "render_error", lambda _: "An argument of a filter is out of its bounds"),
)
