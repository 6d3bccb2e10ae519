"""A user is deleted: out of every workspace at once, with all that its membership opened."""

from uuid import UUID

from dakora_server.core.audit.service import record as note
from dakora_server.core.scope import (
    ACCESS,
    Origin,
    Platform,
    Principal,
    Role,
    WorkspaceAdmin,
    WorkspaceGrant,
    WorkspaceId,
)
from dakora_server.core.storage.database import Transaction
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.tenancy import queries
from dakora_server.core.tenancy.members import end_membership
from dakora_server.core.tenancy.service import end_workspace


async def leave_everything(
    platform: Platform, tx: Transaction, actor: Principal, origin: Origin, user_id: UUID
) -> None:
    """End all memberships of a user. `tx` speaks for the user, and does so again afterwards.

    Where the user was the only owner, whoever has the highest role and has been there longest becomes owner; where
    nobody else is, the workspace is archived. A workspace always has an owner.
    """
    for workspace in await queries.workspaces_of(tx, user_id):
        grant = WorkspaceGrant(actor, WorkspaceId(workspace.id), Role.owner, workspace.personal, origin)
        await tx.speak_for(Tenant(user_id=user_id, workspace_id=workspace.id))
        place = WorkspaceAdmin(platform, grant, tx)
        await queries.lock_workspace(tx, workspace.id)
        others = [member for member in await queries.ranked_members(tx, workspace.id) if member[0] != user_id]
        if not others:
            await end_workspace(place)
        elif others[0][1] is not Role.owner:
            heir = others[0][0]
            await queries.set_role(place, heir, Role.owner)
            await note(place, "workspace.inherited", heir, before={"owner": user_id}, after={"owner": heir})
            await place.announce_rights(heir, ACCESS)
        await end_membership(place, user_id, action="member.deleted")
    await tx.speak_for(Tenant(user_id=user_id))
