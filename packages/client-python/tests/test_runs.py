"""Runs, providers and budgets through both faces, against the application and a provider on loopback."""

import pytest

from dakora_client import (
    BudgetExceeded,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    ProviderError,
    RunChoice,
    RunResult,
    RunStarted,
    RunText,
    ToolCall,
    UnexpectedAnswer,
)
from dakora_client._run_answers import EventReader

KEY = "sk-client-0123456789abcdef"


@pytest.fixture
async def dakora(client_of, app, project, model_server):
    found = await client_of(app, project=str(project.id))
    await found.models.set_provider("openai", api_key=KEY, base_url=f"{model_server.url}/v1")
    body = {"inputs": {"name": {"type": "string"}}, "model": {"provider": "openai", "name": "echo"}}
    await project.create("greeting", "Hello {{ name }}", **body)
    return found


async def test_a_prompt_is_run_and_its_record_is_there(dakora):
    result = await dakora.prompts.execute("greeting", {"name": "Ada"}, user="ada", metadata={"k": 1})
    assert (result.output, result.status, result.model, result.version_number) == ("Hello Ada", "ok", "echo", 1)
    assert (result.input_tokens, result.output_tokens, result.cost_usd, result.budget) == (2, 2, None, None)
    record = await dakora.executions.get(result.execution_id)
    assert (record.source, record.user, record.output) == ("execute", "ada", "Hello Ada")


async def test_a_stream_gives_a_start_texts_calls_and_the_result(dakora):
    events = await dakora.prompts.stream("greeting", {"name": "Ada"}, parameters={"temperature": 0})
    assert isinstance(events[0], RunStarted)
    assert [event.text for event in events if isinstance(event, RunText)] == ["Hello ", "Ada"]
    assert isinstance(events[-1], RunResult)
    assert events[-1].execution_id == events[0].execution_id
    events = await dakora.prompts.stream("greeting", {"name": "Ada"}, model="tool")
    assert [event.name for event in events if isinstance(event, ToolCall)] == ["get_weather"]


async def test_a_stream_that_breaks_off_raises_what_broke_it(dakora):
    with pytest.raises(ProviderError) as broken:
        await dakora.prompts.stream("greeting", {"name": "Ada and Bob"}, model="cut")
    assert broken.value.code == "provider_interrupted"
    with pytest.raises(InvalidRequestError):
        await dakora.prompts.stream("greeting", {"name": "Ada"}, model="missing")


def test_a_stream_without_an_end_is_no_answer():
    reader = EventReader()
    assert reader.read("event: delta") is None
    assert reader.read('data: {"text": "Hel"}') == RunText(text="Hel")
    assert reader.read(": waiting") is None
    with pytest.raises(UnexpectedAnswer):
        reader.finish()


async def test_runs_are_compared_each_with_its_own_end(dakora):
    choices = [RunChoice(), RunChoice(model="missing"), RunChoice(version=9)]
    first, second, third = await dakora.prompts.compare("greeting", {"name": "Ada"}, runs=choices)
    assert (first.result.output, first.error) == ("Hello Ada", None)
    assert (second.result, second.error.code) == (None, "model_not_found")
    assert isinstance(third.error, NotFoundError)


async def test_providers_and_models_are_listed_and_removed(dakora):
    [provider] = await dakora.models.providers()
    assert (provider.name, provider.kind) == ("openai", "openai")
    assert (provider.key_hint, provider.origin) == ("…cdef", "project")
    changed = await dakora.models.set_provider("openai", base_url=provider.base_url, models=["gpt-4o-mini", "own"])
    assert changed.models == ("gpt-4o-mini", "own")
    known, own = await dakora.models.list()
    assert (known.name, known.price.output, own.price) == ("gpt-4o-mini", 0.6, None)
    await dakora.models.remove_provider("openai")
    with pytest.raises(NotFoundError):
        await dakora.models.remove_provider("openai")
    with pytest.raises(ConflictError) as refused:
        await dakora.prompts.execute("greeting", {"name": "Ada"})
    assert refused.value.code == "provider_not_configured"


async def test_a_budget_is_kept_and_refuses(dakora):
    assert (await dakora.models.budget()).state == "unlimited"
    budget = await dakora.models.set_budget(0.000001, warn_percent=50)
    assert (budget.limit_usd, budget.warn_percent, budget.unpriced, budget.spent_usd) == (0.000001, 50, "refuse", 0)
    with pytest.raises(BudgetExceeded):
        await dakora.prompts.execute("greeting", {"name": "Ada"}, model="gpt-4o-mini")
    assert (await dakora.models.set_budget(None)).limit_usd is None


async def test_what_costs_money_is_never_sent_twice_by_itself(dakora, model_server):
    model_server.asked.clear()
    with pytest.raises(ProviderError):
        await dakora.prompts.execute("greeting", {"name": "Ada"}, model="busy")
    # The server's own second try, and none of ours on top.
    assert model_server.asked["busy"] == 2
