"""Workspaces and projects: which a caller means, whether it may, and what becomes of them."""

import re
import unicodedata
import uuid
from datetime import timedelta
from uuid import UUID

from dakora_server.core import clock
from dakora_server.core.audit.service import record as note
from dakora_server.core.exceptions import Forbidden, InvalidRequest, ProjectNotFound, TooMany, WorkspaceNotFound
from dakora_server.core.scope import (
    ACCESS,
    KEYS,
    Grant,
    Origin,
    Principal,
    ProjectAdmin,
    ProjectId,
    Role,
    WorkspaceAdmin,
    WorkspaceGrant,
    WorkspaceId,
    WorkspaceReader,
)
from dakora_server.core.storage.database import Database, Transaction
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.tenancy import queries
from dakora_server.core.tenancy.provisioning import DEFAULT_PROJECT_ID, LOCAL_USER, first_project_of
from dakora_server.core.tenancy.records import ProjectRecord, WorkspaceRecord

RESTORABLE_FOR = timedelta(days=30)
MOST_PROJECTS = 1_000
MOST_WORKSPACES = 100


def slug_of(name: str) -> str:
    """A slug made from a name. Raises InvalidRequest for a name without letters or digits that a slug can have."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].strip("-")
    if not slug:
        raise InvalidRequest("No slug can be made from this name: give one.")
    return slug


async def project_for(
    database: Database, actor: Principal, project_id: UUID, *, archived: bool = False
) -> tuple[ProjectRecord, Role]:
    """The project and the actor's role in it. A stranger learns nothing: ProjectNotFound either way."""
    async with database.transaction(Tenant(user_id=actor.user_id), read_only=True) as tx:
        found = await queries.project_of_member(tx, project_id, actor.user_id, archived=archived)
    if found is None:
        raise ProjectNotFound
    return found


async def workspace_for(database: Database, actor: Principal, workspace_id: UUID) -> WorkspaceRecord:
    """The workspace as the actor sees it. A stranger learns nothing: WorkspaceNotFound either way."""
    async with database.transaction(Tenant(user_id=actor.user_id), read_only=True) as tx:
        found = await queries.workspace_of_member(tx, workspace_id, actor.user_id)
    if found is None:
        raise WorkspaceNotFound
    return found


async def workspaces_for(database: Database, actor: Principal) -> list[WorkspaceRecord]:
    """The actor's workspaces."""
    async with database.transaction(Tenant(user_id=actor.user_id), read_only=True) as tx:
        return await queries.workspaces_of(tx, actor.user_id)


async def default_project(database: Database, actor: Principal) -> ProjectRecord | None:
    """The project a caller works in unless it says otherwise: a key's own, a user's first one, or any it may see."""
    if actor.key is not None:
        async with database.transaction(Tenant(project_id=actor.key.project_id), read_only=True) as tx:
            return await queries.find_project(tx, actor.key.project_id)
    first = DEFAULT_PROJECT_ID if actor.user_id == LOCAL_USER.user_id else first_project_of(actor.user_id)
    async with database.transaction(Tenant(user_id=actor.user_id), read_only=True) as tx:
        found = await queries.project_of_member(tx, first, actor.user_id)
        return found[0] if found is not None else await queries.any_project_of(tx, actor.user_id)


async def create_workspace(
    tx: Transaction, actor: Principal, origin: Origin, *, slug: str, name: str
) -> WorkspaceRecord:
    """A team workspace with the actor as its owner. `tx` speaks for the actor. Raises SlugTaken, TooMany."""
    if len(await queries.workspaces_of(tx, actor.user_id)) >= MOST_WORKSPACES:
        raise TooMany(f"Nobody is in more than {MOST_WORKSPACES} workspaces.")
    workspace_id = WorkspaceId(uuid.uuid4())
    await tx.speak_for(Tenant(user_id=actor.user_id, workspace_id=workspace_id))
    await queries.ensure_workspace(tx, workspace_id, slug=slug, name=name)
    await queries.ensure_member(tx, workspace_id, actor.user_id, role=Role.owner)
    grant = WorkspaceGrant(actor, workspace_id, Role.owner, origin=origin)
    await note(_Place(grant, tx), "workspace.created", workspace_id, after={"slug": slug})
    found = await queries.workspace_of_member(tx, workspace_id, actor.user_id)
    assert found is not None  # noqa: S101 - made just above, in this transaction
    return found


class _Place:
    """Where an event happened, while there is no reader or writer of the place yet."""

    def __init__(self, grant: WorkspaceGrant | Grant, tx: Transaction) -> None:
        self.workspace_id = grant.workspace_id
        self.project_id = grant.project_id if isinstance(grant, Grant) else None
        self.actor = grant.actor
        self.origin = grant.origin
        self.tx = tx


async def show_workspace(workspace: WorkspaceReader) -> WorkspaceRecord:
    """The workspace, read inside the caller's transaction. Raises WorkspaceNotFound."""
    found = await queries.workspace_of_member(workspace.tx, workspace.workspace_id, workspace.actor.user_id)
    if found is None:
        raise WorkspaceNotFound
    return found


async def change_workspace(workspace: WorkspaceAdmin, *, slug: str | None, name: str | None) -> WorkspaceRecord:
    """Rename the workspace. Raises SlugTaken."""
    before = await show_workspace(workspace)
    wanted = {"slug": slug or before.slug, "name": name or before.name}
    if wanted != {"slug": before.slug, "name": before.name}:
        await queries.change_workspace(workspace.tx, workspace.workspace_id, wanted)
        await note(workspace, "workspace.renamed", workspace.workspace_id, before={"slug": before.slug}, after=wanted)
    return await show_workspace(workspace)


async def archive_workspace(workspace: WorkspaceAdmin) -> None:
    """End a team workspace: nobody gets in any more, its keys are revoked. Raises Forbidden for a personal one."""
    if workspace.personal:
        raise Forbidden("A personal workspace goes with its user, and not before.")
    await end_workspace(workspace)


async def end_workspace(workspace: WorkspaceAdmin) -> None:
    """Archive the workspace and revoke everything that opens it, in one transaction."""
    await queries.lock_workspace(workspace.tx, workspace.workspace_id)
    now = clock.now()
    revoked = await queries.revoke_keys(workspace.tx, workspace.workspace_id, now)
    members = await queries.member_ids(workspace.tx, workspace.workspace_id)
    await queries.change_workspace(workspace.tx, workspace.workspace_id, {"archived_at": now})
    await note(workspace, "workspace.archived", workspace.workspace_id, after={"keys_revoked": len(revoked)})
    for project_id in {project for project, _ in revoked}:
        await workspace.announce_rights(project_id, KEYS)
    for user_id in members:
        await workspace.announce_rights(user_id, ACCESS)


async def list_projects(
    workspace: WorkspaceReader, *, after: str | None, limit: int, archived: bool = False
) -> list[ProjectRecord]:
    """The workspace's projects by slug."""
    return await queries.list_projects(workspace, after=after, limit=limit, archived=archived)


async def create_project(workspace: WorkspaceAdmin, *, slug: str, name: str) -> ProjectRecord:
    """A new project. Raises SlugTaken, TooMany."""
    await queries.lock_workspace(workspace.tx, workspace.workspace_id)
    if await queries.count_projects(workspace) >= MOST_PROJECTS:
        raise TooMany(f"A workspace has at most {MOST_PROJECTS} projects.")
    project_id = uuid.uuid4()
    await queries.ensure_project(workspace.tx, project_id, workspace_id=workspace.workspace_id, slug=slug, name=name)
    grant = Grant(workspace.actor, workspace.workspace_id, ProjectId(project_id), workspace.role, workspace.origin)
    await note(_Place(grant, workspace.tx), "project.created", project_id, after={"slug": slug})
    found = await queries.find_project(workspace.tx, project_id)
    assert found is not None  # noqa: S101 - made just above, in this transaction
    return found


async def show_project(project: ProjectAdmin) -> ProjectRecord:
    """The project, read inside the caller's transaction. Raises ProjectNotFound."""
    found = await queries.find_project(project.tx, project.project_id)
    if found is None:
        raise ProjectNotFound
    return found


async def change_project(project: ProjectAdmin, *, slug: str | None, name: str | None) -> ProjectRecord:
    """Rename the project. Raises SlugTaken."""
    before = await show_project(project)
    wanted = {"slug": slug or before.slug, "name": name or before.name}
    if wanted != {"slug": before.slug, "name": before.name}:
        await queries.change_project(project.tx, project.project_id, wanted)
        await note(project, "project.renamed", project.project_id, before={"slug": before.slug}, after=wanted)
    return await show_project(project)


async def archive_project(project: ProjectAdmin) -> None:
    """Close the project: nothing opens it, its keys are revoked; restorable for 30 days.

    Raises Forbidden for the project that work without login is done in.
    """
    if project.project_id == DEFAULT_PROJECT_ID:
        raise Forbidden("The default project of work without login stays.")
    now = clock.now()
    await queries.change_project(project.tx, project.project_id, {"archived_at": now})
    revoked = await queries.revoke_keys(project.tx, project.workspace_id, now, project_id=project.project_id)
    await note(project, "project.archived", project.project_id, after={"keys_revoked": len(revoked)})
    await _announce_to_members(project)


async def restore_project(project: ProjectAdmin) -> ProjectRecord:
    """Open an archived project again; its keys stay revoked. Raises ProjectNotFound after 30 days, SlugTaken."""
    record = await queries.find_project(project.tx, project.project_id, archived=True)
    if record is None:
        raise ProjectNotFound
    if record.archived_at is not None:
        if record.archived_at + RESTORABLE_FOR <= clock.now():
            raise ProjectNotFound(f"The project was archived more than {RESTORABLE_FOR.days} days ago.")
        await queries.change_project(project.tx, project.project_id, {"archived_at": None})
        await note(project, "project.restored", project.project_id)
        await _announce_to_members(project)
    return await show_project(project)


async def _announce_to_members(project: ProjectAdmin) -> None:
    await project.announce_rights(project.project_id, KEYS)
    for user_id in await queries.member_ids(project.tx, project.workspace_id):
        await project.announce_rights(user_id, ACCESS)
