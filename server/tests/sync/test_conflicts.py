"""Both have changed: what can be merged is, and where a person must decide both texts stand in the file."""

import pytest

from dakora_server.core.prompts import queries
from dakora_server.core.sync import disk


@pytest.fixture
async def parted(desk, prompt_text):
    """A prompt of which the same line was edited here and on the server since they were last in step."""
    desk.write("greeting.yaml", prompt_text(version="1.0.0", top="# ours\n"))
    await desk.reconcile()
    desk.edit("greeting.yaml", "Hello", "Mine,")
    await desk.update(body="Theirs, {{ name }}")
    await desk.reconcile()
    return desk


def solve(desk, prompt_text, body="Both, {{ name }}"):
    """What a person does: make the file what it should be, without a marker."""
    desk.write("greeting.yaml", prompt_text(body=body, version="1.0.1"))


class TestOtherLinesOrFields:
    @pytest.fixture
    async def edited(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text(body="One\n  Two\n  Three", version="1.0.0", top="# ours\n"))
        await desk.reconcile()
        desk.edit("greeting.yaml", "One", "Eins")
        await desk.update(body="One\nTwo\nTrois")
        return desk

    async def test_are_merged_into_a_new_version_and_into_the_file(self, edited, prompt_text):
        report = await edited.reconcile()
        assert (report.merged, report.conflicts, report.faults) == (1, [], [])
        assert await edited.template() == "Eins\nTwo\nTrois\n"
        assert (await edited.head()).number == 3
        assert edited.read("greeting.yaml") == prompt_text(body="Eins\n  Two\n  Trois", version="1.0.1", top="# ours\n")
        assert not (await edited.reconcile()).has_news
        assert [await edited.template(number=number) for number in (1, 2)] == ["One\nTwo\nThree\n", "One\nTwo\nTrois\n"]

    async def test_a_field_here_and_another_there(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        desk.edit("greeting.yaml", "inputs:", "description: Ours\ninputs:")
        await desk.update(body="Theirs, {{ name }}")
        assert (await desk.reconcile()).merged == 1
        merged = (await desk.get()).document.spec
        assert (merged.description, merged.template) == ("Ours", "Theirs, {{ name }}\n")

    async def test_a_move_on_the_server_is_carried_over_too(self, edited):
        await edited.update(folder="support")
        await edited.reconcile()
        assert edited.files() == ["support/greeting.yaml"]
        assert await edited.template() == "Eins\nTwo\nTrois\n"

    async def test_a_version_to_come_is_the_merged_ones(self, edited):
        edited.edit("greeting.yaml", "version: 1.0.0", "version: 2.0.0")
        await edited.reconcile()
        assert (await edited.head()).semver == "2.0.0"
        assert await edited.template() == "Eins\nTwo\nTrois\n"

    async def test_a_save_in_the_moment_of_writing_is_merged_next(self, edited, monkeypatch):
        replace_file = disk.replace

        def overtaken(root, path, written, *, digest):
            monkeypatch.setattr(disk, "replace", replace_file)
            edited.edit("greeting.yaml", "Eins", "Uno")
            return replace_file(root, path, written, digest=digest)

        monkeypatch.setattr(disk, "replace", overtaken)
        await edited.reconcile()
        await edited.reconcile()
        assert await edited.template() == "Uno\nTwo\nTrois\n"


async def test_both_stand_in_the_file_between_markers(parted):
    assert parted.files() == ["greeting.yaml"]
    assert parted.read("greeting.yaml") == (
        "# ours\nid: greeting  # what callers ask for\nversion: 1.0.1\ntemplate: |\n<<<<<<< yours\n"
        "  Mine, {{ name }}!\n||||||| base\n  Hello {{ name }}!\n=======\n  Theirs, {{ name }}\n"
        ">>>>>>> server 1.0.1\ninputs:\n  name:\n    type: string\n"
    )
    assert (await parted.head()).number == 2
    said = parted.heard("greeting.yaml", "changed here and on the server (version 2) in template")
    assert len(said) == 1


async def test_until_it_is_solved_the_prompt_is_left_alone(parted):
    parted.edit("greeting.yaml", "Mine,", "Mine again,")
    report = await parted.reconcile()
    assert (len(report.faults), report.updated, (await parted.head()).number) == (1, 0, 2)
    assert "greeting.yaml:5:1: A conflict is not solved here" in report.faults[0]

    await parted.update(body="Theirs again, {{ name }}")
    report = await parted.reconcile()
    assert (len(report.faults), report.written) == (1, 0)
    assert "Mine again," in parted.read("greeting.yaml")


async def test_a_solved_file_is_an_edit_on_top(parted, prompt_text):
    solve(parted, prompt_text)
    report = await parted.reconcile()
    assert (report.updated, report.conflicts) == (1, [])
    assert [await parted.template(number=number) for number in (2, 3)] == ["Theirs, {{ name }}\n", "Both, {{ name }}\n"]


async def test_solved_without_the_state_it_is_a_question_again_and_no_loss(parted, prompt_text):
    for file in parted.state_dir.iterdir():
        file.unlink()
    solve(parted, prompt_text)
    report = await parted.reconcile()
    assert len(report.conflicts) == 1
    assert {"  Both, {{ name }}", "  Theirs, {{ name }}"} <= set(parted.read("greeting.yaml").splitlines())


async def test_taking_the_servers_text_is_no_new_version(parted, prompt_text):
    solve(parted, prompt_text, "Theirs, {{ name }}")
    report = await parted.reconcile()
    assert (report.has_news, (await parted.head()).number) == (False, 2)


async def test_a_further_change_on_the_server_is_a_conflict_of_its_own(parted, prompt_text):
    await parted.update(body="Theirs again, {{ name }}")
    solve(parted, prompt_text)
    report = await parted.reconcile()
    assert len(report.conflicts) == 1
    assert ">>>>>>> server 1.0.2" in parted.read("greeting.yaml")


async def test_a_folder_changed_meanwhile_follows_once_it_is_solved(parted, prompt_text):
    await parted.update(folder="support")
    await parted.reconcile()
    assert parted.files() == ["greeting.yaml"]
    solve(parted, prompt_text)
    await parted.reconcile()
    assert parted.files() == ["support/greeting.yaml"]
    assert await parted.template() == "Both, {{ name }}\n"


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
    assert {"  On the disk", "  On the server"} <= set(desk.read("greeting.yaml").splitlines())


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
    assert desk.files() == ["greeting.yaml"]
    assert {"  On the disk", "  On the server"} <= set(desk.read("greeting.yaml").splitlines())


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
