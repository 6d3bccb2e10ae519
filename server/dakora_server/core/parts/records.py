"""Parts as rows: what PostgreSQL knows of them, without their text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from dakora_server.core.templates.includes import Includes, UsedPart
from dakora_server.core.templates.serialization import Document
from dakora_server.core.templates.versioning import next_version


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One version of one part, with the part's own attributes beside it."""

    part_id: str
    head_number: int
    revision: int
    created_at: datetime
    number: int
    semver: str
    content_hash: str
    description: str
    tags: tuple[str, ...]
    variables: tuple[str, ...]
    size: int
    includes: Includes
    message: str | None
    created_by: UUID
    updated_at: datetime

    @property
    def category(self) -> str:
        """The first half of the name."""
        return self.part_id.partition("/")[0]

    @property
    def etag(self) -> str:
        """Strong entity tag: changes whenever anything in the answer does, and never comes back."""
        return f'"{self.content_hash[:16]}-{self.number}-{self.revision}"'

    def is_named_by(self, tags: Sequence[str]) -> bool:
        """Whether one of these tags of `If-Match` names this version."""
        return "*" in tags or self.etag in tags

    @property
    def as_used(self) -> UsedPart:
        """This version as others include it."""
        return UsedPart(self.part_id, self.number, self.content_hash, self.size, self.includes.uses)

    def following(self, includes: Includes, *, message: str, author: UUID, at: datetime) -> "PartRecord":
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


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A version with its document."""

    record: PartRecord
    document: Document


@dataclass(frozen=True, slots=True)
class PartVersion:
    """One line of a part's history."""

    number: int
    semver: str
    content_hash: str
    includes: Includes
    message: str | None
    created_by: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """A part or prompt that uses a part at its newest version or, a prompt, at a labelled one.

    `direct`: its own text names the part. `floating`: without a version, so that it follows the newest.
    """

    kind: str
    id: str
    number: int
    part_number: int
    direct: bool
    floating: bool
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartFacts:
    """What a version's row says of its document, and of its place."""

    part_id: str
    number: int
    semver: str
    content_hash: str
    description: str
    tags: list[str]
    variables: list[str]
    size: int

    @property
    def id(self) -> str:
        """The part's."""
        return self.part_id

    @property
    def name(self) -> str:
        """How it is called in a report."""
        return f"part {self.part_id} version {self.number}"

    @property
    def place(self) -> tuple[str, int]:
        """Where it stands in the order of all."""
        return self.part_id, self.number
