"""Budgets: warned of in time, never exceeded however many run at once, and exact at the end."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from dakora_server.core.runs.records import Order
from dakora_server.core.scope import Grant, ProjectRunner, Role
from dakora_server.core.storage.database import driver_url
from dakora_server.core.tenancy.provisioning import LOCAL_USER, LOCAL_WORKSPACE_ID

MODEL = "gpt-4o-mini"


@pytest.fixture
async def priced(runs, on):
    """A prompt on a model whose price is known; the peer answers it with its own words."""
    await runs.project.create("p", "one two three four", model=on(MODEL, max_tokens=1000))
    return runs


async def test_without_a_budget_what_is_spent_is_counted_all_the_same(priced):
    assert await priced.budget() | {"month": None} == {
        "limit_usd": None,
        "warn_percent": 80,
        "unpriced": "refuse",
        "state": "unlimited",
        "month": None,
        "spent_usd": 0.0,
        "held_usd": 0.0,
        "changed_at": None,
    }
    answer = await priced.execute()
    assert answer["budget"] is None
    assert (await priced.budget())["spent_usd"] == pytest.approx(answer["cost_usd"])


async def test_past_the_limit_runs_are_refused_and_nothing_is_asked_of_the_provider(priced):
    await priced.budget(limit_usd=0.000001)
    before = len(priced.server.requests)
    problem = await priced.execute(status=402)
    assert problem["code"] == "budget_exceeded"
    assert "max_tokens" in problem["detail"]
    assert len(priced.server.requests) == before
    assert await priced.recorded() == []


async def test_from_the_threshold_on_answers_warn(priced):
    cost = (await priced.execute())["cost_usd"]
    await priced.budget(limit_usd=0.01, warn_percent=1)
    assert (await priced.execute())["budget"]["state"] == "ok"
    share = int(cost / 0.01 * 100) + 1
    await priced.budget(limit_usd=0.01, warn_percent=share)
    while (answer := await priced.execute())["budget"]["state"] != "warning":
        assert answer["budget"]["state"] == "ok"
    assert (await priced.budget())["state"] == "warning"


async def test_many_at_once_never_spend_more_than_there_is(priced):
    """The most that a run may cost fits in about four times; what each really costs is a small part of that."""
    one = (await priced.execute())["cost_usd"]
    await priced.budget(limit_usd=0.0026)
    url = f"{priced.url}/prompts/p/execute"
    answers = await asyncio.gather(*(priced.client.post(url, json={}) for _ in range(30)))
    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) == {200, 402}
    standing = await priced.budget()
    assert standing["spent_usd"] == pytest.approx(one * (1 + statuses.count(200)), rel=1e-9)
    assert standing["held_usd"] == 0
    assert standing["spent_usd"] <= 0.0026


async def test_a_run_that_failed_costs_nothing_and_holds_nothing(priced, on):
    await priced.budget(limit_usd=1)
    await priced.project.save("p", "one two three", model=on("broken", max_tokens=10), message="fails")
    await priced.budget(limit_usd=1, unpriced="allow")
    await priced.execute(status=502)
    await priced.execute(status=422, model={"name": MODEL, "parameters": {"n": 2}})
    standing = await priced.budget()
    assert (standing["spent_usd"], standing["held_usd"]) == (0, 0)


async def test_a_model_whose_price_is_not_known_is_refused_unless_allowed(priced):
    await priced.budget(limit_usd=1)
    assert (await priced.execute(model={"name": "echo"}, status=422))["code"] == "model_unpriced"
    await priced.budget(limit_usd=1, unpriced="allow")
    answer = await priced.execute(model={"name": "echo"})
    assert (answer["status"], answer["cost_usd"]) == ("ok", None)


async def test_with_a_budget_an_answer_has_an_end(runs, on):
    await runs.project.create("p", "Hi", model=on(MODEL))
    await runs.execute()
    assert "max_completion_tokens" not in runs.sent()
    await runs.budget(limit_usd=1)
    await runs.execute()
    assert runs.sent()["max_completion_tokens"] == 4096


async def test_a_failure_of_our_own_is_recorded_and_holds_nothing(priced, app, monkeypatch):
    """Whatever goes wrong while the model is asked: the run has its record, and the budget its hold back."""

    def broken(*_):
        raise KeyError("a mistake in a library")

    await priced.budget(limit_usd=1)
    monkeypatch.setattr(app.state.runner.models, "ask", broken)
    assert (await priced.execute(status=500))["code"] == "internal_error"
    (record,) = await priced.recorded()
    assert (record["status"], record["error"]["type"]) == ("error", "internal_error")
    assert (await priced.budget())["held_usd"] == 0


async def test_who_goes_away_before_the_model_is_asked_leaves_nothing_held(priced, app, platform):
    """Cancelled at any moment of the way: what is held is given back, or counted."""
    await priced.budget(limit_usd=1)
    grant = Grant(LOCAL_USER, LOCAL_WORKSPACE_ID, priced.project.id, Role.owner)
    for turn in range(25):
        run = app.state.runner.start(ProjectRunner(platform, grant), Order("p", {}))
        await asyncio.sleep(turn * 0.0005)
        await run.cancel()
    assert (await priced.budget())["held_usd"] == 0


async def test_what_a_killed_process_held_is_counted_in_full(priced, owner_url):
    await priced.budget(limit_usd=1)
    await priced.execute()
    spent = (await priced.budget())["spent_usd"]
    with psycopg.connect(driver_url(owner_url)) as connection:
        connection.execute(
            "INSERT INTO budget_holds (project_id, id, month, amount_usd, until)"
            " VALUES (%s, gen_random_uuid(), %s, 0.25, %s)",
            (priced.project.id, datetime.now(UTC).date().replace(day=1), datetime.now(UTC) - timedelta(seconds=1)),
        )
    assert (await priced.budget())["held_usd"] == 0.25
    cost = (await priced.execute())["cost_usd"]
    standing = await priced.budget()
    assert standing["held_usd"] == 0
    assert standing["spent_usd"] == pytest.approx(spent + 0.25 + cost)
