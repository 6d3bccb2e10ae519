"""The one door to PostgreSQL: an engine, and transactions that open with their first statement.

Every transaction says first whose rows it may see, with settings that end with it. Nothing is set for longer than a
transaction, so a pooler may hand its connections to anybody in between.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, text
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dakora_server.core.exceptions import Busy, DatabaseUnavailable
from dakora_server.core.storage.tenant import NOBODY, Tenant

_CONNECT_TIMEOUT_SECONDS = 2
_IDLE_IN_TRANSACTION = "30s"
# Always all of them: whatever a connection was left with, nothing of it holds here.
_SPEAK_FOR = (
    "SELECT set_config('dakora.user_id', '{}', true), set_config('dakora.workspace_id', '{}', true),"
    " set_config('dakora.project_id', '{}', true), set_config('dakora.platform', '{}', true),"
    " set_config('dakora.wanted', '', true)"
)
# Two statements in one message: without parameters PostgreSQL takes both at once, and opening costs one round trip.
_BEGIN = (
    f"BEGIN {{}}; {_SPEAK_FOR}, set_config('statement_timeout', '{{}}', true),"
    f" set_config('idle_in_transaction_session_timeout', '{_IDLE_IN_TRANSACTION}', true),"
    " set_config('timezone', 'UTC', true)"
)
_READ, _WRITE = "ISOLATION LEVEL REPEATABLE READ READ ONLY", "ISOLATION LEVEL READ COMMITTED READ WRITE"


def engine_url(database_url: str) -> str:
    """The URL as SQLAlchemy wants it, with psycopg 3 as the driver whatever spelling was given."""
    for prefix in ("postgresql://", "postgres://"):
        if database_url.startswith(prefix):
            return "postgresql+psycopg://" + database_url.removeprefix(prefix)
    return database_url


def driver_url(database_url: str) -> str:
    """The URL as libpq wants it."""
    return engine_url(database_url).replace("postgresql+psycopg://", "postgresql://", 1)


class Transaction:
    """One request's transaction: opened by its first statement, ended by whoever made it.

    Most warm reads are answered from memory and never open one.
    """

    def __init__(self, engine: AsyncEngine, tenant: Tenant, *, read_only: bool, statement_timeout: str) -> None:
        self._engine = engine
        self._tenant = tenant
        self._read_only = read_only
        self._statement_timeout = statement_timeout
        self._connection: AsyncConnection | None = None
        self._committed: list[Callable[[], None]] = []

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | list[dict[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run one statement.

        Raises IntegrityError for a broken constraint, DatabaseUnavailable or Busy when PostgreSQL or the pool
        cannot serve it.
        """
        try:
            if self._connection is None:
                self._connection = await self._open()
            return await self._connection.execute(statement, parameters)
        except IntegrityError:
            raise
        except PoolTimeout:
            raise Busy("Every database connection is in use.") from None
        except (OperationalError, InterfaceError, DBAPIError) as error:
            raise _unavailable(error) from error

    async def _open(self) -> AsyncConnection:
        connection = self._engine.connect()
        await connection.start()
        try:
            kind = _READ if self._read_only else _WRITE
            await connection.exec_driver_sql(_BEGIN.format(kind, *_names(self._tenant), self._statement_timeout))
        except BaseException:  # whatever happened, nothing half begun goes back to the pool
            await connection.invalidate()
            await connection.close()
            raise
        return connection

    async def speak_for(self, tenant: Tenant) -> None:
        """Go on in this transaction for another tenant: for what spans two projects, and has checked both.

        Raises what `execute` raises.
        """
        self._tenant = tenant
        if self._connection is not None:
            try:
                await self._connection.exec_driver_sql(_SPEAK_FOR.format(*_names(tenant)))
            except DBAPIError as error:
                raise _unavailable(error) from error

    async def rest(self) -> None:
        """Give the connection back until the next question, when only reading: that one sees what is there by then.

        For who goes on with something slow. Does nothing where something may be written. Raises DatabaseUnavailable.
        """
        if self._read_only:
            await self.finish(keep=True)

    @property
    def tenant(self) -> Tenant:
        """Whose rows this transaction may see now."""
        return self._tenant

    def on_commit(self, action: Callable[[], None]) -> None:
        """Call `action` once the transaction is durable; never if it is rolled back."""
        self._committed.append(action)

    async def finish(self, *, keep: bool) -> None:
        """Commit (or roll back) and give the connection back. Raises DatabaseUnavailable if the commit failed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.exec_driver_sql("COMMIT" if keep else "ROLLBACK")
            except SQLAlchemyError as error:
                # Whatever was open on it ends with it. A caller that was cancelled must hear of that, and not of this.
                await connection.invalidate()
                if keep:
                    raise (_unavailable(error) if isinstance(error, DBAPIError) else DatabaseUnavailable()) from error
            finally:
                await connection.close()
        if keep:
            for action in self._committed:
                action()


def _names(tenant: Tenant) -> tuple[str, ...]:
    """As they stand in a statement: a UUID's text has nothing that would need quoting."""

    def name(one: UUID | None) -> str:
        return "" if one is None else str(UUID(int=one.int))

    return name(tenant.user_id), name(tenant.workspace_id), name(tenant.project_id), "on" if tenant.platform else ""


def _unavailable(error: DBAPIError) -> Exception:
    """A lost or refused connection is the database's state; anything else is our mistake and stays as it is."""
    lost = error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return DatabaseUnavailable() if lost else error


class Database:
    """The engine and its pool. Shared by the whole process; `close` ends it."""

    def __init__(
        self, database_url: str, *, pool_size: int = 16, pool_timeout: float = 2.0, statement_timeout: float = 10.0
    ) -> None:
        self.url = driver_url(database_url)
        self.written = 0
        """How many transactions that may write were committed: while it stays, this process has written nothing."""
        self._statement_timeout = f"{int(statement_timeout * 1000)}ms"
        self._engine = create_async_engine(
            engine_url(database_url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout,
            pool_pre_ping=False,
            # `Transaction` begins and ends by itself, in as few messages as there can be.
            isolation_level="AUTOCOMMIT",
            connect_args={
                "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
                "application_name": "dakora",
                # A statement prepared on one connection is unknown on the next that a pooler gives us.
                "prepare_threshold": None,
            },
        )

    @asynccontextmanager
    async def transaction(self, tenant: Tenant = NOBODY, *, read_only: bool = False) -> AsyncIterator[Transaction]:
        """A transaction that commits when the block ends well and rolls back when it does not.

        It sees the rows of `tenant` and no others.
        """
        transaction = Transaction(self._engine, tenant, read_only=read_only, statement_timeout=self._statement_timeout)
        try:
            yield transaction
        except BaseException:  # whatever ends the block, a half-done transaction must not stay open
            await transaction.finish(keep=False)
            raise
        await transaction.finish(keep=True)
        self.written += not read_only

    async def schema_revision(self) -> str:
        """The schema's revision, empty where there is none yet. Raises DatabaseUnavailable."""
        async with self.transaction(read_only=True) as tx:
            found = await tx.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
            if not found.scalar_one():
                return ""
            return str((await tx.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none() or "")

    async def check(self) -> None:
        """Raises DatabaseUnavailable or Busy unless a statement can be run now."""
        async with self.transaction(read_only=True) as tx:
            await tx.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
