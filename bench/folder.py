"""The live folder: from a save to the next answer, and what `dakora dev` costs while nobody does anything.

`python -m bench.folder` takes some minutes with 5,000 files; `--files 200 --saves 20 --idle 10` is a quick look.
The idle share counts every process that the command started, PostgreSQL and the render workers included, and is given
in percent of one core.
"""

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import psutil

from bench import servers

_PROMPTS = "/api/projects/default/prompts"
_PATIENCE_SECONDS = 20.0


def text(prompt_id: str, word: str) -> str:
    """A prompt's file."""
    lines = "".join(f"  Line {number} says little about {{{{ name }}}}.\n" for number in range(12))
    head = f"# Written by a person\nid: {prompt_id}\ndescription: One of many\ntemplate: |\n  {word}\n"
    return f"{head}{lines}inputs:\n  name:\n    type: string\n"


def make_folder(folder: Path, count: int) -> list[Path]:
    """So many prompts, in sub-folders of a hundred."""
    paths = [folder / f"group-{number // 100:03}" / f"prompt-{number:05}.yaml" for number in range(count)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(path.stem, "first"))
    return paths


def wait_until_loaded(log: Path, process: subprocess.Popen[bytes], seconds: float) -> None:
    """Until the command says that all is in step."""
    give_up = time.monotonic() + seconds
    while " in step" not in log.read_text():
        if process.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError(log.read_text()[-2000:])
        time.sleep(0.1)


def visible_after(connection: http.client.HTTPConnection, path: Path, word: str) -> float:
    """Seconds from the end of a save until the API answers with it."""
    path.write_text(text(path.stem, word))
    saved = time.perf_counter()
    while time.perf_counter() - saved < _PATIENCE_SECONDS:
        connection.request("GET", f"{_PROMPTS}/{path.stem}")
        template: str = json.loads(connection.getresponse().read())["template"]
        if template.startswith(word):
            return time.perf_counter() - saved
        time.sleep(0.005)
    raise TimeoutError(path)


def cpu_seconds(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """User and system time of the command and all it started, by kind of process."""
    spent: dict[str, float] = defaultdict(float)
    root = psutil.Process(process.pid)
    for member in [root, *root.children(recursive=True)]:
        times = member.cpu_times()
        kind = " ".join(member.cmdline()[:3]) if "postgres" in member.name() else member.name()
        spent[kind if "postgres" in kind else "server" if member.pid == root.pid else "workers"] += (
            times.user + times.system
        )
    return spent


def idle_share(process: subprocess.Popen[bytes], seconds: float) -> dict[str, float]:
    """Percent of one core, by kind of process, with nothing to do."""
    before, began = cpu_seconds(process), time.monotonic()
    time.sleep(seconds)
    after, took = cpu_seconds(process), time.monotonic() - began
    return {kind: 100 * (spent - before.get(kind, 0.0)) / took for kind, spent in after.items()}


def measure(files: int, saves: int, idle: float) -> dict[str, object]:
    """All figures of one run."""
    with servers.scratch() as place:
        folder, log, port = place / "prompts", place / "output.txt", servers.free_port()
        paths = make_folder(folder, files)
        command = [str(Path(sys.executable).with_name("dakora")), "dev", "--port", str(port)]
        command += ["--data-dir", str(place / "data"), "--prompts", str(folder)]
        env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        began = time.perf_counter()
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=place)
        try:
            wait_until_loaded(log, process, 60 + files / 20)
            loaded = time.perf_counter() - began
            time.sleep(5)
            at_rest = idle_share(process, idle)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            chosen = random.Random(7).choices(paths, k=saves)
            waits = sorted(visible_after(connection, path, f"word-{number}") for number, path in enumerate(chosen))
        finally:
            process.terminate()
            process.wait(30)
    return {
        "files": files,
        "loaded_in_seconds": round(loaded, 1),
        "visible_p50_ms": round(1000 * waits[len(waits) // 2]),
        "visible_p99_ms": round(1000 * waits[min(len(waits) - 1, int(len(waits) * 0.99))]),
        "visible_max_ms": round(1000 * waits[-1]),
        "idle_percent_of_a_core": round(sum(at_rest.values()), 2),
        "idle_by_process": {kind: round(share, 2) for kind, share in at_rest.items() if share >= 0.005},
    }


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--saves", type=int, default=200)
    parser.add_argument("--idle", type=float, default=30.0)
    options = parser.parse_args()
    print(json.dumps(measure(options.files, options.saves, options.idle), indent=2))


if __name__ == "__main__":
    main()
