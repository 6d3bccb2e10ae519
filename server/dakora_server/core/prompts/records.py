"""Prompts as rows: what PostgreSQL knows of them, without their text."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from dakora_server.core.exceptions import InvalidRequest
from dakora_server.core.templates.serialization import Document

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


@dataclass(frozen=True, slots=True)
class Selector:
    """Which version is meant: a number, a semver, a label, or (all None) the newest."""

    number: int | None = None
    semver: str | None = None
    label: str | None = None

    @property
    def is_newest(self) -> bool:
        """Whether the newest version is meant."""
        return self.number is None and self.semver is None and self.label in {None, "latest"}


NEWEST = Selector()


def encode_cursor(position: str | int) -> str:
    """An opaque cursor that says where a page ended."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, kind: type[str] | type[int]) -> Any:
    """The position in a cursor, or None. Raises InvalidRequest for a cursor that we did not make."""
    if cursor is None:
        return None
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        position = None
    if type(position) is not kind or (isinstance(position, str) and ("\x00" in position or not position.isprintable())):
        raise InvalidRequest("The cursor is not one of ours.")
    return position
