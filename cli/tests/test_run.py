"""Prompts run from a terminal: streamed, compared, with providers, models and a budget."""

import asyncio
import json
from dataclasses import replace

import pytest

KEY = "sk-cli-0123456789abcdefghij"


@pytest.fixture
async def prompt(project, model_server):
    """A prompt, and the provider that it runs on."""
    body = {"api_key": KEY, "base_url": f"{model_server.url}/v1"}
    answer = await project.client.put(f"/api/projects/{project.id}/providers/openai", json=body)
    assert answer.status_code == 200, answer.text
    settings = {"inputs": {"name": {"type": "string"}}, "model": {"provider": "openai", "name": "echo"}}
    await project.create("greeting", "Hello {{ name }} there", **settings)


async def test_the_answer_alone_goes_to_stdout(cli, prompt):
    ran = await cli("run", "greeting", "-i", "name=Ada", "--model", "openai/gpt-4o-mini", "-p", "temperature=0")
    assert (ran.code, ran.out) == (0, "Hello Ada there")
    assert ran.err.startswith("openai/gpt-4o-mini, version 1: 3+3 tokens, $0.000002, ")
    assert "first token after" in ran.err
    shown = await cli("run", "greeting", "-i", "name=Ada", terminal=True)
    assert shown.out == "Hello Ada there\n"
    assert "price not known" in shown.err
    quiet = await cli("run", "greeting", "-i", "name=Ada", "--quiet")
    assert (quiet.out, quiet.err) == ("Hello Ada there", "")


async def test_json_has_everything(cli, prompt, model_server):
    ran = await cli("run", "greeting", "-i", "name=Ada", "-p", "max_tokens=9", "-p", "stop:=null", "--json")
    assert (ran.json["output"], ran.json["output_tokens"]) == ("Hello Ada there", 3)
    assert model_server.requests[-1]["body"]["max_completion_tokens"] == 9


async def test_calls_of_tools_are_printed(cli, prompt):
    ran = await cli("run", "greeting", "-i", "name=Ada", "--model", "tool")
    assert ran.out == 'get_weather({"city":"Paris"})\n'


async def test_an_answer_that_breaks_the_schema_is_a_no(cli, project, prompt):
    schema = {"type": "object", "properties": {"answer": {"type": "integer"}}}
    await project.create("typed", "6 * 7?", model={"provider": "openai", "name": "not-json"}, response_schema=schema)
    ran = await cli("run", "typed")
    assert (ran.code, ran.out) == (1, "forty-two")
    assert "does not follow the prompt's schema: The answer is not JSON." in ran.err


async def test_what_fails_says_why_and_how_to_go_on(cli, project, prompt):
    failed = await cli("run", "greeting", "-i", "name=Ada", "--model", "cut")
    assert (failed.code, failed.out) == (1, "Hello Ada ")
    assert "The answer broke off" in failed.err
    missing = await cli("run", "greeting", "-i", "name=Ada", "--model", "mistral/small")
    assert missing.code == 1
    assert "dakora provider set mistral" in missing.err
    assert (await cli("run", "greeting", "--model", "openai/")).code == 2
    assert (await cli("run", "greeting", "-p", "temperature")).code == 2


async def test_compare_shows_the_table_and_the_answers(cli, project, prompt):
    await project.save("greeting", "Bye {{ name }}", model={"provider": "openai", "name": "echo"})
    words = ("compare", "greeting", "-i", "name=Ada", "--version", "1", "--version", "2", "-m", "echo", "-m", "missing")
    ran = await cli(*words)
    assert ran.code == 1
    rows = [line.split("\t") for line in ran.out.splitlines()[:4]]
    assert [row[1:4] for row in rows] == [
        ["openai/echo", "1", "ok"],
        ["missing", "1", "model_not_found"],
        ["openai/echo", "2", "ok"],
        ["missing", "2", "model_not_found"],
    ]
    assert "[1] openai/echo, version 1\nHello Ada there\n" in ran.out
    assert "[3] openai/echo, version 2\nBye Ada\n" in ran.out
    found = (await cli(*words, "--json")).json
    assert [one["error"] and one["error"]["code"] for one in found] == [None, "model_not_found"] * 2
    assert (await cli("compare", "greeting", "-m", "echo")).code == 2
    assert (await cli("compare", "greeting", *["-m", "echo"] * 11)).code == 2


async def test_providers_are_set_listed_and_removed_and_keys_never_printed(user, project, address, model_server):
    asked = replace(user.with_env(DAKORA_BASE_URL=address, DAKORA_PROJECT=str(project.id)), secret=KEY)

    async def cli(*words, **options):
        return await asyncio.to_thread(asked, *words, **options)

    none = await cli("provider", "list")
    assert none.err == "No provider is set up: `dakora provider set openai` takes a key.\n"
    assert (await cli("models")).err == none.err
    done = await cli("provider", "set", "openai")
    assert done.err == "openai is set up. `dakora models` lists what can be run.\n"
    local = ("--kind", "openai_compatible", "--base-url", f"{model_server.url}/v1", "--no-key")
    assert (await cli("provider", "set", "local", *local)).code == 0
    assert (await cli("provider", "set", "piped", *local[:-1], "--key", "-", stdin=f"{KEY}\n")).code == 0
    listed = await cli("provider", "list")
    assert [line.split("\t")[:4:3] for line in listed.out.splitlines()] == [
        ["local", "-"],
        ["openai", "…ghij"],
        ["piped", "…ghij"],
    ]
    models = (await cli("models", "--provider", "local")).out.splitlines()
    assert models == ["local/echo\t-\t-\t-", "local/json\t-\t-\t-"]
    assert (await cli("models", "--search", "gpt-4o-mini")).out.splitlines()[0].startswith("openai/gpt-4o-mini\t$0.15")
    assert (await cli("provider", "remove", "openai")).err == "Removed openai.\n"
    assert (await cli("provider", "remove", "openai")).code == 1
    everything = listed.out + listed.err + json.dumps((await cli("provider", "list", "--json")).json)
    assert KEY not in everything
    assert (await cli("provider", "set", "x", "--no-key", "--key", "k")).code == 2


async def test_a_budget_is_shown_and_set(cli, prompt):
    assert "no limit" in (await cli("budget", "show")).out
    shown = await cli("budget", "set", "$0.000001", "--warn", "50")
    assert shown.out.startswith("$0.00 of $0.000001 (0%) spent in ")
    refused = await cli("run", "greeting", "-i", "name=Ada", "-m", "gpt-4o-mini")
    assert refused.code == 1
    assert "an admin can raise the limit" in refused.err
    assert (await cli("budget", "set", "1", "--json")).json["limit_usd"] == 1
    await cli("run", "greeting", "-i", "name=Ada", "-m", "gpt-4o-mini")
    warned = await cli("budget", "set", "0.000002", "--warn", "1")
    assert "runs whose price is not known are refused" in warned.out
    assert (await cli("budget", "set", "none")).code == 0
    assert (await cli("budget", "set", "much")).code == 2
