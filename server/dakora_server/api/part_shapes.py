"""The shapes of parts on the wire, and how our records become them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import Path
from fastapi.responses import Response
from pydantic import BaseModel, Field, JsonValue

from dakora_server.api.shapes import PROMPT_ID, Note, PartUsed, used_json
from dakora_server.api.tenancy_shapes import Strict
from dakora_server.core.exceptions import InvalidRequest
from dakora_server.core.parts.records import PartRecord, PartVersion, StoredPart, Usage
from dakora_server.core.templates.fields import Description, SemVer, Text
from dakora_server.core.templates.model import parse_spec
from dakora_server.core.templates.part_model import PartSpec

# How much text a part may have is the renderer's limit; here only the body's own limit holds.
_ANY_SIZE = 1 << 30
_HALF = Annotated[str | None, Field(pattern=PROMPT_ID)]

Category = Annotated[str, Path(pattern=PROMPT_ID, description="The first half of the part's id.", examples=["tone"])]
PartName = Annotated[str, Path(pattern=PROMPT_ID, description="The second half of its id.", examples=["polite"])]


class PartChange(Strict):
    """A new version of a part. Id, category and name may be left out; they stand in the address."""

    id: str | None = Field(None, max_length=257, description="`category/part_id`.", examples=["tone/polite"])
    category: _HALF = Field(None, description="Instead of `id`, with `part_id`.")
    part_id: _HALF = Field(None, description="Instead of `id`, with `category`.")
    version: SemVer | None = None
    description: Description | None = None
    template: Text
    metadata: dict[str, JsonValue] | None = None
    message: Note = None

    def change(self, part_id: str) -> PartSpec:
        """The changed part. Raises InvalidRequest when the body names another part, TemplateInvalid."""
        named = self._named()
        if named is not None and named != part_id:
            raise InvalidRequest("The id in the body is not the one in the address.")
        return self._spec(part_id)

    def _named(self) -> str | None:
        if (self.category is None) != (self.part_id is None):
            raise InvalidRequest("Give `category` and `part_id` together, or `id` alone.")
        halves = None if self.category is None else f"{self.category}/{self.part_id}"
        if self.id is not None and halves is not None and self.id != halves:
            raise InvalidRequest("`id` is not what `category` and `part_id` say.")
        return self.id or halves

    def _spec(self, part_id: str) -> PartSpec:
        fields = {
            "id": part_id,
            "version": self.version,
            "description": self.description,
            "template": self.template,
            "metadata": self.metadata,
        }
        spec = parse_spec(fields, kind=PartSpec, max_source_bytes=_ANY_SIZE)
        assert isinstance(spec, PartSpec)  # noqa: S101 -- what `kind` says, for the type checker
        return spec


class NewPart(PartChange):
    """A part to save, named by `id`, or by `category` and `part_id`."""

    def spec(self) -> PartSpec:
        """The part. Raises InvalidRequest without a name, TemplateInvalid."""
        named = self._named()
        if named is None:
            raise InvalidRequest("Give the part's `id`, or its `category` and `part_id`.")
        return self._spec(named)


class Part(BaseModel):
    """One version of a part."""

    id: str = Field(description="`category/part_id`, as templates include it.")
    category: str
    part_id: str
    version: str = Field(description="Semver.")
    version_number: int
    description: str
    template: str
    metadata: dict[str, JsonValue]
    variables: list[str] = Field(description="What its own text reads from outside.")
    parts: list[PartUsed] = Field(description="The exact versions of the parts it includes, theirs too.")
    content_hash: str = Field(description="SHA-256 of the canonical text, in hex.")
    message: str | None
    created_by: UUID
    created_at: datetime = Field(description="When the part was first saved.")
    updated_at: datetime = Field(description="When this version was saved.")


class PartSummary(BaseModel):
    """A part in a list: its newest version without the text."""

    id: str
    category: str
    part_id: str
    version: str
    version_number: int
    description: str
    tags: list[str]
    variables: list[str]
    content_hash: str
    created_at: datetime
    updated_at: datetime


class PartList(BaseModel):
    """Parts under their categories."""

    by_category: dict[str, list[PartSummary]]


class PartVersionLine(BaseModel):
    """One line of a part's history."""

    version_number: int
    version: str
    content_hash: str
    parts: list[PartUsed]
    message: str | None
    created_by: UUID
    created_at: datetime


class PartUsage(BaseModel):
    """A prompt or part that uses this part."""

    kind: Literal["prompt", "part"]
    id: str
    version_number: int
    part_version_number: int = Field(description="The version of this part that it uses.")
    direct: bool = Field(description="Its own text names the part; otherwise a part of it does.")
    follows: bool = Field(description="It names no version: a new version of this part makes a new version of it.")
    labels: list[str] = Field(description="Labels that point to this version of the prompt.")


def part_response(part: StoredPart, *, status: int = 200, location: str | None = None) -> Response:
    """A part as an answer, with its ETag."""
    record, spec = part.record, part.document.spec
    body = {
        **_named(record),
        "version": record.semver,
        "version_number": record.number,
        "description": record.description,
        "template": spec.template,
        "metadata": spec.metadata,
        "variables": record.variables,
        "parts": used_json(record.includes),
        "content_hash": record.content_hash,
        "message": record.message,
        "created_by": record.created_by,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }
    headers = {"etag": record.etag, "cache-control": "private, no-cache"}
    if location is not None:
        headers["location"] = location
    return Response(orjson.dumps(body), status_code=status, media_type="application/json", headers=headers)


def _named(record: PartRecord) -> dict[str, str]:
    category, _, name = record.part_id.partition("/")
    return {"id": record.part_id, "category": category, "part_id": name}


def summary_json(record: PartRecord) -> dict[str, Any]:
    """A part in a list."""
    return {
        **_named(record),
        "version": record.semver,
        "version_number": record.number,
        "description": record.description,
        "tags": record.tags,
        "variables": record.variables,
        "content_hash": record.content_hash,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


def version_json(version: PartVersion) -> dict[str, Any]:
    """A line of history."""
    return {
        "version_number": version.number,
        "version": version.semver,
        "content_hash": version.content_hash,
        "parts": used_json(version.includes),
        "message": version.message,
        "created_by": version.created_by,
        "created_at": version.created_at,
    }


def usage_json(usage: Usage) -> dict[str, Any]:
    """Who uses a part."""
    return {
        "kind": usage.kind,
        "id": usage.id,
        "version_number": usage.number,
        "part_version_number": usage.part_number,
        "direct": usage.direct,
        "follows": usage.floating,
        "labels": usage.labels,
    }
