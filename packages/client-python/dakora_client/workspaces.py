# ruff: noqa: ASYNC109 - the time limit is part of the promise, and both faces take the same arguments

"""`dakora.workspaces`: workspaces, who is in them, and who is invited."""

import builtins
from functools import partial

from dakora_client import _tenancy_operations
from dakora_client._senders import AsyncSender
from dakora_client.types import Invitation, Member, MemberRole, Workspace


class Workspaces:
    """The workspaces of whoever is signed in: an API key opens none.

    Every method takes `timeout`, the seconds it may take in all, in place of the client's own. What is not yours to
    see raises NotFoundError, what your role does not allow PermissionDenied.
    """

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(self, *, timeout: float | None = None) -> builtins.list[Workspace]:
        """Your workspaces, the personal one first."""
        return builtins.list((await self._sender.send(_tenancy_operations.list_workspaces(), timeout)).items)

    async def create(
        self,
        name: str,
        *,
        slug: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Workspace:
        """Make a team workspace, which you own. Without a slug, one is made from the name.

        Raises:
            ConflictError: the slug is taken, or you have as many workspaces as you may have.
        """
        call = _tenancy_operations.create_workspace(name, slug=slug, idempotency_key=idempotency_key)
        return await self._sender.send(call, timeout)

    async def get(self, workspace_id: str, *, timeout: float | None = None) -> Workspace:
        """One workspace."""
        return await self._sender.send(_tenancy_operations.get_workspace(workspace_id), timeout)

    async def rename(
        self,
        workspace_id: str,
        *,
        name: str | None = None,
        slug: str | None = None,
        timeout: float | None = None,
    ) -> Workspace:
        """Give a workspace another name or slug.

        Raises:
            ConflictError: the slug is taken.
        """
        call = _tenancy_operations.change_workspace(workspace_id, name=name, slug=slug)
        return await self._sender.send(call, timeout)

    async def delete(self, workspace_id: str, *, timeout: float | None = None) -> None:
        """End a team workspace: nobody gets in any more, its API keys are revoked. Its owner may."""
        await self._sender.send(_tenancy_operations.archive_workspace(workspace_id), timeout)

    async def members(self, workspace_id: str, *, timeout: float | None = None) -> builtins.list[Member]:
        """Everybody in a workspace. `timeout` is for each page of 200."""
        found = self._sender.iterate(partial(_tenancy_operations.list_members, workspace_id), timeout)
        return [member async for member in found]

    async def set_role(
        self,
        workspace_id: str,
        user_id: str,
        role: MemberRole,
        *,
        timeout: float | None = None,
    ) -> None:
        """Give a member another role.

        Raises:
            ConflictError: this would leave the workspace without an owner.
        """
        await self._sender.send(_tenancy_operations.change_member(workspace_id, user_id, role), timeout)

    async def remove_member(self, workspace_id: str, user_id: str, *, timeout: float | None = None) -> None:
        """Remove a member, or leave. The API keys that the member made are revoked.

        Raises:
            ConflictError: this would leave the workspace without an owner.
        """
        await self._sender.send(_tenancy_operations.remove_member(workspace_id, user_id), timeout)

    async def hand_over(self, workspace_id: str, user_id: str, *, timeout: float | None = None) -> None:
        """Make another member the owner; you stay as an admin."""
        await self._sender.send(_tenancy_operations.hand_over_workspace(workspace_id, user_id), timeout)

    async def invite(
        self,
        workspace_id: str,
        email: str,
        role: MemberRole = "editor",
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Invitation:
        """Invite somebody by mail address. Where the server sends no mail, the answer's `link` is yours to pass on.

        The link lets whoever holds it in, once, and is never shown again.

        Raises:
            ConflictError: the person is a member, or too many invitations are open.
        """
        call = _tenancy_operations.create_invitation(workspace_id, email, role, idempotency_key=idempotency_key)
        return await self._sender.send(call, timeout)

    async def invitations(self, workspace_id: str, *, timeout: float | None = None) -> builtins.list[Invitation]:
        """The open invitations, without their links. `timeout` is for each page of 200."""
        found = self._sender.iterate(partial(_tenancy_operations.list_invitations, workspace_id), timeout)
        return [invitation async for invitation in found]

    async def revoke_invitation(self, workspace_id: str, invitation_id: str, *, timeout: float | None = None) -> None:
        """End an invitation; its link opens nothing any more."""
        await self._sender.send(_tenancy_operations.revoke_invitation(workspace_id, invitation_id), timeout)

    async def accept_invitation(self, token: str, *, timeout: float | None = None) -> Workspace:
        """Join a workspace with an invitation's link, or with the token behind its `#`. It works once.

        Raises:
            NotFoundError: there is no such invitation: never made, used, revoked or expired.
        """
        return await self._sender.send(_tenancy_operations.accept_invitation(token), timeout)
