"""Processor time of one answer inside the application, without server and network: `python -m bench.inside`.

The figure to look at while making something faster: it moves little from run to run. Microseconds, the least of five.
"""

import json
import os
import time
from collections.abc import MutableMapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import uvloop

from bench import servers
from bench.bare import app as bare_app
from bench.seed import TEMPLATE
from bench.workload import INPUTS, POOLED, PROMPTS
from dakora_server.config import Settings
from dakora_server.core.api_keys import service as api_keys
from dakora_server.core.scope import Scope, administering
from dakora_server.core.storage.embedded import EmbeddedPostgres
from dakora_server.core.storage.migrations import migrate
from dakora_server.core.storage.schema import APP_ROLE
from dakora_server.core.tenancy.provisioning import DEFAULT_PROJECT_ID, local_grant
from dakora_server.main import create_app


async def call(app: Any, method: str, path: str, body: object = None, key: str | None = None) -> int:
    """One request straight into the application; answers the status."""
    raw = b"" if body is None else json.dumps(body).encode()
    statuses: list[int] = []
    headers = [
        (b"host", b"localhost"),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(raw)).encode()),
    ]
    if key is not None:
        headers.append((b"x-api-key", key.encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers, "state": {},
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]


async def microseconds(app: Any, *request: Any, turns: int = 1000) -> float:
    """Processor time of this process for one such request."""
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        for _ in range(turns):
            await call(app, *request)
        best = min(best, (time.process_time() - started) / turns * 1e6)
    return round(best)


async def measure(database_url: str, registry: Path) -> dict[str, float]:
    """The answers that matter, and the bare app's."""
    settings = Settings(
        _env_file=None,
        database_url=database_url,
        registry_url=f"file:{registry}",
        rate_limit_read="1000000/second",
        rate_limit_render="1000000/second",
        rate_limit_write="1000000/second",
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        inputs = {name: {"type": "string"} for name in INPUTS}
        note = {"note": {"type": "string", "default": "the office is closed on Monday"}}
        await call(app, "POST", PROMPTS, {"id": "plain", "template": TEMPLATE, "inputs": inputs | note})
        await call(app, "POST", PROMPTS, {"id": "pooled", "template": POOLED, "inputs": inputs})
        await call(app, "GET", f"{PROMPTS}/plain")
        body = {"inputs": INPUTS}
        key = await _key(app)
        own = PROMPTS.replace("default", str(DEFAULT_PROJECT_ID))
        return {
            "bare GET": await microseconds(bare_app, "GET", "/static"),
            "bare POST": await microseconds(bare_app, "POST", "/echo", body),
            "GET a prompt": await microseconds(app, "GET", f"{PROMPTS}/plain"),
            "GET a prompt, with an API key": await microseconds(app, "GET", f"{own}/plain", None, key),
            "render, plain template, with an API key": await microseconds(
                app, "POST", f"{own}/plain/render", body, key
            ),
            "list of 50, from memory": await microseconds(app, "GET", PROMPTS),
            "GET a version, through its route": await microseconds(app, "GET", f"{PROMPTS}/plain/versions/1"),
            "render, plain template": await microseconds(app, "POST", f"{PROMPTS}/plain/render", body),
            "render, through the pool": await microseconds(app, "POST", f"{PROMPTS}/pooled/render", body, turns=300),
            "save, a new version": await _saves(app),
        }


async def _saves(app: Any, turns: int = 100) -> float:
    """Processor time of this process for one save, without PostgreSQL's."""
    best, number = float("inf"), 0
    inputs = {name: {"type": "string"} for name in (*INPUTS, "note")}
    for _ in range(5):
        started = time.process_time()
        for _ in range(turns):
            number += 1
            body = {"template": f"{TEMPLATE}{number}", "inputs": inputs}
            assert await call(app, "PUT", f"{PROMPTS}/plain", body) == 200
        best = min(best, (time.process_time() - started) / turns * 1e6)
    return round(best)


async def _key(app: Any) -> str:
    """An API key of the default project."""
    access = app.state.access
    async with administering(access.platform, local_grant()) as project:
        made = await api_keys.create(project, access.secret, name="bench", scopes=[Scope.read, Scope.render])
    return made.text


def main() -> None:
    """Print the figures."""
    # The request log is part of what is measured; where it goes is not.
    with (
        servers.scratch() as folder,
        EmbeddedPostgres(folder / "postgres") as postgres,
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
    ):
        migrate(postgres.url(), app_url=postgres.url(user=APP_ROLE))
        found = uvloop.run(measure(postgres.url(user=APP_ROLE), folder / "registry"))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
