"""Which project a caller means, and whether it may."""

from uuid import UUID

from dakora_server.core.exceptions import ProjectNotFound
from dakora_server.core.scope import Principal, Role
from dakora_server.core.storage.database import Database
from dakora_server.core.tenancy import queries
from dakora_server.core.tenancy.queries import ProjectRecord, WorkspaceRecord


async def project_for(database: Database, actor: Principal, project_id: UUID) -> tuple[ProjectRecord, Role]:
    """The project and the actor's role in it. A stranger learns nothing: ProjectNotFound either way."""
    async with database.transaction(read_only=True) as tx:
        found = await queries.project_of_member(tx, project_id, actor.user_id)
    if found is None:
        raise ProjectNotFound
    return found


async def workspaces_for(database: Database, actor: Principal) -> list[WorkspaceRecord]:
    """The actor's workspaces."""
    async with database.transaction(read_only=True) as tx:
        return await queries.workspaces_of(tx, actor.user_id)
