"""The first user, workspace and project: of a server without login, and of everyone who comes to one with login."""

import uuid
from uuid import UUID

from dakora_server.core.scope import Grant, Principal, ProjectId, Role, WorkspaceGrant, WorkspaceId
from dakora_server.core.storage.database import Database, Transaction
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.tenancy import queries

# Fixed, so that two processes that start at once on one database make the same rows.
LOCAL_USER = Principal(UUID("00000000-0000-7000-8000-000000000001"), "Local user")
LOCAL_WORKSPACE_ID = WorkspaceId(UUID("00000000-0000-7000-8000-000000000002"))
DEFAULT_PROJECT_ID = ProjectId(UUID("00000000-0000-7000-8000-000000000003"))
LOCAL_WORKSPACE = WorkspaceGrant(LOCAL_USER, LOCAL_WORKSPACE_ID, Role.owner)

_USERS = uuid.uuid5(uuid.NAMESPACE_URL, "https://dakora.invalid/users")


def local_grant(project_id: ProjectId = DEFAULT_PROJECT_ID) -> Grant:
    """What the local user is in a project of the local workspace: its owner."""
    return Grant(LOCAL_USER, LOCAL_WORKSPACE_ID, project_id, Role.owner)


async def seed_local_tenant(database: Database) -> None:
    """Make the user, workspace and project that work without login uses. Doing it again changes nothing."""
    tenant = Tenant(LOCAL_USER.user_id, LOCAL_WORKSPACE_ID, DEFAULT_PROJECT_ID)
    async with database.transaction(tenant, read_only=True) as tx:
        # Nearly every start finds it there.
        if await queries.project_of_member(tx, DEFAULT_PROJECT_ID, LOCAL_USER.user_id) is not None:
            return
    async with database.transaction(tenant) as tx:
        await queries.ensure_user(tx, LOCAL_USER.user_id, name=LOCAL_USER.name, email=LOCAL_USER.email)
        await queries.ensure_workspace(tx, LOCAL_WORKSPACE_ID, slug="local", name="Local workspace", personal=True)
        await queries.ensure_member(tx, LOCAL_WORKSPACE_ID, LOCAL_USER.user_id, role=Role.owner)
        await queries.ensure_project(
            tx, DEFAULT_PROJECT_ID, workspace_id=LOCAL_WORKSPACE_ID, slug="default", name="Default project"
        )


def user_id_of(issuer: str, subject: str) -> UUID:
    """The id of an issuer's user: always the same one, whoever hears of the user first."""
    return uuid.uuid5(_USERS, f"{issuer}\n{subject}")


def personal_workspace_of(user_id: UUID) -> WorkspaceId:
    """The id of a user's personal workspace."""
    return WorkspaceId(uuid.uuid5(user_id, "workspace"))


def first_project_of(user_id: UUID) -> ProjectId:
    """The id of the project that comes with a user."""
    return ProjectId(uuid.uuid5(user_id, "project"))


async def make_home(tx: Transaction, user_id: UUID, *, name: str) -> Grant:
    """The user's personal workspace with its `default` project. The transaction speaks for all three."""
    workspace_id, project_id = personal_workspace_of(user_id), first_project_of(user_id)
    await queries.ensure_workspace(
        tx, workspace_id, slug=f"personal-{user_id.hex[:12]}", name=name or "Personal", personal=True
    )
    await queries.ensure_member(tx, workspace_id, user_id, role=Role.owner)
    await queries.ensure_project(tx, project_id, workspace_id=workspace_id, slug="default", name="Default project")
    return Grant(Principal(user_id, name), workspace_id, project_id, Role.owner)
