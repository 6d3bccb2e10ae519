"""From text to syntax tree: Jinja2's lexer and parser, with columns, and with bounds that hold while it reads.

`parse` evaluates nothing, whatever the text; that is why it may run anywhere. Jinja2's `compile` folds constants and
may run for minutes on ten characters, so it is never called on a text that has not been through `analysis`.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import TOKEN_EOF, Token, TokenStream, operators
from jinja2.parser import Parser

from dakora_server.core.templates.faults import pack

# A bracket takes about 14 frames of the parser, a tag 4: counted as four tags, 25 brackets and 100 tags both fit.
_BRACKET_WEIGHT = 4

# Reading even an empty text takes as long as reading some tokens.
_TOKENS_FOR_A_TEXT = 5

# Longer ones cannot be printed (Python converts at most 4,300 digits) and no prompt needs them.
_LONGEST_NUMBER = 400

_SKIPPED = frozenset({"whitespace", "comment_begin", "comment", "comment_end", "raw_begin", "raw_end", "linecomment"})

# A backslash before a letter that begins no escape stays a backslash; doubling it says so without a warning.
_UNKNOWN_ESCAPE = re.compile(r"""(\\[\n\\'"abfnrtvxuUN0-7])|\\(?=[ -~])""")


class TooComplex(Exception):
    """The text is past a bound; `position` is where, `type` the fault's word."""

    def __init__(self, message: str, position: int, *, type: str) -> None:  # noqa: A002 -- the fault's field
        super().__init__(message)
        self.message = message
        self.position = position
        self.type = type


@dataclass(slots=True)
class TokenBudget:
    """How many more tokens may be read; the texts of one prompt share it, whatever becomes of each."""

    left: int = sys.maxsize

    def spend(self, tokens: int, position: int) -> None:
        """Take so many. Raises TooComplex when there are not as many left."""
        self.left -= tokens
        if self.left < 0:
            raise TooComplex("The template has too many parts.", position, type="template_too_complex")


def parse(environment: Environment, source: str, *, budget: TokenBudget, nesting: int) -> nodes.Template:
    """The syntax tree of a text; each `lineno` in it is a packed position.

    Raises TemplateSyntaxError (its `lineno` is packed too) or TooComplex.
    """
    budget.spend(_TOKENS_FOR_A_TEXT, pack(1, 1))
    tokens = _Tokens(environment, source, budget=budget, brackets=max(nesting // _BRACKET_WEIGHT, 1))
    parser = Parser(environment, "")
    parser.stream = TokenStream(iter(tokens), None, None)
    try:
        return parser.parse()
    except RecursionError:
        raise TooComplex("The template nests too deeply here.", tokens.position, type="template_too_deep") from None


class _Tokens:
    """The tokens of a text as Jinja2's parser wants them, each with line and column.

    Jinja2's lexer tells neither columns nor offsets, but it yields the text piece by piece; only white space that a
    `-` strips is left out. So the next piece begins where the last one ended, or after white space.
    """

    def __init__(self, environment: Environment, source: str, *, budget: TokenBudget, brackets: int) -> None:
        self._lexer = environment.lexer
        self._source = source.replace("\r\n", "\n").replace("\r", "\n")
        self._budget = budget
        self._most_brackets = brackets
        self._brackets = 0
        self.position = pack(1, 1)

    def __iter__(self) -> Iterator[Token]:
        for position, kind, text in self._pieces():
            if kind in _SKIPPED:
                continue
            self._budget.spend(1, position)
            if kind == "operator":
                self._count_bracket(text, position)
                yield Token(position, operators[text], text)
            elif kind == "name":
                if not text.isidentifier():
                    raise TemplateSyntaxError("invalid character in a name", position)
                yield Token(position, kind, text)
            else:
                yield Token(position, kind, _value(kind, text, position))

    def _pieces(self) -> Iterator[tuple[int, str, str]]:
        source, end, line_start = self._source, 0, 0
        pieces = self._lexer.tokeniter(source, None)
        while True:
            try:
                line, kind, text = next(pieces)
            except StopIteration:
                yield pack(source.count("\n", 0, end) + 1, end - line_start + 1), TOKEN_EOF, ""
                return
            except TemplateSyntaxError as error:
                raise self._syntax_error(error, pack(error.lineno, end - line_start + 1)) from None
            begin = end if source.startswith(text, end) else source.index(text, end)
            if begin != end and "\n" in (skipped := source[end:begin]):
                line_start = end + skipped.rindex("\n") + 1
            self.position = pack(line, begin - line_start + 1)
            yield self.position, kind, text
            end = begin + len(text)
            if "\n" in text:
                line_start = begin + text.rindex("\n") + 1

    def _syntax_error(self, error: TemplateSyntaxError, here: int) -> TemplateSyntaxError:
        """The lexer's error with its column; one about something never closed points at where that began."""
        message = error.message or "the template cannot be read"
        position = self.position if message.startswith("Missing end") else here
        return TemplateSyntaxError(re.sub(r" at \d+$", "", message), position)

    def _count_bracket(self, text: str, position: int) -> None:
        if text in "([{":
            self._brackets += 1
            if self._brackets > self._most_brackets:
                raise TooComplex("The brackets nest too deeply here.", position, type="template_too_deep")
        elif text in ")]}":
            self._brackets -= 1


def _value(kind: str, text: str, position: int) -> Any:
    """The value of a token of template text, a string or a number."""
    if kind == "data":
        return text
    if kind == "string":
        return _unescape(text[1:-1], position)
    if kind == "integer":
        return _number(text, position, base=0)
    if kind == "float":
        return _number(text, position, base=None)
    return text


def _unescape(text: str, position: int) -> str:
    """A string literal's value, exactly as Jinja2 reads it."""
    if "\\" not in text:
        return text
    text = _UNKNOWN_ESCAPE.sub(lambda found: found[1] or "\\\\", text)
    try:
        return text.encode("ascii", "backslashreplace").decode("unicode-escape")
    except UnicodeError as error:
        raise TemplateSyntaxError(f"a string cannot be read: {_reason(error)}", position) from None


def _reason(error: UnicodeError) -> str:
    return str(getattr(error, "reason", "a wrong escape"))


def _number(text: str, position: int, *, base: int | None) -> int | float:
    digits = text.replace("_", "")
    if len(digits) > _LONGEST_NUMBER:
        raise TooComplex("The number is too long.", position, type="number_too_large")
    if base is not None:
        return int(digits, base)
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise TooComplex("The number is too large.", position, type="number_too_large")
    return value
