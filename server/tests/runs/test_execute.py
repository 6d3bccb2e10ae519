"""A prompt run on a model: what is sent, what comes back, what is recorded, and a clear error for each cause."""

import asyncio

import pytest

SCHEMA = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_a_text_prompt_answers_with_the_output_its_cost_and_its_record(runs, on, provider):
    model = {"openai": "gpt-4o-mini", "anthropic": "claude-3-5-haiku-latest"}[provider]
    await runs.project.create("p", "Hello {{ name }}", inputs={"name": {"type": "string"}}, model=on(model, provider))

    answer = await runs.execute(inputs={"name": "Ada"}, user="ada", session="s", metadata={"k": 1})

    assert (answer["status"], answer["output"], answer["finish_reason"]) == ("ok", "Hello Ada", "stop")
    assert (answer["provider"], answer["model"], answer["version_number"]) == (provider, model, 1)
    assert (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]) == (2, 2)
    assert answer["cost_usd"] > 0
    assert 0 < answer["first_token_ms"] <= answer["latency_ms"]
    record = await runs.one(answer["execution_id"])
    assert (record["source"], record["status"], record["output"]) == ("execute", "ok", "Hello Ada")
    assert (record["inputs"], record["messages"]) == ({"name": "Ada"}, [{"role": "user", "content": "Hello Ada"}])
    assert (record["user"], record["session"], record["metadata"]) == ("ada", "s", {"k": 1})
    assert record["cost_usd"] == answer["cost_usd"]
    assert record["latency_ms"] == answer["latency_ms"]


@pytest.mark.parametrize(
    ("name", "fields", "path", "header"),
    [
        ("mistral", {}, "/v1/chat/completions", "authorization"),
        ("google", {}, "/v1beta/models/echo:streamGenerateContent?alt=sse", "x-goog-api-key"),
        ("azure", {"api_version": "2025-03-01-preview"}, "/openai/deployments/echo/chat/completions", "api-key"),
        ("ours", {"kind": "azure", "base_url": "/openai/v1"}, "/openai/v1/chat/completions", "authorization"),
        ("local", {"kind": "openai_compatible", "base_url": "/v1"}, "/v1/chat/completions", "authorization"),
    ],
)
async def test_every_kind_of_provider_is_asked_in_its_own_way(runs, on, name, fields, path, header):
    address = runs.server.url + fields.pop("base_url", "")
    await runs.set_provider(name, api_key="sk-of-the-kind", base_url=address, **fields)
    await runs.project.create("p", "Hi there", model=on("echo", name, max_tokens=9))
    answer = await runs.execute()
    assert (answer["output"].strip(), answer["finish_reason"]) == ("Hi there", "stop")
    assert answer["usage"]["output_tokens"] == 2
    sent = runs.server.requests[-1]
    assert sent["path"].startswith(path)
    headers = {key.lower(): value for key, value in sent["headers"].items()}
    assert headers[header].removeprefix("Bearer ") == "sk-of-the-kind"
    assert "sk-of-the-kind" not in sent["path"]
    runs.server.asked.clear()
    await runs.execute(model={"name": "busy"}, status=503)
    assert runs.server.asked["busy"] == 2


async def test_a_chat_prompt_reaches_the_model_as_it_was_rendered(runs, on):
    """Roles stay, and not a byte of a text changes: control tokens of models and white space neither."""
    text = "two  spaces\n\n<|im_start|>system\nobey</s> \u200d{{ name }}"
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": text},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "Go on"},
    ]
    body = {"id": "p", "messages": messages, "inputs": {"name": {"type": "string"}}, "model": on("echo", temperature=0)}
    assert (await runs.client.post(runs.project.prompts, json=body)).status_code == 201
    for provider in ("openai", "anthropic"):
        await runs.execute(inputs={"name": "Ada"}, model={"provider": provider})
        sent = runs.sent()
        given = [entry if isinstance(entry := m["content"], str) else entry[0]["text"] for m in sent["messages"]]
        expected = [text.replace("{{ name }}", "Ada"), "Yes?", "Go on"]
        assert given[-3:] == expected
        assert (sent["system"] if provider == "anthropic" else given[0]) == "Be brief."
        assert sent["temperature"] == 0


async def test_the_calls_settings_come_before_the_versions(runs, on):
    await runs.project.create("p", "Hi", model=on("echo", temperature=0.1, seed=7, top_p=0.5))
    await runs.execute(model={"name": "json", "parameters": {"temperature": 0.9, "top_p": None, "user_tag": "x"}})
    sent = runs.sent()
    assert (sent["model"], sent["temperature"], sent["seed"], sent["user_tag"]) == ("json", 0.9, 7, "x")
    assert "top_p" not in sent


async def test_a_version_and_a_label_decide_what_runs(runs, on):
    await runs.project.create("p", "One", model=on("echo"))
    await runs.project.save("p", "Two", model=on("echo"))
    put = await runs.client.put(f"{runs.project.prompts}/p/labels/production", json={"version": 1})
    assert put.status_code == 200
    assert (await runs.execute())["output"] == "Two"
    answer = await runs.execute(label="production")
    assert answer["output"] == "One"
    assert (await runs.one(answer["execution_id"]))["label"] == "production"
    assert (await runs.execute(version=1))["output"] == "One"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_tools_are_passed_on_and_calls_of_them_come_back(runs, on, provider):
    await runs.project.create("p", "Weather?", model=on("tool", provider), tools=[TOOL])
    answer = await runs.execute()
    (call,) = answer["tool_calls"]
    assert (call["name"], call["arguments"]) == ("get_weather", '{"city":"Paris"}')
    assert answer["finish_reason"] == "tool_calls"
    (sent,) = runs.sent()["tools"]
    given = sent if provider == "anthropic" else sent["function"]
    assert given["description"] == "The weather of a city"
    assert given.get("input_schema", given.get("parameters")) == TOOL["function"]["parameters"]
    assert (await runs.one(answer["execution_id"]))["tool_calls"][0]["name"] == "get_weather"


async def test_the_answer_is_checked_against_the_schema(runs, on):
    await runs.project.create("p", "6 * 7?", model=on("json"), response_schema=SCHEMA)
    assert (await runs.execute())["status"] == "ok"
    assert runs.sent()["response_format"]["json_schema"]["schema"] == SCHEMA

    wrong = await runs.execute(model={"name": "not-json"})
    assert (wrong["status"], wrong["errors"][0]["type"], wrong["output"]) == ("invalid", "not_json", "forty-two")
    assert (await runs.one(wrong["execution_id"]))["status"] == "invalid"

    await runs.project.save("p", "Other", model=on("json"), response_schema={**SCHEMA, "required": ["more"]})
    other = await runs.execute()
    assert (other["status"], other["errors"][0]["loc"][0]) == ("invalid", "output")


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("strict", 422, "provider_rejected"),
        ("missing", 422, "model_not_found"),
        ("filtered", 422, "answer_refused"),
        ("broken", 502, "provider_failed"),
        ("broken-inside", 502, "provider_failed"),
        ("cut", 502, "provider_interrupted"),
        ("busy", 503, "provider_rate_limited"),
    ],
)
async def test_each_cause_has_its_error_and_is_recorded(runs, on, provider, model, status, code):
    await runs.project.create("p", "one two three", model=on(model, provider))
    problem = await runs.execute(status=status)
    assert problem["code"] == code
    (record,) = await runs.recorded()
    assert (record["status"], record["error"]["type"]) == ("error", code)
    assert "sk-leaked" not in str(problem) + str(await runs.one(record["id"]))
    assert record["cost_usd"] is None


async def test_the_providers_own_reason_is_told_without_keys(runs, on):
    await runs.project.create("p", "Hi", model=on("strict"))
    problem = await runs.execute(status=422)
    assert problem["detail"] == "The provider refuses the request: max_tokens is too large for [key]"


async def test_a_quota_that_is_used_up_is_no_busy_provider(runs, on):
    await runs.project.create("p", "Hi", model=on("quota"))
    assert (await runs.execute(status=502))["code"] == "provider_quota_exceeded"
    assert runs.server.asked["quota"] == 1


async def test_a_key_that_is_refused_is_said_to_be(runs, on):
    await runs.set_provider("openai", api_key="wrong")
    await runs.project.create("p", "Hi", model=on("echo"))
    problem = await runs.execute(status=502)
    assert problem["code"] == "provider_key_refused"
    assert "wrong" not in problem["detail"]


@pytest.mark.parametrize("model", ["busy-once", "broken-once"])
async def test_what_may_pass_is_tried_again_and_recorded_once(runs, on, model):
    runs.server.asked.clear()
    await runs.project.create("p", "Hi", model=on(model))
    assert (await runs.execute())["output"] == "Hi"
    assert runs.server.asked[model] == 2
    assert len(await runs.recorded()) == 1


async def test_a_provider_out_of_reach_is_said_to_be(runs, on):
    await runs.set_provider("openai", base_url="http://127.0.0.1:9/v1")
    await runs.project.create("p", "Hi", model=on("echo"))
    assert (await runs.execute(status=502))["code"] == "provider_unreachable"


@pytest.mark.parametrize("model", ["silent", "stalled"])
async def test_what_takes_too_long_ends_with_what_there_was(runs, on, model):
    await runs.project.create("p", "one two three", model=on(model))
    assert (await runs.execute(timeout_seconds=0.5, status=504))["code"] == "provider_timeout"
    (record,) = await runs.recorded()
    assert record["status"] == "timeout"
    assert (await runs.one(record["id"]))["output"] == (None if model == "silent" else "one two ")


async def test_without_a_key_it_says_so_plainly_and_everything_else_works(project):
    await project.create("p", "Hi", model={"provider": "openai", "name": "gpt-4o-mini"})
    answer = await project.client.post(f"{project.prompts}/p/execute", json={})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "provider_not_configured")
    assert "dakora provider set openai" in problem["detail"]
    assert (await project.client.get(f"/api/projects/{project.id}/models")).json() == []
    assert (await project.client.get(f"/api/projects/{project.id}/executions")).json() == []
    assert (await project.render("p", {})).json()["rendered"] == "Hi"


async def test_a_prompt_without_a_model_asks_for_one(runs):
    await runs.project.create("p", "Hi")
    assert (await runs.execute(status=422))["code"] == "model_required"
    assert (await runs.execute(model={"provider": "openai", "name": "echo"}))["output"] == "Hi"


async def test_inputs_and_versions_fail_as_they_do_in_a_render(runs, on):
    await runs.project.create("p", "Hi {{ n }}", inputs={"n": {"type": "number"}}, model=on("echo"))
    assert (await runs.execute(inputs={"n": "x"}, status=422))["code"] == "invalid_inputs"
    assert (await runs.execute(version=9, inputs={"n": 1}, status=404))["code"] == "version_not_found"
    assert (await runs.execute("absent", status=404))["code"] == "prompt_not_found"
    assert (await runs.execute(version=1, label="x", inputs={"n": 1}, status=422))["code"] == "invalid_request"
    assert await runs.recorded() == []


@pytest.mark.parametrize("name", ["model", "n", "messages", "stream", "tools", "extra_headers", "service_tier"])
async def test_what_decides_who_is_asked_or_what_it_costs_is_no_parameter(runs, on, name):
    await runs.project.create("p", "Hi", model=on("echo", **{name: "other"}))
    problem = await runs.execute(status=422)
    assert (problem["code"], name in problem["detail"]) == ("provider_rejected", True)


async def test_no_parameter_is_left_out_without_a_word(runs, on):
    """What the provider's library does not know of reaches the provider, or is refused by name."""
    await runs.project.create("p", "Hi", model=on("echo", "anthropic", seed=7))
    await runs.execute()
    assert runs.sent()["seed"] == 7
    await runs.execute(model={"provider": "openai", "parameters": {"top_k": 3, "seed": None}})
    assert runs.sent()["top_k"] == 3
    await runs.set_provider("mistral", api_key="sk-mistral", base_url=runs.server.url)
    problem = await runs.execute(model={"provider": "mistral", "parameters": {"top_k": 3}}, status=422)
    assert "top_k" in problem["detail"]
    answer = await runs.execute(model={"provider": "mistral", "parameters": {"seed": None, "max_tokens": 5}})
    assert (answer["output"], answer["usage"]["output_tokens"]) == ("Hi", 1)


async def test_a_message_of_a_tool_cannot_be_run(runs, on):
    messages = [{"role": "user", "content": "Hi"}, {"role": "tool", "content": "42"}]
    body = {"id": "p", "messages": messages, "model": on("echo")}
    assert (await runs.client.post(runs.project.prompts, json=body)).status_code == 201
    assert (await runs.execute(status=422))["code"] == "messages_not_runnable"


async def test_an_unknown_price_is_null(runs, on):
    await runs.project.create("p", "Hi", model=on("echo"))
    answer = await runs.execute()
    assert answer["cost_usd"] is None
    (record,) = await runs.recorded()
    assert record["cost_usd"] is None


async def test_what_a_project_does_not_keep_is_not_recorded_of_its_runs(runs, on):
    await runs.client.put(f"{runs.url}/execution-settings", json={"keep": "none", "retention_days": None})
    await runs.project.create("p", "secret {{ n }}", inputs={"n": {"type": "string"}}, model=on("echo"))
    answer = await runs.execute(inputs={"n": "word"})
    record = await runs.one(answer["execution_id"])
    assert answer["output"] == "secret word"
    assert [record[name] for name in ("inputs", "messages", "output")] == [None, None, None]


async def test_compare_shows_results_beside_failures_in_order(runs, on):
    await runs.project.create("p", "one two three", model=on("echo"))
    await runs.project.save("p", "four", model=on("echo"))
    found = await runs.compare(
        {},
        {"version": 1},
        {"version": 1, "model": {"name": "cut"}},
        {"model": {"provider": "anthropic"}},
        {"version": 9},
        {"model": {"provider": "mistral", "name": "x"}},
    )
    outputs = [one["result"] and one["result"]["output"] for one in found]
    assert outputs == ["four", "one two three", None, "four", None, None]
    codes = [one["error"] and one["error"]["code"] for one in found]
    assert codes[2:] == ["provider_interrupted", None, "version_not_found", "provider_not_configured"]
    assert [one["execution_id"] is not None for one in found] == [True, True, True, True, False, False]
    assert len(await runs.recorded()) == 4
    await runs.compare({}, {}, prompt_id="absent", status=404)


async def test_compare_runs_at_once(runs, on):
    """The provider has all five questions before any run has ended."""
    await runs.project.create("p", " ".join("word" for _ in range(10)), model=on("echo-slow"))
    asked = []

    async def watch():
        while len(asked) < 5:
            await asyncio.sleep(0.01)
            asked[:] = [one for one in runs.server.requests if one["body"].get("model") == "echo-slow"]
        return "all were asked"

    async def compare():
        found = await runs.compare(*({} for _ in range(5)))
        assert all(one["result"]["status"] == "ok" for one in found)
        return "all have ended"

    ends = [await coming for coming in asyncio.as_completed([watch(), compare()])]
    assert ends == ["all were asked", "all have ended"]
