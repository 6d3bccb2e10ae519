"""Streaming: tokens as they come, an end or an error after them, and an end to the run when nobody listens."""

import json
import time

import httpx2
import pytest


@pytest.fixture
def server(dev_server, model_server):
    """`dakora dev` in a process of its own, with the provider set up in its default project."""
    with httpx2.Client(base_url=f"{dev_server.address}/api/projects/default", timeout=30) as client:
        body = {"api_key": "sk-test-0123456789abcdefghij", "base_url": model_server.url + "/v1"}
        assert client.put("/providers/openai", json=body).status_code == 200
        for name in ("echo", "echo-slow", "cut", "silent", "busy", "tool", "missing"):
            prompt = {"id": f"stream-{name}", "template": "one two three four five six seven eight nine ten"}
            prompt["model"] = {"provider": "openai", "name": name}
            made = client.post("/prompts", json=prompt)
            assert made.status_code in {201, 409}, made.text
        yield client


def events(response):
    """Each event's name and data, with when it came."""
    name = None
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:]), time.monotonic()


def execute(server, name):
    return server.stream("POST", f"/prompts/stream-{name}/execute?stream=true", json={})


def test_tokens_come_as_the_model_writes_them(server):
    with execute(server, "echo-slow") as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        found = list(events(response))
    names = [name for name, _, _ in found]
    assert names == ["start", *["delta"] * 10, "done"]
    done = found[-1][1]
    assert "".join(data["text"] for name, data, _ in found if name == "delta") == done["output"]
    assert found[0][1]["execution_id"] == done["execution_id"]
    assert found[0][1]["version_number"] == 1
    # The model takes half a second from its first word to its last; they did not all come at its end.
    assert found[-2][2] - found[1][2] > 0.2
    assert server.get(f"/executions/{done['execution_id']}").json()["output"] == done["output"]


def test_calls_of_tools_come_before_the_end(server):
    with execute(server, "tool") as response:
        found = [(name, data) for name, data, _ in events(response)]
    assert [name for name, _ in found] == ["start", "tool_call", "done"]
    assert found[1][1]["name"] == "get_weather"


def test_what_fails_before_the_first_token_is_an_ordinary_error(server):
    with execute(server, "missing") as response:
        problem = json.loads(response.read())
    assert (response.status_code, problem["code"]) == (422, "model_not_found")


def test_what_fails_later_is_an_event(server):
    with execute(server, "cut") as response:
        found = [(name, data) for name, data, _ in events(response)]
    assert [name for name, _ in found] == ["start", "delta", "delta", "error"]
    problem = found[-1][1]
    assert (problem["code"], problem["status"]) == ("provider_interrupted", 502)
    assert server.get(f"/executions/{problem['execution_id']}").json()["output"] == "one two "


def wait_for(condition):
    for _ in range(200):
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


def test_who_goes_away_cancels_the_run_at_the_provider_and_it_is_recorded(server, model_server):
    cancelled = model_server.cancelled
    with execute(server, "echo-slow") as response:
        for name, data, _ in events(response):
            if name == "start":
                run = data["execution_id"]
            if name == "delta":
                break
    record = wait_for(lambda: (found := server.get(f"/executions/{run}")).status_code == 200 and found.json())
    assert record["status"] == "cancelled"
    assert record["output"].startswith("one ")
    wait_for(lambda: model_server.cancelled > cancelled)


def test_who_goes_away_before_the_answer_cancels_it_too(server, model_server):
    cancelled = model_server.cancelled
    with pytest.raises(httpx2.ReadTimeout):
        server.post("/prompts/stream-silent/execute", json={}, timeout=1)
    wait_for(lambda: model_server.cancelled > cancelled)
    (record,) = wait_for(lambda: server.get("/executions", params={"prompt": "stream-silent"}).json())
    assert record["status"] == "cancelled"
