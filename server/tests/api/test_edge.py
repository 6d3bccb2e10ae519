"""What comes in is bounded and checked at the edge; what goes out tells one public sentence."""

import asyncio
import json

import pytest


async def post(project, raw: bytes, content_type: str = "application/json"):
    return await project.client.post(project.prompts, content=raw, headers={"content-type": content_type})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"id": "x", "id": "y", "template": "a"}',
        b'{"id": "x", "template": "a", "metadata": {"k": 1, "k": 2}}',
        b'{"id": "x", "template": "a\\u0000b"}',
        b'{"id": "x", "template": "a", "metadata": {"a\\u0000": 1}}',
        b'{"id": "x", "template": "\\ud800"}',
        b'{"id": "x", "template": "\xff"}',
        b'{"id": "x", "template": "a", "metadata": {"n": NaN}}',
        b'{"id": "x", "template": "a", "metadata": {"n": 1e999}}',
        b"[" * 1000 + b"]" * 1000,
        b'{"a":' * 1000 + b"1" + b"}" * 1000,
        b"[" * 500_000,
        b'"text"',
        b"null",
        b"[]",
    ],
)
async def test_json_that_is_not_strict_is_refused(project, raw):
    refused = await post(project, raw)
    assert refused.status_code == 422, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] in {"invalid_json", "invalid_request"}


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", ""]
)
async def test_only_json_is_read(project, content_type):
    refused = await post(project, b'{"id": "x", "template": "a"}', content_type)
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_media_type")


async def test_a_60_mb_body_is_refused(project):
    refused = await post(project, b'{"id": "x", "template": "' + b"a" * 60_000_000 + b'"}')
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


async def test_a_body_that_hides_its_length_is_refused_too(project):
    async def endless():
        for _ in range(60):
            yield b"a" * 1_000_000

    refused = await project.client.post(
        project.prompts, content=endless(), headers={"content-type": "application/json"}
    )
    assert refused.status_code == 413


async def test_a_template_above_64_kib_is_refused(project):
    refused = await project.client.post(project.prompts, json={"id": "x", "template": "a" * (64 * 1024 + 1)})
    assert (refused.status_code, refused.json()["code"]) == (422, "template_invalid")
    assert (
        await project.client.post(project.prompts, json={"id": "x", "template": "a" * 64 * 1024})
    ).status_code == 201


async def test_inputs_above_1_mib_are_refused(project):
    await project.create("p", "{{ a }}")
    refused = await project.render("p", {"a": "x" * (1024 * 1024 + 1)})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_inputs")


@pytest.mark.parametrize(
    "prompt_id", ["..%2Fx", "%2e%2e", "a%00b", "a%2Fb", "%E2%80%AEx", "x" * 129, "-x", "con%20", "a%0d%0ab"]
)
async def test_an_id_that_cannot_be_is_refused_everywhere(project, prompt_id):
    for method, tail in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/versions"), ("POST", "/render")):
        body = {"json": {"template": "a"} if method == "PUT" else {"inputs": {}}} if method in {"PUT", "POST"} else {}
        answer = await project.client.request(method, f"{project.prompts}/{prompt_id}{tail}", **body)
        assert answer.status_code in {404, 405, 422}, (method, tail, answer.text)


@pytest.mark.parametrize(
    "reference", ["nope", "../default", "DEFAULT", "00000000-0000-0000-0000-000000000000", "default%00"]
)
async def test_a_project_that_cannot_be_is_refused(client, reference):
    assert (await client.get(f"/api/projects/{reference}/prompts")).status_code in {404, 422}


async def test_an_unknown_address_is_a_problem_too(client):
    missing = await client.get("/api/nothing/here")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    wrong = await client.patch("/api/health")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in wrong.headers["allow"]


async def test_every_answer_has_a_request_id_and_safe_headers(client):
    for address in ("/", "/api/health", "/api/nothing", "/favicon.svg"):
        answer = await client.get(address)
        assert answer.headers["x-request-id"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    named = await client.get("/api/nothing", headers={"x-request-id": "my-request-1"})
    assert named.headers["x-request-id"] == named.json()["request_id"] == "my-request-1"
    forged = await client.get("/api/nothing", headers={"x-request-id": "a b<script>"})
    assert forged.headers["x-request-id"] != "a b<script>"


async def test_a_web_page_that_points_its_own_name_at_loopback_gets_nothing(client):
    refused = await client.get("/api/me", headers={"host": "evil.example:54321"})
    assert (refused.status_code, refused.json()["code"]) == (421, "untrusted_host")
    for host in ("localhost:54321", "127.0.0.1", "[::1]:54321", "LOCALHOST"):
        assert (await client.get("/api/health", headers={"host": host})).status_code == 200


async def test_no_origin_is_allowed_in(client):
    answer = await client.get("/api/me", headers={"origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_bug_tells_the_client_nothing(app, client, monkeypatch):
    from dakora_server.core.prompts import service

    async def explode(*args, **kwargs):
        raise RuntimeError("secret /etc/passwd SELECT * FROM users")

    monkeypatch.setattr(service, "list_prompts", explode)
    answer = await client.get("/api/projects/default/prompts")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert not any(word in answer.text for word in ("secret", "passwd", "SELECT", "RuntimeError", "Traceback"))


async def test_health_ready_me_and_context(client):
    health = (await client.get("/api/health")).json()
    assert health["status"] == "ok"
    ready = await client.get("/api/ready")
    assert ready.json() == {"status": "ready", "dependencies": {"database": "ok", "registry": "ok", "renderer": "ok"}}
    me = (await client.get("/api/me")).json()
    context = (await client.get("/api/me/context")).json()
    assert me["workspaces"][0]["role"] == "owner"
    assert context["project_slug"] == "default"
    assert (context["user_id"], context["project_id"]) == (me["user"]["id"], me["default_project"]["id"])
    by_uuid = await client.get(f"/api/projects/{context['project_id']}/prompts")
    assert by_uuid.status_code == 200


async def test_the_start_page_loads_nothing_from_elsewhere(client):
    page = await client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http://" not in page.text.replace("http://localhost:54321", "").replace("http://www.w3.org", "")
    assert "https://" not in page.text


async def test_64_readers_during_a_write_see_old_or_new_and_nothing_else(project):
    await project.create("p", "old")
    reads = [project.client.get(f"{project.prompts}/p") for _ in range(64)]
    answers = await asyncio.gather(*reads, project.save("p", "new"))
    assert {json.loads(answer.content)["template"] for answer in answers[:64]} <= {"old", "new"}


async def test_an_answer_from_memory_is_the_routes_own(project):
    await project.create("p", "Hello {{ name }}", inputs={"name": {"type": "string"}})
    address = f"{project.prompts}/p"
    # With a query the layer before the routes passes on, so the first of each pair is the route's.
    for headers in ({}, {"if-none-match": '"other"'}, {"if-none-match": "*"}):
        route = await project.client.get(address, params={"label": "latest"}, headers=headers)
        await project.client.get(address)
        warm = await project.client.get(address, headers=headers)
        assert (warm.status_code, warm.content) == (route.status_code, route.content)
        own = {"x-request-id"}
        assert {k: v for k, v in warm.headers.items() if k not in own} == {
            k: v for k, v in route.headers.items() if k not in own
        }


async def test_a_render_before_the_routes_is_the_routes_own(project):
    await project.create("p", "Hello {{ name }}", inputs={"name": {"type": "string"}})
    await project.create("bad", "{% for a in x %}{% for b in x %}{{ a / b }}{% endfor %}{% endfor %}")
    await project.client.get(f"{project.prompts}/p")
    bodies = [
        {"inputs": {"name": "A"}},
        {"inputs": {"name": "A"}, "version": 1},
        {"inputs": {"name": "A"}, "version": "1.0.0"},
        {"inputs": {"name": "A"}, "label": "latest"},
        {"inputs": {"name": "A"}, "label": "production"},
        {"inputs": {"name": "A"}, "version": 9},
        {"inputs": {"name": "A"}, "version": 1, "label": "latest"},
        {"inputs": {"name": ["A"], "other": 1}},
        {"inputs": {"name": "A"}, "resolve_includes_only": True},
        {"inputs": {"name": "A"}, "unknown": 1},
        {"inputs": 5},
        [],
        {},
    ]
    raws = [json.dumps(body).encode() for body in bodies] + [b"{", b'{"inputs": {"a": 1, "a": 2}}', b""]
    for name in ("p", "bad", "missing"):
        for raw in raws:
            answers = [
                await project.client.post(
                    f"{project.prompts}/{name}/render{query}",
                    content=raw,
                    headers={"content-type": "application/json", "x-request-id": "the-same-request"},
                )
                # With a query the layer before the routes passes on.
                for query in ("", "?to=the-route")
            ]
            assert answers[0].status_code == answers[1].status_code, (name, raw)
            assert answers[0].content == answers[1].content, (name, raw)
            assert dict(answers[0].headers) == dict(answers[1].headers), (name, raw)
