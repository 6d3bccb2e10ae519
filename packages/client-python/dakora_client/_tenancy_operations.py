"""The operations on keys, workspaces, projects and the audit log: pure functions, like `_operations`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from dakora_client import _answers, _tenancy_answers
from dakora_client._answers import Page
from dakora_client._operations import given
from dakora_client._request import Answer, Call, encode, once, query, segment
from dakora_client.types import (
    ApiKey,
    AuditEvent,
    Invitation,
    Member,
    MemberRole,
    NewApiKey,
    Project,
    Scope,
    Workspace,
)

T = TypeVar("T")
_KEYS = "/api-keys"
_WORKSPACES = "/api/workspaces"
_PAGE_SIZE = 200
_read_key = _answers.one(_tenancy_answers.new_api_key)
_read_keys = _answers.page(_tenancy_answers.api_key)
_read_workspace = _answers.one(_answers.workspace)
_read_workspaces = _answers.page(_answers.workspace)
_read_project = _answers.one(_answers.project)
_read_projects = _answers.page(_answers.project)
_read_members = _answers.page(_tenancy_answers.member)
_read_invitation = _answers.one(_tenancy_answers.invitation)
_read_invitations = _answers.page(_tenancy_answers.invitation)
_read_events = _answers.page(_tenancy_answers.event)


def _workspace(workspace_id: str) -> str:
    return f"{_WORKSPACES}/{segment(workspace_id)}"


def _member(workspace_id: str, user_id: str) -> str:
    return f"{_workspace(workspace_id)}/members/{segment(user_id)}"


def _project(project_id: str) -> str:
    return f"/api/projects/{segment(project_id)}"


def list_api_keys(*, everything: bool, cursor: str | None) -> Call[Page[ApiKey]]:
    """GET /api/projects/{project_id}/api-keys."""
    wanted = query(all="true" if everything else None, limit=_PAGE_SIZE, cursor=cursor)
    return Call("GET", _KEYS + wanted, _read_keys, repeatable=True)


def create_api_key(
    name: str,
    *,
    scopes: Sequence[Scope],
    labels: Sequence[str] | None,
    expires_in_days: int | None,
    idempotency_key: str | None,
) -> Call[NewApiKey]:
    """POST /api/projects/{project_id}/api-keys."""
    fields = {
        "name": name,
        "scopes": list(scopes),
        "labels": None if labels is None else list(labels),
        "expires_in_days": expires_in_days,
    }
    return Call("POST", _KEYS, _read_key, encode(given(fields)), creates=True, idempotency_key=once(idempotency_key))


def rotate_api_key(key_id: str, *, overlap_hours: int, idempotency_key: str | None) -> Call[NewApiKey]:
    """POST /api/projects/{project_id}/api-keys/{key_id}/rotate."""
    path, body = f"{_KEYS}/{segment(key_id)}/rotate", encode({"overlap_hours": overlap_hours})
    return Call("POST", path, _read_key, body, creates=True, idempotency_key=once(idempotency_key))


def revoke_api_key(key_id: str) -> Call[None]:
    """DELETE /api/projects/{project_id}/api-keys/{key_id}. Once revoked, doing it again changes nothing."""
    return Call("DELETE", f"{_KEYS}/{segment(key_id)}", _answers.nothing, repeatable=True)


def list_workspaces() -> Call[Page[Workspace]]:
    """GET /api/workspaces."""
    return _get(_WORKSPACES, _read_workspaces)


def create_workspace(name: str, *, slug: str | None, idempotency_key: str | None) -> Call[Workspace]:
    """POST /api/workspaces."""
    return _create(_WORKSPACES, _read_workspace, {"name": name, "slug": slug}, idempotency_key)


def get_workspace(workspace_id: str) -> Call[Workspace]:
    """GET /api/workspaces/{workspace_id}."""
    return _get(_workspace(workspace_id), _read_workspace)


def change_workspace(workspace_id: str, *, name: str | None, slug: str | None) -> Call[Workspace]:
    """PATCH /api/workspaces/{workspace_id}."""
    body = encode(given({"name": name, "slug": slug}))
    return Call("PATCH", _workspace(workspace_id), _read_workspace, body, in_project=False)


def archive_workspace(workspace_id: str) -> Call[None]:
    """DELETE /api/workspaces/{workspace_id}."""
    return Call("DELETE", _workspace(workspace_id), _answers.nothing, in_project=False)


def list_members(workspace_id: str, *, cursor: str | None) -> Call[Page[Member]]:
    """GET /api/workspaces/{workspace_id}/members."""
    return _get(f"{_workspace(workspace_id)}/members{query(limit=_PAGE_SIZE, cursor=cursor)}", _read_members)


def change_member(workspace_id: str, user_id: str, role: MemberRole) -> Call[None]:
    """PATCH /api/workspaces/{workspace_id}/members/{user_id}."""
    path, body = _member(workspace_id, user_id), encode({"role": role})
    return Call("PATCH", path, _answers.nothing, body, in_project=False)


def remove_member(workspace_id: str, user_id: str) -> Call[None]:
    """DELETE /api/workspaces/{workspace_id}/members/{user_id}."""
    return Call("DELETE", _member(workspace_id, user_id), _answers.nothing, in_project=False)


def hand_over_workspace(workspace_id: str, user_id: str) -> Call[None]:
    """PUT /api/workspaces/{workspace_id}/owner."""
    path, body = f"{_workspace(workspace_id)}/owner", encode({"user_id": user_id})
    return Call("PUT", path, _answers.nothing, body, in_project=False)


def list_invitations(workspace_id: str, *, cursor: str | None) -> Call[Page[Invitation]]:
    """GET /api/workspaces/{workspace_id}/invitations."""
    path = f"{_workspace(workspace_id)}/invitations{query(limit=_PAGE_SIZE, cursor=cursor)}"
    return _get(path, _read_invitations)


def create_invitation(
    workspace_id: str, email: str, role: MemberRole, *, idempotency_key: str | None
) -> Call[Invitation]:
    """POST /api/workspaces/{workspace_id}/invitations."""
    path = f"{_workspace(workspace_id)}/invitations"
    return _create(path, _read_invitation, {"email": email, "role": role}, idempotency_key)


def revoke_invitation(workspace_id: str, invitation_id: str) -> Call[None]:
    """DELETE /api/workspaces/{workspace_id}/invitations/{invitation_id}."""
    path = f"{_workspace(workspace_id)}/invitations/{segment(invitation_id)}"
    return Call("DELETE", path, _answers.nothing, in_project=False)


def accept_invitation(token: str) -> Call[Workspace]:
    """POST /api/invitations/accept. Takes the token or the link that ends in it."""
    body = encode({"token": token.rpartition("#")[2]})
    return Call("POST", "/api/invitations/accept", _read_workspace, body, in_project=False)


def list_projects(workspace_id: str, *, archived: bool, cursor: str | None) -> Call[Page[Project]]:
    """GET /api/workspaces/{workspace_id}/projects."""
    wanted = query(archived="true" if archived else None, limit=_PAGE_SIZE, cursor=cursor)
    return _get(f"{_workspace(workspace_id)}/projects{wanted}", _read_projects)


def create_project(
    workspace_id: str, name: str, *, slug: str | None, samples: bool = True, idempotency_key: str | None
) -> Call[Project]:
    """POST /api/workspaces/{workspace_id}/projects."""
    path = f"{_workspace(workspace_id)}/projects"
    return _create(path, _read_project, {"name": name, "slug": slug, "samples": samples}, idempotency_key)


def get_project(project_id: str) -> Call[Project]:
    """GET /api/projects/{project_id}."""
    return _get(_project(project_id), _read_project)


def change_project(project_id: str, *, name: str | None, slug: str | None) -> Call[Project]:
    """PATCH /api/projects/{project_id}."""
    body = encode(given({"name": name, "slug": slug}))
    return Call("PATCH", _project(project_id), _read_project, body, in_project=False)


def archive_project(project_id: str) -> Call[None]:
    """DELETE /api/projects/{project_id}."""
    return Call("DELETE", _project(project_id), _answers.nothing, in_project=False)


def restore_project(project_id: str) -> Call[Project]:
    """POST /api/projects/{project_id}/restore."""
    return Call("POST", f"{_project(project_id)}/restore", _read_project, in_project=False)


def list_audit(
    *,
    project_id: str | None,
    workspace_id: str | None,
    action: str | None,
    actor: str | None,
    limit: int | None,
    cursor: str | None,
) -> Call[Page[AuditEvent]]:
    """GET /api/projects/{project_id}/audit, GET /api/workspaces/{workspace_id}/audit."""
    wanted = f"/audit{query(action=action, actor=actor, limit=min(limit or _PAGE_SIZE, _PAGE_SIZE), cursor=cursor)}"
    if workspace_id is not None:
        return _get(_workspace(workspace_id) + wanted, _read_events)
    if project_id is not None:
        return _get(_project(project_id) + wanted, _read_events)
    return Call("GET", wanted, _read_events, repeatable=True)


def _get(path: str, parse: Callable[[Answer], T]) -> Call[T]:
    return Call("GET", path, parse, repeatable=True, in_project=False)


def _create(path: str, parse: Callable[[Answer], T], fields: Mapping[str, Any], key: str | None) -> Call[T]:
    body = encode(given(fields))
    return Call("POST", path, parse, body, in_project=False, creates=True, idempotency_key=once(key))
