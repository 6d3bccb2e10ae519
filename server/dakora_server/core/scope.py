"""Who may touch which project or workspace, as objects that only a guard makes.

A `ProjectReader` or `ProjectWriter` carries the checked project id, the request's transaction, the project's own vault
and renderer, and the actor. Services take one as first argument: being allowed, being in a transaction and being in
the right tenant are one thing, and a read path cannot call a write. Workspaces have the same two.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Table

from dakora_server.core.storage.changes import ChangeFeed, announce, announce_many
from dakora_server.core.storage.database import Database, Transaction
from dakora_server.core.storage.pages import Pages
from dakora_server.core.storage.pointers import Pointers
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.storage.vault import ProjectVault, Vault
from dakora_server.core.templates.rendering import ProjectRenderer, Renderer

V = TypeVar("V")
ProjectId = NewType("ProjectId", UUID)
WorkspaceId = NewType("WorkspaceId", UUID)

# What is announced when rights change: of a user, and of a project's keys. No prompt can have such an id.
ACCESS = "!access"
KEYS = "!keys"
# And when what a project's prompts run on, or may cost, does.
MODELS = "!models"


def is_prompt(subject: str) -> bool:
    """Whether what is announced of a project is one of its prompts."""
    return not subject.startswith("!")


class Role(StrEnum):
    """What a member may do in a workspace, from most to least."""

    owner = "owner"
    admin = "admin"
    editor = "editor"
    viewer = "viewer"

    def covers(self, needed: "Role") -> bool:
        """Whether whoever has this role may do what `needed` may."""
        return _RANK[self] >= _RANK[needed]


_RANK = {role: rank for rank, role in enumerate(reversed(Role))}


class Scope(StrEnum):
    """What an API key may do in its project."""

    read = "read"
    render = "render"
    write = "write"
    execute = "execute"
    log = "log"


@dataclass(frozen=True, slots=True)
class KeyRights:
    """What an API key opens. `labels` None: every version; else only what goes through one of these labels."""

    id: UUID
    workspace_id: WorkspaceId
    project_id: ProjectId
    scopes: frozenset[Scope]
    labels: frozenset[str] | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose credentials were checked: a user, or an API key and the user who made it."""

    user_id: UUID
    name: str
    email: str | None = None
    key: KeyRights | None = None

    @property
    def actor_id(self) -> UUID:
        """The user's id, or the key's."""
        return self.user_id if self.key is None else self.key.id


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for the audit trail."""

    address: str | None = None
    request_id: str | None = None


NOWHERE = Origin()


@dataclass(frozen=True, slots=True)
class WorkspaceGrant:
    """What an actor was found to be in a workspace."""

    actor: Principal
    workspace_id: WorkspaceId
    role: Role
    personal: bool = False
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class Grant:
    """What an actor was found to be in a project. A key has the role that its scopes amount to."""

    actor: Principal
    workspace_id: WorkspaceId
    project_id: ProjectId
    role: Role
    origin: Origin = NOWHERE


class PromptLocks:
    """Writers of one prompt queue here, before they take a database connection.

    Without it, 64 writers of one prompt would hold every connection of the pool while they wait for the same row.
    The row lock in PostgreSQL stays what decides; this only keeps the queue out of the pool.
    """

    def __init__(self) -> None:
        self._locks: dict[tuple[UUID, str], tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def hold(self, project_id: UUID, prompt_id: str) -> AsyncIterator[None]:
        """Be the only writer of this prompt in this process."""
        key = (project_id, prompt_id.lower())
        lock, waiting = self._locks.get(key, (None, 0))
        lock = lock or asyncio.Lock()
        self._locks[key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            _, waiting = self._locks[key]
            if waiting == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, waiting - 1)


@dataclass(frozen=True, slots=True)
class Platform:
    """What one process shares among all its requests; built once by `main`."""

    database: Database
    vault: Vault
    renderer: Renderer
    feed: ChangeFeed
    pointers: Pointers[Any]
    rights: Pointers[Any]
    pages: Pages
    locks: PromptLocks


class ProjectRows:
    """A project's rows, without its documents: all that queries need."""

    def __init__(self, grant: Grant, tx: Transaction) -> None:
        self.project_id = grant.project_id
        self.workspace_id = grant.workspace_id
        self.actor = grant.actor
        self.role = grant.role
        self.origin = grant.origin
        self.tx = tx

    def owns(self, table: Table) -> ColumnElement[bool]:
        """The filter that keeps a query inside this project."""
        return table.c.project_id == self.project_id


class ProjectReader(ProjectRows):
    """A caller who may read this project, in a read-only snapshot that opens with the first question."""

    def __init__(self, platform: Platform, grant: Grant, tx: Transaction) -> None:
        super().__init__(grant, tx)
        self.vault = ProjectVault(platform.vault, grant.project_id)
        self.renderer = ProjectRenderer(platform.renderer, str(grant.workspace_id))
        self.pointers = platform.pointers

    @property
    def labels(self) -> frozenset[str] | None:
        """The labels that this caller is limited to; None when it is not."""
        return None if self.actor.key is None else self.actor.key.labels


class ProjectWriter(ProjectReader):
    """A caller who may change this project; everything done through it becomes durable together, or not at all."""

    def __init__(self, platform: Platform, grant: Grant, tx: Transaction, held: AsyncExitStack) -> None:
        super().__init__(platform, grant, tx)
        self._platform = platform
        self._grant = grant
        self._held = held

    async def hold(self, prompt_id: str) -> None:
        """Keep other writers of this prompt waiting until this transaction has ended."""
        await self._held.enter_async_context(self._platform.locks.hold(self.project_id, prompt_id))

    async def announce(self, subject: str) -> None:
        """At commit, make every process forget what it knew of this prompt; this one before the answer leaves."""
        await _announce(self._platform, self.tx, self.project_id, subject)

    async def announce_many(self, subjects: Sequence[str]) -> None:
        """`announce` for many prompts."""
        feed, project_id = self._platform.feed, self.project_id

        def publish() -> None:
            for subject in subjects:
                feed.publish(project_id, subject)

        await announce_many(self.tx, project_id, subjects)
        self.tx.on_commit(publish)

    def apart(self) -> AbstractAsyncContextManager[ProjectReader]:
        """A reader with a transaction of its own: for a look before long work, during which none must stay open."""
        return reading(self._platform, self._grant)

    def beside(self, grant: Grant) -> "ProjectWriter":
        """The same transaction's face to another project that the guard has checked too.

        PostgreSQL still lets the transaction see one project at a time: `Transaction.speak_for` says which.
        """
        return ProjectWriter(self._platform, grant, self.tx, self._held)


class ProjectRunner:
    """A caller who may run this project's prompts. Each step has a transaction of its own: none waits for a model."""

    def __init__(self, platform: Platform, grant: Grant) -> None:
        self.workspace_id = grant.workspace_id
        self.project_id = grant.project_id
        self._platform = platform
        self._grant = grant

    def reading(self) -> AbstractAsyncContextManager[ProjectReader]:
        """A reader for one step."""
        return reading(self._platform, self._grant)

    def writing(self) -> AbstractAsyncContextManager[ProjectWriter]:
        """A writer for one step: to record what was run."""
        return writing(self._platform, self._grant)

    async def kept(self, subject: str, selector: str, read: Callable[[], Awaitable[V]]) -> V:
        """What `read` answers, from memory until somebody announces `subject`. Raises what `read` raises."""
        rights, key = self._platform.rights, (self.project_id, subject)
        known: V | None = rights.get(key, selector)
        if known is None:
            reservation = rights.reserve(key)
            try:
                known = await read()
            except BaseException:  # nothing was read: the reservation must not stay behind, whatever happened
                rights.drop(reservation)
                raise
            rights.fill(reservation, selector, known)
        return known


class ProjectAdmin(ProjectWriter):
    """A caller who may decide who else gets into this project. Sees the whole workspace's keys and members."""

    async def announce_rights(self, scope_id: UUID, subject: str) -> None:
        """At commit, make every process forget the rights of a user (`ACCESS`) or of a project's keys (`KEYS`)."""
        await _announce(self._platform, self.tx, scope_id, subject)


class WorkspaceReader:
    """A member of this workspace, in a read-only snapshot."""

    def __init__(self, platform: Platform, grant: WorkspaceGrant, tx: Transaction) -> None:
        self.workspace_id = grant.workspace_id
        self.project_id: ProjectId | None = None
        self.actor = grant.actor
        self.role = grant.role
        self.personal = grant.personal
        self.origin = grant.origin
        self.tx = tx
        self._platform = platform

    def owns(self, table: Table) -> ColumnElement[bool]:
        """The filter that keeps a query inside this workspace."""
        return table.c.workspace_id == self.workspace_id


class WorkspaceAdmin(WorkspaceReader):
    """A member who may change this workspace; which changes, the role decides."""

    def inside(self, project_id: ProjectId, held: AsyncExitStack) -> ProjectWriter:
        """The same transaction's face to a project made in it; `Transaction.speak_for` has to name it first."""
        grant = Grant(self.actor, self.workspace_id, project_id, self.role, self.origin)
        return ProjectWriter(self._platform, grant, self.tx, held)

    async def announce_rights(self, scope_id: UUID, subject: str) -> None:
        """At commit, make every process forget the rights of a user (`ACCESS`) or of a project's keys (`KEYS`)."""
        await _announce(self._platform, self.tx, scope_id, subject)


async def _announce(platform: Platform, tx: Transaction, scope_id: UUID, subject: str) -> None:
    await announce(tx, scope_id, subject)
    tx.on_commit(lambda: platform.feed.publish(scope_id, subject))


@asynccontextmanager
async def reading(platform: Platform, grant: Grant) -> AsyncIterator[ProjectReader]:
    """A reader for as long as the block lasts. Who made the grant has checked the right to read."""
    async with platform.database.transaction(Tenant(project_id=grant.project_id), read_only=True) as tx:
        yield ProjectReader(platform, grant, tx)


@asynccontextmanager
async def writing(platform: Platform, grant: Grant) -> AsyncIterator[ProjectWriter]:
    """A writer for as long as the block lasts; its end commits. Who made the grant has checked the right to write."""
    tenant = Tenant(project_id=grant.project_id)
    async with AsyncExitStack() as held, platform.database.transaction(tenant) as tx:
        yield ProjectWriter(platform, grant, tx, held)


@asynccontextmanager
async def administering(platform: Platform, grant: Grant, *, read_only: bool = False) -> AsyncIterator[ProjectAdmin]:
    """The administrator's writer (or reader, with `read_only`) of a project, for as long as the block lasts."""
    tenant = Tenant(workspace_id=grant.workspace_id, project_id=grant.project_id)
    async with AsyncExitStack() as held, platform.database.transaction(tenant, read_only=read_only) as tx:
        yield ProjectAdmin(platform, grant, tx, held)


@asynccontextmanager
async def reading_workspace(platform: Platform, grant: WorkspaceGrant) -> AsyncIterator[WorkspaceReader]:
    """A workspace's reader for as long as the block lasts."""
    tenant = Tenant(workspace_id=grant.workspace_id)
    async with platform.database.transaction(tenant, read_only=True) as tx:
        yield WorkspaceReader(platform, grant, tx)


@asynccontextmanager
async def changing_workspace(platform: Platform, grant: WorkspaceGrant) -> AsyncIterator[WorkspaceAdmin]:
    """A workspace's writer for as long as the block lasts; its end commits."""
    async with platform.database.transaction(Tenant(workspace_id=grant.workspace_id)) as tx:
        yield WorkspaceAdmin(platform, grant, tx)
