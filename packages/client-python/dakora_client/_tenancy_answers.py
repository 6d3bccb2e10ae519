"""What the API says of keys, members, invitations and the audit log: pure functions, like `_answers`."""

from collections.abc import Mapping
from typing import Any

from dakora_client._answers import moment
from dakora_client._frozen import freeze
from dakora_client.types import ApiKey, AuditEvent, Invitation, Member, NewApiKey


def api_key(data: Mapping[str, Any]) -> ApiKey:
    """A key in a list."""
    return ApiKey(**_about_key(data))


def new_api_key(data: Mapping[str, Any]) -> NewApiKey:
    """A key just made."""
    return NewApiKey(**_about_key(data), key=data["key"])


def _about_key(data: Mapping[str, Any]) -> dict[str, Any]:
    labels = data.get("labels")
    return {
        "id": data["id"],
        "name": data["name"],
        "hint": data["key_hint"],
        "scopes": tuple(data["scopes"]),
        "labels": None if labels is None else tuple(labels),
        "status": data["status"],
        "created_by": data["created_by"],
        "created_at": moment(data.get("created_at")),
        "expires_at": moment(data.get("expires_at")),
        "revoked_at": moment(data.get("revoked_at")),
        "last_used_at": moment(data.get("last_used_at")),
    }


def member(data: Mapping[str, Any]) -> Member:
    """A member of a workspace."""
    return Member(
        user_id=data["user_id"],
        name=data.get("name") or "",
        email=data.get("email"),
        role=data["role"],
        created_at=moment(data.get("created_at")),
    )


def invitation(data: Mapping[str, Any]) -> Invitation:
    """An invitation; one just made may have its link."""
    return Invitation(
        id=data["id"],
        email=data["email"],
        role=data["role"],
        invited_by=data["invited_by"],
        delivery=data.get("delivery") or "link",
        created_at=moment(data.get("created_at")),
        expires_at=moment(data.get("expires_at")),
        link=data.get("link"),
    )


def event(data: Mapping[str, Any]) -> AuditEvent:
    """An event of the audit log."""
    return AuditEvent(
        id=data["id"],
        at=moment(data["at"]),
        actor_kind=data["actor_kind"],
        actor_id=data["actor_id"],
        action=data["action"],
        subject=data["subject"],
        before=freeze(data.get("before")),
        after=freeze(data.get("after")),
        address=data.get("address"),
        request_id=data.get("request_id"),
        project_id=data.get("project_id"),
    )
