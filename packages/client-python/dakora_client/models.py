# ruff: noqa: ASYNC109 - the time limit is part of the promise, and both faces take the same arguments

"""`dakora.models`: what prompts can be run on, the providers behind it, and the budget."""

import builtins
from collections.abc import Sequence
from typing import Literal

from dakora_client import _run_operations
from dakora_client._senders import AsyncSender
from dakora_client.run_types import Budget, Model, Provider, ProviderKind


class Models:
    """Models of the client's project. Every method takes `timeout`, in place of the client's own."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list(self, *, timeout: float | None = None) -> builtins.list[Model]:
        """The models that prompts can be run on, with prices. Empty: no provider is set up."""
        found = await self._sender.send(_run_operations.list_models(), timeout)
        return [*found]

    async def providers(self, *, timeout: float | None = None) -> builtins.list[Provider]:
        """The providers that are set up, without their keys."""
        found = await self._sender.send(_run_operations.list_providers(), timeout)
        return [*found]

    async def set_provider(
        self,
        name: str,
        *,
        api_key: str | None = None,
        kind: ProviderKind | None = None,
        base_url: str | None = None,
        api_version: str | None = None,
        models: Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> Provider:
        """Set up a provider, in place of the one of that name. Its key is kept encrypted and never shown again.

        Without `api_key` the one that is there stays, as long as kind and address do. Needs an admin.

        Raises:
            InvalidRequestError: something is missing, or the address is not allowed.
            ConflictError: the server has no master key to encrypt it with.
        """
        fields = {
            "api_key": api_key,
            "kind": kind,
            "base_url": base_url,
            "api_version": api_version,
            "models": None if models is None else [*models],
        }
        return await self._sender.send(_run_operations.set_provider(name, fields), timeout)

    async def remove_provider(self, name: str, *, timeout: float | None = None) -> None:
        """Forget a provider and its key. Needs an admin.

        Raises:
            NotFoundError: there is no such provider.
        """
        await self._sender.send(_run_operations.delete_provider(name), timeout)

    async def budget(self, *, timeout: float | None = None) -> Budget:
        """What the project may spend on runs in a month, and what is used of it."""
        return await self._sender.send(_run_operations.get_budget(), timeout)

    async def set_budget(
        self,
        limit_usd: float | None,
        *,
        warn_percent: int = 80,
        unpriced: Literal["refuse", "allow"] = "refuse",
        timeout: float | None = None,
    ) -> Budget:
        """Decide what may be spent in a calendar month (UTC); None is no limit. Needs an admin.

        From `warn_percent` of it on, results say `warning`. `unpriced` says what becomes of runs whose price is not
        known.
        """
        return await self._sender.send(_run_operations.change_budget(limit_usd, warn_percent, unpriced), timeout)
