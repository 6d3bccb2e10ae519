"""What PostgreSQL knows of users, workspaces, projects and members."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from dakora_server.core.exceptions import SlugTaken
from dakora_server.core.scope import Role, WorkspaceAdmin, WorkspaceReader
from dakora_server.core.storage.database import Transaction
from dakora_server.core.storage.tables import api_keys, memberships, projects, users, workspaces
from dakora_server.core.tenancy.records import MemberRecord, ProjectRecord, UserRecord, WorkspaceRecord

_USER = tuple(users.c[name] for name in UserRecord.__dataclass_fields__)
_PROJECT = tuple(projects.c[name] for name in ProjectRecord.__dataclass_fields__)


async def ensure_user(
    tx: Transaction,
    user_id: UUID,
    *,
    name: str,
    email: str | None,
    issuer: str | None = None,
    subject: str | None = None,
) -> bool:
    """Make the user unless there is one with this id; whether it was made."""
    statement = insert(users).values(id=user_id, name=name, email=email, issuer=issuer, subject=subject)
    found = await tx.execute(statement.on_conflict_do_nothing().returning(users.c.id))
    return found.scalar_one_or_none() is not None


async def find_user(tx: Transaction, user_id: UUID) -> UserRecord | None:
    """A user, deleted ones included."""
    row = (await tx.execute(select(*_USER).where(users.c.id == user_id))).one_or_none()
    return None if row is None else UserRecord(**row._mapping)


async def lock_user(tx: Transaction, user_id: UUID) -> UserRecord | None:
    """A user, its row held until the transaction ends."""
    row = (await tx.execute(select(*_USER).where(users.c.id == user_id).with_for_update())).one_or_none()
    return None if row is None else UserRecord(**row._mapping)


async def change_user(tx: Transaction, user_id: UUID, values: Mapping[str, Any]) -> None:
    """Change a user's row."""
    await tx.execute(update(users).where(users.c.id == user_id).values(**values))


async def ensure_workspace(
    tx: Transaction, workspace_id: UUID, *, slug: str, name: str, personal: bool = False
) -> None:
    """Make the workspace unless there is one with this id. Raises SlugTaken."""
    statement = insert(workspaces).values(id=workspace_id, slug=slug, name=name, personal=personal)
    try:
        await tx.execute(statement.on_conflict_do_nothing(index_elements=["id"]))
    except IntegrityError as error:
        raise SlugTaken(f"The slug {slug} is in use.") from error


async def ensure_member(tx: Transaction, workspace_id: UUID, user_id: UUID, *, role: Role) -> bool:
    """Make the user a member unless it is one; whether it was made one."""
    statement = insert(memberships).values(workspace_id=workspace_id, user_id=user_id, role=role.value)
    found = await tx.execute(statement.on_conflict_do_nothing().returning(memberships.c.user_id))
    return found.scalar_one_or_none() is not None


async def ensure_project(tx: Transaction, project_id: UUID, *, workspace_id: UUID, slug: str, name: str) -> None:
    """Make the project unless there is one with this id. Raises SlugTaken."""
    statement = insert(projects).values(id=project_id, workspace_id=workspace_id, slug=slug, name=name)
    try:
        await tx.execute(statement.on_conflict_do_nothing(index_elements=["id"]))
    except IntegrityError as error:
        raise SlugTaken(f"The workspace has a project with the slug {slug}.") from error


def _workspace(row: Row[Any]) -> WorkspaceRecord:
    return WorkspaceRecord(row.id, row.slug, row.name, row.personal, row.created_at, Role(row.role))


async def workspaces_of(tx: Transaction, user_id: UUID) -> list[WorkspaceRecord]:
    """The user's workspaces with the role in each, the personal one first, then by slug."""
    found = await tx.execute(
        select(workspaces, memberships.c.role)
        .join(memberships, memberships.c.workspace_id == workspaces.c.id)
        .where(memberships.c.user_id == user_id, workspaces.c.archived_at.is_(None))
        .order_by(workspaces.c.personal.desc(), workspaces.c.slug)
    )
    return [_workspace(row) for row in found]


async def workspace_of_member(tx: Transaction, workspace_id: UUID, user_id: UUID) -> WorkspaceRecord | None:
    """The workspace and the user's role in it, or None when it is absent or the user is a stranger to it."""
    found = await tx.execute(
        select(workspaces, memberships.c.role)
        .join(memberships, memberships.c.workspace_id == workspaces.c.id)
        .where(workspaces.c.id == workspace_id, memberships.c.user_id == user_id, workspaces.c.archived_at.is_(None))
    )
    row = found.one_or_none()
    return None if row is None else _workspace(row)


async def project_of_member(
    tx: Transaction, project_id: UUID, user_id: UUID, *, archived: bool = False
) -> tuple[ProjectRecord, Role] | None:
    """The project and the user's role in it, or None when it is absent or the user is a stranger to it."""
    query = (
        select(*_PROJECT, memberships.c.role)
        .join(memberships, memberships.c.workspace_id == projects.c.workspace_id)
        .join(workspaces, workspaces.c.id == projects.c.workspace_id)
        .where(projects.c.id == project_id, memberships.c.user_id == user_id, workspaces.c.archived_at.is_(None))
    )
    if not archived:
        query = query.where(projects.c.archived_at.is_(None))
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    values = dict(row._mapping)
    role = Role(values.pop("role"))
    return ProjectRecord(**values), role


async def find_project(tx: Transaction, project_id: UUID, *, archived: bool = False) -> ProjectRecord | None:
    """A project that the transaction may see, live unless `archived` ones are wanted too."""
    query = select(*_PROJECT).where(projects.c.id == project_id)
    if not archived:
        query = query.where(projects.c.archived_at.is_(None))
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else ProjectRecord(**row._mapping)


async def any_project_of(tx: Transaction, user_id: UUID) -> ProjectRecord | None:
    """The oldest live project of the user's workspaces."""
    query = (
        select(*_PROJECT)
        .join(memberships, memberships.c.workspace_id == projects.c.workspace_id)
        .join(workspaces, workspaces.c.id == projects.c.workspace_id)
        .where(memberships.c.user_id == user_id, workspaces.c.archived_at.is_(None), projects.c.archived_at.is_(None))
        .order_by(projects.c.created_at, projects.c.id)
        .limit(1)
    )
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else ProjectRecord(**row._mapping)


async def every_project(tx: Transaction) -> list[tuple[UUID, UUID]]:
    """Every project there is, as (workspace, project): for the operator's commands only."""
    query = select(projects.c.workspace_id, projects.c.id).order_by(projects.c.id)
    return [(row.workspace_id, row.id) for row in await tx.execute(query)]


async def list_projects(
    workspace: WorkspaceReader, *, after: str | None, limit: int, archived: bool
) -> list[ProjectRecord]:
    """The workspace's projects by slug, beginning behind `after`; the archived ones instead, if asked for."""
    query = select(*_PROJECT).where(workspace.owns(projects), projects.c.archived_at.is_not(None) == archived)
    if after is not None:
        query = query.where(projects.c.slug > after)
    return [
        ProjectRecord(**row._mapping)
        for row in await workspace.tx.execute(query.order_by(projects.c.slug).limit(limit))
    ]


async def change_project(tx: Transaction, project_id: UUID, values: Mapping[str, Any]) -> None:
    """Change a project's row. Raises SlugTaken."""
    try:
        await tx.execute(update(projects).where(projects.c.id == project_id).values(**values))
    except IntegrityError as error:
        raise SlugTaken("The workspace has a project with this slug.") from error


async def count_projects(workspace: WorkspaceReader) -> int:
    """How many live projects the workspace has."""
    query = select(func.count()).select_from(projects).where(workspace.owns(projects), projects.c.archived_at.is_(None))
    return int((await workspace.tx.execute(query)).scalar_one())


async def lock_workspace(tx: Transaction, workspace_id: UUID) -> None:
    """Let nobody else change this workspace or its members until this transaction has ended."""
    await tx.execute(select(workspaces.c.id).where(workspaces.c.id == workspace_id).with_for_update())


async def keep_workspace(tx: Transaction, workspace_id: UUID) -> None:
    """Go on only when nobody changes this workspace's members, and let nobody begin to until this transaction ends.

    Whoever has other rows of the workspace to hold holds this one first: else two would wait for each other.
    """
    await tx.execute(
        select(workspaces.c.id).where(workspaces.c.id == workspace_id).with_for_update(read=True, key_share=True)
    )


async def change_workspace(tx: Transaction, workspace_id: UUID, values: Mapping[str, Any]) -> None:
    """Change a workspace's row. Raises SlugTaken."""
    try:
        await tx.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(**values))
    except IntegrityError as error:
        raise SlugTaken("This slug is in use.") from error


async def list_members(workspace: WorkspaceReader, *, after: UUID | None, limit: int) -> list[MemberRecord]:
    """The workspace's members, in order of id."""
    query = (
        select(users.c.id.label("user_id"), users.c.name, users.c.email, memberships.c.role, memberships.c.created_at)
        .join(users, users.c.id == memberships.c.user_id)
        .where(workspace.owns(memberships))
    )
    if after is not None:
        query = query.where(memberships.c.user_id > after)
    found = await workspace.tx.execute(query.order_by(memberships.c.user_id).limit(limit))
    return [MemberRecord(row.user_id, row.name, row.email, Role(row.role), row.created_at) for row in found]


async def member_ids(tx: Transaction, workspace_id: UUID) -> list[UUID]:
    """Who is a member of the workspace."""
    query = select(memberships.c.user_id).where(memberships.c.workspace_id == workspace_id)
    return list((await tx.execute(query)).scalars())


async def find_member(tx: Transaction, workspace_id: UUID, user_id: UUID) -> Role | None:
    """The user's role in the workspace."""
    query = select(memberships.c.role).where(
        memberships.c.workspace_id == workspace_id, memberships.c.user_id == user_id
    )
    role = (await tx.execute(query)).scalar_one_or_none()
    return None if role is None else Role(role)


async def ranked_members(tx: Transaction, workspace_id: UUID) -> list[tuple[UUID, Role]]:
    """The members, highest role first, and of one role who has been there longest."""
    query = select(memberships.c.user_id, memberships.c.role).where(memberships.c.workspace_id == workspace_id)
    found = await tx.execute(query.order_by(memberships.c.created_at, memberships.c.user_id))
    ranked = [(row.user_id, Role(row.role)) for row in found]
    return sorted(ranked, key=lambda member: list(Role).index(member[1]))


async def set_role(workspace: WorkspaceAdmin, user_id: UUID, role: Role) -> None:
    """Change a member's role."""
    where = workspace.owns(memberships) & (memberships.c.user_id == user_id)
    await workspace.tx.execute(update(memberships).where(where).values(role=role.value))


async def remove_member(tx: Transaction, workspace_id: UUID, user_id: UUID) -> None:
    """End a membership."""
    where = (memberships.c.workspace_id == workspace_id) & (memberships.c.user_id == user_id)
    await tx.execute(delete(memberships).where(where))


async def revoke_keys(
    tx: Transaction, workspace_id: UUID, now: datetime, *, made_by: UUID | None = None, project_id: UUID | None = None
) -> list[tuple[UUID, UUID]]:
    """Revoke the workspace's API keys that a member made, or that a project has; answers (project, key) of each."""
    statement = update(api_keys).where(api_keys.c.workspace_id == workspace_id, api_keys.c.revoked_at.is_(None))
    if made_by is not None:
        statement = statement.where(api_keys.c.created_by == made_by)
    if project_id is not None:
        statement = statement.where(api_keys.c.project_id == project_id)
    found = await tx.execute(statement.values(revoked_at=now).returning(api_keys.c.project_id, api_keys.c.id))
    return [(row.project_id, row.id) for row in found]
