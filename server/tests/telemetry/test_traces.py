"""Spans in: model calls recorded once, everything else left aside, nothing refused for a neighbour's fault."""

import gzip
import json
import uuid

import pytest

SESSION = "telemetry-tests"


@pytest.fixture
def session():
    return f"s-{uuid.uuid4().hex}"


class TestMapping:
    async def test_a_call_of_todays_conventions_arrives_whole(self, traces, span, session):
        values = {
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 100,
            "gen_ai.usage.cache_read.input_tokens": 10,
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.prompt.name": "greeting",
            "gen_ai.prompt.version": "3",
            "gen_ai.conversation.id": session,
            "user.id": "user-7",
            "dakora.prompt.label": "production",
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be kind."}]),
            "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]),
            "gen_ai.output.messages": json.dumps(
                [{"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": "stop"}]
            ),
            "gen_ai.request.temperature": 0.5,
        }
        sent = span(values)
        answer = await traces.send(sent)
        assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (200, {}, "application/json")
        [found] = await traces.found(session=session)
        expected = {
            "source": "otlp",
            "status": "ok",
            "prompt_id": "greeting",
            "version_number": 3,
            "label": "production",
            "provider": "openai",
            "model": "gpt-4o-mini-2024-07-18",
            "input_tokens": 1000,
            "output_tokens": 100,
            "cached_input_tokens": 10,
            "finish_reason": "stop",
            "latency_ms": 250.0,
            "user": "user-7",
            "trace_id": sent["traceId"],
            "span_id": sent["spanId"],
            "output": "Hello!",
            "error": None,
        }
        assert {name: found[name] for name in expected} == expected
        assert [message["role"] for message in found["messages"]] == ["system", "user"]
        assert found["cost_usd"] > 0
        metadata = {"service.name": "shop", "span.name": "chat gpt-4o-mini", "gen_ai.request.temperature": 0.5}
        assert metadata.items() <= found["metadata"].items()

    async def test_a_call_of_the_conventions_before_arrives_too(self, traces, span, session):
        events = [
            {"name": "gen_ai.user.message", "attributes": span.attributes({"content": "Hi"})},
            {"name": "gen_ai.choice", "attributes": span.attributes({"message": {"content": "Hello!"}, "index": 0})},
        ]
        values = {
            "gen_ai.provider.name": "",
            "gen_ai.system": "anthropic",
            "gen_ai.usage.prompt_tokens": 5,
            "gen_ai.usage.completion_tokens": 7,
            "session.id": session,
            "gen_ai.prompt.version": "1.2.0",
            "gen_ai.prompt.name": "greeting",
        }
        sent = span(values, events=events)
        sent["attributes"] = [one for one in sent["attributes"] if one["key"] != "gen_ai.provider.name"]
        assert (await traces.send(sent)).status_code == 200
        [found] = await traces.found(session=session)
        assert (found["provider"], found["input_tokens"], found["output_tokens"]) == ("anthropic", 5, 7)
        assert (found["version"], found["version_number"]) == ("1.2.0", None)
        assert (found["messages"], found["output"]) == ([{"role": "user", "content": "Hi"}], "Hello!")

    async def test_failures_say_how(self, traces, span, session):
        for status, values, told in (
            ({"code": 2, "message": "No."}, {"error.type": "RateLimitError"}, ("error", "RateLimitError", "No.")),
            ({"code": "STATUS_CODE_ERROR"}, {"error.type": "APITimeoutError"}, ("timeout", "APITimeoutError", None)),
            ({"code": 2}, {"error.type": "CancelledError"}, ("cancelled", "CancelledError", None)),
        ):
            own = f"{session}-{told[0]}"
            await traces.send(span({**values, "session.id": own}, status=status))
            [found] = await traces.found(session=own)
            assert (found["status"], found["error"]["type"], found["error"]["message"]) == told

    async def test_what_is_no_model_call_is_taken_and_left_aside(self, traces, span, session):
        plain = span({"session.id": session})
        plain["attributes"] = span.attributes({"http.method": "GET", "session.id": session})
        tool = span({"gen_ai.operation.name": "execute_tool", "session.id": session})
        assert (await traces.send(plain, tool)).json() == {}
        assert await traces.found(session=session) == []


class TestPromises:
    async def test_a_span_sent_again_counts_once(self, traces, span, session):
        sent = span({"session.id": session})
        for _ in range(3):
            assert (await traces.send(sent, sent)).status_code == 200
        assert len(await traces.found(session=session)) == 1

    async def test_a_bad_span_never_refuses_the_others(self, traces, span, session):
        values = {"session.id": session}
        bad = [
            span(values, traceId="zz"),
            span(values, spanId=""),
            span(values, traceId="0" * 32),
            span(values, startTimeUnixNano="0"),
            span(values, startTimeUnixNano="99999999999999999999999"),
            span(values, startTimeUnixNano=str(10**18)),
        ]
        good = span(values)
        answer = (await traces.send(*bad, good)).json()["partialSuccess"]
        assert answer["rejectedSpans"] == str(len(bad))
        assert "trace or span id" in answer["errorMessage"]
        [found] = await traces.found(session=session)
        assert found["span_id"] == good["spanId"]

    async def test_packed_bodies_are_unpacked_within_bounds(self, traces, span, session):
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span({"session.id": session})]}]}]}).encode()
        packed = {"content-encoding": "gzip"}
        assert (await traces.raw(gzip.compress(body), packed)).status_code == 200
        assert len(await traces.found(session=session)) == 1
        bomb = gzip.compress(b" " * (64 * 1024 * 1024))
        assert len(bomb) < 100_000
        assert (await traces.raw(bomb, packed)).status_code == 413
        for broken in (body, gzip.compress(body)[:-9], b""):
            assert (await traces.raw(broken, packed)).status_code == 400
        assert (await traces.raw(body, {"content-encoding": "br"})).status_code == 415

    async def test_what_cannot_be_read_is_refused_with_400(self, traces):
        for body in (b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"'):
            assert (await traces.raw(body)).status_code == 400, body
        protobuf = {"content-type": "application/x-protobuf"}
        for body in (b"\xff\xff\xff", b"{}", b"\x0a\xff\x01"):
            assert (await traces.raw(body, protobuf)).status_code == 400, body
        assert (await traces.raw(b"", protobuf)).status_code == 200
        assert (await traces.raw(b"{}", {"content-type": "text/plain"})).status_code == 415

    async def test_crafted_spans_make_no_server_error_and_are_stored_as_they_can_be(self, traces, span, session):
        deep = "x"
        for _ in range(60):
            deep = {"d": deep}
        crafted = [
            {"__proto__": "p", "constructor": "c", "": "empty"},
            {"nul": "a\0b", "a\0b": "key"},
            {"deep": deep},
            {"many": list(range(3000))},
            {"long": "x" * 200_000},
            {"gen_ai.usage.input_tokens": -5, "gen_ai.usage.output_tokens": "many"},
            {"gen_ai.usage.input_tokens": 2**62},
            {"gen_ai.request.model": "m" * 5000},
            {"gen_ai.prompt.name": 7, "gen_ai.prompt.version": "99999999999999999999"},
            {"gen_ai.input.messages": "{not json", "gen_ai.output.messages": '{"parts": [1, null]}'},
            {"gen_ai.input.messages": json.dumps([{"n": 10**30, "x": "\ud800"}])},
            {"gen_ai.response.finish_reasons": [{"a": 1}]},
            {f"key-{number}": number for number in range(2000)},
        ]
        sent = [span({"session.id": session, **values}) for values in crafted]
        odd = [
            {**span({}), "attributes": "none"},
            {**span({}), "events": [1, {"name": 5}], "status": []},
            {
                **span({"session.id": session}),
                "attributes": [{"key": 1}, {"value": {}}, None, {"key": "k", "value": 3}],
            },
            7,
            None,
        ]
        for one in (*sent, *odd):
            answer = await traces.send(one)
            assert answer.status_code == 200, (str(one)[:100], answer.text)
        found = await traces.found(session=session, limit=200)
        assert len(found) == len(sent)
        for one in found:
            text = json.dumps(one)
            assert "\\u0000" not in text
            assert len(one["metadata"]) <= 64
            assert one["input_tokens"] is None or one["input_tokens"] >= 0
        assert any("__proto__" in one["metadata"] for one in found)


class TestProject:
    async def test_a_key_brings_its_project_along(self, world, span):
        team = await world.team()
        key, _ = await world.key(team.project_id, team.owner, "log")
        other = await world.team()
        headers = {"content-type": "application/json", "x-dakora-project": other.project_id}
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [span()]}]}]}
        answer = await key.post("/api/v1/traces", body, headers=headers)
        assert answer.status_code == 200, answer.text
        bearer = {"authorization": f"Bearer {key.headers['x-api-key']}"}
        assert (await world.nobody.post("/api/v1/traces", body, headers=bearer)).status_code == 200
        assert len((await team.owner.get(f"{team.project}/executions")).json()) == 1
        assert (await other.owner.get(f"{other.project}/executions")).json() == []

    async def test_a_person_names_the_project(self, world, span):
        team = await world.team()
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [span()]}]}]}
        assert (await team.owner.post("/api/v1/traces", body)).status_code == 404
        named = {"x-dakora-project": team.project_id}
        assert (await team.owner.post("/api/v1/traces", body, headers=named)).status_code == 200
        stranger = await world.user()
        assert (await stranger.post("/api/v1/traces", body, headers=named)).status_code == 404
        assert (await world.nobody.post("/api/v1/traces", body)).status_code == 401
