# ruff: noqa: ASYNC109 - the time limit is part of the promise, and both faces take the same arguments

"""`dakora.parts`: texts that prompts share, and include by name."""

import builtins
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

from dakora_client import _part_operations
from dakora_client._senders import AsyncSender
from dakora_client.diff_types import Diff
from dakora_client.part_types import Part, PartSummary, PartUsage, PartVersion


class Parts:
    """The parts of one project. A part's id is `category/part_id`, as templates include it.

    Every method takes `timeout`, the seconds it may take in all, in place of the client's own.
    """

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(
        self,
        *,
        category: str | None = None,
        search: str | None = None,
        timeout: float | None = None,
    ) -> builtins.list[str]:
        """The ids of all parts, or of those that match every filter given, in order.

        `search` looks in ids and descriptions. `timeout` is for each page of 200.
        """
        return [part.id async for part in self.iter(category=category, search=search, timeout=timeout)]

    async def iter(
        self,
        *,
        category: str | None = None,
        search: str | None = None,
        timeout: float | None = None,
    ) -> AsyncIterator[PartSummary]:
        """The parts themselves, without their text, one after the other; pages are fetched as they are needed.

        `search` looks in ids and descriptions. `timeout` is for each page of 200.
        """
        page_at = partial(_part_operations.list_parts, category=category, search=search)
        async for summary in self._sender.iterate(page_at, timeout):
            yield summary

    async def get(self, part_id: str, *, version: int | str | None = None, timeout: float | None = None) -> Part:
        """One version of a part: the newest, or the one named by number or semver.

        The answer is kept with its ETag and asked about again the next time, so it is never stale.

        Raises:
            NotFoundError: there is no such part or version.
        """
        return await self._sender.send(_part_operations.get_part(part_id, version=version), timeout)

    async def create(
        self,
        part_id: str,
        template: str,
        *,
        description: str | None = None,
        version: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        message: str | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Part:
        """Save the first version of a part.

        `version` is a semver, 1.0.0 if left out. `message` says why, for the history. With an `idempotency_key` of
        your own, calls of several programs or runs are done once; without one, so are the repeats of this call.

        Raises:
            ConflictError: the id is taken, whatever the case of its letters, or belongs to a deleted part.
            TemplateInvalidError: the text is not acceptable; `.errors` names every fault with its line.
        """
        fields = {
            "version": version,
            "description": description,
            "template": template,
            "metadata": metadata,
            "message": message,
        }
        call = _part_operations.create_part(part_id, fields, idempotency_key=idempotency_key)
        return await self._sender.send(call, timeout)

    async def update(
        self,
        part_id: str,
        template: str,
        *,
        description: str | None = None,
        version: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        message: str | None = None,
        if_match: Part | str | None = None,
        timeout: float | None = None,
    ) -> Part:
        """Save a new version of a part, and with it one of every prompt and part that follows it.

        What is given is the whole of the new version: a field left out is not in it, so to change one field begin
        with `part.content()`. The same content again changes nothing. With `if_match` (a part as it was read, or its
        ETag) nothing is saved if somebody else saved in the meantime. Labels stay where they are.

        Raises:
            NotFoundError: there is no such part.
            PreconditionFailed: the part is no longer the one in `if_match`.
            TemplateInvalidError: the text is not acceptable, or `version` is not higher than the newest one.
            ConflictError: the part would include itself.
        """
        fields = {
            "version": version,
            "description": description,
            "template": template,
            "metadata": metadata,
            "message": message,
        }
        return await self._sender.send(_part_operations.save_part(part_id, fields, if_match=if_match), timeout)

    async def delete(self, part_id: str, *, force: bool = False, timeout: float | None = None) -> None:
        """Delete a part; `restore` brings it back. What was saved with it renders on.

        Raises:
            NotFoundError: there is no such part.
            ConflictError: it is in use, and `.errors` names who uses it; `force` deletes it all the same.
        """
        await self._sender.send(_part_operations.delete_part(part_id, force=force), timeout)

    async def restore(self, part_id: str, *, timeout: float | None = None) -> Part:
        """Bring a deleted part back as it was. Restoring one that is not deleted changes nothing.

        Raises:
            NotFoundError: there never was such a part.
        """
        return await self._sender.send(_part_operations.restore_part(part_id), timeout)

    async def usages(self, part_id: str, *, timeout: float | None = None) -> builtins.list[PartUsage]:
        """Who uses a part: parts and prompts at their newest version, prompts at labelled ones too.

        Raises:
            NotFoundError: there is no such part.
        """
        page = await self._sender.send(_part_operations.list_part_usages(part_id), timeout)
        return builtins.list(page.items)

    async def versions(self, part_id: str, *, timeout: float | None = None) -> builtins.list[PartVersion]:
        """The whole history of a part, newest first. `timeout` is for each page of 200.

        Raises:
            NotFoundError: there is no such part.
        """
        page_at = partial(_part_operations.list_part_versions, part_id)
        return [version async for version in self._sender.iterate(page_at, timeout)]

    async def diff(self, part_id: str, older: int, newer: int, *, timeout: float | None = None) -> Diff:
        """What changed from version number `older` to `newer`, field by field.

        Raises:
            NotFoundError: there is no such part or version.
        """
        return await self._sender.send(_part_operations.diff_part_versions(part_id, older, newer), timeout)

    async def rollback(
        self,
        part_id: str,
        version: int | str,
        *,
        message: str | None = None,
        timeout: float | None = None,
    ) -> Part:
        """Make a new version with the text of an older one, named by number or semver. Others follow as in `update`.

        Raises:
            NotFoundError: there is no such part or version.
        """
        return await self._sender.send(_part_operations.rollback_part(part_id, version, message=message), timeout)
