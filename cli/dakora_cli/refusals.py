"""Every way a command says no: one sentence, the faults behind it, and the exit code."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """What the command's exit code means."""

    DONE = 0
    NO = 1
    WRONG_USE = 2
    NOT_REACHED = 3
    BUG = 70
    INTERRUPTED = 130
    READER_GONE = 141


def field_at(loc: Sequence[str | int]) -> str | None:
    """`messages[0].content`; None for the whole."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)
    return "".join(steps).removeprefix(".") or None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where: a file as the user named it, lines and columns from 1."""

    message: str
    path: str | None = None
    line: int | None = None
    column: int | None = None
    field: str | None = None
    type: str | None = None

    @property
    def place(self) -> str:
        """`prompts/greeting.yaml:3:7`, as editors and CI systems understand it."""
        steps = (self.path, self.line, self.column if self.line is not None else None)
        return ":".join(str(step) for step in steps if step is not None)

    def __str__(self) -> str:
        if self.path is None and self.line is not None:
            column = "" if self.column is None else f", column {self.column}"
            return f"line {self.line}{column}: {self.message}"
        return f"{self.place}: {self.message}" if self.place else self.message

    def to_json(self) -> dict[str, Any]:
        """What is known of it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Refusal(Exception):
    """The answer is no. `facts` are for programs: the server's code, status and request id."""

    exit_code = Exit.NO

    def __init__(
        self, message: str, *, problems: Sequence[Problem] = (), facts: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)
        self.facts = dict(facts or {})


class WrongUse(Refusal):
    """The command was called in a way that cannot mean anything."""

    exit_code = Exit.WRONG_USE


class NotReached(Refusal):
    """The server could not be reached, or could not answer now."""

    exit_code = Exit.NOT_REACHED
