"""Build everything once, and join it."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI
from fastapi.routing import APIRoute

from dakora_server.api import (
    api_keys,
    archives,
    audit,
    description,
    executions,
    health,
    invitations,
    label_requests,
    labels,
    me,
    parts,
    problems,
    projects,
    prompts,
    providers,
    rendering,
    runs,
    stats,
    studio,
    traces,
    versions,
    webhooks,
    workspaces,
)
from dakora_server.api.envelope import Envelope
from dakora_server.api.strict import GuardedRoute
from dakora_server.api.warm import WarmAnswers
from dakora_server.auth import Access
from dakora_server.config import Settings, UnsafeSettings
from dakora_server.core.api_keys.uses import WRITE_SECONDS, KeyUses
from dakora_server.core.archives.zips import ArchiveLimits
from dakora_server.core.audit.heads import KEEP_SECONDS, keep_head
from dakora_server.core.audit.service import SEAL_SECONDS, Sealer
from dakora_server.core.crypto import Secret
from dakora_server.core.exceptions import DakoraError
from dakora_server.core.executions.service import Recorder
from dakora_server.core.executions.upkeep import FOLD_SECONDS, Folding
from dakora_server.core.housekeeping import TIDY_SECONDS, tidy
from dakora_server.core.onboarding.clerk import ClerkWebhooks
from dakora_server.core.prices import Prices, PricesInvalid, load_prices
from dakora_server.core.prompts.service import weigh
from dakora_server.core.rate_limits import LimitClass, RateLimits, Rates
from dakora_server.core.repeated import Repeated
from dakora_server.core.scope import Platform, PromptLocks
from dakora_server.core.storage.changes import ChangeFeed
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.mail import Mailer, SmtpSettings
from dakora_server.core.storage.pages import Pages
from dakora_server.core.storage.pointers import Pointers
from dakora_server.core.storage.registry.base import Registry
from dakora_server.core.storage.registry.opening import open_registry
from dakora_server.core.storage.schema import SCHEMA_REVISION
from dakora_server.core.storage.vault import Vault
from dakora_server.core.storage.walls import UnsafeDatabase, check_walls
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.rendering import Renderer
from dakora_server.core.templates.worker import RenderPool
from dakora_server.core.tenancy.postman import Postman
from dakora_server.core.tenancy.provisioning import seed_local_tenant
from dakora_server.login_settings import sign_in_of, verifier_of
from dakora_server.logs import RequestLog
from dakora_server.model_settings import runner_of

VERSION = "0.1.0"
# Most asked for first: routes are tried in order.
_ROUTERS = tuple(
    module.router
    for module in (
        prompts,
        rendering,
        versions,
        labels,
        label_requests,
        executions,
        traces,
        runs,
        providers,
        parts,
        stats,
        health,
        me,
        projects,
        api_keys,
        workspaces,
        invitations,
        audit,
        archives,
        webhooks,
        studio,
    )
)
_LOOPBACK_NAMES = (b"localhost", b"127.0.0.1", b"[::1]")

DESCRIPTION = "Prompts in, text out: written by people, typed, versioned, rendered safely."


# About what a kept right takes in memory.
_RIGHT_BYTES = 600
_RIGHTS_SHARE = 8
_PAGES_SHARE = 4


class SchemaMismatch(Exception):
    """The database's schema is not the one this release expects."""


@asynccontextmanager
async def open_platform(settings: Settings, *, migrate_first: bool = False) -> AsyncIterator[Platform]:
    """Everything one process shares, started in order and stopped in the reverse order.

    Raises SchemaMismatch unless the database has this release's schema (or `migrate_first` brings it there),
    UnsafeDatabase unless it keeps tenants apart, DatabaseUnavailable.
    """
    if settings.database_url is None:
        raise UnsafeSettings("DATABASE_URL is not set: name a PostgreSQL, or use `dakora dev`, which brings its own.")
    database = Database(
        settings.database_url,
        pool_size=settings.database_pool_size,
        pool_timeout=settings.database_pool_timeout,
        statement_timeout=settings.statement_timeout,
    )
    registry = registry_of(settings)
    limits = limits_of(settings)
    pool = RenderPool(workers=settings.worker_count, limits=limits)
    feed = ChangeFeed(database.url)
    try:
        await pool.start()
        if migrate_first:
            await _bring_schema(settings)
        await check_schema(database)
        await check_walls(database)
        if settings.mode in {"none", "keys"}:
            await seed_local_tenant(database)
        await registry.check()
        await feed.start()
        yield assemble(settings, database, registry, Renderer(pool, limits), feed)
    finally:
        await feed.stop()
        await pool.stop()
        await database.close()
        registry.close()


def registry_of(settings: Settings) -> Registry:
    """The document store that the settings name; nothing is connected yet."""
    return open_registry(
        settings.registry_url, settings.registry_credentials, timeout_seconds=settings.registry_timeout
    )


def assemble(
    settings: Settings, database: Database, registry: Registry, renderer: Renderer, feed: ChangeFeed
) -> Platform:
    """What one process shares, of parts that its caller starts and stops."""
    return Platform(
        database=database,
        vault=Vault(registry, cache_bytes=settings.cache_bytes // 2),
        renderer=renderer,
        feed=feed,
        pointers=Pointers(feed, cache_bytes=settings.cache_bytes // 2, weigh=weigh),
        rights=Pointers(feed, cache_bytes=settings.cache_bytes // _RIGHTS_SHARE, weigh=lambda _: _RIGHT_BYTES),
        pages=Pages(feed, cache_bytes=settings.cache_bytes // _PAGES_SHARE),
        locks=PromptLocks(),
    )


def limits_of(settings: Settings) -> Limits:
    """The render limits that the settings state."""
    return Limits(
        source_bytes=settings.template_max_bytes,
        inputs_bytes=settings.inputs_max_bytes,
        output_bytes=settings.output_max_bytes,
        render_seconds=settings.render_timeout,
        queue_seconds=settings.render_queue_timeout,
        memory_bytes=settings.render_memory_bytes,
    )


async def _bring_schema(settings: Settings) -> None:
    """Migrate, unless the database has the newest schema already. The owner looks: the role may not exist yet."""
    owner_url = settings.database_owner_url or settings.database_url or ""
    owner = Database(owner_url, pool_size=1)
    try:
        found = await owner.schema_revision()
    finally:
        await owner.close()
    if found != SCHEMA_REVISION:
        # Loaded only now: the migration machinery takes a third of a second to import.
        migrations = importlib.import_module("dakora_server.core.storage.migrations")
        await asyncio.to_thread(migrations.migrate, owner_url, app_url=settings.database_url)


async def check_schema(database: Database) -> None:
    """Raises SchemaMismatch unless the database has the schema of this release, DatabaseUnavailable."""
    found = await database.schema_revision()
    if found != SCHEMA_REVISION:
        raise SchemaMismatch(
            f"The database has schema {found or 'none'}, this release needs {SCHEMA_REVISION}: "
            "run `python -m dakora_server migrate`."
        )


def _rates(settings: Settings) -> Rates:
    """What one caller may do, and a whole workspace."""
    key = {LimitClass(name): rate for name, rate in settings.rates.items()}
    one = Rates.parse(key=key, workspace={})
    factor = settings.rate_limit_workspace_factor
    whole = {
        name: f"{item.amount * factor} per {item.multiples} {item.GRANULARITY.name}"
        for name, item in one.key.items()
        if item is not None
    }
    return Rates.parse(key=key, workspace=whole)


def _mailer(settings: Settings) -> Mailer | None:
    if settings.smtp_host is None or settings.smtp_from is None:
        return None
    password = None if settings.smtp_password is None else settings.smtp_password.get_secret_value()
    return Mailer(
        SmtpSettings(
            host=settings.smtp_host,
            port=settings.smtp_port,
            sender=settings.smtp_from,
            security=settings.smtp_security,
            username=settings.smtp_username,
            password=password,
        )
    )


@asynccontextmanager
async def _open_doors(app: FastAPI, settings: Settings, platform: Platform, prices: Prices) -> AsyncIterator[None]:
    """What decides who gets in, and what runs beside the requests."""
    secret, verifier = Secret(settings.secret, previous=settings.previous_secret), verifier_of(settings)
    limits = RateLimits(_rates(settings), redis_url=settings.redis_url)
    uses = KeyUses(platform.database)
    app.state.access = Access(
        platform,
        secret=secret,
        verifier=verifier,
        limits=limits,
        uses=uses,
        is_open=settings.mode == "none",
        trusted_proxies=settings.trusted_proxies,
    )
    app.state.sign_in = sign_in_of(settings, verifier)
    app.state.postman = Postman(platform, _mailer(settings), public_url=settings.links_to)
    is_clerk = settings.mode == "clerk" and settings.clerk_jwt_issuer is not None
    app.state.clerk = ClerkWebhooks(settings.clerk_jwt_issuer or "", settings.webhook_secrets) if is_clerk else None
    sealer, folding = Sealer(platform.database, secret), Folding(platform.database)
    app.state.recorder = Recorder(prices, folding.remember)
    runner = app.state.runner = runner_of(settings, app.state.recorder)
    workers = (
        Repeated(sealer.turn, every=SEAL_SECONDS, what="audit events wait for their seal", at_the_end=True),
        Repeated(uses.write, every=WRITE_SECONDS, what="last use of API keys waits to be written", at_the_end=True),
        Repeated(folding.turn, every=FOLD_SECONDS, what="statistics wait to be folded", at_the_end=True),
        Repeated(partial(tidy, platform.database), every=TIDY_SECONDS, what="tidying waits"),
        Repeated(
            partial(keep_head, platform.database, secret, platform.vault.registry),
            every=KEEP_SECONDS,
            what="the audit head waits to be kept",
        ),
    )
    try:
        for worker in workers:
            await worker.start()
        yield
    finally:
        await runner.close()
        for worker in workers:
            await worker.stop()
        await limits.close()
        if verifier is not None:
            await verifier.close()


def create_app(
    settings: Settings,
    *,
    migrate_first: bool = False,
    beside: Callable[[Platform], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """The ASGI application. `beside` is entered once the platform is open, and left before it closes.

    Raises UnsafeSettings for a file of prices that cannot be used.
    """
    prices = _prices(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            try:
                platform = await opened.enter_async_context(open_platform(settings, migrate_first=migrate_first))
            except (SchemaMismatch, UnsafeDatabase, DakoraError) as refusal:
                # Kept for whoever runs the server: to a person it is one sentence, not a stack.
                app.state.refusal = refusal
                raise
            await opened.enter_async_context(_open_doors(app, settings, platform, prices))
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
    app.state.body_limits = dict.fromkeys(("record_executions", "export_traces"), settings.executions_max_bytes)
    app.state.archive_limits = ArchiveLimits(bytes=settings.import_max_bytes, files=settings.import_max_files)
    problems.install(app)
    description.install(app)
    for router in _ROUTERS:
        app.include_router(router)
    _refuse_unguarded(app)
    request_log = RequestLog(enabled=settings.log_level in {"debug", "info"}, style=settings.log_format)
    app.add_middleware(WarmAnswers, access=lambda: app.state.access)
    app.add_middleware(Envelope, log=request_log, hosts=_hosts(settings))
    return app


def _prices(settings: Settings) -> Prices:
    try:
        return load_prices(settings.prices_file)
    except PricesInvalid as refusal:
        raise UnsafeSettings(str(refusal)) from None


def _refuse_unguarded(app: FastAPI) -> None:
    """Raises LookupError for an operation that the guard does not stand before."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.path.startswith("/api") and not isinstance(route, GuardedRoute):
            raise LookupError(f"nobody stands before {route.path}: give its router route_class=GuardedRoute")


def _hosts(settings: Settings) -> frozenset[bytes] | None:
    given = tuple(name.lower().encode() for name in settings.trusted_hosts)
    if not given and (settings.allow_public_no_auth or settings.mode != "none"):
        return None
    return frozenset((*_LOOPBACK_NAMES, *given))


def _operation_id(route: APIRoute) -> str:
    return route.name
