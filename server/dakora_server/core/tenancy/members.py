"""Members: their roles, how they leave, and that a workspace always has an owner."""

from uuid import UUID

from dakora_server.core import clock
from dakora_server.core.audit.service import record as note
from dakora_server.core.exceptions import Forbidden, LastOwner, MemberNotFound
from dakora_server.core.scope import ACCESS, KEYS, Role, WorkspaceAdmin, WorkspaceReader
from dakora_server.core.tenancy import queries
from dakora_server.core.tenancy.records import MemberRecord


async def list_members(workspace: WorkspaceReader, *, after: UUID | None, limit: int) -> list[MemberRecord]:
    """The members, in order of id."""
    return await queries.list_members(workspace, after=after, limit=limit)


async def change_role(workspace: WorkspaceAdmin, user_id: UUID, role: Role) -> None:
    """Give a member another role. Only an owner makes or unmakes owners.

    Raises MemberNotFound, Forbidden, LastOwner.
    """
    before = await _hold(workspace, user_id)
    if Role.owner in {before, role} and workspace.role is not Role.owner:
        raise Forbidden("Only an owner makes or unmakes owners.")
    if before is role:
        return
    if before is Role.owner:
        await _refuse_last_owner(workspace, user_id)
    await queries.set_role(workspace, user_id, role)
    await note(workspace, "member.role_changed", user_id, before={"role": before.value}, after={"role": role.value})
    await workspace.announce_rights(user_id, ACCESS)


async def remove(workspace: WorkspaceAdmin, user_id: UUID) -> None:
    """End a membership, one's own too; the API keys that the member made here are revoked with it.

    Raises MemberNotFound, Forbidden, LastOwner.
    """
    role = await _hold(workspace, user_id)
    leaving = user_id == workspace.actor.user_id
    if not leaving and not workspace.role.covers(Role.admin):
        raise Forbidden
    if not leaving and role is Role.owner and workspace.role is not Role.owner:
        raise Forbidden("Only an owner removes an owner.")
    if role is Role.owner:
        await _refuse_last_owner(workspace, user_id)
    await end_membership(workspace, user_id, action="member.left" if leaving else "member.removed")


async def end_membership(workspace: WorkspaceAdmin, user_id: UUID, *, action: str) -> None:
    """Remove a member and revoke the keys it made, in one transaction."""
    await queries.remove_member(workspace.tx, workspace.workspace_id, user_id)
    revoked = await queries.revoke_keys(workspace.tx, workspace.workspace_id, clock.now(), made_by=user_id)
    await note(workspace, action, user_id, after={"keys_revoked": len(revoked)})
    await workspace.announce_rights(user_id, ACCESS)
    for project_id in {project for project, _ in revoked}:
        await workspace.announce_rights(project_id, KEYS)


async def hand_over(workspace: WorkspaceAdmin, user_id: UUID) -> None:
    """Make another member the owner in one's own place; one stays as an admin.

    Raises MemberNotFound, Forbidden for a personal workspace.
    """
    before = await _hold(workspace, user_id)
    if user_id == workspace.actor.user_id:
        return
    await queries.set_role(workspace, user_id, Role.owner)
    await queries.set_role(workspace, workspace.actor.user_id, Role.admin)
    await note(
        workspace,
        "workspace.handed_over",
        user_id,
        before={"owner": workspace.actor.user_id, "role": before.value},
        after={"owner": user_id},
    )
    for one in (user_id, workspace.actor.user_id):
        await workspace.announce_rights(one, ACCESS)


async def _hold(workspace: WorkspaceAdmin, user_id: UUID) -> Role:
    """The member's role, with all memberships of this workspace held."""
    await queries.lock_workspace(workspace.tx, workspace.workspace_id)
    # The caller's own role may have changed while it waited.
    own = await queries.find_member(workspace.tx, workspace.workspace_id, workspace.actor.user_id)
    if own is None or not own.covers(workspace.role):
        raise Forbidden
    role = await queries.find_member(workspace.tx, workspace.workspace_id, user_id)
    if role is None:
        raise MemberNotFound
    if workspace.personal:
        raise Forbidden("A personal workspace belongs to its user alone.")
    return role


async def _refuse_last_owner(workspace: WorkspaceAdmin, user_id: UUID) -> None:
    members = await queries.ranked_members(workspace.tx, workspace.workspace_id)
    if [member for member, role in members if role is Role.owner] == [user_id]:
        raise LastOwner("This is the only owner: hand the workspace over first, or delete it.")
