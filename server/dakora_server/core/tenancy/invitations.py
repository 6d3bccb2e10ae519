"""Invitations: a link with a one-time token, for whoever receives it."""

import hashlib
import hmac
import secrets
import uuid
from datetime import timedelta
from uuid import UUID

from dakora_server.core import clock
from dakora_server.core.audit.service import record as note
from dakora_server.core.crypto import Secret
from dakora_server.core.exceptions import AlreadyMember, Forbidden, InvitationNotFound, TooMany
from dakora_server.core.scope import (
    ACCESS,
    Origin,
    Platform,
    Principal,
    Role,
    WorkspaceAdmin,
    WorkspaceGrant,
    WorkspaceId,
    WorkspaceReader,
    changing_workspace,
)
from dakora_server.core.tenancy import invitation_queries, queries
from dakora_server.core.tenancy.records import FreshInvitation, InvitationRecord, WorkspaceRecord

VALID_FOR = timedelta(days=7)
MOST_PENDING = 100
_PURPOSE = "invitation"


async def invite(
    workspace: WorkspaceAdmin, secret: Secret, *, email: str, role: Role, by_mail: bool
) -> FreshInvitation:
    """Invite whoever reads this address. An earlier invitation to it ends, so that one link works at a time.

    Raises Forbidden (a personal workspace, or a role above one's own), AlreadyMember, TooMany.
    """
    if workspace.personal:
        raise Forbidden("A personal workspace has one member: create a team workspace to work together.")
    if not workspace.role.covers(role):
        raise Forbidden("Nobody invites to a role above their own.")
    await queries.lock_workspace(workspace.tx, workspace.workspace_id)
    # The caller's own role may have changed while it waited.
    own = await queries.find_member(workspace.tx, workspace.workspace_id, workspace.actor.user_id)
    if own is None or not own.covers(workspace.role):
        raise Forbidden
    if await invitation_queries.has_member_with(workspace, email):
        raise AlreadyMember
    now = clock.now()
    await invitation_queries.end_pending(workspace, email, now)
    if await invitation_queries.count_pending(workspace, now) >= MOST_PENDING:
        raise TooMany(f"A workspace has at most {MOST_PENDING} open invitations.")
    token = f"{workspace.workspace_id.hex}{secrets.token_urlsafe(32)}"
    record = InvitationRecord(
        id=uuid.uuid4(),
        workspace_id=workspace.workspace_id,
        email=email,
        role=role,
        invited_by=workspace.actor.user_id,
        created_at=now,
        expires_at=now + VALID_FOR,
        delivery="sending" if by_mail else "link",
    )
    await invitation_queries.add(workspace, record, secret.mac(_PURPOSE, token.encode()))
    # The address is the invited person's: the trail tells two by a digest, and holds nobody's address for ever.
    facts = {"role": role.value, "email_sha256": hashlib.sha256(email.lower().encode()).hexdigest()}
    await note(workspace, "invitation.created", record.id, after=facts)
    return FreshInvitation(record, token)


async def note_delivery(platform: Platform, grant: WorkspaceGrant, invitation_id: UUID, *, sent: bool) -> None:
    """Say in the list whether the mail went out. Raises DatabaseUnavailable, Busy."""
    async with changing_workspace(platform, grant) as workspace:
        await invitation_queries.set_delivery(workspace, invitation_id, "sent" if sent else "failed")


async def list_invitations(workspace: WorkspaceReader, *, after: UUID | None, limit: int) -> list[InvitationRecord]:
    """The open invitations, in order of id."""
    return await invitation_queries.list_pending(workspace, clock.now(), after=after, limit=limit)


async def revoke(workspace: WorkspaceAdmin, invitation_id: UUID) -> None:
    """End an invitation. Raises InvitationNotFound."""
    if not await invitation_queries.end(workspace, invitation_id, clock.now()):
        raise InvitationNotFound
    await note(workspace, "invitation.revoked", invitation_id)


async def accept(platform: Platform, secret: Secret, actor: Principal, origin: Origin, token: str) -> WorkspaceRecord:
    """Become a member with the token of a link; it works once. Members keep the role they have.

    Raises InvitationNotFound.
    """
    try:
        workspace_id = WorkspaceId(UUID(hex=token[:32]))
    except ValueError:
        raise InvitationNotFound from None
    # The token is the right to join, and opens nothing else: the grant is as low as the invitation at most.
    grant = WorkspaceGrant(actor, workspace_id, Role.viewer, origin=origin)
    async with changing_workspace(platform, grant) as workspace:
        mac = secret.mac(_PURPOSE, token.encode())
        await queries.keep_workspace(workspace.tx, workspace_id)
        found = await invitation_queries.lock_by_mac(workspace, mac, clock.now())
        if found is None or not hmac.compare_digest(found[1], mac):
            raise InvitationNotFound
        invitation = found[0]
        await invitation_queries.end(workspace, invitation.id, clock.now(), accepted_by=actor.user_id)
        await queries.ensure_member(workspace.tx, workspace_id, actor.user_id, role=invitation.role)
        await note(
            workspace,
            "invitation.accepted",
            invitation.id,
            after={"user": actor.user_id, "role": invitation.role.value},
        )
        await workspace.announce_rights(actor.user_id, ACCESS)
        joined = await queries.workspace_of_member(workspace.tx, workspace_id, actor.user_id)
        if joined is None:
            raise InvitationNotFound
    return joined
