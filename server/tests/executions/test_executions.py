"""Runs are recorded once, shown as they were sent, and gone when their time is over."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from dakora_server.core.housekeeping import tidy
from dakora_server.core.storage.database import driver_url

EVERYTHING = {
    "version": "1.0.0",
    "label": "production",
    "status": "error",
    "error": {"type": "rate_limited", "message": "Slow down."},
    "finish_reason": "stop",
    "inputs": {"name": "Ada", "deep": {"list": [1, 1.0, 2.5, True, None, "\u00e9\U0001f600"]}, "": ""},
    "messages": [{"role": "user", "content": "Hello Ada"}],
    "output": "Hi!\n",
    "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}],
    "cached_input_tokens": 10,
    "cost_usd": 0.0000125,
    "first_token_ms": 80.25,
    "user": "user-1",
    "session": "s-1",
    "trace_id": "0123456789abcdef0123456789abcdef",
    "span_id": "0123456789abcdef",
    "metadata": {"region": "eu", "retries": 2},
    "parts": [{"id": "tone/friendly", "version_number": 3}],
}


class TestRecording:
    async def test_what_was_sent_comes_back(self, runs, run):
        sent = run(**EVERYTHING)
        assert await runs.record(sent) == {"ids": [sent["id"]], "recorded": 1, "repeated": 0, "expired": 0}
        shown = (await runs.get(sent["id"])).json()
        assert shown.pop("source") == "client"
        assert datetime.fromisoformat(shown.pop("recorded_at")) <= datetime.now(UTC)
        for one in (shown, sent):
            one["started_at"] = datetime.fromisoformat(one["started_at"])
        assert json.dumps(shown, default=str, sort_keys=True) == json.dumps(sent, default=str, sort_keys=True)

    async def test_the_least_that_can_be_sent_is_nothing(self, runs):
        answer = await runs.client.post(f"{runs.url}/executions", json={})
        [execution_id] = answer.json()["ids"]
        shown = (await runs.get(execution_id)).json()
        assert (shown["status"], shown["cost_usd"], shown["output"]) == ("ok", None, None)

    async def test_sending_again_changes_nothing_and_counts_once(self, runs, run):
        sent, other = run(output="first"), run()
        await runs.record(sent)
        again = await runs.record({**sent, "output": "second"}, other, other)
        assert (again["recorded"], again["repeated"]) == (1, 2)
        assert (await runs.get(sent["id"])).json()["output"] == "first"
        assert [row["count"] for row in await runs.stats()] == [2]

    async def test_many_senders_of_the_same_batch_record_it_once(self, runs, run):
        batch = [run() for _ in range(50)]
        answers = await asyncio.gather(*(runs.record(*batch) for _ in range(8)))
        assert sum(answer["recorded"] for answer in answers) == 50
        assert sum(answer["repeated"] for answer in answers) == 350
        assert [row["count"] for row in await runs.stats()] == [50]

    async def test_the_first_of_a_new_month_come_at_once_and_all_are_recorded(self, runs, run):
        # Nobody else keeps anything for so long: the month has to be made first, and by one.
        await runs.keep(days=3001)
        answers = await asyncio.gather(*(runs.record(run(started_at=run.ago(minutes=0))) for _ in range(8)))
        assert [answer["recorded"] for answer in answers] == [1] * 8

    async def test_number_and_semver_complete_each_other(self, runs, run, project):
        await project.create("greeting", "one")
        await project.save("greeting", "two")
        by_number, by_semver = run(version_number=2), run(version="1.0.1")
        del by_semver["version_number"]
        unknown, nobody = run(version_number=9), run(prompt_id="nobody", version_number=1)
        await runs.record(by_number, by_semver, unknown, nobody)
        shown = {one["id"]: (one["version_number"], one["version"]) for one in await runs.list()}
        assert shown[by_number["id"]] == shown[by_semver["id"]] == (2, "1.0.1")
        assert (shown[unknown["id"]], shown[nobody["id"]]) == ((9, None), (1, None))

    async def test_a_fault_in_one_refuses_all_and_names_its_place(self, runs, run):
        good, bad = run(), run(status="fine", input_tokens=-1)
        answer = await runs.client.post(f"{runs.url}/executions", json=[good, bad])
        assert answer.status_code == 422
        assert [fault["loc"] for fault in answer.json()["errors"]] == [[1, "status"], [1, "input_tokens"]]
        assert await runs.list() == []

    @pytest.mark.parametrize(
        "fields",
        [
            {"started_at": "2026-01-01T00:00:00"},
            {"started_at": "2999-01-01T00:00:00Z"},
            {"started_at": "1999-01-01T00:00:00Z"},
            {"latency_ms": -1},
            {"trace_id": "xyz"},
            {"unknown": 1},
            {"metadata": {str(number): 1 for number in range(65)}},
            {"user": "a\u0000b"},
            {"output": "x" * (1024 * 1024 + 1)},
            {"cost_usd": "NaN"},
            {"input_tokens": 2**70},
            {"model": ""},
        ],
        ids=str,
    )
    async def test_what_makes_no_sense_is_refused(self, runs, run, fields):
        answer = await runs.client.post(f"{runs.url}/executions", json=run(**fields))
        assert answer.status_code == 422, answer.text[:200]
        assert await runs.list() == []

    async def test_a_thousand_at_once_and_no_more(self, runs, run):
        assert (await runs.record(*(run() for _ in range(1000))))["recorded"] == 1000
        await runs.record(*(run() for _ in range(1001)), status=422)
        await runs.record(status=422)

    async def test_crafted_bodies_make_no_server_error_and_nothing_is_stored_unlike_it_was_sent(self, runs, run):
        crafted = [
            b'{"output":"a","output":"b"}',
            b'{"output":"\\u0000"}',
            b'{"metadata":{"\\u0000":1}}',
            b'{"output":"\\ud800"}',
            b'{"inputs":' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}",
            b'{"inputs":{' + b",".join(b'"%d":1' % number for number in range(300)) + b"}}",
            b'{"latency_ms":1e999}',
            b'{"inputs":{"n":123456789012345678901234567890}}',
            b"[[]]",
            b'["x"]',
            b"null",
            b"",
            b"[{}",
            b'{"id":"not-a-uuid"}',
            b'{"started_at":99999999999999999999}',
            b'{"__proto__":{"x":1}}',
            b'{"messages":"text"}',
            b'{"cost_usd":1e400}',
            b'{"cost_usd":0.00000000000000000000001}',
        ]
        for body in crafted:
            headers = {"content-type": "application/json"}
            answer = await runs.client.post(f"{runs.url}/executions", content=body, headers=headers)
            assert answer.status_code == 422, (body[:60], answer.text[:200])
        assert await runs.list() == []
        kept = {"__proto__": {"x": 1}, "constructor": "y", "a:b": [1.0, 1, "\ufeff", "\u2028"], "1e5": 1e5}
        sent = run(inputs=kept)
        await runs.record(sent)
        assert json.dumps((await runs.get(sent["id"])).json()["inputs"]) == json.dumps(kept)

    async def test_a_body_may_be_larger_than_others(self, runs, run):
        batch = [run(output="x" * 1000) for _ in range(1000)]
        batch += [run(output="y" * 1_000_000) for _ in range(3)]
        assert len(json.dumps(batch)) > 2 * 1024 * 1024
        await runs.record(*batch[:997], *batch[1000:])
        answer = await runs.client.post(
            f"{runs.url}/executions", content=b" " * (17 * 1024 * 1024), headers={"content-type": "application/json"}
        )
        assert answer.status_code == 413


class TestReading:
    async def test_the_latest_come_first_page_by_page(self, runs, run):
        sent = [run(started_at=run.ago(minutes=number)) for number in (3, 1, 2, 5, 4)]
        # At the same moment the id decides.
        sent += [{**run(), "started_at": sent[0]["started_at"]} for _ in range(2)]
        await runs.record(*sent)
        wanted = sorted(sent, key=lambda one: (datetime.fromisoformat(one["started_at"]), one["id"]), reverse=True)
        url, found = f"{runs.url}/executions?limit=3", []
        while url:
            answer = await runs.client.get(url)
            found += [one["id"] for one in answer.json()]
            link = answer.headers.get("link", "")
            url = link.partition(">")[0].removeprefix("<")
        assert found == [one["id"] for one in wanted]

    async def test_a_list_has_no_texts(self, runs, run):
        await runs.record(run(**EVERYTHING))
        [listed] = await runs.list()
        assert not {"inputs", "messages", "output", "tool_calls"} & set(listed)
        assert (listed["error"]["type"], listed["metadata"]["region"]) == ("rate_limited", "eu")

    async def test_each_filter_finds_what_it_names(self, runs, run):
        other = {
            "prompt_id": "other",
            "version_number": 7,
            "version": "7.0.0",
            "label": "staging",
            "provider": "anthropic",
            "model": "claude",
            "status": "timeout",
            "user": "u",
            "session": "s",
        }
        plain, special = run(), run(**other, started_at=run.ago(days=2))
        await runs.record(plain, special)
        names = {"prompt_id": "prompt", "version_number": "version"}
        for name, value in other.items():
            [found] = await runs.list(**{names.get(name, name): value})
            assert found["id"] == special["id"], name
        assert [one["id"] for one in await runs.list(until=run.ago(days=1))] == [special["id"]]
        assert [one["id"] for one in await runs.list(since=run.ago(days=1))] == [plain["id"]]
        assert await runs.list(source="otlp") == []
        assert len(await runs.list(source="client", prompt="greeting", version=1)) == 1

    async def test_another_project_sees_nothing_of_it(self, runs, run, make_project, runs_of):
        sent = run()
        await runs.record(sent)
        elsewhere = runs_of(await make_project())
        assert (await elsewhere.get(sent["id"])).status_code == 404
        assert await elsewhere.list() == []
        # Ids belong to their project: the same one elsewhere is another record.
        assert (await elsewhere.record(sent))["recorded"] == 1
        assert (await runs.get(uuid.uuid4())).json()["code"] == "execution_not_found"


class TestRetention:
    async def test_what_is_past_its_time_is_not_shown_and_not_taken(self, runs, run):
        old, new = run(started_at=run.ago(days=40)), run()
        await runs.record(old, new)
        assert await runs.keep(days=30) == {
            "keep": "full",
            "retention_days": 30,
            "changed_at": (await runs.client.get(f"{runs.url}/execution-settings")).json()["changed_at"],
        }
        assert [one["id"] for one in await runs.list()] == [new["id"]]
        assert (await runs.get(old["id"])).status_code == 404
        late = await runs.record(run(started_at=run.ago(days=31)), run())
        assert (late["recorded"], late["expired"]) == (1, 1)

    async def test_a_shorter_retention_deletes_what_is_there_too(self, runs, run, platform, owner_url):
        old, new = run(started_at=run.ago(days=40)), run()
        await runs.record(old, new)
        await runs.keep(days=30)
        await tidy(platform.database)
        with psycopg.connect(driver_url(owner_url)) as connection:
            query = "SELECT id::text FROM executions WHERE project_id = %s"
            assert connection.execute(query, (runs.project.id,)).fetchall() == [(new["id"],)]
        # Numbers are nobody's: they stay.
        assert sum(row["count"] for row in await runs.stats(since=run.ago(days=60)[:10])) == 2

    async def test_a_repeat_counts_once_even_when_the_retention_changed_meanwhile(self, runs, run):
        sent = run()
        await runs.record(sent)
        for days in (90, 365, None):
            await runs.keep(days=days)
            again = await runs.record(sent)
            assert (again["recorded"], again["repeated"]) == (0, 1)

    async def test_months_go_whole_once_every_record_in_them_is_past_its_time(self, runs, run, platform, owner_url):
        await runs.keep(days=60)
        await runs.record(run())
        months = "SELECT tablename FROM pg_tables WHERE schemaname = %s"
        past = datetime.now(UTC) - timedelta(days=70)
        with psycopg.connect(driver_url(owner_url), autocommit=True) as connection:
            name = f"until_{past:%Y_%m}"
            first = past.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            behind = (first + timedelta(days=32)).replace(day=1)
            connection.execute(
                f"CREATE TABLE executions_by_month.{name} PARTITION OF executions"
                f" FOR VALUES FROM ('{first.isoformat()}') TO ('{behind.isoformat()}')"
            )
            before = {row[0] for row in connection.execute(months, ("executions_by_month",))}
            await tidy(platform.database)
            after = {row[0] for row in connection.execute(months, ("executions_by_month",))}
        assert before - after == {name}
        assert len(await runs.list()) == 1

    async def test_the_application_can_neither_reach_into_the_months_nor_delete_before_time(
        self, runs, run, database_url
    ):
        await runs.record(run())
        with psycopg.connect(driver_url(database_url), autocommit=True) as connection:
            connection.execute("SELECT set_config('dakora.project_id', %s, false)", (str(runs.project.id),))
            assert connection.execute("DELETE FROM executions").rowcount == 0
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT * FROM executions_by_month.until_2126_11")
            for column in ("cost_usd", "started_at", "kept_until", "prompt_id", "status"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(f"UPDATE executions SET {column} = {column}")
            for moment in ("2020-01-01", "2400-01-01", None):
                with pytest.raises(psycopg.errors.CheckViolation):
                    connection.execute("SELECT dakora_execution_month(%s)", (moment,))
            for statement in ("DROP TABLE executions", "TRUNCATE executions"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
        assert len(await runs.list()) == 1
