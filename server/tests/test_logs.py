"""Logs hold ids, sizes and times, never what anybody wrote: not at debug level, not when things fail."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

CANARIES = [f"canary{number:03}" for number in range(40)]
CANARIES_OF_RUNS = [f"canary-of-runs-{number:03}" for number in range(40)]


@pytest.fixture(scope="module")
def talkative(scratch, address_when_ready):
    """A server that logs all it can, and every file it writes logs to."""
    folder = scratch / "talkative"
    folder.mkdir()
    command = [str(Path(sys.executable).with_name("dakora")), "dev", "--port", "0", "--data-dir", "data"]
    environment = {**os.environ, "LOG_LEVEL": "debug", "LOG_FORMAT": "json"}
    environment.pop("DATABASE_URL", None)
    log = folder / "output.txt"
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env=environment) as process,
    ):
        yield (
            address_when_ready(process, log),
            lambda: log.read_text() + (folder / "data/postgres/postgres.log").read_text(),
        )
        process.terminate()
        process.wait(30)


def requests():
    """Method, path, what is sent, and the status to expect; a canary in every place a person can write to."""
    c = iter(CANARIES)
    endless = "{% for x in range(9999) %}{% for y in range(9999) %}{% endfor %}{% endfor %}"
    named = {"id": "p", "description": next(c), "message": next(c)}
    as_json = {"content-type": "application/json"}
    yield "POST", "", {"json": {**named, "template": f"{next(c)} {{{{ a }}}}"}}, 201
    yield "POST", "", {"json": {"id": "p", "template": next(c)}}, 409
    yield "POST", "", {"json": {"id": "q", "template": f"{next(c)} {{{{ broken"}}, 422
    yield "POST", "", {"json": {"id": "q", "template": "x", next(c): next(c)}}, 422
    yield "POST", "", {"content": b'{"' + next(c).encode(), "headers": as_json}, 422
    yield "PUT", "/p", {"json": {"template": next(c), "metadata": {next(c): next(c)}}}, 200
    yield "PUT", "/p", {"json": {"template": next(c), "version": "0.0.1"}}, 422
    yield "POST", "/p/render", {"json": {"inputs": {next(c): next(c)}}}, 200
    yield "PUT", "/p", {"json": {"template": "{{ 1 // a }}"}}, 200
    yield "POST", "/p/render", {"json": {"inputs": {"a": next(c)}}}, 422
    yield "PUT", "/p", {"json": {"template": endless}}, 200
    yield "POST", "/p/render", {"json": {"inputs": {"a": next(c)}}}, 422
    yield "POST", "/validate", {"json": {"template": f"{{{{ {next(c)} }}}}"}}, 200
    yield "GET", "", {"params": {"search": next(c), "tag": next(c)}}, 200
    yield "GET", f"/{next(c)}", {}, 404
    yield "GET", "/p", {"params": {"version": next(c)}}, 404
    yield "GET", "/p", {"headers": {"authorization": f"Bearer {next(c)}", "x-api-key": next(c)}}, 401
    yield "GET", "/p", {"headers": {"authorization": f"Bearer {next(c)}"}}, 401
    yield "GET", "/p", {"headers": {"authorization": f"Basic {next(c)}"}}, 401
    yield "GET", "/p", {"params": {"label": next(c)}, "headers": {"user-agent": next(c)}}, 404


def runs():
    """The same of what a run may hold: keys, addresses, texts, names of models and users; a `path` from the project."""
    c = iter(CANARIES_OF_RUNS)
    model = {"provider": "mine", "name": next(c), "parameters": {next(c): next(c)}}
    address = f"http://127.0.0.1:9/{next(c)}"
    yield "PUT", "providers/mine", {"json": {"kind": "openai_compatible", "api_key": next(c), "base_url": address}}, 200
    yield "PUT", "providers/mine", {"json": {"kind": "azure", "api_key": next(c), "base_url": next(c)}}, 422
    yield "POST", "prompts", {"json": {"id": "r", "template": f"{next(c)} {{{{ a }}}}", "model": model}}, 201
    asked = {"inputs": {"a": next(c)}, "user": next(c), "session": next(c), "metadata": {next(c): next(c)}}
    yield "POST", "prompts/r/execute", {"json": asked}, 502
    yield "POST", "prompts/r/execute?stream=true", {"json": asked}, 502
    yield "POST", "prompts/r/compare", {"json": {**asked, "runs": [{}, {"model": {"provider": next(c)}}]}}, 200
    recorded = {"output": next(c), "messages": [next(c)], "model": next(c), "error": {"message": next(c)}}
    yield "POST", "executions", {"json": {**recorded, "user": next(c)}}, 201
    yield "POST", "executions", {"json": {**recorded, "status": next(c)}}, 422
    yield "GET", "executions", {"params": {"user": next(c), "model": next(c)}}, 200
    yield "POST", "executions/erase", {"json": {"user": next(c)}}, 200


def test_no_value_of_anybody_is_in_the_logs(talkative):
    address, logs = talkative
    sent = list(requests())
    with httpx2.Client(timeout=20) as client:
        for method, path, body, status in sent:
            answer = client.request(method, f"{address}/api/projects/default/prompts{path}", **body)
            assert answer.status_code == status, (method, path, answer.text)
    for _ in range(30):
        printed = logs()
        if printed.count('"dakora.request"') >= len(sent):
            break
        time.sleep(0.1)
    lines = [json.loads(line) for line in printed.splitlines() if '"dakora.request"' in line]
    assert len(lines) == len(sent)
    assert [canary for canary in CANARIES if canary in printed] == []
    assert {"method", "route", "status", "milliseconds", "request_id", "time"} <= set(lines[0])
    assert any(line["route"].endswith("/prompts/{prompt_id}/render") for line in lines)


def test_no_value_of_a_run_is_in_the_logs(talkative):
    address, logs = talkative
    with httpx2.Client(timeout=30, base_url=f"{address}/api/projects/default/") as client:
        for method, path, body, status in runs():
            answer = client.request(method, path, **body)
            assert answer.status_code == status, (method, path, answer.text)
    for _ in range(30):
        printed = logs()
        if printed.count('"/api/projects/{project_id}/executions/erase"'):
            break
        time.sleep(0.1)
    assert '"/api/projects/{project_id}/prompts/{prompt_id}/execute"' in printed
    assert [canary for canary in CANARIES_OF_RUNS if canary in printed] == []
