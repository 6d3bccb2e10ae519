"""What is asked of both sides, and the store it is asked of."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import servers
from bench.seed import second_project, seed
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.embedded import EmbeddedPostgres
from dakora_server.core.storage.migrations import migrate
from dakora_server.core.storage.schema import APP_ROLE
from dakora_server.core.tenancy.provisioning import seed_local_tenant

PROMPTS = "/api/projects/default/prompts"
INPUTS = {"name": "Alice", "company": "Northwind"}
POOLED = (
    "Hello {{ name }}! {% for a in range(2) %}{% for b in range(2) %}{{ a + b }}{% endfor %}{% endfor %} {{ company }}"
)
WORKING_SET = 1000


@contextmanager
def seeded(data_dir: Path, count: int) -> Iterator[servers.Running]:
    """Our server over a store of `count` prompts."""
    registry = data_dir / "registry"
    with EmbeddedPostgres(data_dir / "postgres") as postgres:
        migrate(postgres.url(), app_url=postgres.url(user=APP_ROLE))
        asyncio.run(seed_tenant(postgres.url()))
        seed(postgres.url(), registry, count)
        neighbour = second_project(postgres.url())
        seed(postgres.url(), registry, 1, prefix="quiet", project=neighbour)
    (data_dir / "neighbour").write_text(str(neighbour), encoding="utf-8")
    with servers.ours(data_dir) as running:
        yield running


async def seed_tenant(database_url: str) -> None:
    """The user, workspace and project of work without login."""
    database = Database(database_url, pool_size=1)
    await seed_local_tenant(database)
    await database.close()


def call(port: int, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """One request on a connection of its own: status and headers."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    raw = None if body is None else json.dumps(body)
    connection.request(method, path, raw, {"host": "localhost", "content-type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers
