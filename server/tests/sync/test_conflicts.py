"""Both have changed: both texts are kept, and a person is told what to do."""

import pytest

from dakora_server.core.prompts import queries
from dakora_server.core.sync import disk


@pytest.fixture
async def parted(desk, prompt_text):
    """A prompt that was edited here and on the server since they were last in step."""
    desk.write("greeting.yaml", prompt_text(version="1.0.0", top="# ours\n"))
    await desk.reconcile()
    desk.edit("greeting.yaml", "Hello", "Mine,")
    await desk.update(body="Theirs, {{ name }}")
    await desk.reconcile()
    return desk


async def test_the_file_stays_and_the_servers_text_goes_beside_it(parted, prompt_text):
    assert parted.files() == ["greeting.conflict.v2.yaml", "greeting.yaml"]
    assert "Mine, {{ name }}!" in parted.read("greeting.yaml")
    assert parted.read("greeting.conflict.v2.yaml") == prompt_text(
        body="Theirs, {{ name }}", version="1.0.1", top="# ours\n"
    )
    assert (await parted.head()).number == 2
    said = parted.heard("greeting.yaml", "changed here and on the server")
    assert len(said) == 1
    assert f"then delete {parted.folder / 'greeting.conflict.v2.yaml'}" in said[0]


async def test_until_it_is_solved_the_prompt_is_left_alone(parted):
    parted.edit("greeting.yaml", "Mine,", "Mine again,")
    report = await parted.reconcile()
    assert (len(report.conflicts), report.updated, (await parted.head()).number) == (1, 0, 2)

    await parted.update(body="Theirs again, {{ name }}")
    report = await parted.reconcile()
    assert (len(report.conflicts), report.written) == (1, 0)
    assert parted.files() == ["greeting.conflict.v2.yaml", "greeting.yaml"]
    assert "Mine again," in parted.read("greeting.yaml")


@pytest.mark.parametrize("state", ["kept", "lost"])
async def test_deleting_the_conflict_file_makes_the_file_an_edit_on_top(parted, prompt_text, state):
    parted.write("greeting.yaml", prompt_text(body="Both, {{ name }}"))
    if state == "lost":
        for file in parted.state_dir.iterdir():
            file.unlink()
        await parted.reconcile()
    (parted.folder / "greeting.conflict.v2.yaml").unlink()
    report = await parted.reconcile()
    assert (report.updated, report.conflicts) == (1, [])
    assert [await parted.template(number=number) for number in (2, 3)] == ["Theirs, {{ name }}\n", "Both, {{ name }}\n"]


async def test_taking_the_servers_text_is_no_new_version(parted):
    (parted.folder / "greeting.conflict.v2.yaml").replace(parted.folder / "greeting.yaml")
    report = await parted.reconcile()
    assert (report.has_news, (await parted.head()).number) == (False, 2)


async def test_a_further_change_on_the_server_is_a_conflict_of_its_own(parted):
    await parted.update(body="Theirs again, {{ name }}")
    (parted.folder / "greeting.conflict.v2.yaml").unlink()
    await parted.reconcile()
    assert parted.files() == ["greeting.conflict.v3.yaml", "greeting.yaml"]


async def test_a_folder_changed_meanwhile_follows_once_it_is_solved(parted):
    await parted.update(folder="support")
    await parted.reconcile()
    assert parted.files() == ["greeting.conflict.v2.yaml", "greeting.yaml"]
    (parted.folder / "greeting.conflict.v2.yaml").unlink()
    await parted.reconcile()
    assert parted.files() == ["support/greeting.yaml"]
    assert await parted.template() == "Mine, {{ name }}!\n"


async def test_the_same_change_on_both_sides_is_none(desk, prompt_text):
    desk.write("greeting.yaml", prompt_text())
    await desk.reconcile()
    desk.edit("greeting.yaml", "Hello {{ name }}!", "Same")
    await desk.update(body="Same")
    report = await desk.reconcile()
    assert (report.conflicts, (await desk.head()).number) == ([], 2)


async def test_with_the_state_lost_different_texts_have_both_changed(desk, prompt_text):
    await desk.create(body="On the server")
    desk.write("greeting.yaml", prompt_text(body="On the disk"))
    report = await desk.reconcile()
    assert len(report.conflicts) == 1
    assert "On the disk" in desk.read("greeting.yaml")
    assert "On the server" in desk.read("greeting.conflict.v1.yaml")


async def test_a_file_made_at_the_moment_of_writing_is_read_and_not_doubled(desk, prompt_text, monkeypatch):
    # The prompt is new on the server; before its file is written, a person makes one of the same name.
    create = disk.create

    def overtaken(root, path, written):
        if not (root / path).exists():
            desk.write(path, prompt_text(body="On the disk"))
        return create(root, path, written)

    await desk.create(body="On the server")
    monkeypatch.setattr(disk, "create", overtaken)
    await desk.reconcile()
    monkeypatch.setattr(disk, "create", create)
    await desk.reconcile()
    assert desk.files() == ["greeting.conflict.v1.yaml", "greeting.yaml"]
    assert "On the disk" in desk.read("greeting.yaml")


class TestAnotherDatabase:
    """The state is of a database that is not there any more: its word must not cost a text."""

    @pytest.fixture
    async def renewed(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text(body="Only on this disk"))
        await desk.reconcile()
        await desk.archive()
        async with desk.writer() as project:
            await queries.purge(project, "greeting")
        return desk

    async def test_a_prompt_it_never_had_is_made_from_the_file(self, renewed):
        report = await renewed.reconcile()
        assert (report.loaded, report.removed) == (1, 0)
        assert await renewed.template() == "Only on this disk\n"

    async def test_another_text_under_the_same_id_overwrites_nothing(self, renewed):
        await renewed.create(body="Another prompt altogether")
        report = await renewed.reconcile()
        assert len(report.conflicts) == 1
        assert "Only on this disk" in renewed.read("greeting.yaml")

    async def test_an_archived_prompt_of_the_same_id_removes_nothing(self, renewed):
        await renewed.create(body="Another prompt altogether")
        await renewed.archive()
        report = await renewed.reconcile()
        assert (report.loaded, report.removed) == (1, 0)
        assert await renewed.template() == "Only on this disk\n"
        assert await renewed.template(number=1) == "Another prompt altogether\n"
