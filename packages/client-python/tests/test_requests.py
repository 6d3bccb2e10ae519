"""What goes over the wire."""

import json
from urllib.parse import unquote

import httpx2
import pytest

ODD_IDS = [
    "", ".", "..", "...", "../x", "x/../y", "greeting/versions", "greeting/../../me", "/", "//", "a\\..\\b",
    "a?b=c", "a#b", "a%2Fb", "%2e%2e", "a b", "naïve", "\x00", "a\r\nX-Evil: 1", "\ud800", "x" * 300,
]  # fmt: skip


def ok(body):
    return httpx2.Response(200, json=body)


@pytest.mark.parametrize("prompt_id", ODD_IDS)
async def test_no_id_changes_the_path_it_is_put_into(connect, serve, prompt_json, prompt_id):
    server = serve(ok(prompt_json))
    await connect(server).prompts.get(prompt_id)
    # What a server sees after undoing one level of escaping, as ASGI servers do before they route.
    target = server.targets[0].removeprefix("GET ")
    seen = unquote(target)
    assert seen.startswith("/api/projects/default/prompts/")
    segment = seen.removeprefix("/api/projects/default/prompts/")
    assert segment not in {"", ".", ".."}
    assert "/" not in segment
    assert "\\" not in segment
    assert "?" not in target


async def test_an_ordinary_id_goes_as_it_is(connect, serve, prompt_json):
    server = serve(ok(prompt_json))
    await connect(server).prompts.get("support.reply_v2-final")
    assert server.targets == ["GET /api/projects/default/prompts/support.reply_v2-final"]


async def test_a_version_or_label_goes_into_the_query(connect, serve, prompt_json):
    server = serve(ok(prompt_json))
    prompts = connect(server).prompts
    await prompts.get("greeting", version=3)
    await prompts.get("greeting", version="1.2.0+build&x=1")
    await prompts.get("greeting", label="production")
    base = "GET /api/projects/default/prompts/greeting"
    assert server.targets == [f"{base}?version=3", f"{base}?version=1.2.0%2Bbuild%26x%3D1", f"{base}?label=production"]


async def test_an_address_below_a_path_keeps_that_path(connect, serve):
    server = serve(ok({"status": "ok"}))
    await connect(server, "https://example.com/dakora/").health()
    assert str(server.requests[0].url) == "https://example.com/dakora/api/health"


async def test_every_request_says_who_sends_it_and_nothing_more(connect, serve, prompt_json):
    server = serve(ok(prompt_json))
    await connect(server).prompts.get("greeting")
    headers = server.requests[0].headers
    assert set(headers) == {"host", "accept", "accept-encoding", "user-agent"}
    assert headers["user-agent"].startswith("dakora-client-python/")


async def test_create_sends_what_is_given_and_leaves_out_the_rest(connect, serve, prompt_json):
    server = serve(httpx2.Response(201, json=prompt_json))
    inputs = {"name": {"type": "string", "default": None}}
    await connect(server).prompts.create("greeting", "Hello {{ name }}! 👋", inputs=inputs, message="first")
    request = server.requests[0]
    assert server.targets == ["POST /api/projects/default/prompts"]
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.content) == {
        "id": "greeting",
        "template": "Hello {{ name }}! 👋",
        "inputs": {"name": {"type": "string", "default": None}},
        "message": "first",
    }


async def test_update_takes_a_prompt_as_it_was_read(connect, serve, prompt_json):
    server = serve(httpx2.Response(200, json=prompt_json, headers={"etag": '"e1"'}))
    prompts = connect(server).prompts
    prompt = await prompts.get("greeting")
    await prompts.update("greeting", **prompt.content() | {"template": "Hi {{ name }}!"}, if_match=prompt)
    request = server.requests[1]
    assert (request.method, request.headers["if-match"]) == ("PUT", '"e1"')
    assert json.loads(request.content) == {
        "template": "Hi {{ name }}!",
        "description": "A greeting",
        "inputs": prompt_json["inputs"],
        "model": prompt_json["model"],
        "metadata": prompt_json["metadata"],
    }


@pytest.mark.parametrize(("given", "sent"), [("e1", '"e1"'), ('"e1"', '"e1"'), ('W/"e1"', 'W/"e1"'), ("*", "*")])
async def test_if_match_takes_an_etag_with_or_without_its_quotes(connect, serve, prompt_json, given, sent):
    server = serve(ok(prompt_json))
    await connect(server).prompts.update("greeting", "Hi", if_match=given)
    assert server.requests[0].headers["if-match"] == sent


async def test_the_remaining_calls_go_where_the_contract_says(connect, serve, prompt_json, rendered_json):
    report = {"ok": True}
    server = serve(
        httpx2.Response(204), ok(prompt_json), ok(prompt_json), ok(rendered_json), ok(report),
        ok({"from": 1, "to": 2, "changes": []}), ok([]),
    )  # fmt: skip
    prompts = connect(server).prompts
    assert await prompts.delete("greeting") is None
    await prompts.restore("greeting")
    await prompts.rollback("greeting", 2, message="worked better")
    await prompts.render("greeting", {"name": "Alice"}, version=3)
    await prompts.validate("{{ x }}", declared_variables=(name for name in ["x"]))
    await prompts.diff("greeting", 1, 2)
    await prompts.versions("greeting")
    base = "/api/projects/default/prompts"
    assert server.targets == [
        f"DELETE {base}/greeting",
        f"POST {base}/greeting/restore",
        f"POST {base}/greeting/rollback",
        f"POST {base}/greeting/render",
        f"POST {base}/validate",
        f"GET {base}/greeting/versions/1/diff/2",
        f"GET {base}/greeting/versions?limit=200",
    ]
    bodies = [json.loads(request.content) for request in server.requests[2:5]]
    assert bodies == [
        {"version": 2, "message": "worked better"},
        {"inputs": {"name": "Alice"}, "version": 3},
        {"template": "{{ x }}", "declared_variables": ["x"]},
    ]
