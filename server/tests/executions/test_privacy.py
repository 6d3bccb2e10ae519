"""What a project does not keep is never written; what is erased is gone."""

import json

import psycopg
import pytest

from dakora_server.core.storage.database import driver_url

CANARY = "canary-4711"
TEXTS = {
    "inputs": {f"{CANARY}-key": CANARY},
    "messages": [{"role": "user", "content": CANARY}],
    "output": CANARY,
    "tool_calls": [{"arguments": CANARY}],
    "metadata": {"note": CANARY},
    "error": {"type": "refused", "message": CANARY},
    "status": "error",
}


@pytest.fixture
def rows(owner_url):
    """Everything that the database holds of a project's runs, as text."""

    def found(project):
        with psycopg.connect(driver_url(owner_url)) as connection:
            tables = ("executions", "stat_entries", "stats_daily", "audit_events")
            return "\n".join(
                str(row)
                for table in tables
                for row in connection.execute(f"SELECT t::text FROM {table} t WHERE project_id = %s", (project.id,))
            )

    return found


async def test_a_project_that_keeps_nothing_never_writes_a_text(runs, run, rows):
    await runs.keep("none")
    sent = run(**TEXTS, user="u-1")
    await runs.record(sent)
    assert CANARY not in rows(runs.project)
    shown = (await runs.get(sent["id"])).json()
    assert [shown[name] for name in ("inputs", "messages", "output", "tool_calls", "metadata")] == [None] * 5
    assert (shown["error"], shown["input_tokens"], shown["user"]) == ({"type": "refused", "message": None}, 1000, "u-1")


async def test_a_project_that_keeps_all_writes_it(runs, run, rows):
    await runs.record(run(**TEXTS))
    assert rows(runs.project).count(CANARY) == 7


async def test_what_looks_personal_is_taken_out_before_it_is_written(runs, run, rows):
    await runs.keep("redacted")
    mail, card = "ada@example.com", "4111 1111 1111 1111"
    sent = run(
        inputs={mail: {"deep": [f"write to {mail}"]}},
        messages=[{"role": "user", "content": f"pay with {card}"}],
        output=f"Dear {mail},",
        tool_calls=[{"arguments": json.dumps({"to": mail})}],
        metadata={"who": mail},
        error={"message": f"{mail} is unknown"},
        status="error",
    )
    await runs.record(sent)
    kept = rows(runs.project)
    assert mail not in kept
    assert "1111" not in kept
    shown = (await runs.get(sent["id"])).json()
    assert shown["inputs"] == {"[email]": {"deep": ["write to [email]"]}}
    assert shown["messages"][0]["content"] == "pay with [card]"
    assert (shown["output"], shown["error"]["message"]) == ("Dear [email],", "[email] is unknown")
    assert json.loads(shown["tool_calls"][0]["arguments"]) == {"to": "[email]"}


async def test_less_privacy_later_brings_nothing_back(runs, run):
    await runs.keep("none")
    sent = run(output="gone")
    await runs.record(sent)
    await runs.keep("full")
    assert (await runs.record({**sent, "output": "back"}))["repeated"] == 1
    assert (await runs.get(sent["id"])).json()["output"] is None


async def test_erasing_a_user_empties_their_texts_and_keeps_the_numbers(runs, run, rows):
    mine, theirs = run(**TEXTS, user="ada", session="s-ada"), run(output="other", user="bob")
    await runs.record(mine, theirs)
    before = await runs.stats()
    answer = await runs.client.post(f"{runs.url}/executions/erase", json={"user": "ada"})
    assert answer.json() == {"erased": 1}
    kept = rows(runs.project)
    assert CANARY not in kept
    assert "ada" not in kept
    shown = (await runs.get(mine["id"])).json()
    assert (shown["user"], shown["session"], shown["output"], shown["metadata"]) == (None, None, None, None)
    assert shown["input_tokens"] == 1000
    assert (await runs.get(theirs["id"])).json()["output"] == "other"
    assert await runs.stats() == before
    assert (await runs.client.post(f"{runs.url}/executions/erase", json={"user": "ada"})).json() == {"erased": 0}


async def test_what_another_server_has_decided_holds_from_the_next_record_on(runs, run, rows, owner_url):
    """This one has the older decision in memory, and hears of the new one from the write itself."""
    await runs.keep("full", days=30)
    await runs.record(run(**TEXTS))
    before = rows(runs.project).count(CANARY)
    with psycopg.connect(driver_url(owner_url)) as connection:
        connection.execute(
            "UPDATE execution_settings SET keep = 'none', changed_at = now() WHERE project_id = %s", (runs.project.id,)
        )
    await runs.record(run(**TEXTS))
    assert rows(runs.project).count(CANARY) == before
    assert len(await runs.list()) == 2
