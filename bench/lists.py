"""What lists and searches cost over 100,000 prompts of one project: `python -m bench.lists`.

Lists are compared with the bare app's GET; they are answered from memory, as nothing changes meanwhile. Searches and
filters are asked for once each, so that each is answered by PostgreSQL; their milliseconds are told as they are.
"""

import argparse
import asyncio
import http.client
import itertools
import json
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from bench import servers
from bench.seed import DECLARED
from bench.workload import PROMPTS, seed_tenant
from dakora_server.core.prompts.finding import as_array, numbers_of
from dakora_server.core.prompts.records import encode_cursor
from dakora_server.core.storage.database import driver_url
from dakora_server.core.storage.embedded import EmbeddedPostgres
from dakora_server.core.storage.migrations import migrate
from dakora_server.core.storage.schema import APP_ROLE
from dakora_server.core.tenancy.provisioning import DEFAULT_PROJECT_ID, LOCAL_USER

CONNECTIONS = (1, 16, 64)
# Words that are searched before anything is measured, and not again.
_WARMING = 300
_NO_DOCUMENT = "0" * 64
_SYLLABLES = [a + b for a in "bcdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "en", "ar", "ing")]


def vocabulary(count: int = 5000) -> list[str]:
    """Words that can be told apart, some of them parts of others, as words are."""
    chance = random.Random(3)
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4)))] = None
    return list(found)


class Shelf:
    """What is stored: descriptions of 5 to 14 words, a few of which are frequent and most of which are not."""

    def __init__(self, count: int) -> None:
        self.words = vocabulary()
        chance = random.Random(5)
        frequency = list(itertools.accumulate(1 / (rank + 5) for rank in range(len(self.words))))
        self.rows = [
            (
                f"{self.words[number % 997]}-{number:06}",
                f"team{number % 40}/{self.words[number % 7]}",
                " ".join(chance.choices(self.words, cum_weights=frequency, k=chance.randint(5, 14))).capitalize(),
                ["seed", f"tag{number % 500}"],
            )
            for number in range(count)
        ]

    def questions(self) -> dict[str, list[str]]:
        """Queries by what they ask, all different."""
        chance = random.Random(7)
        pairs = [a + b for a in "abcdefghijklmnopqrstuvwxyz" for b in "abcdefghijklmnopqrstuvwxyz"]
        return {
            "search, a word": [f"search={word}" for word in chance.sample(self.words[:-_WARMING], 200)],
            "search, a frequent word": [f"search={word}" for word in self.words[:50]],
            "search, one or two letters": [f"search={pair}" for pair in chance.sample(pairs, 100)],
            "search, part of an id": [f"search={chance.randrange(1000, 99999)}" for _ in range(100)],
            "a tag of 200 prompts": [f"tag=tag{number}" for number in range(100)],
            "a folder of 2,500 prompts": [f"folder=team{number}" for number in range(40)],
            "a page from the middle": [f"cursor={encode_cursor(chance.choice(self.rows)[0])}" for _ in range(100)],
        }

    def fill(self, url: str) -> None:
        """Rows by COPY; nobody asks for the documents."""
        project, user, inputs = DEFAULT_PROJECT_ID, LOCAL_USER.user_id, psycopg.types.json.Jsonb(DECLARED)
        with psycopg.connect(driver_url(url)) as connection, connection.cursor() as cursor:
            with cursor.copy(
                "COPY prompts (project_id, prompt_id, id_key, folder, head_number, revision, created_by) FROM STDIN"
            ) as copy:
                for name, folder, _, _ in self.rows:
                    copy.write_row((project, name, name, folder, 1, 1, user))
            with cursor.copy(
                "COPY versions (project_id, prompt_id, number, semver, content_hash, description, tags, inputs,"
                " portable, created_by) FROM STDIN"
            ) as copy:
                for name, _, description, tags in self.rows:
                    copy.write_row((project, name, 1, "1.0.0", _NO_DOCUMENT, description, tags, inputs, True, user))
            with cursor.copy("COPY prompt_search (project_id, id_key, words, folder, tags) FROM STDIN") as copy:
                for name, folder, description, tags in self.rows:
                    copy.write_row((project, name, description.lower(), folder, tags))
            with cursor.copy("COPY prompt_numbers (project_id, id_key, words, numbers) FROM STDIN") as copy:
                for name, folder, description, tags in self.rows:
                    numbers = numbers_of(project, name, description.lower(), tags=tags, folder=folder)
                    copy.write_row((project, name, description.lower(), as_array(numbers)))
            connection.commit()
            connection.autocommit = True
            cursor.execute("VACUUM ANALYZE")


@contextmanager
def seeded(shelf: Shelf) -> Iterator[int]:
    """A server over such a store: its port."""
    with servers.scratch() as folder:
        with EmbeddedPostgres(folder / "postgres", settings={"fsync": "off"}) as postgres:
            migrate(postgres.url(), app_url=postgres.url(user=APP_ROLE))
            asyncio.run(seed_tenant(postgres.url()))
            shelf.fill(postgres.url())
        with servers.ours(folder) as running:
            yield running.port


def milliseconds(port: int, queries: list[str]) -> dict[str, float]:
    """Each question once, one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    for query in queries:
        started = time.perf_counter()
        connection.request("GET", f"{PROMPTS}?{query}", headers={"host": "localhost"})
        answer = connection.getresponse()
        body = answer.read()
        times.append((time.perf_counter() - started) * 1000)
        assert answer.status == 200, body
    connection.close()
    times.sort()
    return {"p50": round(times[len(times) // 2], 1), "p99": round(times[int(len(times) * 0.99)], 1)}


def against_bare(port: int, bare: int, *, rounds: int, seconds: float) -> dict[int, dict[str, float]]:
    """Lists of 50 over the bare GET, requests a second: medians of rounds that alternate."""
    ours, theirs = [servers.get(f"{PROMPTS}?limit=50")], [servers.get("/static")]
    servers.load(port, ours, connections=4, seconds=1)
    found = {}
    for connections in CONNECTIONS:
        told = []
        for _ in range(rounds):
            other = servers.load(bare, theirs, connections=connections, seconds=seconds)
            own = servers.load(port, ours, connections=connections, seconds=seconds)
            assert set(own["statuses"]) == {"200"}, own["statuses"]
            told.append({"ratio": own["rps"] / other["rps"], "rps": own["rps"], "theirs": other["rps"]})
        found[connections] = {name: round(statistics.median(one[name] for one in told), 2) for name in told[0]}
    return found


def measure(*, prompts: int, rounds: int, seconds: float) -> dict[str, Any]:
    """The whole run."""
    shelf = Shelf(prompts)
    with seeded(shelf) as port, servers.bare() as bare:
        # As after some minutes of use: PostgreSQL has the tables in its own memory.
        milliseconds(port, [f"search={word}" for word in shelf.words[-_WARMING:]])
        cold = {name: milliseconds(port, queries) for name, queries in shelf.questions().items()}
        print(f"  lists, cold {cold}", flush=True)
        lists = against_bare(port, bare.port, rounds=rounds, seconds=seconds)
    print(f"  lists {lists}", flush=True)
    return {"prompts": prompts, "list of 50 / bare GET": lists, "cold, ms": cold}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.lists", description=__doc__)
    parser.add_argument("--prompts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    print(json.dumps(measure(**vars(parser.parse_args())), indent=1))


if __name__ == "__main__":
    main()
