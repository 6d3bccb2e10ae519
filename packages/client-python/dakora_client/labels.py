# ruff: noqa: ASYNC109 - the time limit is part of the promise, and both faces take the same arguments

"""`dakora.labels`: which labels are protected, and requests to move them."""

import builtins
from collections.abc import AsyncIterator
from functools import partial

from dakora_client import _label_operations
from dakora_client._senders import AsyncSender
from dakora_client.types import LabelComment, LabelRequest, ProtectedLabel, RequestStatus


class Labels:
    """Protected labels of the client's project. Where a label points, `dakora.prompts` says and moves.

    Every method takes `timeout`, the seconds it may take in all, in place of the client's own.
    """

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def protected(self, *, timeout: float | None = None) -> builtins.list[ProtectedLabel]:
        """The protected labels, in order of name."""
        page = await self._sender.send(_label_operations.list_protected_labels(), timeout)
        return builtins.list(page.items)

    async def protect(
        self,
        label: str,
        *,
        needs_approval: bool = False,
        timeout: float | None = None,
    ) -> ProtectedLabel:
        """Let only admins move a label; with `needs_approval`, only a request that a second person approves.

        Raises:
            PermissionDenied: you are no admin of the workspace.
        """
        call = _label_operations.protect_label(label, needs_approval=needs_approval)
        return await self._sender.send(call, timeout)

    async def unprotect(self, label: str, *, timeout: float | None = None) -> None:
        """Let everybody who may write move a label again.

        Raises:
            NotFoundError: the label is not protected.
        """
        await self._sender.send(_label_operations.unprotect_label(label), timeout)

    async def requests(
        self,
        *,
        status: RequestStatus | None = None,
        timeout: float | None = None,
    ) -> builtins.list[LabelRequest]:
        """The requests, newest first, without changes and comments. `timeout` is for each page."""
        return [request async for request in self.iter_requests(status=status, timeout=timeout)]

    async def iter_requests(
        self,
        *,
        status: RequestStatus | None = None,
        timeout: float | None = None,
    ) -> AsyncIterator[LabelRequest]:
        """The same, one after the other; pages are fetched as they are needed."""
        page_at = partial(_label_operations.list_label_requests, status=status)
        async for request in self._sender.iterate(page_at, timeout):
            yield request

    async def request(
        self,
        prompt_id: str,
        label: str,
        version: int | str,
        *,
        message: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> LabelRequest:
        """Ask for a move, for a second person to approve.

        Raises:
            NotFoundError: there is no such prompt or version.
            InvalidRequestError: the label points there already.
        """
        call = _label_operations.create_label_request(
            prompt_id, label, version, message=message, idempotency_key=idempotency_key
        )
        return await self._sender.send(call, timeout)

    async def get_request(self, request_id: str, *, timeout: float | None = None) -> LabelRequest:
        """One request, with the changes it would bring and the comments.

        Raises:
            NotFoundError: there is no such request.
        """
        return await self._sender.send(_label_operations.get_label_request(request_id), timeout)

    async def comment(
        self,
        request_id: str,
        text: str,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> LabelComment:
        """Say something about a request.

        Raises:
            NotFoundError: there is no such request.
        """
        call = _label_operations.comment_label_request(request_id, text, idempotency_key=idempotency_key)
        return await self._sender.send(call, timeout)

    async def approve(self, request_id: str, *, timeout: float | None = None) -> LabelRequest:
        """Approve somebody else's request, and so move the label.

        Raises:
            PermissionDenied: it is your own request, or you are no admin.
            PreconditionFailed: the label has moved since the request was made.
            ConflictError: the request is over.
        """
        return await self._sender.send(_label_operations.approve_label_request(request_id), timeout)

    async def reject(self, request_id: str, *, timeout: float | None = None) -> LabelRequest:
        """Reject a request.

        Raises:
            PermissionDenied: you are no admin.
            ConflictError: the request is over.
        """
        return await self._sender.send(_label_operations.reject_label_request(request_id), timeout)

    async def withdraw(self, request_id: str, *, timeout: float | None = None) -> LabelRequest:
        """Withdraw your own request.

        Raises:
            PermissionDenied: it is not yours, and you are no admin.
            ConflictError: the request is over.
        """
        return await self._sender.send(_label_operations.withdraw_label_request(request_id), timeout)
