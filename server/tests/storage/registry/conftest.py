"""Every kind of document store, started once a run; and a registry of each, as the server opens it."""

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import obstore
import psycopg
import pytest
from psycopg import sql

from dakora_server.config import Settings
from dakora_server.core.scope import ProjectId
from dakora_server.core.storage.database import driver_url
from dakora_server.core.storage.migrations import migrate
from dakora_server.core.storage.registry.base import Registry
from dakora_server.core.storage.registry.local import LocalRegistry
from dakora_server.core.storage.schema import APP_ROLE
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.tenancy import queries as tenancy
from dakora_server.core.tenancy.provisioning import LOCAL_WORKSPACE_ID
from dakora_server.main import create_app, registry_of
from peers.object_stores import CLOUDS, STARTS, ObjectStore
from peers.tcp_proxy import TcpProxy


@pytest.fixture(scope="session")
def object_store(scratch):
    """A running store of a kind; started when first asked for."""
    with contextlib.ExitStack() as running:
        started: dict[str, ObjectStore] = {}

        def get(kind: str) -> ObjectStore:
            if kind not in started:
                started[kind] = running.enter_context(STARTS[kind](scratch / f"{kind}.log"))
            return started[kind]

        yield get


@dataclass(frozen=True)
class Backend:
    """One kind of store, and where in it this test's documents lie."""

    kind: str
    settings: Settings
    registry: Registry

    async def damage(self, project_id, digest, content):
        """Put other bytes in a document's place, as no door of ours would."""
        if isinstance(self.registry, LocalRegistry):
            path = self.registry.root / str(project_id) / f"{digest}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        else:
            await self.put_beside(f"{project_id}/{digest}.yaml", content)

    async def put_beside(self, path, content):
        """Something that is no document."""
        if isinstance(self.registry, LocalRegistry):
            (self.registry.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.registry.root / path).write_bytes(content)
        else:
            await obstore.put_async(self.registry._store, path, content)


@pytest.fixture
def make_backend(object_store, tmp_path) -> Callable[..., Backend]:
    """A backend of a kind, in a place of its own, or in the place of `url`."""
    opened = []

    def make(kind: str, *, port: int | None = None, url: str | None = None, **changes: Any) -> Backend:
        given = {"registry_url": f"file:{tmp_path / 'documents'}"} if kind == "file" else None
        given = given or object_store(kind).settings(port=port)
        given |= {"registry_url": url} if url else {}
        settings = Settings(_env_file=None, **{**given, **changes})
        opened.append(registry_of(settings))
        return Backend(kind, settings, opened[-1])

    yield make
    for registry in opened:
        registry.close()


@pytest.fixture(params=["file", *CLOUDS])
def backend(request, make_backend) -> Backend:
    """Each kind in turn."""
    return make_backend(request.param)


@pytest.fixture(params=CLOUDS)
def cloud(request) -> str:
    """Each kind that is reached over a network, by name."""
    return request.param


@pytest.fixture
def elsewhere(tmp_path) -> Path:
    """A folder that is no store."""
    return tmp_path


@dataclass(frozen=True)
class Served:
    """The whole application over a store, with nothing kept in memory: each read asks the store."""

    client: Any
    project_id: ProjectId
    proxy: TcpProxy
    platform: Any
    registry: Registry

    @property
    def prompts(self) -> str:
        return f"/api/projects/{self.project_id}/prompts"

    async def create(self, prompt_id, template="Hello {{ name }}"):
        return await self.client.post(self.prompts, json={"id": prompt_id, "template": template})

    async def put_raw(self, digest, content):
        """Other bytes in a document's place, as no door of ours would."""
        await obstore.put_async(self.registry._store, f"{self.project_id}/{digest}.yaml", content)

    async def save(self, prompt_id, template):
        return await self.client.put(f"{self.prompts}/{prompt_id}", json={"template": template})

    async def get(self, prompt_id):
        return await self.client.get(f"{self.prompts}/{prompt_id}")

    async def render(self, prompt_id, *, version=None, **inputs):
        body = {"inputs": inputs} | ({} if version is None else {"version": version})
        return await self.client.post(f"{self.prompts}/{prompt_id}/render", json=body)


@pytest.fixture(scope="session")
def serve(settings, object_store, postgres):
    """Serve from a cloud's store, through a proxy that can be made bad; for as long as the block lasts. On a database
    of its own: what checks the run's common one would miss these documents in the common folder."""

    @contextlib.asynccontextmanager
    async def serving(kind: str, **changes: Any):
        store = object_store(kind)
        name = f"documents_{uuid.uuid4().hex}"
        await asyncio.to_thread(_make_database, postgres, name)
        given = {**settings.model_dump(), "database_url": postgres.url(name, user=APP_ROLE), "cache_bytes": 0}
        with TcpProxy(store.port) as proxy:
            given |= {**store.settings(port=proxy.port), **changes}
            app = create_app(Settings(_env_file=None, **given))
            async with app.router.lifespan_context(app):
                transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
                async with httpx2.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client:
                    platform = app.state.access.platform
                    yield Served(client, await _fresh_project(platform), proxy, platform, platform.vault.registry)

    return serving


def _make_database(postgres, name):
    with psycopg.connect(driver_url(postgres.url()), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(postgres.url(name), app_url=postgres.url(name, user=APP_ROLE))


async def _fresh_project(platform) -> ProjectId:
    project_id = ProjectId(uuid.uuid4())
    async with platform.database.transaction(Tenant(workspace_id=LOCAL_WORKSPACE_ID)) as tx:
        await tenancy.ensure_project(
            tx, project_id, workspace_id=LOCAL_WORKSPACE_ID, slug=f"test-{project_id}", name="Test"
        )
    return project_id


@pytest.fixture(scope="module", params=CLOUDS)
def served_kind(request) -> str:
    """Each kind of cloud in turn, for applications that several tests share."""
    return request.param
