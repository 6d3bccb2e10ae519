"""Searches and filters find what they say, all of it and nothing else, however the index finds it."""

import asyncio
import random

import pytest
from sqlalchemy import text

from dakora_server.core.prompts import list_queries
from dakora_server.core.prompts.finding import as_array, question
from dakora_server.core.prompts.records import PromptFilter
from dakora_server.core.storage.tenant import Tenant

# Letters that change their length with their case, that have none, that PostgreSQL or LIKE might take for something.
PIECES = [*"aBé É%_\\'ßẞİΣς語😀", "ab", "ABA", "  ", "日本", "e\u0301", "-1"]


async def ids(project, **params):
    answer = await project.client.get(project.prompts, params=params)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()]


@pytest.fixture
async def shelf(project):
    """Sixty prompts with descriptions of every kind of character, and what each is found by."""
    chance = random.Random(4)
    made = {}
    for number in range(60):
        made[f"P{number:02}.{chance.choice('xyz')}"] = {
            "description": "".join(chance.choices(PIECES, k=chance.randint(0, 12))).strip(),
            "folder": chance.choice(["", "a", "a/b", "a/b/c", "ab", "A"]),
            "metadata": {"tags": chance.sample(["mail", "Mail", "ma", "日本", "a/b"], k=chance.randint(0, 3))},
        }
    await asyncio.gather(*(project.create(name, **fields) for name, fields in made.items()))
    return project, made


def inside(folder, wanted):
    return folder == wanted or folder.startswith(wanted + "/")


class TestWhatIsFound:
    async def test_a_search_finds_exactly_the_texts_that_contain_it(self, shelf, monkeypatch):
        project, made = shelf
        chance = random.Random(5)
        for turn in range(150):
            # Both ways of finding: the few that an index names, and many in order.
            monkeypatch.setattr(list_queries, "_FEW", turn % 2 * 1000)
            source = chance.choice([*made, *(fields["description"] for fields in made.values()), "no such thing"])
            begin = chance.randrange(len(source) + 1)
            search = source[begin : begin + chance.randint(1, 6)]
            search = chance.choice([search, search.upper(), search.lower()])
            low = search.lower()
            expected = [
                name for name, fields in made.items() if low in name.lower() or low in fields["description"].lower()
            ]
            assert await ids(project, search=search, limit=200) == sorted(expected), search

    async def test_folders_tags_and_searches_narrow_each_other(self, shelf, monkeypatch):
        project, made = shelf
        for few in (0, 1000):
            monkeypatch.setattr(list_queries, "_FEW", few)
            for folder in ("", "a", "a/b", "A", "b", "ab"):
                expected = sorted(name for name, fields in made.items() if inside(fields["folder"], folder))
                assert await ids(project, folder=folder, limit=200) == expected, folder
            for tag in ("mail", "Mail", "ma", "日本", "none"):
                expected = sorted(name for name, fields in made.items() if tag in fields["metadata"]["tags"])
                assert await ids(project, tag=tag, limit=200) == expected, tag
                both = [name for name in expected if inside(made[name]["folder"], "a") and "x" in name]
                assert await ids(project, tag=tag, folder="a", search="X", limit=200) == both

    async def test_pages_of_a_search_follow_each_other_without_gap_or_repetition(self, shelf, monkeypatch):
        project, made = shelf
        for few in (0, 1000):
            monkeypatch.setattr(list_queries, "_FEW", few)
            seen, address = [], f"{project.prompts}?search=p&limit=7"
            while address:
                answer = await project.client.get(address)
                seen += [item["id"] for item in answer.json()]
                address = answer.links.get("next", {}).get("url")
            assert seen == sorted(made)

    async def test_a_long_search_is_compared_to_its_last_letter(self, project):
        long = " ".join(f"word{number}" for number in range(25))
        await project.create("right", description=f"before {long} after")
        await project.create("wrong", description=f"before {long[:-1]}x after")
        assert await ids(project, search=long) == ["right"]
        assert await ids(project, search=long[:-1]) == ["right", "wrong"]

    async def test_another_thing_with_the_same_number_is_not_found(self, project, monkeypatch):
        await project.create("p", description="some words", folder="here", metadata={"tags": ["t"]})
        # As if every question had a number of this prompt's.
        number = question(project.id, PromptFilter(tag="t"))[0]
        for few in (0, 1000):
            monkeypatch.setattr(list_queries, "_FEW", few)
            monkeypatch.setattr(list_queries, "question", lambda *_: [number])
            assert await ids(project, tag="other") == []
            assert await ids(project, folder="there") == []
            assert await ids(project, search="other") == []
            assert await ids(project, tag="t", folder="here", search="word") == ["p"]


class TestWhatChanges:
    async def test_a_saved_prompt_is_found_by_what_it_says_now(self, project):
        await project.create("p", description="first", metadata={"tags": ["old"]})
        await project.save("p", "two", description="second", metadata={"tags": ["new"]})
        assert await ids(project, search="first") == await ids(project, tag="old") == []
        assert await ids(project, search="second") == await ids(project, tag="new") == ["p"]
        await project.client.post(f"{project.prompts}/p/rollback", json={"version": 1})
        assert await ids(project, search="first") == await ids(project, tag="old") == ["p"]
        assert await ids(project, search="second") == []

    async def test_a_prompt_is_found_where_it_was_moved_to(self, project):
        await project.create("p", "one", folder="a/b")
        await project.save("p", "one", folder="c")
        assert await ids(project, folder="a") == []
        assert await ids(project, folder="c") == ["p"]

    async def test_an_archived_prompt_is_not_found_until_it_is_restored(self, project):
        await asyncio.gather(*(project.create(f"p{n}", description="kept") for n in range(6)))
        for name in ("p0", "p1", "p3"):
            await project.client.delete(f"{project.prompts}/{name}")
        assert await ids(project, search="kept", limit=2) == ["p2", "p4"]
        await project.client.post(f"{project.prompts}/p1/restore")
        assert await ids(project, search="kept") == ["p1", "p2", "p4", "p5"]

    async def test_a_labelled_version_is_found_by_its_own_words(self, project):
        await project.create("p", description="First", folder="a", metadata={"tags": ["old"]})
        await project.client.put(f"{project.prompts}/p/labels/production", json={"version": 1})
        await project.save("p", "two", description="Second", metadata={"tags": ["new"]})
        assert await ids(project, label="production", search="FIRST", tag="old", folder="a") == ["p"]
        assert await ids(project, label="production", search="second") == []
        assert await ids(project, label="production", tag="new") == []
        assert await ids(project, label="staging") == []


async def test_the_question_narrows_what_the_wall_lets_through(project, platform):
    # What makes the index usable behind the wall: the policy itself compares rows with the question.
    await project.create("p", description="words")
    async with platform.database.transaction(Tenant(project_id=project.id)) as tx:
        count = text("SELECT count(*) FROM prompt_numbers")
        want = text("SELECT set_config('dakora.wanted', :numbers, true)")
        seen = []
        for search in (None, "word", "other"):
            await tx.execute(want, {"numbers": as_array(question(project.id, PromptFilter(search=search)))})
            seen.append((await tx.execute(count)).scalar_one())
    assert seen == [1, 1, 0]
