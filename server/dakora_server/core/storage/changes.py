"""Word of changes: who writes says so inside the transaction, and every process that listens drops what it kept.

A change is a row, written in the transaction of what changed. `ChangeFeed` reads the new ones twice a second, and at
once when PostgreSQL rings (`NOTIFY`). Reading is what counts: it works through a pooler too, where nothing rings.
While it succeeds, the lease is good and pointers may be answered from memory; the moment it does not, they may not,
until it succeeds again and everything kept has been forgotten. So a change is visible everywhere within a second, or
nothing is kept at all.

Rows become visible in another order than they are numbered in, so a position would miss some. Each row therefore
carries its transaction's number, and each reading begins at the oldest transaction that was still under way in the
reading before: whatever was invisible then is read now, and what is read twice is only forgotten twice.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import text

from dakora_server.core.storage.database import Transaction

logger = logging.getLogger(__name__)

_CHANNEL = "dakora_changes"
_HEARTBEAT_SECONDS = 0.4
_LEASE_SECONDS = 1.0
_RETRY_SECONDS = 0.5
# Long after the last process that could still want to read them; one that slept longer forgets everything.
_KEPT = "10 minutes"
_LONGEST_SLEEP_SECONDS = 300
_SWEEP_SECONDS = 60.0
# In one statement, and without asking for the new row: who writes it may not read it.
_TELL = text(
    "WITH told AS (INSERT INTO changes (scope_id, subject) VALUES (:scope_id, :subject)) SELECT pg_notify(:channel, '')"
)
# The feed reads what belongs to everybody: ids, and nothing else.
_AS_PLATFORM = "SELECT set_config('dakora.platform', 'on', true)"
# Both in one message, which PostgreSQL takes for one transaction: this is asked all day long.
_READ = sql.SQL(
    "SELECT set_config('dakora.platform', 'on', true);"
    " SELECT pg_snapshot_xmin(pg_current_snapshot())::text, extract(epoch FROM now())::float8, c.id, c.scope_id,"
    " c.subject FROM (SELECT 1) AS once LEFT JOIN changes c ON c.xid >= {oldest}::xid8"
)
# A transaction number that no row has reached.
_NONE_YET = "18446744073709551615"
_OLD = "DELETE FROM changes WHERE at < now() - %s::interval"

Listener = Callable[[UUID, str], None]


async def announce(tx: Transaction, scope_id: UUID, subject: str) -> None:
    """Tell every process, at commit, that this subject of a project, workspace or user has changed."""
    await tx.execute(_TELL, {"scope_id": scope_id, "subject": subject, "channel": _CHANNEL})


class ChangeFeed:
    """What this process hears of changes, its own and others'."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._listeners: list[Listener] = []
        self._reset: list[Callable[[], None]] = []
        self._lease_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self._swept_at = time.monotonic()
        self._heard: set[int] = set()

    @property
    def live(self) -> bool:
        """Whether nothing can have changed without our hearing of it (within the lease)."""
        return time.monotonic() < self._lease_until

    def subscribe(self, on_change: Listener, *, on_gap: Callable[[], None]) -> None:
        """Call `on_change(scope_id, subject)` for each change, and `on_gap()` when some may have been missed."""
        self._listeners.append(on_change)
        self._reset.append(on_gap)

    def publish(self, scope_id: UUID, subject: str) -> None:
        """Tell this process's own listeners at once, without waiting for the round trip through PostgreSQL."""
        for listener in self._listeners:
            listener(scope_id, subject)

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
            self._url,
            autocommit=True,
            connect_timeout=2,
            application_name="dakora changes",
            prepare_threshold=None,
        )
        async with connection:
            rings = await _can_ring(connection)
            if rings:
                await connection.execute(f"LISTEN {_CHANNEL}")
            # What was kept before we listened may be old already.
            self._lose_lease()
            asked_at = time.monotonic()
            oldest, read_at = await self._read(connection, _NONE_YET)
            self._lease_until = asked_at + _LEASE_SECONDS
            first_try.set()
            while True:
                await _wait(connection, rings=rings)
                asked_at, before = time.monotonic(), read_at
                async with asyncio.timeout(_LEASE_SECONDS):
                    oldest, read_at = await self._read(connection, oldest)
                if read_at - before > _LONGEST_SLEEP_SECONDS:
                    raise TimeoutError
                # Counted from the question: what changes after it will be heard within the lease.
                self._lease_until = asked_at + _LEASE_SECONDS
                if asked_at - self._swept_at > _SWEEP_SECONDS:
                    self._swept_at = asked_at
                    async with asyncio.timeout(_LEASE_SECONDS), connection.transaction():
                        await connection.execute(_AS_PLATFORM)
                        await connection.execute(_OLD, [_KEPT])

    async def _read(self, connection: psycopg.AsyncConnection, oldest: str) -> tuple[str, float]:
        """Hear what was written since `oldest`; answers where the next reading begins, and the database's time."""
        cursor = await connection.execute(_READ.format(oldest=oldest))
        cursor.nextset()
        found = await cursor.fetchall()
        heard = {number: (scope_id, subject) for _, _, number, scope_id, subject in found if number is not None}
        for number, change in heard.items():
            if number not in self._heard:
                self.publish(*change)
        self._heard = set(heard)
        return found[0][0], found[0][1]

    def _lose_lease(self) -> None:
        self._lease_until = 0.0
        for forget in self._reset:
            forget()


async def _can_ring(connection: psycopg.AsyncConnection) -> bool:
    """Whether this connection stays with one PostgreSQL process: a pooler names another one every time."""
    row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    return row is not None and row[0] == connection.info.backend_pid


async def _wait(connection: psycopg.AsyncConnection, *, rings: bool) -> None:
    """Until it rings, or for half a second."""
    if not rings:
        await asyncio.sleep(_HEARTBEAT_SECONDS)
        return
    async for _ in connection.notifies(timeout=_HEARTBEAT_SECONDS, stop_after=1):
        pass
