"""Many prompts in one transaction mean what each would have meant alone."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from dakora_server.core import clock
from dakora_server.core.audit import queries as audit
from dakora_server.core.prompts import bulk_queries, queries, service
from dakora_server.core.prompts.bulk_plan import Outcome
from dakora_server.core.prompts.records import Selector
from dakora_server.core.prompts.saving_many import Draft, NotAllSaved, save_many
from dakora_server.core.scope import Grant, PromptLocks, Role, reading, writing
from dakora_server.core.storage.changes import ChangeFeed
from dakora_server.core.templates.model import parse_spec
from dakora_server.core.tenancy.provisioning import LOCAL_USER, LOCAL_WORKSPACE_ID


@pytest.fixture
def grant(project):
    return Grant(LOCAL_USER, LOCAL_WORKSPACE_ID, project.id, Role.owner)


def draft(prompt_id, template="Hello", *, folder=None, message=None, **fields):
    return Draft(parse_spec({"id": prompt_id, "template": template, **fields}), folder, message)


async def save(platform, grant, *drafts, **options):
    async with writing(platform, grant) as project:
        return await save_many(project, drafts, **options)


def outcomes(results):
    return {one.prompt_id: one.outcome.value for one in results}


async def test_each_prompt_becomes_what_it_would_have_become_alone(platform, grant, project):
    await project.create("same", "Same {{ x }}", folder="a")
    await project.create("changed", "Old", version="2.0.0")
    await project.create("moved", "Stays", folder="a")
    await project.create("gone", "Was here")
    await project.client.delete(f"{project.prompts}/gone")

    results = await save(
        platform,
        grant,
        draft("new", "New {{ x }}", folder="b", message="first", metadata={"tags": ["t"]}),
        draft("same", "Same {{ x }}", folder="a"),
        draft("changed", "New", version="3.1.0"),
        draft("moved", "Stays", folder="b"),
        draft("gone", "Is back"),
    )

    assert outcomes(results) == {
        "new": "created",
        "same": "unchanged",
        "changed": "updated",
        "moved": "updated",
        "gone": "restored",
    }
    listed = {one["id"]: one for one in (await project.client.get(project.prompts)).json()}
    shown = {name: (one["version_number"], one["version"], one["folder"]) for name, one in listed.items()}
    assert shown == {
        "new": (1, "1.0.0", "b"),
        "same": (1, "1.0.0", "a"),
        "changed": (2, "3.1.0", ""),
        "moved": (1, "1.0.0", "b"),
        "gone": (2, "1.0.1", ""),
    }
    answer = (await project.client.get(f"{project.prompts}/new")).json()
    assert (answer["template"], answer["message"], answer["portable"]) == ("New {{ x }}", "first", True)
    assert listed["new"]["tags"] == ["t"]


async def test_the_rows_are_those_that_single_saves_write(platform, grant, project):
    fields = {
        "description": "Naïve “quotes” \u2028 \U0001f600",
        "inputs": {"n": {"type": "number", "default": 1.50}, "o": {"type": "object", "default": {"k": [None, True]}}},
        "metadata": {"tags": ["é", "b"]},
    }
    await project.create("alone", "{{ n }} {{ o }}", **fields)
    await save(platform, grant, draft("many", "{{ n }} {{ o }}", **fields))
    async with reading(platform, grant) as reader:
        alone = await queries.find_version(reader, "alone", Selector())
        many = await queries.find_version(reader, "many", Selector())
    told = (
        "number",
        "semver",
        "description",
        "tags",
        "inputs",
        "portable",
        "message",
        "created_by",
        "folder",
        "revision",
    )
    assert {name: getattr(many, name) for name in told} == {name: getattr(alone, name) for name in told}


async def test_nothing_is_saved_when_one_is_refused_unless_the_rest_is_wanted(platform, grant, project):
    await project.create("Taken", "x")
    await project.create("Away", "x")
    await project.client.delete(f"{project.prompts}/Away")
    drafts = [
        draft("fine", "ok"),
        draft("taken", "other case"),
        draft("away", "other case of an archived one"),
        draft("broken", "{% if %}"),
        draft("FINE", "twice"),
    ]
    with pytest.raises(NotAllSaved) as refused:
        await save(platform, grant, *drafts)
    assert [one.prompt_id for one in refused.value.refused.values()] == ["broken"]
    assert [one["id"] for one in (await project.client.get(project.prompts)).json()] == ["Taken"]

    results = await save(platform, grant, *drafts, partial=True)
    codes = [one.error and one.error.code for one in results]
    assert codes == [None, "prompt_exists", "prompt_archived", "template_invalid", "invalid_request"]
    assert [one["id"] for one in (await project.client.get(project.prompts)).json()] == ["fine", "Taken"]


async def test_an_id_that_was_archived_too_long_ago_begins_anew(platform, grant, project):
    await project.create("old", "one")
    await project.save("old", "two")
    await project.client.delete(f"{project.prompts}/old")
    async with writing(platform, grant) as writer:
        long_ago = clock.now() - service.RESTORABLE_FOR - timedelta(days=1)
        await queries.touch(writer, "old", archived_at=long_ago)
    results = await save(platform, grant, draft("OLD", "three"))
    assert (results[0].outcome, results[0].record.number) == (Outcome.created, 1)


async def test_every_prompt_has_its_event_and_the_second_time_nobody_has(platform, grant, project):
    drafts = [draft(f"p-{number}", f"Text {number}") for number in range(30)]

    async def events():
        async with reading(platform, grant) as reader:
            return await audit.list_events(reader, before=None, limit=200)

    await save(platform, grant, *drafts)
    first = await events()
    assert sorted((one.action, one.subject) for one in first) == sorted(
        ("prompt.created", one.spec.id) for one in drafts
    )
    assert first[0].after == {"version": 1, "content_hash": first[0].after["content_hash"], "folder": ""}
    assert {one.outcome for one in await save(platform, grant, *drafts)} == {Outcome.unchanged}
    assert await events() == first


async def test_what_a_process_kept_of_a_prompt_is_forgotten_before_the_answer(platform, grant, project):
    await project.create("kept", "old")
    await project.create("same", "same")
    assert (await project.render("kept", {})).json()["rendered"] == "old"
    feed, heard = ChangeFeed(platform.database.url), []
    feed.subscribe(lambda _, subject: heard.append(subject), on_gap=heard.clear)
    # A feed that does not listen hears only what its own process says.
    await save(replace(platform, feed=feed), grant, draft("kept", "new"), draft("same", "same"), draft("new", "x"))
    assert sorted(heard) == ["kept", "new"]
    async with asyncio.timeout(5):
        while (await project.render("kept", {})).json()["rendered"] != "new":  # noqa: ASYNC110 - another process's view
            await asyncio.sleep(0.01)


async def test_savers_of_many_and_of_single_ones_never_wait_for_each_other(platform, grant, project):
    ids = [f"p-{number:03}" for number in range(40)]

    async def many(round_):
        order = ids if round_ % 2 else ids[::-1]
        await save(platform, grant, *(draft(one, f"many {round_} {one}") for one in order))

    async def single(round_):
        for one in ids[round_::7]:
            async with writing(platform, grant) as writer:
                try:
                    await service.update(writer, draft(one, f"single {round_} {one}").spec)
                except service.PromptNotFound:
                    continue

    await asyncio.wait_for(asyncio.gather(*map(many, range(8)), *map(single, range(7))), 60)
    async with reading(platform, grant) as reader:
        assert await queries.version_gaps(reader) == []
        heads = await service.list_prompts(reader, service.PromptFilter(), after=None, limit=100)
        assert [one.prompt_id for one in heads] == ids
        for head in heads:
            assert (await reader.vault.get(head.content_hash)).hash == head.content_hash


async def test_another_process_that_takes_an_id_meanwhile_is_built_upon(platform, grant, project, monkeypatch):
    """The row appears between the look at who holds the id and the insert: the text becomes version 2."""
    add = bulk_queries.add_prompts
    raced = []

    async def add_late(writer, records):
        if not raced:
            raced.append(True)
            # Locks of its own make it another process.
            async with writing(replace(platform, locks=PromptLocks()), grant) as rival:
                await service.create(rival, draft("contested", "rival's").spec)
        return await add(writer, records)

    monkeypatch.setattr(bulk_queries, "add_prompts", add_late)
    results = await save(platform, grant, draft("alone", "x"), draft("contested", "ours"))
    assert [(one.outcome.value, one.record.number) for one in results] == [("created", 1), ("updated", 2)]
