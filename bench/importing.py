"""Import and export of a whole project: `python -m bench.importing [prompts] [runs]`, 10,000 and 3 unless given.

One archive of small, different prompts goes through HTTP into `dakora dev`: its own PostgreSQL, a registry in a local
folder, everything durable when the answer comes. Beside it, what the disk alone takes to fsync as many files.
"""

import io
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from bench.servers import ours, scratch

_PROMPT = """\
id: prompt-{number:05}
version: 1.0.0
description: Answers question {number} of a customer
template: |
  You help the customers of {{{{ company }}}} with question {number} of run {run}.
  {{% if tone %}}Write in a {{{{ tone }}}} tone.{{% endif %}}
  {{{{ question }}}}
inputs:
  company:
    type: string
    required: true
  tone:
    type: string
    required: false
  question:
    type: string
    required: true
metadata:
  tags: [support, bench]
"""


def archive(prompts: int, run: int) -> bytes:
    """A zipped folder of so many prompts; another run has other texts."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as packing:
        for number in range(prompts):
            packing.writestr(f"group-{number % 50}/prompt-{number:05}.yaml", _PROMPT.format(number=number, run=run))
    return packed.getvalue()


def plain_fsync(prompts: int, folder: Path) -> float:
    """Seconds to write and fsync as many files of this size, one after the other, and to do nothing else."""
    target = Path(tempfile.mkdtemp(prefix="fsync-", dir=folder))
    text = _PROMPT.format(number=1, run=1).encode()
    started = time.perf_counter()
    for number in range(prompts):
        with (target / f"{number}.yaml").open("xb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    took = time.perf_counter() - started
    shutil.rmtree(target)
    return took


def _ask(request: urllib.request.Request) -> tuple[float, bytes]:
    started = time.perf_counter()
    with urllib.request.urlopen(request, timeout=600) as answer:
        body: bytes = answer.read()
    return time.perf_counter() - started, body


def _import(port: int, body: bytes, outcome: str, prompts: int) -> float:
    url = f"http://127.0.0.1:{port}/api/projects/default/import"
    request = urllib.request.Request(url, data=body, headers={"content-type": "application/zip"}, method="POST")
    took, answer = _ask(request)
    counts = json.loads(answer)["counts"]
    assert counts[outcome] == prompts, counts
    return took


def once(prompts: int, run: int) -> dict[str, float]:
    """One run on a fresh data folder: create, update, nothing new, export."""
    found: dict[str, float] = {}
    with scratch() as folder, ours(folder) as server:
        first, second = archive(prompts, 2 * run), archive(prompts, 2 * run + 1)
        found["fsync alone"] = plain_fsync(prompts, folder)
        found["import, all new"] = _import(server.port, first, "created", prompts)
        found["import, all changed"] = _import(server.port, second, "updated", prompts)
        found["import, nothing new"] = _import(server.port, second, "unchanged", prompts)
        for name, query in (("export", ""), ("export with history", "?history=true")):
            url = f"http://127.0.0.1:{server.port}/api/projects/default/export{query}"
            found[name], body = _ask(urllib.request.Request(url))
            with zipfile.ZipFile(io.BytesIO(body)) as unpacking:
                assert len(unpacking.namelist()) > prompts
    return found


def main(prompts: int = 10_000, runs: int = 3) -> dict[str, Any]:
    """Medians, printed and answered."""
    results = [once(prompts, run) for run in range(runs)]
    medians = {name: statistics.median(result[name] for result in results) for name in results[0]}
    alone = medians["fsync alone"]
    for name, seconds in medians.items():
        ratio = "" if name == "fsync alone" else f", {seconds / alone:5.2f} times the fsync of as many files"
        print(f"{name:22} {seconds:7.2f} s, {prompts / seconds:7.0f} prompts/s{ratio}")
    return medians


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
