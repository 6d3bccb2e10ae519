"""What goes out comes in again: the same prompts, byte for byte, as often as one likes."""

import json
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dakora_server.core.prompts import fsck
from dakora_server.core.scope import ProjectId
from dakora_server.core.storage.registry.local import LocalRegistry
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.templates.model import parse_spec
from dakora_server.core.templates.serialization import Document, file_text, to_yaml
from dakora_server.core.tenancy import queries as tenancy
from dakora_server.core.tenancy.provisioning import LOCAL_WORKSPACE_ID

from .conftest import unpacked

SCALARS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def documents_of(settings):
    """The folder where the platform keeps its documents."""
    return Path(settings.registry_url.removeprefix("file:"))


@pytest.fixture
async def other(platform, client, project):
    """A second, empty project."""
    project_id = ProjectId(uuid.uuid4())
    async with platform.database.transaction(Tenant(workspace_id=LOCAL_WORKSPACE_ID)) as tx:
        await tenancy.ensure_project(
            tx, project_id, workspace_id=LOCAL_WORKSPACE_ID, slug=f"other-{project_id}", name="Other"
        )
    return type(project)(project_id, client)


async def state(project):
    """All that a reader sees of a project's prompts, but who saved them and when."""
    listed = (await project.client.get(project.prompts, params={"limit": 200})).json()
    found = {}
    for one in listed:
        prompt = (await project.client.get(f"{project.prompts}/{one['id']}")).json()
        for name in ("created_at", "updated_at", "created_by"):
            prompt.pop(name)
        found[one["id"]] = prompt
    return found


async def history_of(project, prompt_id):
    rows = (await project.client.get(f"{project.prompts}/{prompt_id}/versions")).json()
    told = ("version_number", "version", "message", "content_hash", "created_at")
    return [tuple(row[name] for name in told) for row in rows]


async def labels_of(project, prompt_id):
    return {
        one["label"]: one["version_number"]
        for one in (await project.client.get(f"{project.prompts}/{prompt_id}/labels")).json()
    }


async def filled(project):
    """A project with everything in it that an archive has to carry."""
    await project.create("greeting", "Hello {{ name }}", folder="support/email", message="first", version="1.2.0")
    await project.save("greeting", "Hi {{ name }}", message="shorter — “better”")
    await project.save("greeting", "Hi {{ name }}!\r\n\n", version="2.0.0")
    await project.client.post(f"{project.prompts}/greeting/rollback", json={"version": 1})
    await project.create("123", "an id that YAML reads as a number", description="~")
    messages = [{"role": "system", "content": "yes"}, {"role": "user", "content": "{{ q }}"}]
    await project.create("Chat.Bot", None, messages=messages)
    for label, version in (("production", 2), ("staging", 4)):
        moved = await project.client.put(f"{project.prompts}/greeting/labels/{label}", json={"version": version})
        assert moved.status_code == 200, moved.text
    await project.create("gone", "archived")
    await project.client.delete(f"{project.prompts}/gone")


@pytest.mark.parametrize("history", [False, True])
async def test_importing_an_export_where_it_came_from_changes_nothing(project, bring, take, history):
    await filled(project)
    before, body = await state(project), await take(history=history)
    for _ in range(2):
        report = (await bring(body)).json()
        assert report["counts"] == {"created": 0, "updated": 0, "restored": 0, "unchanged": 3, "refused": 0}
        assert {one["outcome"] for one in report["labels"]} == {"unchanged"}
    assert await state(project) == before
    assert await take(history=history) == body
    assert await labels_of(project, "greeting") == {"production": 2, "staging": 4}


async def test_an_archive_with_history_rebuilds_numbers_versions_messages_times_and_labels(project, other, bring, take):
    await filled(project)
    body = await take(history=True)
    report = (await bring(body, into=other)).json()
    assert report["counts"]["created"] == 3
    assert await state(other) == await state(project)
    for prompt_id in ("greeting", "123", "Chat.Bot"):
        assert await history_of(other, prompt_id) == await history_of(project, prompt_id)
        assert await labels_of(other, prompt_id) == await labels_of(project, prompt_id)
    assert await take(of=other, history=True) == body


async def test_an_archive_without_history_brings_the_newest_versions_and_their_labels(project, other, bring, take):
    await filled(project)
    report = (await bring(await take(), into=other)).json()
    found = await state(other)
    assert (found["greeting"]["version"], found["greeting"]["version_number"]) == ("2.0.1", 1)
    assert found["greeting"]["folder"] == "support/email"
    assert await labels_of(other, "greeting") == {"staging": 1}
    skipped = [one for one in report["labels"] if one["outcome"] == "skipped"]
    assert [(one["label"], one["version_number"]) for one in skipped] == [("production", None)]


async def test_a_longer_history_is_continued_and_another_one_is_built_upon(project, other, bring, take):
    await project.create("same", "one")
    await project.create("differs", "one")
    await bring(await take(history=True), into=other)
    for text in ("two", "three"):
        await project.save("same", text)
        await project.save("differs", text)
    await other.save("differs", "another two")
    report = (await bring(await take(history=True), into=other)).json()
    assert report["counts"]["updated"] == 2
    assert await history_of(other, "same") == await history_of(project, "same")
    assert [row[0] for row in await history_of(other, "differs")] == [3, 2, 1]
    assert (await state(other))["differs"]["template"] == "three"


async def test_a_text_edited_in_an_export_becomes_the_version_after_its_history(project, other, bring, take):
    await project.create("p", "one")
    files = unpacked(await take(history=True))
    files["prompts/p.yaml"] = files["prompts/p.yaml"].replace("one", "edited")
    await bring(files, into=other)
    assert [row[:2] for row in await history_of(other, "p")] == [(2, "1.0.1"), (1, "1.0.0")]
    assert (await state(other))["p"]["template"] == "edited"


async def test_the_same_content_is_the_same_archive(project, take):
    await filled(project)
    first = await take(history=True)
    assert await take(history=True) == first
    names = list(unpacked(first))
    assert len(set(names)) == len(names)
    prompts = ["prompts/123.yaml", "prompts/Chat.Bot.yaml", "prompts/support/email/greeting.yaml"]
    assert names[:4] == ["project.yaml", *prompts]
    answer = await project.client.get(f"/api/projects/{project.id}/export")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="dakora-export.zip"'


@given(SCALARS, SCALARS, st.lists(SCALARS.filter(bool), max_size=3))
@settings(max_examples=300, deadline=None)
def test_a_stored_document_becomes_its_file_without_being_read(template, description, values):
    spec = parse_spec(
        {"id": "p", "template": template, "description": description[:1000], "metadata": {"values": values}}
    )
    assert file_text(Document.of(spec).text, "1.2.3-rc.1") == to_yaml(spec, version="1.2.3-rc.1")


@given(texts=st.lists(SCALARS, min_size=1, max_size=20))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_text_comes_back_byte_for_byte(project, other, bring, take, texts):
    shown = ["{% raw %}" + text.replace("{%", "").replace("%}", "") + "{% endraw %}" for text in texts]
    specs = [parse_spec({"id": f"p{place}", "template": text}) for place, text in enumerate(shown)]
    files = {f"{spec.id}.yaml": to_yaml(spec) for spec in specs}
    assert (await bring(files)).status_code == 200
    for history in (True, False):
        body = await take(history=history)
        assert (await bring(body, into=other)).status_code == 200
    for place, text in enumerate(shown):
        for one in (project, other):
            assert (await one.client.get(f"{one.prompts}/p{place}")).json()["template"] == text


async def test_after_imports_every_row_has_its_document(project, other, bring, take, platform, settings):
    await filled(project)
    await bring(await take(history=True), into=other)
    report = await fsck.fsck(platform.database, LocalRegistry(documents_of(settings)))
    wrong = [*report.missing, *report.corrupt, *report.gaps]
    assert not [line for line in wrong if str(other.id) in line]


async def test_a_folder_that_somebody_zipped_is_taken_as_it_is(project, bring):
    text = "id: hello\ntemplate: Hello\n"
    for files in (
        {"support/hello.yaml": text},
        {"prompts/support/hello.yml": text, "prompts/.git/config": "x", "__MACOSX/prompts/._hello.yaml": b"\0"},
    ):
        report = (await bring(files)).json()
        assert [one["id"] for one in report["prompts"]] == ["hello"]
    assert (await state(project))["hello"]["folder"] == "support"
    assert report["counts"]["unchanged"] == 1


async def test_an_export_that_was_unpacked_and_packed_again_is_one_still(project, other, bring, take):
    await filled(project)
    files = {f"backup/{path}": text for path, text in unpacked(await take(history=True)).items()}
    assert (await bring(files, into=other)).json()["counts"]["created"] == 3
    assert await history_of(other, "greeting") == await history_of(project, "greeting")


async def test_faults_name_file_line_and_column_and_nothing_is_saved(project, bring):
    files = {
        "a.yaml": "id: a\ntemplate: Fine\n",
        "b.yaml": "id: b\ntemplate: |\n  Hello\n  {% if %}\n",
        "c.yaml": "id: c\nid: c\ntemplate: x\n",
        "d/A.yaml": "id: A\ntemplate: the id of a.yaml\n",
    }
    answer = await bring(files)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "import_refused")
    faults = {error["loc"][0]: (error["line"], error["column"], error["type"]) for error in problem["errors"]}
    assert faults == {"b.yaml": (4, 9, "syntax_error"), "c.yaml": (2, 1, "duplicate_key")}
    assert problem["detail"].startswith("Nothing was saved. b.yaml, line 4, column 9: ")
    assert await state(project) == {}

    del files["b.yaml"], files["c.yaml"]
    twice = (await bring(files)).json()
    assert [error["loc"] for error in twice["errors"]] == [["d/A.yaml"]]
    assert await state(project) == {}


async def test_what_can_be_saved_is_where_that_is_wanted(project, bring):
    files = {"a.yaml": "id: a\ntemplate: Fine\n", "b.yaml": "id: b\ntemplate: '{{'\n", "c.yaml": "- no prompt\n"}
    report = (await bring(files, partial=True)).json()
    assert [(one["path"], one["id"], one["outcome"]) for one in report["prompts"]] == [
        ("a.yaml", "a", "created"),
        ("b.yaml", "b", "refused"),
        ("c.yaml", None, "refused"),
    ]
    assert list(await state(project)) == ["a"]


async def test_a_dry_run_says_what_would_happen_and_saves_nothing(project, bring, settings):
    await project.create("changed", "old")
    before = await state(project)
    documents = sorted((documents_of(settings) / str(project.id)).iterdir())
    files = {
        "new.yaml": "id: new\ntemplate: x\n",
        "changed.yaml": "id: changed\ntemplate: y\n",
        "bad.yaml": "id: bad\ntemplate: '{{'\n",
    }
    report = (await bring(files, dry_run=True)).json()
    assert report["dry_run"] is True
    assert {one["id"]: (one["outcome"], one["version_number"]) for one in report["prompts"]} == {
        "new": ("created", 1),
        "changed": ("updated", 2),
        "bad": ("refused", None),
    }
    assert await state(project) == before
    assert sorted((documents_of(settings) / str(project.id)).iterdir()) == documents


async def test_protected_labels_move_only_as_they_would_by_themselves(project, other, bring, take):
    await project.create("p", "one")
    for label in ("production", "staging"):
        await project.client.put(f"{project.prompts}/p/labels/{label}", json={"version": 1})
    protected = await other.client.put(
        f"/api/projects/{other.id}/protected-labels/production", json={"needs_approval": True}
    )
    assert protected.status_code < 300
    report = (await bring(await take(), into=other, message="from elsewhere")).json()
    assert {one["label"]: one["outcome"] for one in report["labels"]} == {"production": "skipped", "staging": "moved"}
    assert await labels_of(other, "p") == {"staging": 1}
    moves = (await other.client.get(f"{other.prompts}/p/labels/staging/history")).json()
    told = [(move["from_version"], move["to_version"], move["message"]) for move in moves]
    assert told == [(None, 1, "from elsewhere")]


async def test_an_import_is_one_event_beside_those_of_its_prompts_and_a_useless_one_is_none(project, bring):
    async def events():
        listed = (await project.client.get(f"/api/projects/{project.id}/audit", params={"limit": 200})).json()
        return sorted((one["action"], json.dumps(one["after"])) for one in listed)

    files = {f"{name}.yaml": f"id: {name}\ntemplate: x\n" for name in ("a", "b")}
    await bring(files)
    told = await events()
    assert [action for action, _ in told] == ["project.imported", "prompt.created", "prompt.created"]
    assert '"created": 2' in told[0][1]
    await bring(files)
    assert await events() == told
