"""Who did what, when, from where."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dakora_server.api.pages import Cursor, Limit, cursor_at, page, time_of_cursor
from dakora_server.api.problems import problems
from dakora_server.api.strict import GuardedRoute
from dakora_server.api.tenancy_shapes import AuditEvent
from dakora_server.auth import ReadProject, ReadWorkspace
from dakora_server.core.audit import queries
from dakora_server.core.exceptions import (
    DatabaseUnavailable,
    InvalidRequest,
    ProjectNotFound,
    WorkspaceNotFound,
)
from dakora_server.core.scope import ProjectReader, WorkspaceReader

_ALWAYS = (InvalidRequest, DatabaseUnavailable)
router = APIRouter(prefix="/api", tags=["audit"], route_class=GuardedRoute, responses=problems(*_ALWAYS))
Action = Annotated[
    str | None, Query(max_length=64, pattern=r"^[a-z_.]+$", description="Only this action, e.g. `prompt.saved`.")
]
Actor = Annotated[UUID | None, Query(description="Only what this user or key did.")]


@router.get("/projects/{project_id}/audit", response_model=list[AuditEvent], responses=problems(ProjectNotFound))
async def list_project_audit(
    project: ReadProject,
    request: Request,
    action: Action = None,
    actor: Actor = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """What happened in a project, newest first."""
    return await _events(project, request, action, actor, limit, cursor)


@router.get("/workspaces/{workspace_id}/audit", response_model=list[AuditEvent], responses=problems(WorkspaceNotFound))
async def list_workspace_audit(
    workspace: ReadWorkspace,
    request: Request,
    action: Action = None,
    actor: Actor = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """What happened in a workspace and all its projects, newest first."""
    return await _events(workspace, request, action, actor, limit, cursor)


async def _events(
    place: ProjectReader | WorkspaceReader,
    request: Request,
    action: str | None,
    actor: UUID | None,
    limit: int,
    cursor: str | None,
) -> Response:
    found = await queries.list_events(
        place, before=time_of_cursor(cursor), limit=limit + 1, action=action, actor_id=actor
    )
    more = cursor_at(found[limit - 1].at, found[limit - 1].id) if len(found) > limit else None
    items = [AuditEvent.model_validate(event, from_attributes=True).model_dump(mode="json") for event in found[:limit]]
    return page(request, orjson.dumps(items), next_cursor=more)
