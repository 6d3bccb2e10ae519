"""The benchmark: a bare FastAPI app and Dakora side by side, in one run on one machine. `make bench`.

Each figure is the median of several rounds; in each round both sides are measured one after the other, and what is
reported is their ratio. `python -m bench --quick` takes a minute, without the large store.
"""

import argparse
import json
import random
import statistics
import timeit
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from bench import client_overhead, lists, neighbours, servers, tenants
from bench.report import write_report
from bench.seed import TEMPLATE
from bench.workload import INPUTS, POOLED, PROMPTS, WORKING_SET, call, seeded

CONNECTIONS = (1, 16, 64)


@dataclass
class Comparison:
    """One thing measured on both sides."""

    name: str
    peer: str
    target: float | None
    ours: list[bytes]
    theirs: list[bytes]
    rounds: dict[int, list[tuple[dict[str, float], dict[str, float]]]] = field(default_factory=dict)


def warm(port: int, requests: list[bytes]) -> None:
    """Every request once, so that both sides are measured warm."""
    servers.load(port, requests, connections=4, seconds=min(6.0, 0.5 + len(requests) / 250))


def working_set(count: int) -> list[str]:
    """The prompts that are asked for: up to a thousand, spread over the whole store."""
    chosen = random.Random(7).sample(range(count), min(WORKING_SET, count))
    return [f"seed-{number:06}" for number in chosen]


def etags(port: int, ids: list[str]) -> dict[str, str]:
    """The ETag of each prompt."""
    return {prompt_id: call(port, "GET", f"{PROMPTS}/{prompt_id}")[1]["etag"] for prompt_id in ids}


def comparisons(port: int, count: int) -> list[Comparison]:
    """What is compared, with the ratio to reach."""
    ids = working_set(count)
    tags = etags(port, ids)
    echo = [servers.post("/echo", {"inputs": INPUTS})]
    render = [servers.post(f"{PROMPTS}/{prompt_id}/render", {"inputs": INPUTS}) for prompt_id in ids]
    static = [servers.get("/static")]
    return [
        Comparison("GET a prompt", "bare GET", 0.7, [servers.get(f"{PROMPTS}/{one}") for one in ids], static),
        Comparison(
            "GET, answered 304",
            "bare GET",
            0.9,
            [servers.get(f"{PROMPTS}/{one}", {"if-none-match": tags[one]}) for one in ids],
            static,
        ),
        Comparison("render, plain template", "bare POST", 0.6, render, echo),
        Comparison(
            "render, through the pool",
            "bare POST",
            0.35,
            [servers.post(f"{PROMPTS}/pooled/render", {"inputs": INPUTS})],
            echo,
        ),
        Comparison(
            "GET a prompt",
            "bare GET of bytes",
            None,
            [servers.get(f"{PROMPTS}/{one}") for one in ids],
            [servers.get("/bytes")],
        ),
    ]


def compare(ours: int, bare: int, wanted: list[Comparison], *, rounds: int, seconds: float) -> None:
    """Measure every comparison, alternating sides so that the machine's moods hit both."""
    for one in wanted:
        warm(ours, one.ours)
        for connections in CONNECTIONS:
            for _ in range(rounds):
                theirs = servers.load(bare, one.theirs, connections=connections, seconds=seconds)
                mine = servers.load(ours, one.ours, connections=connections, seconds=seconds)
                assert set(mine["statuses"]) <= {"200", "304"}, mine["statuses"]
                one.rounds.setdefault(connections, []).append((mine, theirs))
        print(
            f"  {one.name} / {one.peer}: " + ", ".join(f"{c} conn. {ratio(one, c, 'rps'):.2f}" for c in CONNECTIONS),
            flush=True,
        )


def ratio(one: Comparison, connections: int, figure: str) -> float:
    """Ours over theirs: the median of the rounds."""
    return statistics.median(mine[figure] / theirs[figure] for mine, theirs in one.rounds[connections])


def size_effect(small: int, large: int, *, rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """The same requests over a small and a large store, alternating."""
    effect: dict[str, dict[str, float]] = {}
    names = working_set(100)
    shapes = {
        "GET a prompt": lambda one: servers.get(f"{PROMPTS}/{one}"),
        "render, plain template": lambda one: servers.post(f"{PROMPTS}/{one}/render", {"inputs": INPUTS}),
    }
    for name, shape in shapes.items():
        requests = [shape(one) for one in names]
        warm(small, requests)
        warm(large, requests)
        ratios = []
        for _ in range(rounds):
            little = servers.load(small, requests, connections=16, seconds=seconds)
            much = servers.load(large, requests, connections=16, seconds=seconds)
            ratios.append(much["rps"] / little["rps"])
        effect[name] = {"ratio": statistics.median(ratios)}
    return effect


def start_times(data_dir: Path, *, rounds: int) -> dict[str, float]:
    """Seconds from the command to the first 200: the very first start of a folder, and later ones."""
    with servers.ours(data_dir) as running:
        first = running.started_in
    later = []
    for _ in range(rounds):
        with servers.ours(data_dir) as running:
            later.append(running.started_in)
    with servers.bare() as peer:
        bare = peer.started_in
    return {"first": first, "second": statistics.median(later), "bare": bare}


def jinja_alone(turns: int = 20_000) -> float:
    """Microseconds of one render by Jinja2 with nothing around it."""
    template = jinja2.Environment(autoescape=False).from_string(TEMPLATE)  # noqa: S701 - prompts are no HTML
    values = {**INPUTS, "note": "the office is closed on Monday"}
    return 1e6 * min(timeit.repeat(lambda: template.render(values), number=turns, repeat=5)) / turns


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The whole run."""
    found: dict[str, Any] = {"prompts": options.prompts}
    with servers.scratch() as folder:
        found["start"] = start_times(folder, rounds=options.rounds)
        with servers.ours(folder) as running:
            found["memory"] = servers.memory(running.process)
    print(f"  start {found['start']}, memory {found['memory']}", flush=True)
    with servers.scratch() as folder, servers.bare() as bare, seeded(folder, options.prompts) as ours:
        _save_pooled(ours.port)
        wanted = comparisons(ours.port, options.prompts)
        compare(ours.port, bare.port, wanted, rounds=options.rounds, seconds=options.seconds)
        found["comparisons"] = [_figures(one) for one in wanted]
        found["memory_warm"] = servers.memory(ours.process)
        found["memory_bare"] = servers.memory(bare.process)
    if options.large:
        with (
            servers.scratch() as few,
            servers.scratch() as many,
            seeded(few, 100) as small,
            seeded(many, options.large) as large,
        ):
            found["size"] = {
                "large": options.large,
                **size_effect(small.port, large.port, rounds=options.rounds, seconds=options.seconds),
            }
        print(f"  size {found['size']}", flush=True)
    found["lists"] = lists.measure(
        prompts=options.large or options.prompts, rounds=options.rounds, seconds=options.seconds
    )
    found["neighbours"] = neighbours.measure(rounds=options.rounds, seconds=options.seconds)
    print(f"  neighbours {found['neighbours']}", flush=True)
    found["tenants"] = tenants.measure(
        tenants=options.tenants, prompts=100, rounds=options.rounds, seconds=options.seconds
    )
    found["client"] = client_overhead.run()
    found["jinja2"] = jinja_alone()
    return found


def _figures(one: Comparison) -> dict[str, Any]:
    rows = {}
    for connections in CONNECTIONS:
        mine = {key: statistics.median(m[key] for m, _ in one.rounds[connections]) for key in ("rps", "p50", "p99")}
        theirs = {key: statistics.median(t[key] for _, t in one.rounds[connections]) for key in ("rps", "p50", "p99")}
        ratios = {key: ratio(one, connections, key) for key in ("rps", "p50", "p99")}
        rows[connections] = {"ours": mine, "theirs": theirs, "ratio": ratios}
    return {"name": one.name, "peer": one.peer, "target": one.target, "rows": rows}


def _save_pooled(port: int) -> None:
    inputs = {name: {"type": "string"} for name in INPUTS}
    status, _ = call(port, "POST", PROMPTS, {"id": "pooled", "template": POOLED, "inputs": inputs})
    assert status == 201


def main() -> None:
    """Measure and write docs/benchmarks.md."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--prompts", type=int, default=10_000, help="prompts stored")
    parser.add_argument("--large", type=int, default=100_000, help="prompts in the large store; 0 leaves it out")
    parser.add_argument("--tenants", type=int, default=10_000, help="tenants in the store of many, 100 prompts each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each measurement")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, no large store, no report")
    options = parser.parse_args()
    if options.quick:
        options.prompts, options.large, options.rounds, options.seconds = 1000, 0, 2, 1.5
        options.tenants = 100
    found = measure(options)
    if not options.quick:
        write_report(found)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
