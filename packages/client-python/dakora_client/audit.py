# ruff: noqa: ASYNC109 - the time limit is part of the promise, and both faces take the same arguments

"""`dakora.audit`: who did what, when, from where."""

import builtins
from collections.abc import AsyncIterator
from functools import partial

from dakora_client import _tenancy_operations
from dakora_client._senders import AsyncSender
from dakora_client.types import AuditEvent


class Audit:
    """The audit log, for admins. Without a place it is that of the client's own project.

    With `workspace_id` it is that of a workspace and all its projects. Every method takes `timeout`, the seconds each
    page may take, in place of the client's own.
    """

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(
        self,
        *,
        project_id: str | None = None,
        workspace_id: str | None = None,
        action: str | None = None,
        actor: str | None = None,
        limit: int = 50,
        timeout: float | None = None,
    ) -> builtins.list[AuditEvent]:
        """The newest `limit` events, newest first; `action` and `actor` (a user's or key's id) narrow them.

        Raises:
            PermissionDenied: you are no admin of the workspace.
            ValueError: a project and a workspace are given, or `limit` is below 1.
        """
        if limit < 1:
            raise ValueError("limit is 1 or more.")
        found: builtins.list[AuditEvent] = []
        async for event in self._events(project_id, workspace_id, action, actor, limit, timeout):
            found.append(event)
            if len(found) == limit:
                break
        return found

    async def iter(
        self,
        *,
        project_id: str | None = None,
        workspace_id: str | None = None,
        action: str | None = None,
        actor: str | None = None,
        timeout: float | None = None,
    ) -> AsyncIterator[AuditEvent]:
        """Every event, newest first, one after the other; pages are fetched as they are needed.

        Raises:
            PermissionDenied: you are no admin of the workspace.
            ValueError: a project and a workspace are given.
        """
        async for event in self._events(project_id, workspace_id, action, actor, None, timeout):
            yield event

    def _events(
        self,
        project_id: str | None,
        workspace_id: str | None,
        action: str | None,
        actor: str | None,
        limit: int | None,
        timeout: float | None,
    ) -> AsyncIterator[AuditEvent]:
        if project_id is not None and workspace_id is not None:
            raise ValueError("Name a project or a workspace, not both.")
        page_at = partial(
            _tenancy_operations.list_audit,
            project_id=project_id,
            workspace_id=workspace_id,
            action=action,
            actor=actor,
            limit=limit,
        )
        return self._sender.iterate(page_at, timeout)
