# ruff: noqa: ASYNC109 - the time limit is part of the promise, and both faces take the same arguments

"""`Dakora`: the client itself."""

from types import TracebackType
from typing import Self

import httpx2

from dakora_client import _operations
from dakora_client._senders import AsyncSender
from dakora_client._settings import Hooks, Token, settings
from dakora_client.api_keys import ApiKeys
from dakora_client.audit import Audit
from dakora_client.executions import Executions
from dakora_client.labels import Labels
from dakora_client.models import Models
from dakora_client.parts import Parts
from dakora_client.projects import Projects
from dakora_client.prompts import Prompts
from dakora_client.types import Context, Health, Me
from dakora_client.workspaces import Workspaces


class Dakora:
    """A client of one Dakora server, for programs that await.

    Make one, keep it, share it: it holds the connections. Close it with `close`, or use it as a context manager.
    """

    prompts: Prompts
    parts: Parts
    api_keys: ApiKeys
    workspaces: Workspaces
    projects: Projects
    labels: Labels
    audit: Audit
    executions: Executions
    models: Models

    def __init__(
        self,
        address: str | None = None,
        *,
        api_key: str | None = None,
        token: Token | None = None,
        project: str | None = None,
        timeout: float = 10.0,
        connect_timeout: float = 2.0,
        max_retries: int = 2,
        cache_size: int = 1000,
        transport: httpx2.AsyncBaseTransport | None = None,
        _hooks: Hooks | None = None,
    ) -> None:
        """Nothing is sent yet.

        What is not given is read once from the environment: `address` from DAKORA_BASE_URL, `project` (an id) from
        DAKORA_PROJECT, and, if neither of the two is given, `api_key` from DAKORA_API_KEY or `token` from DAKORA_TOKEN.
        With nothing at all it is this machine's http://localhost:54321. Without a project an API key means its own and
        a token its user's default one, which the first call looks up; without either it is `default`.

        `api_key` opens one project. `token` is a person's session token, which also manages keys, projects and
        members: a text, or a function that every request asks for it, because sessions are short. The function must
        answer at once and must not await.

        `timeout` is how many seconds a call may take in all, repeats included, `connect_timeout` how many of them to
        connect. A call that is safe to repeat is sent up to `max_retries` times more when the server is busy or the
        connection fails. `cache_size` is how many prompts and parts are kept with their ETags (0: none). `transport`
        replaces the network: for tests, or for a proxy or certificates of your own.

        Raises:
            ConfigurationError: there is no address, or an argument makes no sense.
        """
        self._settings = settings(
            address,
            api_key,
            project,
            token=token,
            timeout=timeout,
            connect_timeout=connect_timeout,
            max_retries=max_retries,
            cache_size=cache_size,
            hooks=_hooks,
        )
        self._sender = AsyncSender(self._settings, transport)
        self.prompts = Prompts(self._sender)
        self.parts = Parts(self._sender)
        self.api_keys = ApiKeys(self._sender)
        self.workspaces = Workspaces(self._sender)
        self.projects = Projects(self._sender)
        self.labels = Labels(self._sender)
        self.audit = Audit(self._sender)
        self.executions = Executions(self._sender)
        self.models = Models(self._sender)

    async def me(self, *, timeout: float | None = None) -> Me:
        """Who you are to the server, your workspaces and your default project, if you have one."""
        return await self._sender.send(_operations.me(), timeout)

    async def context(self, *, timeout: float | None = None) -> Context:
        """The project that belongs to this API key, or the default one.

        Raises:
            NotFoundError: you have no project.
        """
        return await self._sender.send(_operations.context(), timeout)

    async def health(self, *, timeout: float | None = None) -> Health:
        """Whether the server is there, and its version. Needs no API key."""
        return await self._sender.send(_operations.health(), timeout)

    async def close(self) -> None:
        """Send what was logged, and close the connections. The client cannot be used afterwards."""
        await self._sender.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.address!r})"
