"""Providers: set up once, their keys written and never read back, and sent only where they were given for."""

import asyncio
import json
import subprocess
import sys

import psycopg
import pytest

from dakora_server.core.crypto import Secret
from dakora_server.core.executions.service import Recorder
from dakora_server.core.llm.keyring import Keyring
from dakora_server.core.llm.records import Call, Kind, Message, OpenProvider, Provider
from dakora_server.core.llm.rotation import rotate
from dakora_server.core.prices import Prices
from dakora_server.core.scope import MODELS
from dakora_server.core.storage.database import driver_url
from dakora_server.model_settings import runner_of

KEY = "sk-canary-of-a-provider-key-0123456789"


async def put(caller, url, name="openai", *, status=200, **body):
    answer = await caller.put(f"{url}/providers/{name}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture
def url(project):
    return f"/api/projects/{project.id}"


async def test_a_key_is_never_read_back(project, url):
    shown = await put(project.client, url, api_key=KEY)
    assert (shown["kind"], shown["key_hint"], shown["origin"]) == ("openai", "…6789", "project")
    listed = await project.client.get(f"{url}/providers")
    assert listed.json() == [shown]
    assert KEY not in json.dumps(shown) + listed.text


async def test_what_is_left_out_keeps_the_key_and_what_is_wrong_is_said(project, url):
    await put(project.client, url, api_key=KEY)
    shown = await put(project.client, url, models=["gpt-4o-mini"])
    assert (shown["models"], shown["key_hint"]) == (["gpt-4o-mini"], "…6789")
    assert "needs an API key" in (await put(project.client, url, "anthropic", status=422))["detail"]
    assert "Say which `kind`" in (await put(project.client, url, "mine", api_key=KEY, status=422))["detail"]
    assert "base_url" in (await put(project.client, url, "mine", kind="openai_compatible", status=422))["detail"]
    azure = {"kind": "azure", "api_key": KEY, "base_url": "https://x.example.com"}
    assert "api_version" in (await put(project.client, url, "azure", status=422, **azure))["detail"]
    await put(project.client, url, "azure", **azure, api_version="2025-03-01-preview")


async def test_a_key_does_not_follow_to_another_address(project, url):
    """Or an admin could have it sent to a server of their own, and read it there."""
    await put(project.client, url, api_key=KEY)
    refused = await put(project.client, url, base_url="https://collector.example.com/v1", status=422)
    assert "give the API key again" in refused["detail"]
    refused = await put(project.client, url, kind="openai_compatible", base_url="https://c.example.com", status=422)
    assert "give the API key again" in refused["detail"]
    await put(project.client, url, base_url="https://proxy.example.com/v1", api_key=KEY)


async def test_what_is_removed_is_gone(project, url):
    await put(project.client, url, api_key=KEY)
    assert (await project.client.delete(f"{url}/providers/openai")).status_code == 204
    assert (await project.client.delete(f"{url}/providers/openai")).json()["code"] == "provider_not_found"
    assert (await project.client.get(f"{url}/providers")).json() == []


async def test_models_come_with_prices_or_with_null(project, url, model_server):
    await put(project.client, url, api_key=KEY)
    local = {"kind": "openai_compatible", "base_url": model_server.url + "/v1"}
    await put(project.client, url, "local", **local)
    await put(project.client, url, "named", **local, models=["one"])
    models = (await project.client.get(f"{url}/models")).json()
    by_name = {(one["provider"], one["name"]): one["price"] for one in models}
    assert by_name["openai", "gpt-4o-mini"] == {"input": 0.15, "output": 0.6, "cached_input": 0.075}
    assert [name for provider, name in by_name if provider == "local"] == ["echo", "json"]
    assert by_name["local", "echo"] is None
    assert [name for provider, name in by_name if provider == "named"] == ["one"]
    assert not [name for _, name in by_name if "embedding" in name]


async def test_no_key_stands_in_the_database(project, url, owner_url):
    """The whole of it, as a dump has it, also while keys are changed and removed."""
    keys = [f"sk-canary-{number:03}-abcdefghijklmnop" for number in range(200)]
    for number, key in enumerate(keys):
        name = f"p{number % 40}"
        address = "https://models.example.com/v1"
        await put(project.client, url, name, kind="openai_compatible", base_url=address, api_key=key)
    with psycopg.connect(driver_url(owner_url)) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        found = "".join(
            str(row) for (table,) in tables for row in connection.execute(f"SELECT t::text FROM {table} t").fetchall()
        )
        raw = connection.execute("SELECT string_agg(encode(sealed, 'escape'), '') FROM providers").fetchone()[0]
    assert "p39" in found
    assert not [key for key in keys if key in found or key in raw or key.encode().hex() in found]


async def test_keys_of_two_tenants_that_are_swapped_do_not_open(world, owner_url, model_server):
    teams = [await world.team() for _ in range(2)]
    for team in teams:
        body = {"kind": "openai", "base_url": "https://models.example.com/v1", "api_key": KEY}
        assert (await team.owner.put(f"{team.project}/providers/openai", body)).status_code == 200
        prompt = {"id": "p", "template": "Hi", "model": {"provider": "openai", "name": "echo"}}
        await team.owner.made(f"{team.project}/prompts", prompt)
    first, second = teams
    with psycopg.connect(driver_url(owner_url)) as connection:
        connection.execute("ALTER TABLE workspace_keys DISABLE ROW LEVEL SECURITY")
        row = connection.execute(
            "SELECT p.sealed, k.id, k.wrapped, k.master_id FROM providers p JOIN workspace_keys k ON k.id = p.key_id"
            " WHERE p.project_id = %s",
            (second.project_id,),
        ).fetchone()
        connection.execute(
            "INSERT INTO workspace_keys (workspace_id, id, wrapped, master_id) VALUES (%s, %s, %s, %s)",
            (first.id, *row[1:]),
        )
        connection.execute(
            "UPDATE providers SET sealed = %s, key_id = %s WHERE project_id = %s", (row[0], row[1], first.project_id)
        )
        connection.execute("ALTER TABLE workspace_keys ENABLE ROW LEVEL SECURITY")
    problem = (await first.owner.post(f"{first.project}/prompts/p/execute", {})).json()
    assert problem["code"] == "provider_key_unreadable"


async def test_keys_of_two_projects_of_one_workspace_do_not_open_for_each_other(project, make_project, owner_url):
    """They lie under the same data key: what they are bound to tells them apart."""
    other = await make_project()
    for one in (project, other):
        await put(one.client, f"/api/projects/{one.id}", api_key=KEY, base_url="https://models.example.com/v1")
    await project.create("p", "Hi", model={"provider": "openai", "name": "echo"})
    with psycopg.connect(driver_url(owner_url)) as connection:
        connection.execute(
            "UPDATE providers p SET sealed = o.sealed, key_id = o.key_id FROM providers o"
            " WHERE p.project_id = %s AND o.project_id = %s",
            (project.id, other.id),
        )
    problem = (await project.client.post(f"{project.prompts}/p/execute", json={})).json()
    assert problem["code"] == "provider_key_unreadable"


async def test_keys_go_on_through_rotations(project, url, platform, model_server, app):
    """The master key is replaced, then the data keys: runs go on meanwhile, and the old master opens nothing then."""
    keyring = app.state.runner.models.keyring
    old = keyring._masters[0]
    new = Secret("another-master-key-0123456789-abcdefghijkl", previous="a-master-key-for-tests-0123456789abcdef")
    await put(project.client, url, base_url=model_server.url + "/v1", api_key=KEY)
    await project.create("p", "Hi", model={"provider": "openai", "name": "echo"})

    async def runs():
        platform.feed.publish(project.id, MODELS)  # as if this server had just been started: nothing is in memory
        return (await project.client.post(f"{url}/prompts/p/execute", json={})).json()["output"]

    app.state.runner.models.keyring = Keyring(new)
    try:
        assert await runs() == "Hi"
        for data_keys in (False, True):
            done = await rotate(platform.database, Keyring(new), data_keys=data_keys)
            assert done.workspaces >= 1
            assert await runs() == "Hi"
            assert model_server.requests[-1]["headers"]["authorization"] == f"Bearer {KEY}"
        app.state.runner.models.keyring = Keyring(Secret("another-master-key-0123456789-abcdefghijkl"))
        assert await runs() == "Hi"
        app.state.runner.models.keyring = Keyring(old)
        platform.feed.publish(project.id, MODELS)
        problem = (await project.client.post(f"{url}/prompts/p/execute", json={})).json()
        assert problem["code"] == "provider_key_unreadable"
        back = Secret("a-master-key-for-tests-0123456789abcdef", previous="another-master-key-0123456789-abcdefghijkl")
        await rotate(platform.database, Keyring(back), data_keys=False)
        assert await runs() == "Hi"
    finally:
        app.state.runner.models.keyring = keyring


async def test_no_run_fails_while_keys_are_rotated(project, url, platform, model_server, app):
    await put(project.client, url, base_url=model_server.url + "/v1", api_key=KEY)
    await project.create("p", "Hi", model={"provider": "openai", "name": "echo"})
    keyring, over, statuses = app.state.runner.models.keyring, asyncio.Event(), []

    async def run():
        while not over.is_set():
            platform.feed.publish(project.id, MODELS)
            statuses.append((await project.client.post(f"{url}/prompts/p/execute", json={})).status_code)

    async def rotate_again_and_again():
        for turn in range(8):
            await rotate(platform.database, keyring, data_keys=turn % 2 == 0)
            # Whoever sets a key at that moment is not left with a data key that is gone.
            await put(project.client, url, base_url=model_server.url + "/v1", api_key=KEY)
        over.set()

    await asyncio.gather(run(), run(), rotate_again_and_again())
    assert len(statuses) > 5
    assert set(statuses) == {200}


async def test_without_a_master_key_it_says_what_to_set(project, url, app):
    keyring = app.state.runner.models.keyring
    app.state.runner.models.keyring = Keyring(None)
    try:
        problem = await put(project.client, url, api_key=KEY, status=409)
    finally:
        app.state.runner.models.keyring = keyring
    assert problem["code"] == "provider_keys_unavailable"
    assert "SECRET_KEY" in problem["detail"]


def test_no_two_keys_are_sealed_with_the_same_nonce():
    secret = Secret.of_key(bytes(32))
    sealed = {secret.seal("purpose", b"x", about=b"here")[:12] for _ in range(100_000)}
    assert len(sealed) == 100_000


async def test_the_operators_variables_go_to_no_tenants_provider(settings, monkeypatch, model_server):
    """The providers' own libraries would send them along, to an address that a tenant wrote."""
    names = ("OPENAI_ORG_ID", "OPENAI_CUSTOM_HEADERS", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS")
    for name in names:
        monkeypatch.setenv(name, "x-operator: canary-of-the-operator")
    runner = runner_of(settings, Recorder(Prices()))
    try:
        for kind, path in (("openai", "/v1"), ("anthropic", "")):
            opened = OpenProvider(Provider(kind, Kind(kind), model_server.url + path), KEY)
            async with runner.models.ask(opened, Call("echo", [Message("user", "Hi")], {})) as pieces:
                assert [piece async for piece in pieces]
            assert "canary-of-the-operator" not in str(model_server.requests[-1])
    finally:
        await runner.close()


def test_the_librarys_weight_is_taken_with_the_first_run_only():
    heavy = ("pydantic_ai", "openai", "anthropic", "google.genai")
    loaded = f"import dakora_server.main, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
