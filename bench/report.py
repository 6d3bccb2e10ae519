"""Figures into docs/benchmarks.md."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_BEGIN, _END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"


def write_report(found: dict[str, Any]) -> None:
    """Replace the figures between the two marks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(_BEGIN, 1)
    tail = rest.split(_END, 1)[1]
    PAGE.write_text(f"{head}{_BEGIN}\n{figures(found)}\n{_END}{tail}", encoding="utf-8")


def figures(found: dict[str, Any]) -> str:
    """The tables."""
    day = datetime.now(UTC).date().isoformat()
    lines = [
        f"\nRun of {day}: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{found['prompts']:,} prompts stored, a thousand of them asked for.\n",
        "| what | against | connections | requests/s | theirs | ratio | to reach | p50 ms | p99 ms | p99 ratio |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for one in found["comparisons"]:
        for connections, row in one["rows"].items():
            target = "" if one["target"] is None else f"{one['target']:g}"
            lines.append(
                f"| {one['name']} | {one['peer']} | {connections} | {row['ours']['rps']:,.0f} | {row['theirs']['rps']:,.0f} "
                f"| **{row['ratio']['rps']:.2f}** | {target} | {row['ours']['p50'] / 1000:.2f} | {row['ours']['p99'] / 1000:.2f} "
                f"| {row['ratio']['p99']:.2f} |"
            )
    start, rest, warm, bare = found["start"], found["memory"], found["memory_warm"], found["memory_bare"]
    lines += [
        "",
        "| what | Dakora | bare app | to reach |",
        "|---|---:|---:|---|",
        f"| first 200, very first start | {start['first']:.2f} s | {start['bare']:.2f} s | |",
        f"| first 200, later starts | {start['second']:.2f} s | {start['bare']:.2f} s | 3 s |",
        f"| memory at rest, shared pages split (PSS) | {rest['pss']:.0f} MiB | {bare['pss']:.0f} MiB | 200 MiB |",
        f"| memory at rest, sum of resident sizes | {rest['rss']:.0f} MiB in {rest['processes']:.0f} processes | {bare['rss']:.0f} MiB | |",
        f"| memory after the load above (PSS) | {warm['pss']:.0f} MiB | | |",
    ]
    if "size" in found:
        lines += ["", f"| {found['size']['large']:,} prompts stored against 100 | ratio | to reach |", "|---|---:|---|"]
        lines += [
            f"| {name} | {row['ratio']:.2f} | 0.9 to 1.1 |" for name, row in found["size"].items() if name != "large"
        ]
    lines += [
        "",
        "| a caller beside another who loops hostile templates, against the same caller in quiet | ratio | to reach |",
    ]
    lines += ["|---|---:|---|"]
    lines += [
        f"| {name} of its renders | {value:.2f} | {'2' if name.endswith('p99') else ''} |"
        for name, value in found["neighbours"].items()
        if name.endswith(("p50", "p99"))
    ]
    lines.append(
        f"| growth of the server's memory meanwhile | {found['neighbours']['memory grew by MiB']} MiB | 50 MiB |"
    )
    lines += _list_tables(found["lists"])
    lines += _tenant_tables(found["tenants"])
    lines += [
        "",
        "| Python client, a call | raw httpx2 µs | client µs | its own µs | to reach |",
        "|---|---:|---:|---:|---|",
    ]
    lines += [
        f"| {call}, {face} | {row['raw_us']:.0f} | {row['ours_us']:.0f} | **{row['own_us']:.1f}** | 50 |"
        for face, calls in found["client"].items()
        for call, row in calls.items()
    ]
    jinja = found["jinja2"]
    lines += ["", "| Jinja2 by itself, the same plain template | µs |", "|---|---:|"]
    lines.append(f"| compiled once, rendered | {jinja:.1f} |")
    return "\n".join(lines) + "\n"


def _list_tables(found: dict[str, Any]) -> list[str]:
    """Lists from memory against the bare app, and what PostgreSQL answers."""
    lines = ["", f"| a list of 50 of {found['prompts']:,} prompts, against bare GET, at | 1 | 16 | 64 | to reach |"]
    lines.append("|---|---:|---:|---:|---|")
    rows = found["list of 50 / bare GET"]
    lines.append(_three("requests/s, ratio", {at: row["ratio"] for at, row in rows.items()}, "0.5"))
    lines += [
        "",
        f"| first answer of a question to {found['prompts']:,} prompts | p50 ms | p99 ms | to reach, p99 |",
        "|---|---:|---:|---|",
    ]
    lines += [
        f"| {name} | {row['p50']} | {row['p99']} | {'30 ms' if name.startswith('search') else ''} |"
        for name, row in found["cold, ms"].items()
    ]
    return lines


_TO_REACH = {
    "GET a prompt / bare GET": 0.7,
    "GET, answered 304 / bare GET": 0.9,
    "render, plain template / bare POST": 0.6,
    "render, through the pool / bare POST": 0.35,
}


def _tenant_tables(found: dict[str, Any]) -> list[str]:
    """What login and many tenants cost."""
    lines = ["", "| with an API key on every request, requests/s over the bare app's, at | 1 | 16 | 64 | to reach |"]
    lines.append("|---|---:|---:|---:|---|")
    lines += [_three(name, row, f"{_TO_REACH[name]:g}") for name, row in found["with a key"].items()]
    lines += [
        "",
        "| with an API key, over the same without, at | 1 | 16 | 64 | to reach |",
        "|---|---:|---:|---:|---|",
    ]
    lines += [_three(name, row, "" if "counted" in name else "0.95") for name, row in found["key against none"].items()]
    size = f"{found['tenants']:,} tenants with {found['prompts']:,} prompts, over one tenant with 100, at"
    lines += ["", f"| {size} | 1 | 16 | 64 | to reach |", "|---|---:|---:|---:|---|"]
    lines += [_three(name, row, "0.9 to 1.1") for name, row in found["large against small"].items()]
    cold, large = found["cold key check, ms"], found["cold key check in the large store, ms"]
    flood, hidden = found["flood"], found["absent or foreign"]
    lines += [
        "",
        "| what | reached | to reach |",
        "|---|---:|---|",
        f"| first check of an API key, over PostgreSQL: median (p99) | {cold['median']} ms ({cold['p99']} ms) | 5 ms |",
        f"| the same among {found['tenants']:,} tenants | {large['median']} ms ({large['p99']} ms) | 5 ms |",
        f"| p99 of a tenant's renders beside one at {flood['times its limit']:.0f} times its limit, over quiet "
        f"| {flood['p99 ratio']} | 2 |",
        f"| of its limit, the flooding tenant is let through | {flood['let through, of its limit']} | 1 |",
        f"| a foreign project's 404 against an absent one's: medians | {hidden['foreign µs']} and {hidden['absent µs']} µs, "
        f"rank-sum p {hidden['p']} | p above 0.01 |",
    ]
    return lines


def _three(name: str, row: dict[int, float], target: str) -> str:
    return f"| {name} | " + " | ".join(f"**{row[connections]:.2f}**" for connections in (1, 16, 64)) + f" | {target} |"
