"""Three hundred hostile templates through the front door: created, validated, rendered, and nothing comes of it.

Over a real socket, one after the other, as an attacker would. Each answer is a 4xx or harmless; the memory of the
server stays where it was; afterwards it serves as before.
"""

import re
import runpy
from pathlib import Path

import httpx2
import psutil
import pytest

pytestmark = pytest.mark.alone

CASES = runpy.run_path(str(Path(__file__).parents[1] / "templates" / "hostile.py"))["CASES"]
PROMPTS = "/api/projects/default/prompts"
MIB = 1024 * 1024
# What would show that a template saw more than its inputs.
LEAKS = re.compile(
    r"<(class|function|module|built-in|bound method|generator|_?[a-z.]*frame) |object at 0x[0-9a-f]+"
    r"|root:x:0|/site-packages/|Traceback"
)


def test_300_hostile_templates_do_no_harm(abused_server):
    assert len(CASES) >= 300
    server = psutil.Process(abused_server.process.pid)
    with httpx2.Client(base_url=abused_server.address, timeout=10) as client:

        def ask(case, step: str, method: str, path: str, body: dict) -> httpx2.Response:
            answer = client.request(method, path, json=body)
            assert answer.status_code < 500, (case.name, step, answer.text)
            assert not LEAKS.search(answer.text), (case.name, step, answer.text[:500])
            return answer

        def attack(number: int, case) -> bool:
            text = {"template": case.template} if case.template is not None else {"messages": case.messages}
            verdict = ask(case, "validate", "POST", f"{PROMPTS}/validate", text)
            created = ask(case, "create", "POST", PROMPTS, {"id": f"hostile-{number}", **text})
            if case.expect == "refused":
                assert created.status_code == 422, (case.name, created.text[:300])
                assert not verdict.is_success or verdict.json()["ok"] is False or verdict.json()["includes"], case.name
            if created.status_code == 201:
                ask(case, "render", "POST", f"{PROMPTS}/hostile-{number}/render", {"inputs": case.inputs})
                client.delete(f"{PROMPTS}/hostile-{number}")
            return created.status_code == 201

        client.post(PROMPTS, json={"id": "well-behaved", "template": "Hello {{ name }}!"})
        for number, case in enumerate(CASES[:20]):
            attack(10_000 + number, case)
        before = server.memory_info().rss
        saved = sum(attack(number, case) for number, case in enumerate(CASES))
        grown = server.memory_info().rss - before
        good = client.post(f"{PROMPTS}/well-behaved/render", json={"inputs": {"name": "Alice"}})
    assert good.json()["rendered"].startswith("Hello Alice!")
    assert saved < len(CASES)
    assert grown < 50 * MIB
