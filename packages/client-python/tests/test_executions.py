"""Executions through both faces, against the application."""

from datetime import UTC, date, datetime, timedelta

import pytest

from dakora_client import InvalidRequestError, NotFoundError


@pytest.fixture
async def dakora(client_of, app, project):
    return await client_of(app, project=str(project.id))


async def test_recorded_runs_are_listed_read_counted_and_erased(dakora):
    usual = {"prompt_id": "greeting", "version_number": 1, "provider": "openai", "model": "gpt-4o-mini"}
    usual |= {"input_tokens": 1000, "output_tokens": 100, "latency_ms": 250.0, "user": "ada"}
    records = [{**usual, "output": f"text {number}", "version_number": 1 + number % 2} for number in range(3)]
    done = await dakora.executions.record(records)
    assert (done.recorded, done.repeated, len(done.ids)) == (3, 0, 3)
    listed = await dakora.executions.list(prompt="greeting", version=1, since=datetime.now(UTC) - timedelta(hours=1))
    assert {one.id for one in listed} == {done.ids[0], done.ids[2]}
    assert listed[0].output is None
    whole = await dakora.executions.get(done.ids[1])
    assert (whole.output, whole.user, whole.cost_usd) == ("text 1", "ada", pytest.approx(0.00021))
    every = [one.id for one in await dakora.executions.iter(user="ada")]
    assert every == [one.id for one in await dakora.executions.list()]
    [stats] = await dakora.executions.stats(group_by=["prompt"], until=date.today() + timedelta(days=1))  # noqa: DTZ011 - wide enough
    assert (stats.prompt_id, stats.count, stats.input_tokens, stats.unpriced) == ("greeting", 3, 3000, 0)
    assert 200 < stats.latency_ms.p50 < 300
    compared = await dakora.executions.compare_versions("greeting", 2, 1)
    assert (compared.version.count, compared.against.count, compared.change["cost_usd"]) == (1, 2, 1.0)
    assert await dakora.executions.erase("ada") == 3
    assert (await dakora.executions.get(done.ids[1])).output is None


async def test_what_is_kept_can_be_changed(dakora):
    assert (await dakora.executions.settings()).keep == "full"
    changed = await dakora.executions.change_settings(keep="none", retention_days=30)
    assert (changed.keep, changed.retention_days) == ("none", 30)
    assert await dakora.executions.settings() == changed


async def test_what_is_wrong_is_said(dakora):
    with pytest.raises(InvalidRequestError) as refused:
        await dakora.executions.record([{}, {"status": "fine"}])
    assert refused.value.errors[0].loc == (1, "status")
    with pytest.raises(NotFoundError):
        await dakora.executions.get("00000000-0000-0000-0000-000000000000")
    for records in ([], [{}] * 1001):
        with pytest.raises(ValueError, match="1 to 1000"):
            await dakora.executions.record(records)
