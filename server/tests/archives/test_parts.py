"""Parts in archives: out and in with the prompts that include them, in one transaction."""

import asyncio
import json
import uuid

import pytest

from dakora_server.core.scope import ProjectId
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.tenancy import queries as tenancy
from dakora_server.core.tenancy.provisioning import LOCAL_WORKSPACE_ID

from .conftest import unpacked


def part(part_id, template, version=None):
    head = f"id: {part_id}\n" + (f"version: {version}\n" if version else "")
    return {f"parts/{part_id}.yaml": f"{head}template: {json.dumps(template)}\n"}


def prompt(prompt_id, template):
    return {f"prompts/{prompt_id}.yaml": f"id: {prompt_id}\ntemplate: {json.dumps(template)}\n"}


OURS = {"project.yaml": "dakora: 1\n"}
POLITE = '{% include "tone/polite" %}'


class Place:
    """A project with parts, asked for in few words."""

    def __init__(self, project):
        self.project, self.client = project, project.client
        self.prompts = project.prompts
        self.parts = project.prompts.removesuffix("/prompts") + "/parts"

    async def _sent(self, verb, url, **body):
        answer = await self.client.request(verb, url, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def part(self, part_id, template, **more):
        return await self._sent("POST", self.parts, id=part_id, template=template, **more)

    async def change(self, part_id, template, **more):
        return await self._sent("PUT", f"{self.parts}/{part_id}", template=template, **more)

    async def drop(self, part_id):
        answer = await self.client.delete(f"{self.parts}/{part_id}", params={"force": "true"})
        assert answer.status_code == 204, answer.text

    async def render(self, prompt_id, **query):
        answer = await self.client.post(f"{self.prompts}/{prompt_id}/render", json={"inputs": {}, **query})
        assert answer.status_code == 200, answer.text
        return answer.json()["rendered"]

    async def history(self, address):
        rows = (await self.client.get(f"{address}/versions")).json()
        told = ("version_number", "version", "message", "content_hash", "created_at")
        return [tuple(row[name] for name in told) for row in rows]

    async def live(self):
        listed = (await self.client.get(self.parts)).json()
        return {one["id"]: one["version_number"] for some in listed["by_category"].values() for one in some}

    async def numbers(self):
        listed = (await self.client.get(self.prompts)).json()
        return {one["id"]: one["version_number"] for one in listed}


@pytest.fixture
def here(project):
    return Place(project)


@pytest.fixture
async def there(platform, client, project):
    project_id = ProjectId(uuid.uuid4())
    async with platform.database.transaction(Tenant(workspace_id=LOCAL_WORKSPACE_ID)) as tx:
        await tenancy.ensure_project(
            tx, project_id, workspace_id=LOCAL_WORKSPACE_ID, slug=f"other-{project_id}", name="Other"
        )
    return Place(type(project)(project_id, client))


async def filled(place):
    """Parts that include each other, prompts that follow them and name a version, and a part that is deleted."""
    await place.part("tone/polite", "Be polite.", message="manners")
    await place.part("legal/all", POLITE + " No warranty.")
    await place.project.create("greeting", POLITE + ' {% include "legal/all" %} Hello')
    await place.project.create("fixed", '{% include "tone/polite@1" %} Hello')
    moved = await place.client.put(f"{place.prompts}/greeting/labels/production", json={"version": 1})
    assert moved.status_code == 200
    await place.change("tone/polite", "Be kind.", version="2.0.0")
    await place.part("tone/gone", "Gone.")
    await place.drop("tone/gone")


def outcomes(report):
    return {one["id"]: (one["outcome"], one["version_number"]) for one in report["parts"]}


async def test_parts_go_out_beside_the_prompts_and_the_same_content_is_the_same_archive(here, take):
    await filled(here)
    files = unpacked(await take())
    assert list(files)[:3] == ["project.yaml", "parts/legal/all.yaml", "parts/tone/polite.yaml"]
    assert files["parts/tone/polite.yaml"].split("\n")[:3] == [
        "id: tone/polite",
        "version: 2.0.0",
        "template: Be kind.",
    ]
    body = await take(history=True)
    assert await take(history=True) == body
    assert "parts-history/tone/polite/1.yaml" in unpacked(body)


@pytest.mark.parametrize("history", [False, True])
async def test_importing_an_export_where_it_came_from_changes_nothing(here, bring, take, history):
    await filled(here)
    body, parts, prompts = await take(history=history), await here.live(), await here.numbers()
    for _ in range(2):
        report = (await bring(body)).json()
        assert report["part_counts"] == {"created": 0, "updated": 0, "restored": 0, "unchanged": 2, "refused": 0}
        assert report["counts"]["unchanged"] == 2
    assert (await here.live(), await here.numbers()) == (parts, prompts)
    assert await take(history=history) == body


async def test_a_project_with_parts_is_rebuilt_and_renders_the_same_at_every_version(here, there, bring, take):
    await filled(here)
    report = (await bring(await take(history=True), into=there.project)).json()
    assert outcomes(report) == {"legal/all": ("created", 2), "tone/polite": ("created", 2)}
    for address in ("parts/tone/polite", "parts/legal/all", "prompts/greeting", "prompts/fixed"):
        mine, theirs = (place.prompts.removesuffix("prompts") + address for place in (here, there))
        assert await there.history(theirs) == await here.history(mine)
    for place in (here, there):
        assert await place.render("greeting") == "Be kind. Be kind. No warranty. Hello"
        assert await place.render("greeting", label="production") == "Be polite. Be polite. No warranty. Hello"
        assert await place.render("fixed") == "Be polite. Hello"
    assert await take(of=there.project, history=True) == await take(history=True)


async def test_without_history_the_newest_parts_come_before_what_includes_them(there, bring):
    files = OURS | part("a/first", '{% include "z/last" %}!') | part("z/last", "end") | prompt("p", POLITE)
    files |= part("tone/polite", '{% include "a/first" %}?')
    assert (await bring(files, into=there.project)).status_code == 200
    assert await there.render("p") == "end!?"


async def test_a_changed_part_is_followed_once_by_everything_and_by_what_the_archive_changes_too(here, bring):
    await filled(here)
    await here.project.create("both", POLITE + " old")
    before = await here.numbers()
    files = OURS | part("tone/polite", "Be brief.") | prompt("both", POLITE + " new") | prompt("fixed", "Hello")
    report = (await bring(files)).json()
    assert outcomes(report) == {"tone/polite": ("updated", 3)}
    after = await here.numbers()
    assert {name: after[name] - before[name] for name in after} == {"both": 1, "fixed": 1, "greeting": 1}
    assert await here.live() == {"tone/polite": 3, "legal/all": 3}
    assert await here.render("both") == "Be brief. new"
    assert await here.render("greeting") == "Be brief. Be brief. No warranty. Hello"
    assert (await here.history(f"{here.prompts}/greeting"))[0][
        2
    ] == "legal/all is at version 3, tone/polite is at version 3"
    again = (await bring(files)).json()
    assert again["part_counts"]["unchanged"] == again["counts"]["unchanged"] - 1 == 1
    assert await here.numbers() == after


async def test_a_deleted_part_is_restored_and_a_history_is_continued(here, there, bring, take):
    await here.part("tone/polite", "one")
    await bring(await take(history=True), into=there.project)
    await there.drop("tone/polite")
    await here.change("tone/polite", "two")
    await here.change("tone/polite", "three")
    report = (await bring(await take(history=True), into=there.project)).json()
    assert outcomes(report) == {"tone/polite": ("restored", 3)}
    assert await there.history(f"{there.parts}/tone/polite") == await here.history(f"{here.parts}/tone/polite")


async def test_parts_that_include_each_other_are_refused_by_name(here, bring):
    files = OURS | part("a/a", '{% include "b/b" %}') | part("b/b", '{% include "a/a" %}') | part("c/c", "fine")
    answer = await bring(files)
    assert (answer.status_code, answer.json()["code"]) == (422, "import_refused")
    told = {(error["loc"][0], error["type"]) for error in answer.json()["errors"]}
    assert told == {("parts/a/a.yaml", "include_cycle"), ("parts/b/b.yaml", "include_cycle")}
    assert await here.live() == {}
    report = (await bring(files, partial=True)).json()
    assert outcomes(report) == {"a/a": ("refused", None), "b/b": ("refused", None), "c/c": ("created", 1)}


async def test_a_cycle_through_a_part_of_the_project_is_refused_and_one_that_ends_is_not(here, bring):
    await here.part("b/b", "x")
    await here.part("a/a", '{% include "b/b" %}')
    turned = OURS | part("b/b", '{% include "a/a" %}')
    answer = await bring(turned)
    assert [error["loc"][0] for error in answer.json()["errors"]] == ["parts/b/b.yaml"]
    assert (await bring(turned | part("a/a", "y"))).status_code == 200
    assert await here.live() == {"a/a": 2, "b/b": 2}


async def test_what_includes_a_refused_part_is_refused_with_it(here, bring):
    files = OURS | part("tone/polite", "{% if %}") | part("legal/all", POLITE) | prompt("p", POLITE) | prompt("q", "x")
    answer = await bring(files)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][0] == "parts/tone/polite.yaml"
    assert answer.json()["errors"][0]["line"] == 2
    report = (await bring(files, partial=True)).json()
    every = [*report["parts"], *report["prompts"]]
    refused = {one["path"]: one["errors"][0]["type"] for one in every if "errors" in one}
    assert refused == {
        "parts/legal/all.yaml": "unknown_part",
        "parts/tone/polite.yaml": "syntax_error",
        "prompts/p.yaml": "unknown_part",
    }
    assert (await here.live(), await here.numbers()) == ({}, {"q": 1})


async def test_a_prompt_that_is_refused_takes_the_parts_with_it(here, bring):
    await here.part("tone/polite", "old")
    files = OURS | part("tone/polite", "new") | part("a/new", "x") | prompt("p", '{% include "no/such" %}')
    answer = await bring(files)
    assert [(error["loc"][0], error["type"]) for error in answer.json()["errors"]] == [
        ("prompts/p.yaml", "unknown_part")
    ]
    assert await here.live() == {"tone/polite": 1}


async def test_a_file_lies_where_its_id_says_and_has_what_a_part_has(here, bring):
    for path, text in (
        ("parts/tone/other.yaml", "id: tone/polite\ntemplate: x\n"),
        ("parts/polite.yaml", "id: tone/polite\ntemplate: x\n"),
        ("parts/tone/polite.yaml", "id: tone/polite\nmessages: []\n"),
        ("parts/tone/polite.yaml", "id: polite\ntemplate: x\n"),
    ):
        answer = await bring(OURS | {path: text})
        assert (answer.status_code, answer.json()["errors"][0]["loc"][0]) == (422, path), answer.text
    zipped = {"parts/tone/polite.yml": "id: tone/polite\ntemplate: x\n", "support/p.yaml": "id: p\ntemplate: y\n"}
    report = (await bring(zipped)).json()
    assert outcomes(report) == {"tone/polite": ("created", 1)}
    assert [one["id"] for one in report["prompts"]] == ["p"]


async def test_a_prompt_among_the_parts_is_refused(here, bring):
    for path in ("Parts/p.yaml", "prompts/parts/p.yaml"):
        files = {path: "id: p\ntemplate: x\n"} | (OURS if path.startswith("prompts") else {})
        answer = await bring(files)
        assert answer.status_code == 422, path
        (fault,) = answer.json()["errors"]
        assert (fault["loc"], fault["type"]) == ([path], "invalid_folder")
        assert "where archives and folders keep parts" in fault["message"]


async def test_a_dry_run_foresees_parts_and_what_includes_them(here, bring):
    await here.part("tone/polite", "old")
    files = OURS | part("tone/polite", "new") | part("legal/all", POLITE) | prompt("p", '{% include "legal/all" %}')
    report = (await bring(files, dry_run=True)).json()
    assert outcomes(report) == {"legal/all": ("created", 1), "tone/polite": ("updated", 2)}
    assert [one["outcome"] for one in report["prompts"]] == ["created"]
    assert (await here.live(), await here.numbers()) == ({"tone/polite": 1}, {})


async def test_the_trail_has_an_event_for_each_part_and_for_what_follows(here, bring):
    await filled(here)
    listed = f"/api/projects/{here.project.id}/audit"
    before = len((await here.client.get(listed, params={"limit": 200})).json())
    await bring(OURS | part("tone/polite", "Be brief.") | part("tone/new", "x"))
    events = (await here.client.get(listed, params={"limit": 200})).json()
    told = sorted((one["action"], one["subject"]) for one in events[: len(events) - before])
    assert told == [
        ("part.created", "tone/new"),
        ("part.followed", "legal/all"),
        ("part.saved", "tone/polite"),
        ("project.imported", str(here.project.id)),
        ("prompt.followed", "greeting"),
    ]


async def test_imports_and_single_saves_of_parts_and_prompts_never_stand_in_each_others_way(here, bring):
    names = ["Ab", "aa", "b", "C", "d"]
    for name in ("one", "two"):
        await here.part(f"tone/{name}", "0")
    text = '{% include "tone/one" %}{% include "tone/two" %}'
    for name in names:
        await here.project.create(name, text + "0")

    async def importing(turn):
        files = OURS | part("tone/one", f"i{turn}")
        for name in names[turn % 3 :]:
            files |= prompt(name, f"{text if turn % 2 else ''}i{turn}")
        return await bring(files)

    async def single(turn):
        one = here.client.put(f"{here.parts}/tone/two", json={"template": f"s{turn}"})
        other = here.client.put(f"{here.prompts}/{names[turn % 5]}", json={"template": f"{text}s{turn}"})
        return await asyncio.gather(one, other)

    done = await asyncio.wait_for(
        asyncio.gather(*(importing(turn) for turn in range(6)), *(single(turn) for turn in range(12))), 60
    )
    answers = [one for answer in done for one in (answer if isinstance(answer, list) else [answer])]
    assert {answer.status_code for answer in answers} == {200}, [a.text for a in answers if a.status_code != 200][:3]
    newest = await here.live()
    for name in names:
        shown = (await here.client.get(f"{here.prompts}/{name}")).json()
        assert all(one["version_number"] == newest[one["id"]] for one in shown["parts"]), name
