"""Who may touch which project, as objects that only a guard makes.

A `ProjectReader` or `ProjectWriter` carries the checked project id, the request's transaction, the project's own vault
and renderer, and the actor. Services take one as first argument: being allowed, being in a transaction and being in
the right tenant are one thing, and a read path cannot call a write.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NewType
from uuid import UUID

from sqlalchemy import ColumnElement, Table

from dakora_server.core.storage.changes import ChangeFeed, announce
from dakora_server.core.storage.database import Database, Transaction
from dakora_server.core.storage.pointers import Pointers
from dakora_server.core.storage.vault import ProjectVault, Vault
from dakora_server.core.templates.rendering import ProjectRenderer, Renderer

ProjectId = NewType("ProjectId", UUID)


class Role(StrEnum):
    """What a member may do in a workspace, from most to least."""

    owner = "owner"
    admin = "admin"
    editor = "editor"
    viewer = "viewer"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose credentials were checked."""

    user_id: UUID
    name: str
    email: str | None = None


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
    locks: PromptLocks


class ProjectReader:
    """A caller who may read this project, in a read-only snapshot that opens with the first question."""

    def __init__(self, platform: Platform, actor: Principal, project_id: ProjectId, tx: Transaction) -> None:
        self.project_id = project_id
        self.actor = actor
        self.tx = tx
        self.vault = ProjectVault(platform.vault, project_id)
        self.renderer = ProjectRenderer(platform.renderer, str(project_id))
        self.pointers = platform.pointers

    def owns(self, table: Table) -> ColumnElement[bool]:
        """The filter that keeps a query inside this project."""
        return table.c.project_id == self.project_id


class ProjectWriter(ProjectReader):
    """A caller who may change this project; everything done through it becomes durable together, or not at all."""

    def __init__(
        self, platform: Platform, actor: Principal, project_id: ProjectId, tx: Transaction, held: AsyncExitStack
    ) -> None:
        super().__init__(platform, actor, project_id, tx)
        self._platform = platform
        self._held = held

    async def hold(self, prompt_id: str) -> None:
        """Keep other writers of this prompt waiting until this transaction has ended."""
        await self._held.enter_async_context(self._platform.locks.hold(self.project_id, prompt_id))

    async def announce(self, prompt_id: str) -> None:
        """At commit, make every process forget what it knew of this prompt; this one before the answer leaves."""
        await announce(self.tx, self.project_id, prompt_id)
        self.tx.on_commit(lambda: self._platform.feed.publish(self.project_id, prompt_id))


@asynccontextmanager
async def reading(platform: Platform, actor: Principal, project_id: ProjectId) -> AsyncIterator[ProjectReader]:
    """A reader for as long as the block lasts. The caller has checked that `actor` may read `project_id`."""
    async with platform.database.transaction(read_only=True) as tx:
        yield ProjectReader(platform, actor, project_id, tx)


@asynccontextmanager
async def writing(platform: Platform, actor: Principal, project_id: ProjectId) -> AsyncIterator[ProjectWriter]:
    """A writer for as long as the block lasts; its end commits. The caller has checked the right to write."""
    async with AsyncExitStack() as held, platform.database.transaction() as tx:
        yield ProjectWriter(platform, actor, project_id, tx, held)
