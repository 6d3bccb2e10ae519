"""What the client gives back of parts. Like `types`: all is frozen, and what the server adds later is ignored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class PartUsed:
    """A part that a text is made with, and exactly which version of it."""

    id: str
    version_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One version of a part, in full. Its `id` is `category/part_id`, as templates include it."""

    id: str
    category: str
    part_id: str
    version: str
    version_number: int
    description: str
    template: str
    metadata: Mapping[str, Any]
    variables: tuple[str, ...]
    """What its own text reads from outside."""
    parts: tuple[PartUsed, ...]
    """The parts it includes, and those that they include."""
    content_hash: str
    message: str | None
    created_by: str | None
    created_at: datetime | None
    updated_at: datetime | None
    etag: str | None
    """The server's ETag, for `update(…, if_match=part)`."""

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags in the metadata."""
        return tuple(self.metadata.get("tags") or ())

    def content(self) -> dict[str, Any]:
        """The fields a new version is made of, as keyword arguments for `create` and `update`.

        The version is left out, so that the server numbers the new one.
        """
        return {"template": self.template, "description": self.description, "metadata": self.metadata}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSummary:
    """A part in a list: everything but its text."""

    id: str
    category: str
    part_id: str
    version: str
    version_number: int
    description: str
    tags: tuple[str, ...]
    variables: tuple[str, ...]
    content_hash: str
    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartVersion:
    """A version in a part's history."""

    version_number: int
    version: str
    content_hash: str
    parts: tuple[PartUsed, ...]
    message: str | None
    created_by: str | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartUsage:
    """A prompt or part that uses a part: at its newest version, or a prompt at one that `labels` point to.

    `version_number` is the user's own, `part_version_number` that of the part it uses. `direct`: its own text names
    the part, not only one of its parts. `follows`: it names no version, so a new version of the part makes a new
    version of it.
    """

    kind: Literal["prompt", "part"]
    id: str
    version_number: int
    part_version_number: int
    direct: bool
    follows: bool
    labels: tuple[str, ...]
