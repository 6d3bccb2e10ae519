"""A real model: what it writes is its own affair; that it is streamed, counted and recorded is ours."""

import pytest


@pytest.fixture(scope="module")
def address(peers):
    """Where the model listens."""
    with peers("small_model").small_model() as found:
        yield found


async def test_a_real_model_answers_and_its_run_is_recorded(runs, address):
    await runs.set_provider("local", kind="openai_compatible", base_url=address, api_key=None)
    listed = (await runs.client.get(f"{runs.url}/models")).json()
    [model] = [one["name"] for one in listed if one["provider"] == "local"]
    settings = {"provider": "local", "name": model, "parameters": {"max_tokens": 24, "temperature": 0, "seed": 1}}
    messages = [
        {"role": "system", "content": "You are a friendly assistant."},
        {"role": "user", "content": "Say hello to {{ name }}."},
    ]
    body = {"id": "p", "messages": messages, "inputs": {"name": {"type": "string"}}, "model": settings}
    assert (await runs.client.post(runs.project.prompts, json=body)).status_code == 201
    answer = await runs.execute(inputs={"name": "Ada"})
    assert answer["status"] == "ok"
    assert answer["output"].strip()
    assert 0 < answer["usage"]["output_tokens"] <= 24
    assert answer["usage"]["input_tokens"] > 10
    assert 0 < answer["first_token_ms"] <= answer["latency_ms"]
    assert (await runs.one(answer["execution_id"]))["output"] == answer["output"]


async def test_a_real_model_keeps_to_a_schema(runs, address):
    await runs.set_provider("local", kind="openai_compatible", base_url=address, api_key=None)
    schema = {
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": ["red", "green", "blue"]}},
        "required": ["colour"],
        "additionalProperties": False,
    }
    settings = {"provider": "local", "name": "any", "parameters": {"max_tokens": 40, "temperature": 0}}
    await runs.project.create("p", "The colour of grass, as JSON:", model=settings, response_schema=schema)
    answer = await runs.execute()
    assert (answer["status"], answer["errors"]) == ("ok", [])
    assert "colour" in answer["output"]
