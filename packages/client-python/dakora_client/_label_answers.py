"""What the API says of labels: pure functions, like `_answers`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dakora_client._answers import change, moment
from dakora_client._request import Answer
from dakora_client.types import Label, LabelComment, LabelMove, LabelRequest, ProtectedLabel


def label(data: Mapping[str, Any]) -> Label:
    """A label in a list."""
    return Label(
        label=data["label"],
        version_number=data["version_number"],
        version=data["version"],
        moved_by=data["moved_by"],
        moved_at=moment(data.get("moved_at")),
    )


def one_label(answer: Answer) -> Label:
    """A label by itself, with its ETag."""
    return replace(label(json.loads(answer.body)), etag=answer.headers.get("etag"))


def move(data: Mapping[str, Any]) -> LabelMove:
    """A move of a label."""
    return LabelMove(
        label=data["label"],
        from_version=data.get("from_version"),
        to_version=data.get("to_version"),
        actor_kind=data["actor_kind"],
        actor_id=data["actor_id"],
        message=data.get("message"),
        at=moment(data.get("at")),
    )


def protected(data: Mapping[str, Any]) -> ProtectedLabel:
    """A protected label."""
    return ProtectedLabel(label=data["label"], needs_approval=bool(data.get("needs_approval")))


def request(data: Mapping[str, Any]) -> LabelRequest:
    """A request; one by itself comes with changes and comments."""
    return LabelRequest(
        id=data["id"],
        prompt_id=data["prompt_id"],
        label=data["label"],
        from_version=data.get("from_version"),
        to_version=data["to_version"],
        message=data.get("message"),
        status=data["status"],
        requested_by=data["requested_by"],
        created_at=moment(data.get("created_at")),
        decided_by=data.get("decided_by"),
        decided_at=moment(data.get("decided_at")),
        changes=tuple(map(change, data.get("changes") or ())),
        comments=tuple(map(comment, data.get("comments") or ())),
    )


def comment(data: Mapping[str, Any]) -> LabelComment:
    """What somebody said about a request."""
    return LabelComment(
        id=data["id"],
        text=data["text"],
        created_by=data["created_by"],
        created_at=moment(data.get("created_at")),
    )
