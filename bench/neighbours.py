"""What a caller notices while another loops hostile templates: p99 of its renders, quiet and beside the attack.

`python -m bench.neighbours` prints the ratio for plain and pooled renders and the growth of the server's memory.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from bench import servers
from bench.workload import INPUTS, POOLED, PROMPTS, call, seeded

HOSTILE = (
    "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}",
    "{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}{% for _ in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{{ 'a' * 900000000 }}",
    "{% for i in range(9999) %}{{ 'x' * 9999 }}{% endfor %}",
    "{{ (2 ** n) ** n }}",
    "{{ [1, 2, 3] | batch(100000000) | list }}",
)
ATTACKERS = 4


def attack_requests(port: int, project: str) -> list[bytes]:
    """Hostile renders of saved templates and hostile validations."""
    base = f"/api/projects/{project}/prompts"
    requests = []
    for number, template in enumerate(HOSTILE * 20):
        prompt_id = f"bad-{number}"
        status, _ = call(port, "POST", base, {"id": prompt_id, "template": f"{number} {template}"})
        if status == 201:
            requests.append(servers.post(f"{base}/{prompt_id}/render", {"inputs": {"n": 99999}}))
        requests.append(servers.post(f"{base}/validate", {"template": f"{template} {uuid.uuid4()}"}))
    return requests


def start_attack(port: int, requests: list[bytes], seconds: float) -> "subprocess.Popen[bytes]":
    """The load generator on the hostile requests, beside the measurement."""
    file = Path(tempfile.mkdtemp()) / "attack.json"
    file.write_text(json.dumps([request.decode("latin-1") for request in requests]), encoding="utf-8")
    command = [sys.executable, "-m", "bench.load", "127.0.0.1", str(port), str(ATTACKERS), str(seconds), str(file)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def measure(rounds: int = 5, seconds: float = 4.0) -> dict[str, object]:
    """Measure quiet and attacked in turn."""
    found: dict[str, list[float]] = {}
    with servers.scratch() as folder, seeded(folder, 100) as running:
        port = running.port
        attacker = (folder / "neighbour").read_text(encoding="utf-8")
        call(
            port,
            "POST",
            PROMPTS,
            {"id": "pooled", "template": POOLED, "inputs": {n: {"type": "string"} for n in INPUTS}},
        )
        mine = {
            "plain": [servers.post(f"{PROMPTS}/seed-000001/render", {"inputs": INPUTS})],
            "pooled": [servers.post(f"{PROMPTS}/pooled/render", {"inputs": INPUTS})],
        }
        requests = attack_requests(port, attacker)
        before = servers.memory(running.process)["pss"]
        for name, own in mine.items():
            servers.load(port, own, connections=2, seconds=1)
            for _ in range(rounds):
                quiet = servers.load(port, own, connections=2, seconds=seconds)
                attack = start_attack(port, requests, seconds + 2)
                time.sleep(0.5)
                beside = servers.load(port, own, connections=2, seconds=seconds)
                attack.wait()
                assert set(beside["statuses"]) == {"200"}, beside["statuses"]
                found.setdefault(f"{name} p99", []).append(beside["p99"] / quiet["p99"])
                found.setdefault(f"{name} p50", []).append(beside["p50"] / quiet["p50"])
        after = servers.memory(running.process)["pss"]
    result: dict[str, object] = {name: round(statistics.median(values), 2) for name, values in found.items()}
    return {**result, "memory grew by MiB": round(after - before)}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
