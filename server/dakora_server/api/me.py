"""Who am I, and where do I work."""

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel

from dakora_server.api.problems import problems
from dakora_server.auth import Caller, guard_of
from dakora_server.core.exceptions import DatabaseUnavailable
from dakora_server.core.scope import Role
from dakora_server.core.tenancy import service as tenancy
from dakora_server.core.tenancy.provisioning import DEFAULT_PROJECT_ID

router = APIRouter(prefix="/api/me", tags=["me"], responses=problems(DatabaseUnavailable))


class User(BaseModel):
    """A person."""

    id: UUID
    name: str
    email: str | None


class Workspace(BaseModel):
    """A workspace and the caller's role in it."""

    id: UUID
    slug: str
    name: str
    role: Role


class Project(BaseModel):
    """A project, shortly."""

    id: UUID
    slug: str
    name: str
    workspace_id: UUID


class Me(BaseModel):
    """The caller."""

    user: User
    workspaces: list[Workspace]
    default_project: Project


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
    """The caller, the workspaces it is a member of, and its default project."""
    database = guard_of(request).platform.database
    project, _ = await tenancy.project_for(database, caller, DEFAULT_PROJECT_ID)
    workspaces = await tenancy.workspaces_for(database, caller)
    return Me(
        user=User(id=caller.user_id, name=caller.name, email=caller.email),
        workspaces=[Workspace(id=w.id, slug=w.slug, name=w.name, role=w.role) for w in workspaces],
        default_project=Project(id=project.id, slug=project.slug, name=project.name, workspace_id=project.workspace_id),
    )


@router.get("/context")
async def get_context(caller: Caller, request: Request) -> Context:
    """What a client needs to begin: the caller and its project."""
    project, _ = await tenancy.project_for(guard_of(request).platform.database, caller, DEFAULT_PROJECT_ID)
    return Context(
        user_id=caller.user_id,
        email=caller.email,
        name=caller.name,
        workspace_id=project.workspace_id,
        project_id=project.id,
        project_slug=project.slug,
        project_name=project.name,
    )
