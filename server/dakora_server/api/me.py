"""Who am I, and where do I work."""

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel

from dakora_server.api.problems import problems
from dakora_server.api.strict import GuardedRoute
from dakora_server.auth import Caller, access_of
from dakora_server.core.exceptions import DatabaseUnavailable, ProjectNotFound
from dakora_server.core.scope import Principal, Role
from dakora_server.core.tenancy import service as tenancy
from dakora_server.core.tenancy.records import ProjectRecord

router = APIRouter(prefix="/api/me", tags=["me"], route_class=GuardedRoute, responses=problems(DatabaseUnavailable))


class User(BaseModel):
    """A person; for an API key, the one who made it."""

    id: UUID
    name: str
    email: str | None


class WorkspaceWithRole(BaseModel):
    """A workspace and the caller's role in it."""

    id: UUID
    slug: str
    name: str
    personal: bool
    role: Role


class ProjectSummary(BaseModel):
    """A project, shortly."""

    id: UUID
    slug: str
    name: str
    workspace_id: UUID


class Me(BaseModel):
    """The caller."""

    user: User
    workspaces: list[WorkspaceWithRole]
    default_project: ProjectSummary | None


class Context(BaseModel):
    """The caller and the project it works in unless it says otherwise."""

    user_id: UUID
    email: str | None
    name: str
    workspace_id: UUID
    project_id: UUID
    project_slug: str
    project_name: str


@router.get("")
async def get_me(caller: Caller, request: Request) -> Me:
    """The caller, the workspaces it is a member of (none for an API key), and its default project."""
    database = access_of(request).platform.database
    project = await _project_of(request, caller)
    workspaces = [] if caller.key is not None else await tenancy.workspaces_for(database, caller)
    return Me(
        user=User(id=caller.user_id, name=caller.name, email=caller.email),
        workspaces=[
            WorkspaceWithRole(id=w.id, slug=w.slug, name=w.name, personal=w.personal, role=w.role) for w in workspaces
        ],
        default_project=None
        if project is None
        else ProjectSummary(id=project.id, slug=project.slug, name=project.name, workspace_id=project.workspace_id),
    )


@router.get("/context", responses=problems(ProjectNotFound))
async def get_context(caller: Caller, request: Request) -> Context:
    """What a client needs to begin: the caller and its project; an API key's own."""
    project = await _project_of(request, caller)
    if project is None:
        raise ProjectNotFound("You have no project yet.")
    return Context(
        user_id=caller.user_id,
        email=caller.email,
        name=caller.name,
        workspace_id=project.workspace_id,
        project_id=project.id,
        project_slug=project.slug,
        project_name=project.name,
    )


async def _project_of(request: Request, caller: Principal) -> ProjectRecord | None:
    return await tenancy.default_project(access_of(request).platform.database, caller)
