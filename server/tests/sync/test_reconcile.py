"""The whole folder against the whole project: what only one side changed follows on the other."""

import stat

import pytest

from dakora_server.core.exceptions import PromptNotFound


class TestFirstSight:
    async def test_files_become_prompts_and_prompts_become_files(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        desk.write("support/email/reply.yml", prompt_text("reply", "Dear {{ name }}", version="2.3.4"))
        await desk.create("farewell", "Bye {{ name }}", folder="support")

        report = await desk.reconcile()

        assert (report.loaded, report.written, report.faults, report.conflicts) == (2, 1, [], [])
        reply = await desk.head("reply")
        assert (reply.folder, reply.semver, reply.message) == (
            "support/email",
            "2.3.4",
            "Created from support/email/reply.yml",
        )
        assert (await desk.head("greeting")).folder == ""
        assert "Bye {{ name }}" in desk.read("support/farewell.yaml")
        assert "version: 1.0.0" in desk.read("support/farewell.yaml")

    async def test_doing_it_again_changes_nothing(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.create("farewell")
        await desk.reconcile()
        before = {path: (desk.folder / path).stat().st_mtime_ns for path in desk.files()}

        report = await desk.reconcile()

        assert (report.unchanged, report.has_news) == (2, False)
        assert {path: (desk.folder / path).stat().st_mtime_ns for path in desk.files()} == before
        assert ((await desk.head("greeting")).number, (await desk.head("farewell")).number) == (1, 1)

    async def test_equal_texts_without_a_base_are_in_step(self, desk, prompt_text):
        await desk.create()
        desk.write("anywhere/hello.yaml", prompt_text())
        report = await desk.reconcile()
        assert (report.unchanged, report.conflicts) == (1, [])
        assert (await desk.head()).folder == "anywhere"
        assert desk.files() == ["anywhere/hello.yaml"]

    async def test_a_folder_that_does_not_exist_is_made(self, desk):
        desk.folder.rmdir()
        await desk.create()
        await desk.reconcile()
        assert desk.files() == ["greeting.yaml"]

    async def test_progress_is_told_up_to_the_end(self, desk, prompt_text):
        for number in range(150):
            desk.write(f"p{number}.yaml", prompt_text(f"p{number}"))
        told = []
        await desk.sync(progress=lambda done, total: told.append((done, total))).reconcile()
        assert told[-1] == (150, 150)
        assert told == sorted(told)
        assert len(told) > 2


class TestEdits:
    async def test_an_edit_in_the_file_is_a_new_version_and_the_file_stays_as_it_is(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text(version="1.0.0"))
        await desk.reconcile()
        desk.edit("greeting.yaml", "Hello", "Hi")
        edited = desk.read("greeting.yaml")

        report = await desk.reconcile()

        head = await desk.head()
        assert (report.updated, head.number, head.semver, head.message) == (1, 2, "1.0.1", "Edited in greeting.yaml")
        assert await desk.template() == "Hi {{ name }}!\n"
        assert desk.read("greeting.yaml") == edited

    async def test_a_higher_version_line_is_taken_and_any_other_ignored(self, desk, prompt_text):
        for version, body, semver in [
            ("1.0.0", "one", "1.0.0"),
            ("1.0.0", "two", "1.0.1"),
            ("2.0.0", "three", "2.0.0"),
            ("0.0.1", "four", "2.0.1"),
            ("3.0.0", "four", "3.0.0"),
        ]:
            desk.write("greeting.yaml", prompt_text(body=body, version=version))
            report = await desk.reconcile()
            assert ((await desk.head()).semver, report.faults) == (semver, [])
        assert (await desk.head()).number == 5

    async def test_a_comment_is_no_new_version(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        desk.write("greeting.yaml", prompt_text(top="# asked for by support\n"))
        report = await desk.reconcile()
        assert (report.has_news, (await desk.head()).number) == (False, 1)

    async def test_an_update_on_the_server_rewrites_the_file_and_keeps_its_comments_and_mode(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text(version="1.0.0", top="# ours\n"))
        (desk.folder / "greeting.yaml").chmod(0o600)
        await desk.reconcile()
        await desk.update(body="Good day {{ name }}")

        report = await desk.reconcile()

        assert report.written == 1
        assert desk.read("greeting.yaml") == prompt_text(body="Good day {{ name }}", version="1.0.1", top="# ours\n")
        assert stat.S_IMODE((desk.folder / "greeting.yaml").stat().st_mode) == 0o600
        again = await desk.reconcile()
        assert (again.has_news, (await desk.head()).number) == (False, 2)

    async def test_a_file_without_a_version_line_stays_without_one(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        await desk.update(body="Good day {{ name }}")
        await desk.reconcile()
        assert desk.read("greeting.yaml") == prompt_text(body="Good day {{ name }}")

    async def test_a_comment_made_while_the_server_changed_the_text_is_kept(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        desk.write("greeting.yaml", prompt_text(top="# new comment\n"))
        await desk.update(body="Good day {{ name }}")
        report = await desk.reconcile()
        assert (report.written, report.conflicts) == (1, [])
        assert desk.read("greeting.yaml") == prompt_text(body="Good day {{ name }}", top="# new comment\n")

    async def test_a_version_raised_on_the_server_shows_in_the_file(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text(version="1.0.0"))
        await desk.reconcile()
        await desk.update(version="5.0.0")
        await desk.reconcile()
        assert desk.read("greeting.yaml") == prompt_text(version="5.0.0")


class TestDeletions:
    async def test_a_deleted_file_archives_its_prompt_and_putting_it_back_restores_it(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        desk.write("other.yaml", prompt_text("other"))
        await desk.reconcile()
        desk.edit("greeting.yaml", "Hello", "Hi")
        await desk.reconcile()
        (desk.folder / "greeting.yaml").unlink()
        assert (await desk.reconcile()).archived == 1
        assert await desk.ids() == ["other"]

        desk.write("greeting.yaml", prompt_text(body="Back again"))
        report = await desk.reconcile()

        assert (report.loaded, (await desk.head()).number) == (1, 3)
        assert await desk.template(number=2) == "Hi {{ name }}!\n"
        assert await desk.template() == "Back again\n"

    async def test_an_edit_on_the_server_outlives_the_deletion_of_the_file(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        desk.write("other.yaml", prompt_text("other"))
        await desk.reconcile()
        (desk.folder / "greeting.yaml").unlink()
        await desk.update(body="Changed meanwhile")
        report = await desk.reconcile()
        assert (report.archived, report.written) == (0, 1)
        assert "Changed meanwhile" in desk.read("greeting.yaml")

    @pytest.mark.parametrize(("number", "gone", "archived"), [(12, 7, 0), (12, 6, 6), (3, 3, 0), (3, 2, 2), (1, 1, 0)])
    async def test_when_most_of_a_folder_vanishes_nothing_is_archived(self, desk, prompt_text, number, gone, archived):
        for index in range(number):
            desk.write(f"p{index}.yaml", prompt_text(f"p{index}"))
        await desk.reconcile()
        for index in range(gone):
            (desk.folder / f"p{index}.yaml").unlink()
        report = await desk.reconcile()
        assert (report.archived, report.held) == (archived, 0 if archived else gone)
        assert len(await desk.ids()) == number - archived
        assert bool(desk.heard("files are gone at once")) is not bool(archived)

    async def test_when_the_folder_is_gone_nothing_is_archived_or_written(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        (desk.folder / "greeting.yaml").unlink()
        desk.folder.rmdir()
        await desk.update(body="Changed meanwhile")
        report = await desk.reconcile()
        assert (report.held, report.archived, report.written) == (1, 0, 0)
        assert not desk.folder.exists()
        assert desk.heard("the folder is gone")

    async def test_a_prompt_archived_on_the_server_takes_its_unchanged_file_with_it(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        await desk.archive()
        assert (await desk.reconcile()).removed == 1
        assert desk.files() == []
        await desk.restore()
        await desk.reconcile()
        assert desk.files() == ["greeting.yaml"]

    @pytest.mark.parametrize("change", [{"body": "Edited meanwhile"}, {"top": "# a comment\n"}])
    async def test_a_file_changed_since_stays_and_brings_the_prompt_back_when_saved_again(
        self, desk, prompt_text, change
    ):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        desk.write("greeting.yaml", prompt_text(**change))
        await desk.archive()
        for _ in range(2):
            report = await desk.reconcile()
            assert (report.removed, len(report.conflicts)) == (0, 1)
            assert desk.heard("save it again")
        with pytest.raises(PromptNotFound):
            await desk.head()

        desk.write("greeting.yaml", prompt_text(**change))
        report = await desk.reconcile()

        assert (report.loaded, report.conflicts) == (1, [])
        assert await desk.template() == f"{change.get('body', 'Hello {{ name }}!')}\n"

    async def test_what_is_gone_from_both_sides_is_forgotten(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        await desk.archive()
        (desk.folder / "greeting.yaml").unlink()
        assert not (await desk.reconcile()).has_news


class TestNamesAndFolders:
    async def test_another_id_in_the_file_is_another_prompt_and_the_former_is_archived(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        desk.write("greeting.yaml", prompt_text("welcome"))
        report = await desk.reconcile()
        assert (report.loaded, report.archived) == (1, 1)
        assert await desk.ids() == ["welcome"]

    async def test_a_renamed_file_is_the_same_prompt(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        (desk.folder / "greeting.yaml").rename(desk.folder / "hello.yaml")
        assert not (await desk.reconcile()).has_news
        await desk.update(body="To the renamed file")
        await desk.reconcile()
        assert desk.files() == ["hello.yaml"]
        assert "To the renamed file" in desk.read("hello.yaml")

    async def test_a_file_moved_to_another_folder_moves_the_prompt_without_a_new_version(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        (desk.folder / "support/email").mkdir(parents=True)
        (desk.folder / "greeting.yaml").rename(desk.folder / "support/email/greeting.yaml")
        report = await desk.reconcile()
        head = await desk.head()
        assert (report.moved, head.folder, head.number) == (1, "support/email", 1)

    async def test_a_prompt_moved_on_the_server_moves_its_file_with_its_comments(self, desk, prompt_text):
        desk.write("here/greeting.yaml", prompt_text(top="# ours\n"))
        await desk.reconcile()
        await desk.update(folder="there/deep")
        report = await desk.reconcile()
        assert (report.moved, desk.files()) == (1, ["there/deep/greeting.yaml"])
        assert desk.read("there/deep/greeting.yaml") == prompt_text(top="# ours\n")
        assert not (await desk.reconcile()).has_news

    async def test_a_new_text_here_and_a_new_folder_there_both_arrive(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        desk.edit("greeting.yaml", "Hello", "Hi")
        await desk.update(folder="support")
        report = await desk.reconcile()
        assert (report.updated, report.moved, report.conflicts) == (1, 1, [])
        assert desk.files() == ["support/greeting.yaml"]
        assert await desk.template() == "Hi {{ name }}!\n"

    async def test_a_new_folder_here_and_a_new_text_there_both_arrive(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        (desk.folder / "support").mkdir()
        (desk.folder / "greeting.yaml").rename(desk.folder / "support/greeting.yaml")
        await desk.update(body="From the server")
        report = await desk.reconcile()
        assert (report.written, report.moved, report.conflicts) == (1, 1, [])
        assert ((await desk.head()).folder, desk.files()) == ("support", ["support/greeting.yaml"])
        assert "From the server" in desk.read("support/greeting.yaml")

    async def test_where_both_moved_it_the_disk_holds(self, desk, prompt_text):
        desk.write("a/greeting.yaml", prompt_text())
        await desk.reconcile()
        (desk.folder / "b").mkdir()
        (desk.folder / "a/greeting.yaml").rename(desk.folder / "b/greeting.yaml")
        await desk.update(folder="c")
        await desk.reconcile()
        assert ((await desk.head()).folder, desk.files()) == ("b", ["b/greeting.yaml"])

    async def test_a_name_that_is_taken_is_not_overwritten(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text("other"))
        desk.write("support/reply.yaml", prompt_text("reply"))
        desk.write("moved/reply.yaml", prompt_text("third"))
        await desk.reconcile()
        await desk.create("greeting")
        await desk.update("reply", folder="moved")
        await desk.reconcile()
        assert desk.files() == ["greeting-2.yaml", "greeting.yaml", "moved/reply-2.yaml", "moved/reply.yaml"]
        assert not (await desk.reconcile()).has_news
