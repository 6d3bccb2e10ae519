"""Recorded runs from a terminal: listed, shown, followed, counted."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest


@pytest.fixture
def record(project):
    """Records a run; its id."""

    async def recorded(**fields):
        usual = {
            "id": str(uuid.uuid4()),
            "started_at": datetime.now(UTC).isoformat(),
            "prompt_id": "greeting",
            "version_number": 2,
            "provider": "openai",
            "model": "gpt-4o-mini",
            "input_tokens": 1000,
            "output_tokens": 100,
            "latency_ms": 1234,
        }
        run = usual | fields
        answer = await project.client.post(f"/api/projects/{project.id}/executions", json=run)
        assert answer.status_code == 201, answer.text
        return run["id"]

    return recorded


async def test_runs_are_listed_newest_first_and_shown_whole(cli, record):
    older = await record(started_at=(datetime.now(UTC) - timedelta(hours=1)).isoformat(), output="Hello\nAda")
    newer = await record(
        status="error", error={"type": "timeout", "message": "Too slow."}, model="own", label="staging"
    )
    listed = await cli("logs")
    rows = [line.split("\t") for line in listed.out.splitlines()]
    assert [row[-1] for row in rows] == [newer, older]
    assert rows[1][1:8] == ["greeting", "2", "openai/gpt-4o-mini", "ok", "1000+100", "$0.00021", "1.2s"]
    assert rows[0][6] == "-"
    assert [one["id"] for one in (await cli("logs", "--json", "--status", "error")).json] == [newer]
    shown = await cli("logs", older)
    assert "cost_usd:" in shown.out
    assert shown.out.endswith("output:\nHello\nAda\n")
    assert (await cli("logs", newer)).err == "Its texts are not kept.\n"
    assert (await cli("logs", older, "--json")).json["output"] == "Hello\nAda"


async def test_a_table_on_a_terminal_fits_it_and_says_what_is_what(cli, record):
    await record()
    shown = await cli("logs", terminal=True)
    heading, row = shown.out.splitlines()
    assert heading.split()[:3] == ["\x1b[1mWHEN", "PROMPT", "VERSION"] or "WHEN" in heading
    assert max(len(line) for line in (heading, row)) < 400


async def test_what_is_not_there_is_said(cli):
    nothing = await cli("logs")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "No run has been recorded yet.\n")
    assert (await cli("logs", "--prompt", "x")).err == "No run matches.\n"
    missing = await cli("logs", str(uuid.uuid4()))
    assert (missing.code, missing.out) == (1, "")
    assert (await cli("stats")).err == "No run was recorded in this time.\n"
    assert (await cli("logs", "--since", "soon")).code == 2
    assert (await cli("logs", "an-id", "--follow")).code == 2
    assert (await cli("stats", "--by", "weather")).code == 2


async def test_following_prints_what_comes_until_it_is_interrupted(project, address, record):
    first = await record()
    environment = {**os.environ, "DAKORA_BASE_URL": address, "DAKORA_PROJECT": str(project.id)}
    command = [str(Path(sys.executable).with_name("dakora")), "logs", "--follow", "--json"]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE)
    try:
        seen = [json.loads(await asyncio.wait_for(process.stdout.readline(), 30))["id"]]
        second = await record()
        seen.append(json.loads(await asyncio.wait_for(process.stdout.readline(), 30))["id"])
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 30) == 130
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert seen == [first, second]


async def test_numbers_are_added_up_by_what_is_asked_for(cli, record):
    for version in (1, 1, 2):
        await record(version_number=version, prompt_id="greeting")
    await record(model="own", status="error", version_number=2)
    rows = [line.split("\t") for line in (await cli("stats", "--by", "prompt,version")).out.splitlines()]
    assert [row[:5] for row in rows] == [["greeting", "1", "2", "0", "2000"], ["greeting", "2", "2", "1", "2000"]]
    assert [row[6:8] for row in rows] == [["$0.00042", "0"], ["$0.00021", "1"]]
    by_day = (await cli("stats", "--json", "--model", "own")).json
    assert [(one["count"], one["errors"], one["unpriced"]) for one in by_day] == [(1, 1, 1)]
