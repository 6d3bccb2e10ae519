"""Recording runs, and their numbers: `python -m bench.executions [--rows 10000000]`.

First, in one run and in turns: batches of 100 runs over HTTP into `dakora dev`, and the same rows by PostgreSQL's COPY,
100 to a transaction, into a table with the same partitions and indexes of the same PostgreSQL; both over four
connections. Then so many rows are put into three months, and a month's numbers and the newest 50 are asked for, cold
(each question is another), and batches recorded once more.
"""

import argparse
import asyncio
import http.client
import json
import random
import statistics
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg

from bench import servers
from bench.workload import seed_tenant
from dakora_client._execution_operations import new_id
from dakora_server.core.storage.database import driver_url
from dakora_server.core.storage.embedded import EmbeddedPostgres
from dakora_server.core.storage.migrations import migrate
from dakora_server.core.storage.schema import APP_ROLE
from dakora_server.core.tenancy.provisioning import DEFAULT_PROJECT_ID

EXECUTIONS = "/api/projects/default/executions"
STATS = "/api/projects/default/stats"
BATCH, CONNECTIONS, BATCHES = 100, 4, 200
_COLUMNS = (
    "project_id, id, kept_until, started_at, source, prompt_id, version, version_number, label, provider, model, status,"
    " input_tokens, output_tokens, cost_usd, latency_ms, user_ref, inputs, output, metadata"
)
_MODELS = ("gpt-4o-mini", "gpt-4o", "claude-3-5-haiku-latest")
_FOREVER = timedelta(days=36_525)


def run(chance: random.Random) -> dict[str, Any]:
    """A run as a program tells of it, with a hundred words of text."""
    words = [f"word{chance.randrange(5000)}" for _ in range(100)]
    return {
        "id": new_id(),
        "started_at": (datetime.now(UTC) - timedelta(seconds=chance.randrange(3600))).isoformat(),
        "prompt_id": f"prompt-{chance.randrange(20)}",
        "version": f"1.0.{(number := chance.choice((1, 2))) - 1}",
        "version_number": number,
        "label": "production",
        "provider": "openai",
        "model": chance.choice(_MODELS),
        "status": "ok" if chance.random() < 0.97 else "error",
        "input_tokens": chance.randrange(2000),
        "output_tokens": chance.randrange(500),
        "latency_ms": round(chance.lognormvariate(6.5, 0.6), 1),
        "user": f"user-{chance.randrange(1000)}",
        "inputs": {"question": " ".join(words[:50])},
        "output": " ".join(words[50:]),
        "metadata": {"region": "eu"},
    }


def batches(number: int, seed: int) -> list[list[dict[str, Any]]]:
    """Batches of runs that nobody has recorded yet."""
    chance = random.Random(seed)
    return [[run(chance) for _ in range(BATCH)] for _ in range(number)]


def in_turn(work: list[Any], one: Callable[[Any], Callable[[], None]]) -> float:
    """Seconds until each piece of work is done, by `CONNECTIONS` threads; `one` opens a thread's own way."""
    shares = [work[first::CONNECTIONS] for first in range(CONNECTIONS)]
    threads = [threading.Thread(target=one(share)) for share in shares]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def over_http(port: int) -> Callable[[list[bytes]], Callable[[], None]]:
    """Bodies sent one after the other on a connection of one's own."""

    def opened(share: list[bytes]) -> Callable[[], None]:
        connection = http.client.HTTPConnection("127.0.0.1", port)

        def send() -> None:
            for body in share:
                headers = {"host": "localhost", "content-type": "application/json"}
                connection.request("POST", EXECUTIONS, body, headers)
                answer = connection.getresponse()
                told = json.loads(answer.read())
                if "recorded" not in told:
                    raise RuntimeError(told)
                assert told["recorded"] == BATCH, told
            connection.close()

        return send

    return opened


def by_copy(url: str, table: str) -> Callable[[list[list[tuple[Any, ...]]]], Callable[[], None]]:
    """Batches of rows by COPY, each a transaction."""

    def opened(share: list[list[tuple[Any, ...]]]) -> Callable[[], None]:
        connection = psycopg.connect(url)

        def copy() -> None:
            for rows in share:
                with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({_COLUMNS}) FROM STDIN") as copying:
                    for row in rows:
                        copying.write_row(row)
                connection.commit()
            connection.close()

        return copy

    return opened


def row_of(one: dict[str, Any]) -> tuple[Any, ...]:
    """A run as its row."""
    started = datetime.fromisoformat(one["started_at"])
    texts = (orjson.dumps(one["inputs"]).decode(), one["output"], orjson.dumps(one["metadata"]).decode())
    names = (
        "prompt_id",
        "version",
        "version_number",
        "label",
        "provider",
        "model",
        "status",
        "input_tokens",
        "output_tokens",
    )
    known = tuple(one[name] for name in names)
    cost = one["input_tokens"] * 15e-8
    return (
        DEFAULT_PROJECT_ID,
        one["id"],
        started + _FOREVER,
        started,
        "client",
        *known,
        cost,
        one["latency_ms"],
        one["user"],
        *texts,
    )


def against_copy(port: int, url: str, *, rounds: int, seed: int) -> dict[str, float]:
    """Rows a second of both, and ours over COPY's: medians."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS peer (LIKE executions INCLUDING ALL) PARTITION BY RANGE (kept_until)"
        )
        connection.execute("CREATE TABLE IF NOT EXISTS peer_all PARTITION OF peer DEFAULT")
    told: list[tuple[float, float]] = []
    for number in range(rounds):
        fresh = batches(BATCHES, seed + number)
        rows = [[row_of(one) for one in batch] for batch in fresh]
        bodies = [orjson.dumps(batch) for batch in fresh]
        theirs = BATCH * BATCHES / in_turn(rows, by_copy(url, "peer"))
        mine = BATCH * BATCHES / in_turn(bodies, over_http(port))
        told.append((mine, theirs))
    return {
        "ours": round(statistics.median(mine for mine, _ in told)),
        "COPY": round(statistics.median(theirs for _, theirs in told)),
        "ratio": round(statistics.median(mine / theirs for mine, theirs in told), 2),
    }


def fill(url: str, rows: int) -> None:
    """So many rows over three months, and their numbers by day."""
    at = "now() - (n % 129600) * interval '1 minute'"
    values = (
        f"SELECT '{DEFAULT_PROJECT_ID}'::uuid, uuidv7({at} - now()), {at} + interval '36525 days', {at}, 'client',"
        " 'prompt-' || n % 100, '1.0.' || n % 2, 1 + n % 2, CASE WHEN n % 3 = 0 THEN 'production' ELSE 'staging' END, 'openai',"
        " (ARRAY['gpt-4o-mini', 'gpt-4o', 'claude-3-5-haiku-latest'])[1 + n % 3],"
        " CASE WHEN n % 97 = 0 THEN 'error' ELSE 'ok' END, n % 2000, n % 500, (n % 2000) * 0.00000015,"
        " 50 + (n::bigint * 7919) % 20000, 'user-' || n % 1000, '{\"q\": \"why\"}', 'because', NULL"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        for month in range(5):
            connection.execute(
                "SELECT dakora_execution_month(now() + interval '36525 days' - %s * interval '1 month')", (month,)
            )
        # Indexes afterwards: it is the rows that are wanted, not how they came.
        made = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'executions'"
            " AND indexname LIKE 'ix_%'"
        ).fetchall()
        for name, _ in made:
            connection.execute(f"DROP INDEX {name}")
        for first in range(0, rows, 500_000):
            last = min(rows, first + 500_000) - 1
            connection.execute(f"INSERT INTO executions ({_COLUMNS}) {values} FROM generate_series({first}, {last}) n")
        for _, definition in made:
            connection.execute(definition.replace(" ON ONLY ", " ON "))
        counts = ", ".join(f"count(*) FILTER (WHERE bucket = {number})" for number in range(64))
        columns = ", ".join(f"l{number:02}" for number in range(64))
        connection.execute(
            "INSERT INTO stats_daily (project_id, day, prompt_id, version_number, label, provider, model, status, runs,"  # noqa: S608 - our own names
            f" input_tokens, output_tokens, cached_input_tokens, cost_usd, unpriced, {columns})"
            " SELECT project_id, (started_at AT TIME ZONE 'UTC')::date, prompt_id, version_number, label, provider, model,"
            f" status, count(*), sum(input_tokens), sum(output_tokens), 0, coalesce(sum(cost_usd), 0), 0, {counts} FROM"
            " (SELECT *, greatest(0, least(63, ceil(ln(latency_ms / 10) / ln(60000) * 62)))::int AS bucket FROM executions)"
            " e GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
            " ON CONFLICT (project_id, day, prompt_id, version_number, label, provider, model, status) DO NOTHING"
        )
        connection.execute("VACUUM ANALYZE")


def milliseconds(port: int, path: str, queries: list[str]) -> dict[str, float]:
    """Each question once, one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    for query in queries:
        started = time.perf_counter()
        connection.request("GET", f"{path}?{query}", headers={"host": "localhost"})
        answer = connection.getresponse()
        body = answer.read()
        times.append((time.perf_counter() - started) * 1000)
        assert answer.status == 200, body
    connection.close()
    times.sort()
    return {"p50": round(times[len(times) // 2], 1), "p99": round(times[int(len(times) * 0.99)], 1)}


def questions(turns: int) -> dict[str, tuple[str, list[str]]]:
    """What is asked: a month's numbers in four ways, and the newest 50."""
    today = datetime.now(UTC).date()
    months = [
        f"since={today - timedelta(days=30 + turn)}&until={today - timedelta(days=turn)}" for turn in range(turns)
    ]
    return {
        "a month by day": (STATS, [f"group_by=day&{month}" for month in months]),
        "a month by prompt and version": (STATS, [f"group_by=prompt,version&{month}" for month in months]),
        "a month by model and status": (STATS, [f"group_by=model,status&{month}" for month in months]),
        "a month of one prompt by day": (STATS, [f"prompt=prompt-{turn}&{months[turn]}" for turn in range(turns)]),
        "newest 50": (EXECUTIONS, [f"limit=50&until={datetime.now(UTC):%Y-%m-%dT%H:%M:%S}Z" for _ in range(turns)]),
        "newest 50 of a prompt": (EXECUTIONS, [f"limit=50&prompt=prompt-{turn}" for turn in range(turns)]),
        "newest 50 that failed": (
            EXECUTIONS,
            [f"limit=50&status=error&model={_MODELS[turn % 3]}" for turn in range(turns)],
        ),
    }


def measure(*, rows: int, rounds: int) -> dict[str, Any]:
    """The whole run."""
    found: dict[str, Any] = {"rows": rows}
    with servers.scratch() as folder:
        with EmbeddedPostgres(folder / "postgres") as postgres:
            migrate(postgres.url(), app_url=postgres.url(user=APP_ROLE))
            asyncio.run(seed_tenant(postgres.url()))
            url = driver_url(postgres.url())
        with servers.ours(folder) as running:
            against_copy(running.port, url, rounds=1, seed=1)
            found["empty"] = against_copy(running.port, url, rounds=rounds, seed=100)
            print(f"  empty {found['empty']}", flush=True)
            if rows:
                started = time.perf_counter()
                fill(url, rows)
                found["filled in s"] = round(time.perf_counter() - started)
                found["ms"] = {
                    name: milliseconds(running.port, path, asked) for name, (path, asked) in questions(60).items()
                }
                print(f"  ms {found['ms']}", flush=True)
                found["full"] = against_copy(running.port, url, rounds=rounds, seed=200)
                print(f"  full {found['full']}", flush=True)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.executions", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows stored; 0 measures recording only")
    parser.add_argument("--rounds", type=int, default=3)
    print(json.dumps(measure(**vars(parser.parse_args())), indent=1))


if __name__ == "__main__":
    main()
