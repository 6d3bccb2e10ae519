"""The first user, workspace and project, so that below the guard there is always a tenant."""

from uuid import UUID

from dakora_server.core.scope import Principal, ProjectId, Role
from dakora_server.core.storage.database import Database
from dakora_server.core.tenancy import queries

# Fixed, so that two processes that start at once on one database make the same rows.
LOCAL_USER = Principal(UUID("00000000-0000-7000-8000-000000000001"), "Local user")
LOCAL_WORKSPACE_ID = UUID("00000000-0000-7000-8000-000000000002")
DEFAULT_PROJECT_ID = ProjectId(UUID("00000000-0000-7000-8000-000000000003"))


async def seed_local_tenant(database: Database) -> None:
    """Make the user, workspace and project that work without login uses. Doing it again changes nothing."""
    async with database.transaction() as tx:
        await queries.ensure_user(tx, LOCAL_USER.user_id, name=LOCAL_USER.name, email=LOCAL_USER.email)
        await queries.ensure_workspace(tx, LOCAL_WORKSPACE_ID, slug="local", name="Local workspace")
        await queries.ensure_member(tx, LOCAL_WORKSPACE_ID, LOCAL_USER.user_id, role=Role.owner)
        await queries.ensure_project(
            tx, DEFAULT_PROJECT_ID, workspace_id=LOCAL_WORKSPACE_ID, slug="default", name="Default project"
        )
