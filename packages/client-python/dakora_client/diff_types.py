"""What differs between two versions: by field, by line, by word."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffWord:
    """A stretch of a line: `op` is `equal`, `insert` or `delete`."""

    op: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffLine:
    """A line that was kept (`op` is a space), added (`+`) or removed (`-`).

    `words` is there for a line that became another one much like it: a removed line's words are kept or taken out, an
    added line's are kept or put in.
    """

    op: str
    text: str
    words: tuple[DiffWord, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that differs between two versions.

    `lines` is there for a text of several lines, `words` for one of a single line that has words in common.
    """

    field: str
    op: str
    before: Any
    after: Any
    lines: tuple[DiffLine, ...] | None
    words: tuple[DiffWord, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What changed from one version of a prompt to another."""

    from_version: int | str
    to_version: int | str
    changes: tuple[Change, ...]
