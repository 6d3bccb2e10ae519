"""What the API says of parts: pure functions, like `_answers`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dakora_client._answers import Page, moment, next_cursor, parts_used
from dakora_client._frozen import freeze
from dakora_client._request import Answer
from dakora_client.part_types import Part, PartSummary, PartUsage, PartVersion


def part(answer: Answer) -> Part:
    """A part in full."""
    data = json.loads(answer.body)
    get = data.get
    return Part(
        id=data["id"],
        category=data["category"],
        part_id=data["part_id"],
        version=data["version"],
        version_number=data["version_number"],
        description=get("description") or "",
        template=data["template"],
        metadata=freeze(get("metadata") or {}),
        variables=tuple(get("variables") or ()),
        parts=parts_used(data),
        content_hash=data["content_hash"],
        message=get("message"),
        created_by=get("created_by"),
        created_at=moment(get("created_at")),
        updated_at=moment(get("updated_at")),
        etag=answer.headers.get("etag"),
    )


def summaries(answer: Answer) -> Page[PartSummary]:
    """A page of the list, which the API sorts under categories; here it is in order of id."""
    by_category: Mapping[str, Sequence[Mapping[str, Any]]] = json.loads(answer.body)["by_category"]
    found = [summary(data) for entries in by_category.values() for data in entries]
    # Categories that differ only in the case of their letters lie among each other.
    found.sort(key=lambda one: one.id.lower())
    return Page(tuple(found), next_cursor(answer))


def summary(data: Mapping[str, Any]) -> PartSummary:
    """A part in a list."""
    return PartSummary(
        id=data["id"],
        category=data["category"],
        part_id=data["part_id"],
        version=data["version"],
        version_number=data["version_number"],
        description=data.get("description") or "",
        tags=tuple(data.get("tags") or ()),
        variables=tuple(data.get("variables") or ()),
        content_hash=data.get("content_hash") or "",
        created_at=moment(data.get("created_at")),
        updated_at=moment(data.get("updated_at")),
    )


def version(data: Mapping[str, Any]) -> PartVersion:
    """A line of a part's history."""
    return PartVersion(
        version_number=data["version_number"],
        version=data["version"],
        content_hash=data["content_hash"],
        parts=parts_used(data),
        message=data.get("message"),
        created_by=data.get("created_by"),
        created_at=moment(data.get("created_at")),
    )


def usage(data: Mapping[str, Any]) -> PartUsage:
    """Who uses a part."""
    return PartUsage(
        kind=data["kind"],
        id=data["id"],
        version_number=data["version_number"],
        part_version_number=data["part_version_number"],
        direct=bool(data.get("direct")),
        follows=bool(data.get("follows")),
        labels=tuple(data.get("labels") or ()),
    )
