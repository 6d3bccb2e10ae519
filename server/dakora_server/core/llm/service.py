"""A project's providers, and calls of their models."""

import asyncio
import importlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx2
import orjson
from cachetools import LRUCache, TTLCache

from dakora_server.core import clock
from dakora_server.core.audit.service import record as note
from dakora_server.core.exceptions import InvalidRequest, TooMany
from dakora_server.core.ids import uuid7
from dakora_server.core.llm import queries
from dakora_server.core.llm.egress import Egress
from dakora_server.core.llm.keyring import Keyring, Place
from dakora_server.core.llm.records import NEEDS_ADDRESS, NEEDS_KEY, Call, Kind, OpenProvider, Piece, Provider
from dakora_server.core.run_exceptions import ProviderNotConfigured, ProviderNotFound
from dakora_server.core.scope import MODELS, ProjectAdmin, ProjectReader, ProjectWriter

MOST_PROVIDERS = 50
_MOST_MODELS_KEPT = 256
_LIST_SECONDS, _LIST_KEPT_SECONDS, _LIST_BYTES = 5.0, 30.0, 1024 * 1024
_KINDS = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class NewProvider:
    """A provider to set up. `key` None keeps the one that is there."""

    name: str
    kind: Kind | None = None
    key: str | None = None
    base_url: str | None = None
    api_version: str | None = None
    models: Sequence[str] = ()


class Models:
    """The way to every model, one a process. `environment` are a server's own providers, where nobody logs in."""

    def __init__(
        self,
        keyring: Keyring,
        egress: Egress,
        *,
        environment: Sequence[OpenProvider] = (),
        connect_seconds: float = 10.0,
    ) -> None:
        self.keyring = keyring
        self.egress = egress
        self.environment: Mapping[str, OpenProvider] = {one.provider.name: one for one in environment}
        self._connect_seconds = connect_seconds
        self._client: Any = None
        self._asking: ModuleType | None = None
        self._loading = asyncio.Lock()
        self._models: LRUCache[tuple[Any, ...], Any] = LRUCache(_MOST_MODELS_KEPT)
        # Whoever may read may ask for the list; the provider hears of it twice a minute.
        self._found: TTLCache[tuple[Any, ...], list[str]] = TTLCache(_MOST_MODELS_KEPT, _LIST_KEPT_SECONDS)

    @asynccontextmanager
    async def ask(self, opened: OpenProvider, call: Call) -> AsyncIterator[AsyncGenerator[Piece]]:
        """Open an answer's stream. Raises what `asking.asked` raises."""
        asking = await self._loaded()
        provider = opened.provider
        key = (provider.kind, provider.name, provider.base_url, provider.api_version, opened.key, call.model)
        model = self._models.get(key)
        if model is None:
            model = self._models[key] = asking.model_of(opened, call.model, self._client)
        async with asking.asked(model, provider.kind, call) as pieces:
            yield pieces

    async def _loaded(self) -> ModuleType:
        if self._asking is None:
            async with self._loading:
                if self._asking is None:
                    self._client = self.egress.client(connect_seconds=self._connect_seconds)
                    self._asking = await asyncio.to_thread(importlib.import_module, "dakora_server.core.llm.asking")
        return self._asking

    async def found_at(self, opened: OpenProvider) -> list[str]:
        """The models that a provider with OpenAI's interface says it has; none where it does not say, or not soon."""
        key = (opened.provider.base_url, opened.key)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = await self._ask_for_models(opened)
        return found

    async def _ask_for_models(self, opened: OpenProvider) -> list[str]:
        await self._loaded()
        headers = {} if opened.key is None else {"authorization": f"Bearer {opened.key}"}
        address = f"{opened.provider.base_url}/models"
        try:
            async with asyncio.timeout(_LIST_SECONDS), self._client.stream("GET", address, headers=headers) as answer:
                if answer.status_code != 200:
                    return []
                body = b""
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > _LIST_BYTES:
                        return []
            listed = orjson.loads(body)["data"]
            return sorted(str(one["id"]) for one in listed)
        except (httpx2.HTTPError, TimeoutError, ValueError, KeyError, TypeError):
            return []

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.aclose()


async def providers_of(project: ProjectReader, models: Models) -> list[Provider]:
    """What a project can call: its own providers, then those of the environment that it has not set up itself."""
    own = await queries.all_of(project)
    names = {provider.name for provider in own}
    return [*own, *(one.provider for name, one in sorted(models.environment.items()) if name not in names)]


async def open_provider(project: ProjectReader, models: Models, name: str) -> OpenProvider:
    """A provider with its key, for a call.

    Raises ProviderNotConfigured, ProviderKeysUnavailable, ProviderKeyUnreadable.
    """
    found = await queries.find(project, name)
    if found is None:
        if name in models.environment:
            return models.environment[name]
        raise ProviderNotConfigured(
            f"Nothing is set up for the provider {name} in this project: an admin does that with"
            f" `dakora provider set {name}`, or `PUT …/providers/{name}`."
        )
    provider, sealed = found
    if sealed is None:
        return OpenProvider(provider, None)
    place = Place(project.workspace_id, project.project_id, provider.name)
    return OpenProvider(provider, models.keyring.open(place, sealed))


async def set_up(project: ProjectAdmin, models: Models, wanted: NewProvider) -> Provider:
    """Set up a provider, in place of the one of that name.

    A key goes only where it was given for: with another kind or address it has to be given again.
    Raises InvalidRequest, ProviderAddressRefused, ProviderKeysUnavailable, ProviderKeyUnreadable, TooMany.
    """
    before = await queries.find(project, wanted.name, hold=True)
    kind = wanted.kind or (before[0].kind if before else _kind_named(wanted.name))
    after = Provider(
        name=wanted.name,
        kind=kind,
        base_url=None if wanted.base_url is None else models.egress.check(wanted.base_url),
        api_version=wanted.api_version,
        models=tuple(wanted.models),
        changed_at=clock.now(),
    )
    _refuse_half(after)
    if before is None and len(await queries.all_of(project)) >= MOST_PROVIDERS:
        raise TooMany(f"A project has at most {MOST_PROVIDERS} providers: remove one first.")
    sealed: bytes | None = None
    key_id: UUID | None = None
    if wanted.key is not None:
        key_id, wrapped, master_id = await _data_key(project, models.keyring)
        place = Place(project.workspace_id, project.project_id, wanted.name)
        sealed = models.keyring.seal(place, wanted.key, key_id=key_id, wrapped=wrapped, master_id=master_id)
        after = replace(after, key_hint=_hint(wanted.key))
    elif before is not None and before[1] is not None:
        if (before[0].kind, before[0].base_url) != (after.kind, after.base_url):
            raise InvalidRequest("With another kind or address, give the API key again: it was given for the old one.")
        sealed, key_id = before[1].text, before[1].key_id
        after = replace(after, key_hint=before[0].key_hint)
    if sealed is None and kind in NEEDS_KEY:
        raise InvalidRequest(f"A provider of the kind {kind.value} needs an API key.")
    await queries.put(project, after, sealed=sealed, key_id=key_id)
    await project.announce(MODELS)
    facts = [None if one is None else _facts(one) for one in (before[0] if before else None, after)]
    await note(
        project, "provider.set", wanted.name, before=facts[0], after={**(facts[1] or {}), "new_key": bool(wanted.key)}
    )
    return after


def _kind_named(name: str) -> Kind:
    if name not in _KINDS:
        raise InvalidRequest(f"Say which `kind` of provider {name} is: {', '.join(Kind)}.")
    return Kind(name)


def _refuse_half(provider: Provider) -> None:
    if provider.kind in NEEDS_ADDRESS and provider.base_url is None:
        raise InvalidRequest(f"A provider of the kind {provider.kind.value} needs its `base_url`.")
    if provider.api_version is not None and provider.kind is not Kind.azure:
        raise InvalidRequest("`api_version` is for Azure only.")
    if provider.kind is Kind.azure:
        is_newer = (provider.base_url or "").endswith("/openai/v1")
        if is_newer == (provider.api_version is not None):
            raise InvalidRequest(
                "Azure takes an `api_version`, or a `base_url` that ends in `/openai/v1`: one of the two."
            )


def _hint(key: str) -> str:
    """What tells keys apart for people: the end of one, where it is long enough to stay a secret."""
    return f"…{key[-4:]}" if len(key) >= 20 else "…"


def _facts(provider: Provider) -> dict[str, Any]:
    return {"kind": provider.kind.value, "base_url": provider.base_url, "models": len(provider.models)}


async def _data_key(project: ProjectWriter, keyring: Keyring) -> tuple[UUID, bytes, str]:
    found = await queries.newest_key(project.tx, project.workspace_id)
    if found is not None and found[2] == keyring.master_id:
        return found
    key_id = uuid7()
    wrapped = keyring.new_data_key(project.workspace_id, key_id)
    await queries.add_key(project.tx, project.workspace_id, key_id, wrapped, keyring.master_id)
    return key_id, wrapped, keyring.master_id


async def remove(project: ProjectAdmin, name: str) -> None:
    """Forget a provider and its key. Raises ProviderNotFound."""
    if not await queries.remove(project, name):
        raise ProviderNotFound
    await project.announce(MODELS)
    await note(project, "provider.removed", name)
