"""What PostgreSQL knows of users, workspaces and projects."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from dakora_server.core.scope import Role
from dakora_server.core.storage.database import Transaction
from dakora_server.core.storage.tables import memberships, projects, users, workspaces


@dataclass(frozen=True, slots=True)
class WorkspaceRecord:
    """A workspace as one of its members sees it."""

    id: UUID
    slug: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """A project and the workspace it belongs to."""

    id: UUID
    slug: str
    name: str
    workspace_id: UUID


async def ensure_user(tx: Transaction, user_id: UUID, *, name: str, email: str | None) -> None:
    """Make the user unless there is one with this id."""
    await tx.execute(insert(users).values(id=user_id, name=name, email=email).on_conflict_do_nothing())


async def ensure_workspace(tx: Transaction, workspace_id: UUID, *, slug: str, name: str) -> None:
    """Make the workspace unless there is one with this id."""
    await tx.execute(insert(workspaces).values(id=workspace_id, slug=slug, name=name).on_conflict_do_nothing())


async def ensure_member(tx: Transaction, workspace_id: UUID, user_id: UUID, *, role: Role) -> None:
    """Make the user a member unless it is one."""
    statement = insert(memberships).values(workspace_id=workspace_id, user_id=user_id, role=role.value)
    await tx.execute(statement.on_conflict_do_nothing())


async def ensure_project(tx: Transaction, project_id: UUID, *, workspace_id: UUID, slug: str, name: str) -> None:
    """Make the project unless there is one with this id."""
    statement = insert(projects).values(id=project_id, workspace_id=workspace_id, slug=slug, name=name)
    await tx.execute(statement.on_conflict_do_nothing())


async def workspaces_of(tx: Transaction, user_id: UUID) -> list[WorkspaceRecord]:
    """The user's workspaces with the role in each, by slug."""
    found = await tx.execute(
        select(workspaces.c.id, workspaces.c.slug, workspaces.c.name, memberships.c.role)
        .join(memberships, memberships.c.workspace_id == workspaces.c.id)
        .where(memberships.c.user_id == user_id)
        .order_by(workspaces.c.slug)
    )
    return [WorkspaceRecord(row.id, row.slug, row.name, Role(row.role)) for row in found]


async def project_of_member(tx: Transaction, project_id: UUID, user_id: UUID) -> tuple[ProjectRecord, Role] | None:
    """The project and the user's role in it, or None when it is absent or the user is a stranger to it."""
    found = await tx.execute(
        select(projects.c.id, projects.c.slug, projects.c.name, projects.c.workspace_id, memberships.c.role)
        .join(memberships, memberships.c.workspace_id == projects.c.workspace_id)
        .where(projects.c.id == project_id, memberships.c.user_id == user_id)
    )
    row = found.one_or_none()
    if row is None:
        return None
    return ProjectRecord(row.id, row.slug, row.name, row.workspace_id), Role(row.role)
