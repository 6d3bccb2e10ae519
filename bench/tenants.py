"""What login costs, and what many tenants cost: `python -m bench.tenants`.

Three servers on data of their own: without login, with an API key on every request (one tenant), and with keys over
10,000 tenants with a million prompts. Each is measured against the same bare app, or against the first, in one run.
"""

import argparse
import hashlib
import http.client
import json
import math
import random
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench import servers
from bench.seed import DECLARED, TEMPLATE
from bench.workload import INPUTS, POOLED
from dakora_server.core.api_keys.secret import new_key
from dakora_server.core.api_keys.service import PURPOSE
from dakora_server.core.crypto import Secret
from dakora_server.core.storage.database import driver_url
from dakora_server.core.storage.embedded import EmbeddedPostgres
from dakora_server.core.storage.migrations import migrate
from dakora_server.core.storage.schema import APP_ROLE
from dakora_server.core.templates.model import parse_spec
from dakora_server.core.templates.serialization import Document
from dakora_server.core.tenancy.provisioning import DEFAULT_PROJECT_ID, LOCAL_USER

SECRET_KEY = "bench-secret-0123456789-abcdefghijklmnop"  # noqa: S105 - of servers that live for a minute
KEYS_MODE = {"AUTH_MODE": "keys", "SECRET_KEY": SECRET_KEY}
# Counted like any, and never reached: what is measured is a request that is let through.
NO_LIMIT = {f"RATE_LIMIT_{name}": "100000000/second" for name in ("READ", "RENDER", "WRITE")}
ASKED_FOR = 1000
COLD_KEYS = 400
_HASH_OF_NOTHING = "0" * 64


@dataclass
class Tenant:
    """One tenant of the seeded store: its project, its keys, and the prompts that have documents."""

    project: uuid.UUID
    keys: list[str]
    prompts: list[str]


def seed(url: str, registry: Path, *, tenants: int, prompts: int, asked: int) -> list[Tenant]:
    """Fill a store: `prompts` of about 600 bytes for each tenant. The first tenants share `asked` that can be read."""
    secret = Secret(SECRET_KEY)
    pattern = Document.of(parse_spec({"id": "PLACE", "template": TEMPLATE, "inputs": DECLARED})).text
    made = [Tenant(uuid.uuid4(), [], []) for _ in range(tenants)]
    spread = max(1, min(tenants, asked // 10))
    inputs = psycopg.types.json.Jsonb(DECLARED)
    with psycopg.connect(driver_url(url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (id, name) VALUES (%s, 'Bench') ON CONFLICT DO NOTHING", (LOCAL_USER.user_id,)
        )
        workspaces = {tenant.project: uuid.uuid4() for tenant in made}
        with cursor.copy("COPY workspaces (id, slug, name) FROM STDIN") as copy:
            for workspace in workspaces.values():
                copy.write_row((workspace, f"w-{workspace}", "Tenant"))
        with cursor.copy("COPY projects (id, workspace_id, slug, name) FROM STDIN") as copy:
            for tenant in made:
                copy.write_row((tenant.project, workspaces[tenant.project], "p", "Project"))
        with cursor.copy(
            "COPY api_keys (project_id, id, workspace_id, name, mac, hint, scopes, created_by) FROM STDIN"
        ) as copy:
            for number, tenant in enumerate(made):
                tenant.keys = [new_key(tenant.project) for _ in range(COLD_KEYS if number == 0 else 1)]
                for key in tenant.keys:
                    mac = secret.mac(PURPOSE, key.encode())
                    row = (tenant.project, uuid.uuid4(), workspaces[tenant.project], "bench", mac, key[-4:])
                    copy.write_row((*row, ["read", "render", "write"], LOCAL_USER.user_id))
        with cursor.copy(
            "COPY prompts (project_id, prompt_id, id_key, folder, head_number, revision, created_by) FROM STDIN"
        ) as copy:
            for tenant in made:
                for number in range(prompts):
                    name = f"seed-{number:06}"
                    copy.write_row((tenant.project, name, name, "seed", 1, 1, LOCAL_USER.user_id))
        with cursor.copy(
            "COPY versions (project_id, prompt_id, number, semver, content_hash, description, tags, inputs, portable,"
            " created_by) FROM STDIN"
        ) as copy:
            for place, tenant in enumerate(made):
                readable = asked // spread if place < spread else 0
                if readable:
                    (registry / str(tenant.project)).mkdir(parents=True, exist_ok=True)
                for number in range(prompts):
                    name, digest = f"seed-{number:06}", _HASH_OF_NOTHING
                    if number < readable:
                        text = pattern.replace("PLACE", name).encode()
                        digest = hashlib.sha256(text).hexdigest()
                        (registry / str(tenant.project) / f"{digest}.yaml").write_bytes(text)
                        tenant.prompts.append(name)
                    row = (tenant.project, name, 1, "1.0.0", digest, "", ["seed"], inputs, True, LOCAL_USER.user_id)
                    copy.write_row(row)
        connection.commit()
        connection.autocommit = True
        cursor.execute("ANALYZE")
    return made


@contextmanager
def seeded(*, tenants: int, prompts: int, asked: int, **settings: str) -> Iterator[tuple[int, list[Tenant]]]:
    """A server over such a store: its port, and the tenants."""
    with servers.scratch() as folder:
        with EmbeddedPostgres(folder / "postgres", settings={"fsync": "off"}) as postgres:
            migrate(postgres.url(), app_url=postgres.url(user=APP_ROLE))
            made = seed(postgres.url(), folder / "registry", tenants=tenants, prompts=prompts, asked=asked)
        with servers.ours(folder, "/api/health", **KEYS_MODE, **{**NO_LIMIT, **settings}) as running:
            yield running.port, made


def requests(tenants: list[Tenant], kind: str) -> list[bytes]:
    """The requests of one kind, over every tenant that has readable prompts, each with its tenant's key."""
    found = []
    for tenant in tenants:
        headers = {"x-api-key": tenant.keys[0]}
        for name in tenant.prompts:
            path = f"/api/projects/{tenant.project}/prompts/{name}"
            if kind == "GET a prompt":
                found.append(servers.get(path, headers))
            elif kind == "render, plain template":
                found.append(servers.post(f"{path}/render", {"inputs": INPUTS}, headers))
    return found


def exchange(connection: http.client.HTTPConnection, method: str, path: str, key: str, body: Any = None) -> Any:
    """One answer: status, headers, body."""
    raw = None if body is None else json.dumps(body)
    credentials = {"x-api-key": key} if key else {}
    connection.request(method, path, raw, {**credentials, "content-type": "application/json", "host": "localhost"})
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def against(ours: int, theirs: int, mine: list[bytes], peers: list[bytes], *, rounds: int, seconds: float) -> Any:
    """Requests a second, ours over theirs, at 1, 16 and 64 connections: medians of rounds that alternate."""
    servers.load(ours, mine, connections=4, seconds=min(8.0, 1 + len(mine) / 200))
    servers.load(theirs, peers, connections=4, seconds=min(8.0, 1 + len(peers) / 200))
    found = {}
    for connections in (1, 16, 64):
        ratios = []
        for _ in range(rounds):
            other = servers.load(theirs, peers, connections=connections, seconds=seconds)
            own = servers.load(ours, mine, connections=connections, seconds=seconds)
            assert set(own["statuses"]) <= {"200", "304"}, own["statuses"]
            assert set(other["statuses"]) <= {"200", "304"}, other["statuses"]
            ratios.append(own["rps"] / other["rps"])
        found[connections] = round(statistics.median(ratios), 2)
    return found


def cold_checks(port: int, tenant: Tenant) -> dict[str, float]:
    """Milliseconds that the first request of a key takes longer than its second, over PostgreSQL on loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    path = f"/api/projects/{tenant.project}/prompts/{tenant.prompts[0]}"
    exchange(connection, "GET", path, tenant.keys[0])
    first, second = [], []
    for key in tenant.keys[1:]:
        for times in (first, second):
            started = time.perf_counter()
            status, _, _ = exchange(connection, "GET", path, key)
            times.append((time.perf_counter() - started) * 1000)
            assert status == 200, status
    connection.close()
    extra = sorted(a - b for a, b in zip(first, second, strict=True))
    return {"median": round(statistics.median(extra), 2), "p99": round(extra[int(len(extra) * 0.99)], 2)}


def flood(port: int, quiet: Tenant, loud: Tenant, *, limit: int, rounds: int, seconds: float) -> dict[str, float]:
    """p99 of one tenant's renders beside another at 20 times its limit, over the same in quiet."""
    path = f"/api/projects/{quiet.project}/prompts/{quiet.prompts[0]}/render"
    own = [servers.post(path, {"inputs": INPUTS}, {"x-api-key": quiet.keys[0]})]
    path = f"/api/projects/{loud.project}/prompts/{loud.prompts[0]}/render"
    noise = [servers.post(path, {"inputs": INPUTS}, {"x-api-key": loud.keys[0]})]
    ratios, sent, let_through = [], [], []
    with ExitStack() as after:
        file = Path(after.enter_context(_scratch_file(noise)))
        for _ in range(rounds):
            alone = servers.open_loop(port, own, rate=25, seconds=seconds)
            attack = servers.start_open_loop(port, file, rate=limit * 20, seconds=seconds + 1)
            time.sleep(0.5)
            beside = servers.open_loop(port, own, rate=25, seconds=seconds)
            told = json.loads(attack.communicate()[0])
            assert set(alone["statuses"]) | set(beside["statuses"]) == {"200"}
            ratios.append(beside["p99"] / alone["p99"])
            sent.append(sum(told["statuses"].values()) / (seconds + 1) / limit)
            let_through.append(told["statuses"].get("200", 0) / (seconds + 1) / limit)
    return {
        "p99 ratio": round(statistics.median(ratios), 2),
        "times its limit": round(statistics.median(sent), 1),
        "let through, of its limit": round(statistics.median(let_through), 2),
    }


def absent_or_foreign(port: int, tenant: Tenant, other: Tenant, *, pairs: int = 2500) -> dict[str, float]:
    """Whether the time of an answer tells a project that is somebody else's from one that does not exist.

    Medians in microseconds, and the p of a rank-sum test (Mann-Whitney, normal approximation): a small p tells.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times: dict[str, list[float]] = {"foreign": [], "absent": []}
    # Both asked for again and again: what a server remembers of a spelling is the same for both.
    projects = {"foreign": other.project, "absent": uuid.uuid4()}
    chance = random.Random(11)
    for _ in range(pairs):
        for kind in chance.sample(["foreign", "absent"], 2):
            times[kind].append(_time(connection, projects[kind], tenant.keys[0]))
    connection.close()
    ranked = sorted((value, kind) for kind, values in times.items() for value in values)
    rank_sum = sum(rank for rank, (_, kind) in enumerate(ranked, 1) if kind == "foreign")
    mean = pairs * (2 * pairs + 1) / 2
    deviation = math.sqrt(pairs * pairs * (2 * pairs + 1) / 12)
    z = abs(rank_sum - mean) / deviation
    medians = {f"{kind} µs": round(statistics.median(values)) for kind, values in times.items()}
    return {**medians, "p": round(math.erfc(z / math.sqrt(2)), 3)}


def _time(connection: http.client.HTTPConnection, project: uuid.UUID, key: str) -> float:
    started = time.perf_counter()
    status, _, _ = exchange(connection, "GET", f"/api/projects/{project}/prompts/seed-000000", key)
    assert status == 404, status
    return (time.perf_counter() - started) * 1e6


@contextmanager
def _scratch_file(wanted: list[bytes]) -> Iterator[str]:
    with servers.scratch() as folder:
        file = folder / "requests.json"
        file.write_text(json.dumps([request.decode("latin-1") for request in wanted]), encoding="utf-8")
        yield str(file)


def save_pooled(port: int, tenant: Tenant) -> bytes:
    """A render that goes through the pool."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    inputs = {name: {"type": "string"} for name in INPUTS}
    path = f"/api/projects/{tenant.project}/prompts"
    body = {"id": "pooled", "template": POOLED, "inputs": inputs}
    assert exchange(connection, "POST", path, tenant.keys[0], body)[0] == 201
    connection.close()
    return servers.post(f"{path}/pooled/render", {"inputs": INPUTS}, {"x-api-key": tenant.keys[0]})


def measure(*, tenants: int, prompts: int, rounds: int, seconds: float) -> dict[str, Any]:
    """The whole run."""
    found: dict[str, Any] = {"tenants": tenants, "prompts": tenants * prompts}
    how = {"rounds": rounds, "seconds": seconds}
    with servers.bare() as bare, seeded(tenants=1, prompts=ASKED_FOR, asked=ASKED_FOR) as (port, one):
        gets, renders = requests(one, "GET a prompt"), requests(one, "render, plain template")
        static, echo = [servers.get("/static")], [servers.post("/echo", {"inputs": INPUTS})]
        connection = http.client.HTTPConnection("127.0.0.1", port)
        tagged = []
        for name in one[0].prompts:
            path = f"/api/projects/{one[0].project}/prompts/{name}"
            etag = exchange(connection, "GET", path, one[0].keys[0])[1]["etag"]
            tagged.append(servers.get(path, {"x-api-key": one[0].keys[0], "if-none-match": etag}))
        found["with a key"] = {
            "GET a prompt / bare GET": against(port, bare.port, gets, static, **how),
            "GET, answered 304 / bare GET": against(port, bare.port, tagged, static, **how),
            "render, plain template / bare POST": against(port, bare.port, renders, echo, **how),
            "render, through the pool / bare POST": against(port, bare.port, [save_pooled(port, one[0])], echo, **how),
        }
        print(f"  with a key {found['with a key']}", flush=True)
        found["cold key check, ms"] = cold_checks(port, one[0])
        print(f"  cold {found['cold key check, ms']}", flush=True)
        found["key against none"] = key_cost(**how)
        print(f"  cost {found['key against none']}", flush=True)
    limit = 50
    limits = {"RATE_LIMIT_RENDER": f"{limit}/second"}
    with seeded(tenants=2, prompts=10, asked=20, **limits) as (port, two):
        found["absent or foreign"] = absent_or_foreign(port, two[0], two[1])
        print(f"  absent or foreign {found['absent or foreign']}", flush=True)
        found["flood"] = flood(port, two[0], two[1], limit=limit, **how)
    print(f"  flood {found['flood']}", flush=True)
    with (
        seeded(tenants=1, prompts=100, asked=100) as (small, few),
        # As many prompts are asked for as of the small one: what is compared is how much lies behind them.
        seeded(tenants=tenants, prompts=prompts, asked=100) as (large, many),
    ):
        found["large against small"] = {
            kind: against(large, small, requests(many, kind), requests(few, kind), **how)
            for kind in ("GET a prompt", "render, plain template")
        }
        found["cold key check in the large store, ms"] = cold_checks(large, many[0])
    print(f"  large {found['large against small']}", flush=True)
    return found


def key_cost(*, rounds: int, seconds: float) -> dict[str, Any]:
    """Requests with an API key over the same requests without, on one server: as it is checked, then counted too."""
    found: dict[str, Any] = {}
    for name, limit in (("checked", "unlimited"), ("checked and counted", "100000000/second")):
        limits = {f"RATE_LIMIT_{kind}": limit for kind in ("READ", "RENDER", "WRITE")}
        with servers.scratch() as folder, servers.ours(folder, **limits) as running:
            project, key = _with_key(running.port)
            for kind in ("GET a prompt", "render, plain template"):
                found[f"{kind}, key {name}"] = against(
                    running.port,
                    running.port,
                    requests([Tenant(project, [key], PROMPTS_ASKED)], kind),
                    [_without_key(project, one, kind) for one in PROMPTS_ASKED],
                    rounds=rounds,
                    seconds=seconds,
                )
    return found


PROMPTS_ASKED = [f"p-{number}" for number in range(100)]


def _with_key(port: int) -> tuple[uuid.UUID, str]:
    """The default project filled, and a key of it."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for name in PROMPTS_ASKED:
        body = {"id": name, "template": TEMPLATE, "inputs": DECLARED}
        assert exchange(connection, "POST", "/api/projects/default/prompts", "", body)[0] == 201
    status, _, raw = exchange(connection, "POST", "/api/projects/default/api-keys", "", {"name": "bench"})
    assert status == 201, raw
    connection.close()
    return DEFAULT_PROJECT_ID, json.loads(raw)["key"]


def _without_key(project: uuid.UUID, name: str, kind: str) -> bytes:
    path = f"/api/projects/{project}/prompts/{name}"
    return servers.get(path) if kind == "GET a prompt" else servers.post(f"{path}/render", {"inputs": INPUTS})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.tenants", description=__doc__)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--prompts", type=int, default=100, help="prompts of each tenant")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    print(json.dumps(measure(**vars(parser.parse_args())), indent=1))


if __name__ == "__main__":
    main()
