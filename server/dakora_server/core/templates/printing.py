"""What may become text.

Texts, numbers, lists and objects print the same bytes each time. A function or a lazy sequence would print where it
lies in memory (`<generator object at 0x7f…>`), which is of no use to a prompt and differs from render to render.
"""

from collections.abc import Iterator
from types import NoneType
from typing import Any

from jinja2.exceptions import TemplateRuntimeError
from jinja2.runtime import Undefined

from dakora_server.core.templates.words import article

_PRINTABLE: tuple[type, ...] = (
    *(str, int, float, bool, NoneType, list, tuple, dict, range),
    *(type({}.keys()), type({}.values()), type({}.items())),
)


def printable(value: Any) -> Any:
    """The value, if it may be printed as it is.

    Raises TemplateRuntimeError for functions, iterators and the like, UndefinedError for what is missing.
    """
    if not isinstance(value, _PRINTABLE):
        if isinstance(value, Undefined):
            str(value)
        if isinstance(value, Iterator):
            raise TemplateRuntimeError("this is not a list yet: add |list to print it")
        raise TemplateRuntimeError(f"{article(value)} cannot be printed")
    return value


def printable_inside(value: Any) -> Any:
    """As `printable`, and for everything within lists and objects too: a template can put a function in a list."""
    printable(value)
    if isinstance(value, list | tuple | dict):
        for member in _members(value):
            printable(member)
    return value


def joined(values: tuple[Any, ...]) -> str:
    """What `~` makes of its operands."""
    return "".join([str(printable_inside(value)) for value in values])


def _members(value: Any) -> Iterator[Any]:
    waiting = [value]
    while waiting:
        held = waiting.pop()
        if isinstance(held, dict):
            waiting.append(tuple(held))
            held = held.values()
        for member in held:
            if isinstance(member, list | tuple | dict):
                waiting.append(member)
            else:
                yield member
