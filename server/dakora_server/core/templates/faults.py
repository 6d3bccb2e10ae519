"""What is wrong with a template, and where."""

from collections.abc import Mapping
from dataclasses import dataclass

# Jinja2 carries one number with each token and node, the line. Ours is the line and the column in one integer, so that
# every node, error and traceback knows both: `line << _COLUMN_BITS | column`, ordered as the text is.
_COLUMN_BITS = 20

_LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """One thing wrong with a template: `source` is the index of the text, line and column count from 1 in it."""

    message: str
    type: str
    line: int | None = None
    column: int | None = None
    source: int = 0

    @classmethod
    def at(cls, position: int | None, message: str, *, type: str, source: int = 0) -> "TemplateFault":  # noqa: A002 -- the field's name
        """The fault at a packed position; long messages (they can quote the template) are cut."""
        if len(message) > _LONGEST_MESSAGE:
            message = message[:_LONGEST_MESSAGE] + "…"
        line, column = unpack(position) if position else (None, None)
        return cls(message, type, line, column, source)

    def to_json(self) -> dict[str, object]:
        """The fault as JSON values."""
        return {
            "message": self.message,
            "type": self.type,
            "line": self.line,
            "column": self.column,
            "source": self.source,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "TemplateFault":
        """What `to_json` wrote."""
        line, column, source = value["line"], value["column"], value["source"]
        return cls(
            str(value["message"]),
            str(value["type"]),
            line if isinstance(line, int) else None,
            column if isinstance(column, int) else None,
            source if isinstance(source, int) else 0,
        )


def pack(line: int, column: int) -> int:
    """Line and column as one integer."""
    return line << _COLUMN_BITS | column


def unpack(position: int) -> tuple[int, int]:
    """Line and column of a packed position, both at least 1."""
    line, column = position >> _COLUMN_BITS, position & ((1 << _COLUMN_BITS) - 1)
    return max(line, 1), max(column, 1)
