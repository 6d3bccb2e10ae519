"""Prompts as rows: what PostgreSQL knows of them, without their text."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from dakora_server.core.selection import NEWEST, Selector, decode_cursor, encode_cursor
from dakora_server.core.templates.includes import NO_INCLUDES, Includes
from dakora_server.core.templates.serialization import Document
from dakora_server.core.templates.versioning import next_version

__all__ = [
    "EVERYTHING",
    "LATEST",
    "NEWEST",
    "PromptFilter",
    "PromptRecord",
    "Selector",
    "StoredPrompt",
    "VersionRecord",
    "decode_cursor",
    "encode_cursor",
]

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class PromptRecord:
    """One version of one prompt, with the prompt's own attributes beside it."""

    prompt_id: str
    folder: str
    head_number: int
    revision: int
    created_at: datetime
    number: int
    semver: str
    content_hash: str
    description: str
    tags: tuple[str, ...]
    inputs: dict[str, Any]
    portable: bool
    message: str | None
    created_by: UUID
    updated_at: datetime
    label_revision: int = 0
    # Labels that point to this version, the automatic one aside.
    pointing: tuple[str, ...] = ()
    # The exact versions of the parts that this version is made with.
    includes: Includes = NO_INCLUDES

    @property
    def is_head(self) -> bool:
        """Whether this is the newest version."""
        return self.number == self.head_number

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that point here, the automatic `latest` first."""
        return (LATEST, *self.pointing) if self.is_head else self.pointing

    @property
    def etag(self) -> str:
        """Strong entity tag: changes whenever anything in the answer does, and never comes back."""
        return f'"{self.content_hash[:16]}-{self.number}-{self.revision}-{self.label_revision}"'

    def following(self, includes: Includes, *, message: str, author: UUID, at: datetime) -> "PromptRecord":
        """The version after this one, whose text is the same and includes newer parts."""
        number = self.head_number + 1
        return replace(
            self,
            number=number,
            head_number=number,
            revision=self.revision + 1,
            semver=next_version(self.semver, None),
            includes=includes,
            message=message,
            created_by=author,
            updated_at=at,
        )

    def is_found_like(self, other: "PromptRecord") -> bool:
        """Whether the same searches and filters find both."""
        mine, others = (self.description, self.tags, self.folder), (other.description, other.tags, other.folder)
        return mine == others

    def is_named_by(self, tags: Sequence[str]) -> bool:
        """Whether one of these tags of `If-Match` names this version.

        A label that has moved since takes nothing from an editor: what it would overwrite is the same.
        """
        own = self.etag.rpartition("-")[0]
        return "*" in tags or any(tag.endswith('"') and tag.rpartition("-")[0] == own for tag in tags)


@dataclass(frozen=True, slots=True)
class StoredPrompt:
    """A version with its document.

    `wire` keeps the encoded answer once somebody has asked for it: version and document never change, and the whole
    object is dropped when the prompt does.
    """

    record: PromptRecord
    document: Document
    # The documents of `record.includes`, in its order.
    parts: tuple[Document, ...] = ()
    wire: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One line of a prompt's history."""

    number: int
    semver: str
    content_hash: str
    portable: bool
    message: str | None
    created_by: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PromptFilter:
    """What a list is narrowed to; None means everything."""

    search: str | None = None
    tag: str | None = None
    folder: str | None = None
    label: str | None = None


EVERYTHING = PromptFilter()
