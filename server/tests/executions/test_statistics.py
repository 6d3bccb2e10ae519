"""Numbers are those of the rows, whatever came late or twice, folded or not."""

import asyncio
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from dakora_server.core.storage.database import driver_url

NAMES = {"prompt": "prompt_id", "version": "version_number"}


@pytest.fixture
def folding(app):
    """Folds what was counted, as the server does every second."""
    return app.state.recorder.recorded.__self__.turn


def recounted(sent, groups):
    """The numbers of these runs, counted one by one."""
    found = defaultdict(lambda: {"count": 0, "errors": 0, "input_tokens": 0, "output_tokens": 0, "unpriced": 0})
    for one in {run["id"]: run for run in reversed(sent)}.values():
        day = datetime.fromisoformat(one["started_at"]).astimezone(UTC).date().isoformat()
        facts = {**one, "day": day}
        sums = found[tuple(facts.get(NAMES.get(group, group)) for group in groups)]
        sums["count"] += 1
        sums["errors"] += one.get("status", "ok") != "ok"
        sums["input_tokens"] += one.get("input_tokens") or 0
        sums["output_tokens"] += one.get("output_tokens") or 0
        sums["unpriced"] += one.get("cost_usd") is None
    return dict(found)


async def shown(runs, groups, **params):
    since = (datetime.now(UTC) - timedelta(days=100)).date().isoformat()
    rows = await runs.stats(group_by=",".join(groups), since=since, **params)
    keys = [tuple(row[NAMES.get(group, group)] for group in groups) for row in rows]
    assert len(set(keys)) == len(keys)
    sums = ("count", "errors", "input_tokens", "output_tokens", "unpriced")
    return {key: {name: row[name] for name in sums} for key, row in zip(keys, rows, strict=True)}


async def test_numbers_are_those_of_the_rows_under_late_and_repeated_records(runs, run, folding):
    chance = random.Random(5)
    sent = []

    def one():
        return run(
            started_at=run.ago(days=chance.choice([0, 0, 0, 1, 2, 40]), minutes=chance.randint(0, 60)),
            prompt_id=chance.choice(["a", "b", None]),
            version_number=chance.choice([1, 2, None]),
            label=chance.choice(["production", None]),
            provider=chance.choice(["openai", None]),
            model=chance.choice(["no-such-model", None]),
            status=chance.choice(["ok", "ok", "error", "timeout"]),
            input_tokens=chance.choice([None, 0, 12, 10**9]),
            output_tokens=chance.choice([None, 7]),
            cost_usd=chance.choice([None, 0, 0.25]),
            latency_ms=chance.choice([None, 5, 1500, 10**7]),
        )

    for turn in range(12):
        fresh = [one() for _ in range(chance.randint(1, 40))]
        repeated = chance.sample(sent, min(len(sent), 10))
        both = [*fresh, *repeated, *fresh[:3]]
        sent += fresh
        tasks = [runs.record(*both[: len(both) // 2]), runs.record(*both[len(both) // 2 :])]
        # Folding goes on while others record.
        await asyncio.gather(*tasks, *([folding()] if turn % 3 else []))
    for groups in (["day"], ["prompt", "version"], ["model", "status", "provider"], ["label", "day"], []):
        assert await shown(runs, groups) == recounted(sent, groups), groups
    before = await runs.stats(group_by="prompt,status")
    await folding()
    assert await runs.stats(group_by="prompt,status") == before
    mine = [one for one in sent if one["prompt_id"] == "a" and one["status"] == "error"]
    assert await shown(runs, ["version"], prompt="a", status="error") == recounted(mine, ["version"])


async def test_what_is_folded_leaves_no_entry_behind(runs, run, folding, owner_url):
    await runs.record(*(run() for _ in range(20)))
    await folding()
    with psycopg.connect(driver_url(owner_url)) as connection:
        for table, expected in (("stat_entries", 0), ("stats_daily", 1)):
            query = f"SELECT count(*) FROM {table} WHERE project_id = %s"
            assert connection.execute(query, (runs.project.id,)).fetchone() == (expected,)


async def test_cost_comes_from_the_price_list_and_is_unknown_for_unknown_models(runs, run):
    known, unknown, given = run(), run(model="my-own-model"), run(model="my-own-model", cost_usd=1.5)
    untold = run(input_tokens=None, output_tokens=None)
    await runs.record(known, unknown, given, untold)
    costs = {one["id"]: one["cost_usd"] for one in await runs.list()}
    # OpenAI's list price of gpt-4o-mini: 0.15 and 0.60 dollars a million.
    assert costs[known["id"]] == pytest.approx(1000 * 0.15e-6 + 100 * 0.6e-6)
    assert (costs[unknown["id"]], costs[given["id"]], costs[untold["id"]]) == (None, 1.5, None)
    [row] = await runs.stats()
    assert row["cost_usd"] == pytest.approx(1.50021)
    assert row["unpriced"] == 2


async def test_latency_percentiles_and_days(runs, run):
    await runs.record(
        *(run(latency_ms=100 + number) for number in range(100)),
        run(latency_ms=None, started_at=run.ago(days=3)),
    )
    rows = await runs.stats()
    assert [row["count"] for row in rows] == [1, 100]
    assert rows[0]["latency_ms"] is None
    for name, true in (("p50", 150), ("p95", 195), ("p99", 199)):
        assert true / 1.2 < rows[1]["latency_ms"][name] < true * 1.2


async def test_one_version_against_another(runs, run):
    await runs.record(
        *(run(version_number=1, cost_usd=0.02, latency_ms=1000) for _ in range(4)),
        *(run(version_number=2, cost_usd=0.01, latency_ms=1000) for _ in range(3)),
        run(version_number=2, status="error", latency_ms=1000),
    )
    params = {"prompt": "greeting", "version": 2, "against": 1}
    answer = (await runs.client.get(f"{runs.url}/stats/compare", params=params)).json()
    assert (answer["version"]["version_number"], answer["version"]["errors"]) == (2, 1)
    assert answer["against"]["cost_usd"] == pytest.approx(0.08)
    change = answer["change"]
    assert change["cost_usd"] == pytest.approx((0.03 + 1000 * 0.15e-6 + 100 * 0.6e-6) / 4 / 0.02, rel=1e-3)
    assert (change["error_rate"], change["latency_p50"]) == (None, 1.0)
    nothing = (await runs.client.get(f"{runs.url}/stats/compare", params={**params, "against": 9})).json()
    assert nothing["against"]["count"] == 0
    assert nothing["change"]["cost_usd"] is None


@pytest.mark.parametrize(
    "params",
    [
        {"group_by": "user"},
        {"group_by": "day,day"},
        {"since": "2026-02-01", "until": "2026-01-01"},
        {"since": "2020-01-01", "until": "2026-01-01"},
        {"until": "9999-12-31", "since": "9999-12-01"},
        {"since": "yesterday"},
        {"version": 0},
    ],
    ids=str,
)
async def test_questions_without_sense_are_refused(runs, params):
    answer = await runs.client.get(f"{runs.url}/stats", params=params)
    assert answer.status_code == 422, answer.text
