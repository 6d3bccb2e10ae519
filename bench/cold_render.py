"""Round trips to the document store for what nobody has asked before: `python -m bench.cold_render [--prompts 50]`.

Documents lie in Azurite; a proxy before it counts the requests. A platform that has just started is asked for each
prompt once, to read it or to render it. The goal is 3 round trips at most; `--wait 20` adds a way of 20 ms each.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import uvloop

from bench import servers
from bench.inside import call
from bench.seed import TEMPLATE
from bench.workload import INPUTS, POOLED, PROMPTS
from dakora_server.config import Settings
from dakora_server.core.storage.embedded import EmbeddedPostgres
from dakora_server.core.storage.migrations import migrate
from dakora_server.core.storage.schema import APP_ROLE
from dakora_server.main import create_app

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "server" / "tests"))
from peers.object_stores import start_azurite
from peers.tcp_proxy import TcpProxy


async def seed(settings: Settings, count: int) -> None:
    """Prompts of both kinds: rendered here, and in a worker."""
    app = create_app(settings)
    inputs = {name: {"type": "string"} for name in INPUTS}
    note = {"note": {"type": "string", "default": "the office is closed on Monday"}}
    async with app.router.lifespan_context(app):
        for number in range(count):
            plain = {"id": f"plain-{number}", "template": f"{number}: {TEMPLATE}", "inputs": inputs | note}
            pooled = {"id": f"pooled-{number}", "template": f"{number}: {POOLED}", "inputs": inputs}
            for body in (plain, pooled):
                assert await call(app, "POST", PROMPTS, body) == 201


async def measure(settings: Settings, proxy: TcpProxy, count: int) -> dict[str, Any]:
    """Requests to the store, and milliseconds, for each first question."""
    found = {}
    for what, kind, verb in (
        ("read", "plain", "GET"),
        ("render", "plain", "POST"),
        ("render, worker", "pooled", "POST"),
    ):
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            trips, times = Counter[int](), []
            for number in range(count):
                proxy.requests.clear()
                path = f"{PROMPTS}/{kind}-{number}" + ("/render" if verb == "POST" else "")
                started = time.perf_counter()
                assert await call(app, verb, path, {"inputs": INPUTS} if verb == "POST" else None) == 200
                times.append((time.perf_counter() - started) * 1000)
                # The audit trail keeps its head at start, beside the requests.
                trips[sum("_audit" not in request for request in proxy.requests)] += 1
        found[what] = {
            "round trips": {str(number): times_seen for number, times_seen in sorted(trips.items())},
            "ms p50": round(statistics.median(times), 1),
            "ms worst": round(max(times), 1),
        }
    return found


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=50)
    parser.add_argument("--wait", type=float, default=0.0, help="milliseconds that each request is on its way")
    options = parser.parse_args()
    with (
        servers.scratch() as folder,
        EmbeddedPostgres(folder / "postgres") as postgres,
        start_azurite(folder / "azurite.log") as azurite,
        TcpProxy(azurite.port, seconds=options.wait / 1000) as proxy,
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
    ):
        migrate(postgres.url(), app_url=postgres.url(user=APP_ROLE))
        unlimited = {f"rate_limit_{name}": "unlimited" for name in ("read", "render", "write")}
        given = {"database_url": postgres.url(user=APP_ROLE), **azurite.settings(port=proxy.port), **unlimited}
        settings = Settings(_env_file=None, **given)
        uvloop.run(seed(settings, options.prompts))
        proxy.become("slow" if options.wait else "pass")
        found = uvloop.run(measure(settings, proxy, options.prompts))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
