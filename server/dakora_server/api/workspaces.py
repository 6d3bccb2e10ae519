"""Workspaces and who is in them."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from dakora_server.api.once import OnceOnly
from dakora_server.api.pages import Cursor, Limit, id_of_cursor, page
from dakora_server.api.problems import problems
from dakora_server.api.strict import GuardedRoute
from dakora_server.api.tenancy_shapes import (
    Member,
    NewOwner,
    NewPlace,
    PlaceChange,
    RoleChange,
    Workspace,
)
from dakora_server.auth import Caller, ChangeWorkspace, From, ReadWorkspace, access_of
from dakora_server.core.exceptions import (
    DatabaseUnavailable,
    IdempotencyInProgress,
    IdempotencyMismatch,
    InvalidJson,
    InvalidRequest,
    LastOwner,
    MemberNotFound,
    SlugTaken,
    TooMany,
    WorkspaceNotFound,
)
from dakora_server.core.prompts.records import encode_cursor
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.tenancy import members, service

_ALWAYS = (InvalidRequest, DatabaseUnavailable)
_BODY = (InvalidJson, IdempotencyInProgress, IdempotencyMismatch)
router = APIRouter(
    prefix="/api/workspaces", tags=["workspaces"], route_class=GuardedRoute, responses=problems(*_ALWAYS)
)
UserId = Annotated[UUID, Path(description="A member's user id.")]


@router.get("", response_model=list[Workspace])
async def list_workspaces(caller: Caller, request: Request) -> list[Workspace]:
    """The caller's workspaces, the personal one first."""
    found = await service.workspaces_for(access_of(request).platform.database, caller)
    return [Workspace.of(record) for record in found]


@router.post("", response_model=Workspace, status_code=201, responses=problems(*_BODY, SlugTaken, TooMany))
async def create_workspace(body: NewPlace, caller: Caller, origin: From, request: Request, once: OnceOnly) -> Response:
    """Make a team workspace; the caller owns it."""
    slug = body.slug or service.slug_of(body.name)
    async with access_of(request).platform.database.transaction(Tenant(user_id=caller.user_id)) as tx:

        async def make() -> Response:
            made = Workspace.of(await service.create_workspace(tx, caller, origin, slug=slug, name=body.name))
            headers = {"location": f"{request.url.path}/{made.id}"}
            return Response(made.model_dump_json(), status_code=201, media_type="application/json", headers=headers)

        return await once.answer(tx, make)


@router.get("/{workspace_id}", response_model=Workspace, responses=problems(WorkspaceNotFound))
async def get_workspace(workspace: ReadWorkspace) -> Workspace:
    """One workspace."""
    return Workspace.of(await service.show_workspace(workspace))


@router.patch(
    "/{workspace_id}",
    response_model=Workspace,
    responses=problems(InvalidJson, WorkspaceNotFound, SlugTaken),
)
async def change_workspace(body: PlaceChange, workspace: ChangeWorkspace) -> Workspace:
    """Rename a workspace."""
    return Workspace.of(await service.change_workspace(workspace, slug=body.slug, name=body.name))


@router.delete("/{workspace_id}", status_code=204, responses=problems(WorkspaceNotFound))
async def archive_workspace(workspace: ChangeWorkspace) -> None:
    """End a team workspace: nobody gets in any more, its API keys are revoked."""
    await service.archive_workspace(workspace)


@router.get("/{workspace_id}/members", response_model=list[Member], responses=problems(WorkspaceNotFound))
async def list_members(
    workspace: ReadWorkspace, request: Request, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """The members of a workspace."""
    found = await members.list_members(workspace, after=id_of_cursor(cursor), limit=limit + 1)
    more = encode_cursor(str(found[limit - 1].user_id)) if len(found) > limit else None
    items = [Member.of(record).model_dump(mode="json") for record in found[:limit]]
    return page(request, orjson.dumps(items), next_cursor=more)


@router.patch(
    "/{workspace_id}/members/{user_id}",
    status_code=204,
    responses=problems(InvalidJson, WorkspaceNotFound, MemberNotFound, LastOwner),
)
async def change_member(user_id: UserId, body: RoleChange, workspace: ChangeWorkspace) -> None:
    """Give a member another role."""
    await members.change_role(workspace, user_id, body.role)


@router.delete(
    "/{workspace_id}/members/{user_id}",
    status_code=204,
    responses=problems(WorkspaceNotFound, MemberNotFound, LastOwner),
)
async def remove_member(user_id: UserId, workspace: ChangeWorkspace) -> None:
    """Remove a member, or leave. The API keys that the member made are revoked."""
    await members.remove(workspace, user_id)


@router.put(
    "/{workspace_id}/owner",
    status_code=204,
    responses=problems(InvalidJson, WorkspaceNotFound, MemberNotFound),
)
async def hand_over_workspace(body: NewOwner, workspace: ChangeWorkspace) -> None:
    """Make another member the owner; the caller stays as an admin."""
    await members.hand_over(workspace, body.user_id)
