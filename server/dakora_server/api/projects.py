"""Projects of a workspace."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dakora_server.api.once import OnceOnly
from dakora_server.api.pages import Cursor, Limit, page
from dakora_server.api.problems import problems
from dakora_server.api.shapes import Prompt, PromptId, prompt_response
from dakora_server.api.strict import GuardedRoute
from dakora_server.api.tenancy_shapes import NewProject, PlaceChange, Project, PromptMove
from dakora_server.auth import (
    AdminProject,
    ChangeWorkspace,
    From,
    ReadWorkspace,
    ReviewProject,
    WriteProject,
    access_of,
)
from dakora_server.core.exceptions import (
    DatabaseUnavailable,
    Forbidden,
    IdempotencyInProgress,
    IdempotencyMismatch,
    IncludesStay,
    InvalidJson,
    InvalidRequest,
    ProjectNotFound,
    PromptArchived,
    PromptExists,
    PromptNotFound,
    SlugTaken,
    TooMany,
    WorkspaceNotFound,
)
from dakora_server.core.onboarding import starter
from dakora_server.core.prompts import moving
from dakora_server.core.prompts.records import decode_cursor, encode_cursor
from dakora_server.core.scope import Role
from dakora_server.core.tenancy import service

_ALWAYS = (InvalidRequest, DatabaseUnavailable)
_IN_WORKSPACE = "/workspaces/{workspace_id}/projects"
_ITSELF = "/projects/{project_id}"
router = APIRouter(prefix="/api", tags=["projects"], route_class=GuardedRoute, responses=problems(*_ALWAYS))


@router.get(_IN_WORKSPACE, response_model=list[Project], responses=problems(WorkspaceNotFound))
async def list_projects(
    workspace: ReadWorkspace,
    request: Request,
    archived: Annotated[bool, Query(description="The archived ones instead.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The projects of a workspace, in order of slug."""
    after = decode_cursor(cursor, str)
    found = await service.list_projects(workspace, after=after, limit=limit + 1, archived=archived)
    more = encode_cursor(found[limit - 1].slug) if len(found) > limit else None
    items = [Project.of(record).model_dump(mode="json") for record in found[:limit]]
    return page(request, orjson.dumps(items), next_cursor=more)


@router.post(
    _IN_WORKSPACE,
    response_model=Project,
    status_code=201,
    responses=problems(InvalidJson, WorkspaceNotFound, SlugTaken, TooMany, IdempotencyInProgress, IdempotencyMismatch),
)
async def create_project(body: NewProject, workspace: ChangeWorkspace, once: OnceOnly) -> Response:
    """Make a project."""
    slug = body.slug or service.slug_of(body.name)

    async def make() -> Response:
        record = await starter.create_project(workspace, slug=slug, name=body.name, with_samples=body.samples)
        made = Project.of(record)
        headers = {"location": f"/api/projects/{made.id}"}
        return Response(made.model_dump_json(), status_code=201, media_type="application/json", headers=headers)

    return await once.answer(workspace.tx, make)


@router.get(_ITSELF, response_model=Project, responses=problems(ProjectNotFound))
async def get_project(project: ReviewProject) -> Project:
    """One project."""
    return Project.of(await service.show_project(project))


@router.patch(_ITSELF, response_model=Project, responses=problems(InvalidJson, ProjectNotFound, SlugTaken))
async def change_project(body: PlaceChange, project: AdminProject) -> Project:
    """Rename a project."""
    return Project.of(await service.change_project(project, slug=body.slug, name=body.name))


@router.delete(_ITSELF, status_code=204, responses=problems(ProjectNotFound))
async def archive_project(project: AdminProject) -> None:
    """Archive a project: nothing opens it any more, its API keys are revoked. It can be restored for 30 days."""
    await service.archive_project(project)


@router.post(f"{_ITSELF}/restore", response_model=Project, responses=problems(ProjectNotFound, SlugTaken))
async def restore_project(project: AdminProject) -> Project:
    """Open an archived project again. Its API keys stay revoked."""
    return Project.of(await service.restore_project(project))


@router.post(
    _ITSELF + "/prompts/{prompt_id}/move",
    response_model=Prompt,
    responses=problems(InvalidJson, ProjectNotFound, PromptNotFound, PromptExists, PromptArchived, IncludesStay),
)
async def move_prompt(
    prompt_id: PromptId, body: PromptMove, project: WriteProject, origin: From, request: Request
) -> Response:
    """Move a prompt with all its versions to another project of the same workspace."""
    target = await access_of(request).grant(project.actor, str(body.project_id), origin)
    if not target.role.covers(Role.editor):
        raise Forbidden
    if target.workspace_id != project.workspace_id:
        raise InvalidRequest("A prompt moves within its workspace.")
    if target.project_id == project.project_id:
        raise InvalidRequest("The prompt is in that project already.")
    return prompt_response(await moving.move(project, project.beside(target), prompt_id))
