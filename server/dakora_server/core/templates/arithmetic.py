"""Operators and functions that can ask for a great deal in a few characters, with a bound each.

The worker's memory and time limits would stop them too, but only by killing it; this way the answer comes at once.
"""

import operator
import re
from collections.abc import Callable
from typing import Any

from dakora_server.core.templates.printing import printable_inside

# Numbers past this many bits cannot be printed anyway (Python converts at most 4,300 digits).
_LONGEST_INTEGER = 32_768
_LONGEST_REPEAT = 1024 * 1024
_WIDEST_FORMAT = 1_000

_FORMAT_NUMBER = re.compile(r"%(?:\([^)]{0,200}\))?[#0\- +]*(\*|\d+)?(?:\.(\*|\d+))?")


class TooMuch(Exception):
    """The template asked for more than a limit allows; the message names the limit."""


def multiply(left: Any, right: Any) -> Any:
    """`left * right`. Raises TooMuch for texts and lists past 1 MiB and for numbers past 32,768 bits."""
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > _LONGEST_INTEGER:
            raise TooMuch("a number is too large")
    else:
        sequence, times = (right, left) if isinstance(left, int) else (left, right)
        repeats = isinstance(sequence, str | list | tuple) and isinstance(times, int)
        if repeats and times > 0 and len(sequence) * times > _LONGEST_REPEAT:
            raise TooMuch("a text or list is repeated too often")
    return operator.mul(left, right)


def power(base: Any, exponent: Any) -> Any:
    """`base ** exponent`. Raises TooMuch for numbers past 32,768 bits."""
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and exponent > 0 and base.bit_length() * exponent > _LONGEST_INTEGER and base not in (0, 1, -1):
        raise TooMuch("a number is too large")
    return operator.pow(base, exponent)


def modulo(left: Any, right: Any) -> Any:
    """`left % right`, for texts with widths and precisions up to 1,000. Raises TooMuch past that."""
    if isinstance(left, str):
        printable_inside(right)
        for width, precision in _FORMAT_NUMBER.findall(left):
            for number in (width, precision):
                if number == "*" or len(number) > 4 or (number and int(number) > _WIDEST_FORMAT):
                    raise TooMuch("the width of a format is too large")
    return operator.mod(left, right)


def range_up_to(longest: int) -> Callable[..., range]:
    """Python's `range`, with at most so many numbers in it."""

    def bounded_range(*args: int) -> range:
        numbers = range(*args)
        try:
            count = len(numbers)
        except OverflowError:
            count = longest + 1
        if count > longest:
            raise TooMuch(f"a range has more than {longest:,} numbers")
        return numbers

    return bounded_range
