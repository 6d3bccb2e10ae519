"""Build everything once, and join it."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute

from dakora_server.api import health, me, problems, prompts, rendering, studio, versions
from dakora_server.api.envelope import Envelope
from dakora_server.api.warm import WarmAnswers
from dakora_server.auth import LocalGuard
from dakora_server.config import Settings, UnsafeSettings
from dakora_server.core.exceptions import DakoraError
from dakora_server.core.prompts.service import weigh
from dakora_server.core.scope import Platform, PromptLocks
from dakora_server.core.storage.changes import ChangeFeed
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.pointers import Pointers
from dakora_server.core.storage.registry.local import LocalRegistry
from dakora_server.core.storage.schema import SCHEMA_REVISION
from dakora_server.core.storage.vault import Vault
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.rendering import Renderer
from dakora_server.core.templates.worker import RenderPool
from dakora_server.core.tenancy.provisioning import seed_local_tenant
from dakora_server.logs import RequestLog

VERSION = "0.1.0"
_LOOPBACK_NAMES = (b"localhost", b"127.0.0.1", b"[::1]")

DESCRIPTION = "Prompts in, text out: written by people, typed, versioned, rendered safely."


class SchemaMismatch(Exception):
    """The database's schema is not the one this release expects."""


@asynccontextmanager
async def open_platform(settings: Settings, *, migrate_first: bool = False) -> AsyncIterator[Platform]:
    """Everything one process shares, started in order and stopped in the reverse order.

    Raises SchemaMismatch unless the database has this release's schema (or `migrate_first` brings it there),
    DatabaseUnavailable.
    """
    if settings.database_url is None:
        raise UnsafeSettings("DATABASE_URL is not set: name a PostgreSQL, or use `dakora dev`, which brings its own.")
    database = Database(
        settings.database_url,
        pool_size=settings.database_pool_size,
        pool_timeout=settings.database_pool_timeout,
        statement_timeout=settings.statement_timeout,
    )
    registry = LocalRegistry(settings.registry_root)
    limits = limits_of(settings)
    pool = RenderPool(workers=settings.worker_count, limits=limits)
    feed = ChangeFeed(database.url)
    try:
        await pool.start()
        await _check_schema(database, migrate_first=migrate_first)
        await seed_local_tenant(database)
        await registry.check()
        await feed.start()
        yield Platform(
            database=database,
            vault=Vault(registry, cache_bytes=settings.cache_bytes // 2),
            renderer=Renderer(pool, limits),
            feed=feed,
            pointers=Pointers(feed, cache_bytes=settings.cache_bytes // 2, weigh=weigh),
            locks=PromptLocks(),
        )
    finally:
        await feed.stop()
        await pool.stop()
        await database.close()
        registry.close()


def limits_of(settings: Settings) -> Limits:
    """The render limits that the settings state."""
    return Limits(
        source_bytes=settings.template_max_bytes,
        inputs_bytes=settings.inputs_max_bytes,
        output_bytes=settings.output_max_bytes,
        render_seconds=settings.render_timeout,
        memory_bytes=settings.render_memory_bytes,
    )


async def _check_schema(database: Database, *, migrate_first: bool) -> None:
    found = await database.schema_revision()
    if migrate_first and found != SCHEMA_REVISION:
        # Loaded only now: the migration machinery takes a third of a second to import.
        migrations = importlib.import_module("dakora_server.core.storage.migrations")
        found = await asyncio.to_thread(migrations.migrate, database.url)
    if found != SCHEMA_REVISION:
        raise SchemaMismatch(
            f"The database has schema {found or 'none'}, this release needs {SCHEMA_REVISION}: "
            "run `python -m dakora_server migrate`."
        )


def create_app(
    settings: Settings,
    *,
    migrate_first: bool = False,
    beside: Callable[[Platform], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """The ASGI application. `beside` is entered once the platform is open, and left before it closes."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            try:
                platform = await opened.enter_async_context(open_platform(settings, migrate_first=migrate_first))
            except (SchemaMismatch, DakoraError) as refusal:
                # Kept for whoever runs the server: to a person it is one sentence, not a stack.
                app.state.refusal = refusal
                raise
            app.state.guard = LocalGuard(platform)
            if beside is not None:
                await opened.enter_async_context(beside(platform))
            yield
            request_log.flush()

    app = FastAPI(
        title="Dakora",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        # FastAPI's reference pages load scripts from another origin.
        docs_url=None,
        redoc_url=None,
        # An address with a slash too many is not there; a redirect would repeat whatever the Host header says.
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.body_max_bytes = settings.body_max_bytes
    problems.install(app)
    # Most asked for first: routes are tried in order.
    for module in (prompts, rendering, versions, health, me, studio):
        app.include_router(module.router)
    request_log = RequestLog(enabled=settings.log_level in {"debug", "info"}, style=settings.log_format)
    app.add_middleware(WarmAnswers, guard=lambda: app.state.guard)
    app.add_middleware(Envelope, log=request_log, hosts=_hosts(settings))
    return app


def _hosts(settings: Settings) -> frozenset[bytes] | None:
    given = tuple(name.lower().encode() for name in settings.trusted_hosts)
    if settings.allow_public_no_auth and not given:
        return None
    return frozenset((*_LOOPBACK_NAMES, *given))


def _operation_id(route: APIRoute) -> str:
    return route.name
