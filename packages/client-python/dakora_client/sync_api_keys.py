# Generated from api_keys.py by generate_sync.py: change that file, then run this one.

"""`dakora.api_keys`: the keys that programs open one project with."""

import builtins
from collections.abc import Iterator, Sequence
from functools import partial

from dakora_client import _tenancy_operations
from dakora_client._senders import SyncSender
from dakora_client.types import ApiKey, NewApiKey, Scope


class ApiKeysSync:
    """The API keys of the client's project, for its workspace's admins: no key manages keys.

    Every method takes `timeout`, the seconds it may take in all, in place of the client's own.
    """

    def __init__(self, sender: SyncSender) -> None:
        self._sender = sender

    def list(self, *, all: bool = False, timeout: float | None = None) -> builtins.list[ApiKey]:  # noqa: A002 - the API's own word
        """The keys, newest first; with `all` also those that open nothing any more. `timeout` is for each page."""
        return list(self.iter(all=all, timeout=timeout))

    def iter(self, *, all: bool = False, timeout: float | None = None) -> Iterator[ApiKey]:  # noqa: A002 - the API's own word
        """The same, one after the other; pages are fetched as they are needed."""
        page_at = partial(_tenancy_operations.list_api_keys, everything=all)
        yield from self._sender.iterate(page_at, timeout)

    def create(
        self,
        name: str,
        *,
        scopes: Sequence[Scope] = ("read", "render"),
        labels: Sequence[str] | None = None,
        expires_in_days: int | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> NewApiKey:
        """Make a key. The answer's `key` is never shown again.

        With `labels` the key opens only the versions that these labels point to, and cannot write. `expires_in_days`
        is 30, 90 or 365. With an `idempotency_key` of your own, calls of several programs or runs are done once;
        without one, so are the repeats of this call.

        Raises:
            ConflictError: the project has as many live keys as it may have.
            PermissionDenied: you are no admin of the workspace.
        """
        call = _tenancy_operations.create_api_key(
            name,
            scopes=scopes,
            labels=labels,
            expires_in_days=expires_in_days,
            idempotency_key=idempotency_key,
        )
        return self._sender.send(call, timeout)

    def rotate(
        self,
        key_id: str,
        *,
        overlap_hours: int = 24,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> NewApiKey:
        """Make a key with the same rights; the old one works on for `overlap_hours`, so that programs can change over.

        Raises:
            NotFoundError: there is no such key, it opens nothing any more, or it was rotated already.
        """
        call = _tenancy_operations.rotate_api_key(key_id, overlap_hours=overlap_hours, idempotency_key=idempotency_key)
        return self._sender.send(call, timeout)

    def revoke(self, key_id: str, *, timeout: float | None = None) -> None:
        """End a key for good, from the next request on. Doing it again changes nothing.

        Raises:
            NotFoundError: there is no such key.
        """
        self._sender.send(_tenancy_operations.revoke_api_key(key_id), timeout)
