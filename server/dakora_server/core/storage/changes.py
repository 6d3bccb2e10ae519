"""Word of changes: who writes says so inside the transaction, and every process that listens drops what it kept.

`ChangeFeed` holds one connection that LISTENs and is asked for a sign of life twice a second. While it answers, the
lease is good and pointers may be answered from memory; the moment it does not, they may not, until it listens again
and everything kept has been forgotten. So a change is visible everywhere within a second, or nothing is kept at all.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from uuid import UUID

import psycopg
from sqlalchemy import text

from dakora_server.core.storage.database import Transaction

logger = logging.getLogger(__name__)

_CHANNEL = "dakora_changes"
_HEARTBEAT_SECONDS = 0.4
_LEASE_SECONDS = 1.0
_RETRY_SECONDS = 0.5

Listener = Callable[[UUID, str], None]


async def announce(tx: Transaction, project_id: UUID, prompt_id: str) -> None:
    """Tell every listening process, at commit, that this prompt has changed."""
    await tx.execute(
        text("SELECT pg_notify(:channel, :payload)"), {"channel": _CHANNEL, "payload": f"{project_id}:{prompt_id}"}
    )


class ChangeFeed:
    """What this process hears of changes, its own and others'."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._listeners: list[Listener] = []
        self._reset: list[Callable[[], None]] = []
        self._lease_until = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def live(self) -> bool:
        """Whether nothing can have changed without our hearing of it (within the lease)."""
        return time.monotonic() < self._lease_until

    def subscribe(self, on_change: Listener, *, on_gap: Callable[[], None]) -> None:
        """Call `on_change(project_id, prompt_id)` for each change, and `on_gap()` when some may have been missed."""
        self._listeners.append(on_change)
        self._reset.append(on_gap)

    def publish(self, project_id: UUID, prompt_id: str) -> None:
        """Tell this process's own listeners at once, without waiting for the round trip through PostgreSQL."""
        for listener in self._listeners:
            listener(project_id, prompt_id)

    async def start(self) -> None:
        """Begin to listen; returns once the first lease is held or the first attempt has failed."""
        first_try = asyncio.Event()
        self._task = asyncio.create_task(self._listen_for_ever(first_try))
        await first_try.wait()

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._lease_until = 0.0

    async def _listen_for_ever(self, first_try: asyncio.Event) -> None:
        while True:
            try:
                await self._listen(first_try)
            except (psycopg.Error, OSError, TimeoutError) as error:
                self._lose_lease()
                logger.warning(
                    "change feed lost, answering from the database until it is back: %s", type(error).__name__
                )
            first_try.set()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self, first_try: asyncio.Event) -> None:
        connection = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=2, application_name="dakora changes"
        )
        async with connection:
            await connection.execute(f"LISTEN {_CHANNEL}")
            # What was kept before we listened may be old already.
            self._lose_lease()
            self._lease_until = time.monotonic() + _LEASE_SECONDS
            first_try.set()
            while True:
                async for notice in connection.notifies(timeout=_HEARTBEAT_SECONDS):
                    self._hear(notice.payload)
                asked_at = time.monotonic()
                async with asyncio.timeout(_LEASE_SECONDS):
                    await connection.execute("SELECT 1")
                # Counted from the question: what changed after it will be heard within the lease.
                self._lease_until = asked_at + _LEASE_SECONDS

    def _hear(self, payload: str) -> None:
        project, _, prompt_id = payload.partition(":")
        try:
            project_id = UUID(project)
        except ValueError:
            logger.warning("change feed heard something it cannot read")
            return
        self.publish(project_id, prompt_id)

    def _lose_lease(self) -> None:
        self._lease_until = 0.0
        for forget in self._reset:
            forget()
