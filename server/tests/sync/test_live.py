"""While it runs, folder and project stay in step both ways."""

import asyncio
import shutil

import psycopg
import pytest

from dakora_server.core.sync.folder import Pace
from dakora_server.core.tenancy.provisioning import DEFAULT_PROJECT_ID


@pytest.fixture
async def running(desk, prompt_text):
    """One prompt in step, and the sync at work."""
    desk.write("greeting.yaml", prompt_text(top="# ours\n"))
    desk.write("other.yaml", prompt_text("other"))
    async with desk.live():
        yield desk


def by_overwriting(file, content):
    file.write_text(content)


def by_truncating_first(file, content):
    with file.open("w") as opened:
        opened.write(content[: len(content) // 2])
        opened.flush()
        opened.write(content[len(content) // 2 :])


def by_renaming_over(file, content):
    temporary = file.with_name("4913")
    temporary.write_text(content)
    temporary.replace(file)


def by_keeping_a_backup(file, content):
    file.rename(f"{file}~")
    file.write_text(content)


class TestTheDisk:
    @pytest.mark.parametrize("save", [by_overwriting, by_truncating_first, by_renaming_over, by_keeping_a_backup])
    async def test_an_edit_becomes_a_version_however_the_editor_saves(self, running, eventually, save):
        for number, word in enumerate(["Hi", "Hey"], start=2):
            content = running.read("greeting.yaml")
            save(running.folder / "greeting.yaml", content.replace("Hello" if number == 2 else "Hi", word))
            await eventually(lambda word=word: says(running, f"{word} {{{{ name }}}}!\n"))
        assert (await running.head()).number == 3
        assert running.heard("archived") == []

    async def test_a_new_folder_with_files_in_it_is_seen_whole(self, running, prompt_text, eventually):
        for number in range(20):
            running.write(f"new/{number}/deep/p{number}.yaml", prompt_text(f"p{number}"))
        await eventually(lambda: has(running, 22))
        assert (await running.head("p7")).folder == "new/7/deep"

    async def test_a_moved_folder_moves_its_prompts(self, running, prompt_text, eventually):
        running.write("a/one.yaml", prompt_text("one"))
        running.write("a/b/two.yaml", prompt_text("two"))
        await eventually(lambda: has(running, 4))
        (running.folder / "a").rename(running.folder / "z")
        await eventually(lambda: in_folder(running, "two", "z/b"))
        await eventually(lambda: in_folder(running, "one", "z"))
        assert ((await running.head("one")).number, running.heard("archived")) == (1, [])

    async def test_a_deleted_file_archives_and_an_undone_deletion_restores(self, running, eventually):
        kept = running.read("greeting.yaml")
        (running.folder / "greeting.yaml").unlink()
        await eventually(lambda: has(running, 1))
        running.write("greeting.yaml", kept)
        await eventually(lambda: has(running, 2))
        assert (await running.head()).number == 1

    async def test_a_file_that_is_gone_for_a_moment_archives_nothing(self, desk, prompt_text, eventually):
        for name in ("greeting", "other"):
            desk.write(f"{name}.yaml", prompt_text(name))
        async with desk.live(pace=Pace(settle=0.02, leave=30.0)):
            (desk.folder / "greeting.yaml").unlink()
            desk.write("other.yaml", prompt_text("other", "so that it is known that the disk was read"))
            await eventually(lambda: is_at(desk, 2, "other"))
            desk.write("greeting.yaml", prompt_text(body="Back again"))
            await eventually(lambda: is_at(desk, 2))
        assert desk.heard("archived") == []

    async def test_a_folder_emptied_at_once_archives_nothing_and_its_return_is_noticed(self, running, eventually):
        kept = running.read("greeting.yaml")
        for name in ("greeting.yaml", "other.yaml"):
            (running.folder / name).unlink()
        await eventually(lambda: running.heard("2 of 2 files are gone at once"))
        running.write("greeting.yaml", kept.replace("Hello", "Hi"))
        running.write("other.yaml", kept.replace("greeting", "other"))
        await eventually(lambda: is_at(running, 2))
        assert await running.ids() == ["greeting", "other"]

    async def test_a_folder_that_goes_and_comes_back_is_watched_again(self, running, prompt_text, eventually):
        away = running.folder.with_name("away")
        running.folder.rename(away)
        await eventually(lambda: running.heard("the folder is gone"))
        await running.update(body="Meanwhile")
        shutil.copytree(away, running.folder)
        await eventually(lambda: "Meanwhile" in running.read("greeting.yaml"))
        await eventually(lambda: running.heard("1 file written"))
        running.edit("greeting.yaml", "Meanwhile", "Edited in the new folder")
        await eventually(lambda: says(running, "Edited in the new folder\n"))
        assert await running.ids() == ["greeting", "other"]


class TestTheServer:
    async def test_an_update_rewrites_the_file_and_does_not_come_back_as_an_edit(
        self, running, prompt_text, eventually
    ):
        await running.update(body="From the API")
        await eventually(lambda: "From the API" in running.read("greeting.yaml"))
        assert running.read("greeting.yaml") == prompt_text(body="From the API", top="# ours\n")
        running.write("other.yaml", prompt_text("other", "so that the disk is read again"))
        await eventually(lambda: is_at(running, 2, "other"))
        assert (await running.head()).number == 2

    async def test_an_update_by_another_process_is_heard(self, running, eventually):
        await running.update(body="From elsewhere", writer=running.elsewhere())
        await eventually(lambda: "From elsewhere" in running.read("greeting.yaml"))

    async def test_new_archived_restored_and_moved_prompts_follow_on_the_disk(self, running, eventually):
        await running.create("third", folder="support")
        await eventually(lambda: running.files() == ["greeting.yaml", "other.yaml", "support/third.yaml"])
        await running.archive("third")
        await eventually(lambda: running.files() == ["greeting.yaml", "other.yaml"])
        await running.restore("third")
        await eventually(lambda: running.files() == ["greeting.yaml", "other.yaml", "support/third.yaml"])
        await running.update("third", folder="")
        await eventually(lambda: running.files() == ["greeting.yaml", "other.yaml", "third.yaml"])
        assert running.heard("conflict") == []

    async def test_changes_made_while_nothing_could_be_heard_are_found(self, running, eventually):
        url = running.platform.database.url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dakora changes'"
            )
        await running.update(body="Said to nobody", writer=running.elsewhere())
        await eventually(lambda: "Said to nobody" in running.read("greeting.yaml"))

    async def test_other_projects_are_none_of_its_business(self, running, platform, eventually):
        platform.feed.publish(DEFAULT_PROJECT_ID, "greeting")
        await running.update("other", body="a change of its own")
        await eventually(lambda: "a change of its own" in running.read("other.yaml"))
        assert len(running.files()) == 2


class TestBoth:
    async def test_an_edit_and_an_update_of_the_same_line_are_both_kept(self, running, prompt_text, eventually):
        running.edit("greeting.yaml", "Hello", "Mine,")
        await running.update(body="Theirs")
        await eventually(lambda: running.heard("changed here and on the server"))
        marked = running.read("greeting.yaml")
        assert {"  Mine, {{ name }}!", "  Theirs"} <= set(marked.splitlines())
        assert await running.template() == "Theirs\n"

        running.write("greeting.yaml", prompt_text(body="Both {{ name }}!"))
        await eventually(lambda: is_at(running, 3))
        assert await running.template() == "Both {{ name }}!\n"

    async def test_a_storm_on_both_sides_loses_nothing(self, running, prompt_text, eventually):
        # What the disk says last is what it must end with, or it is kept beside the server's text.
        async def from_the_server():
            for number in range(15):
                await running.update(body=f"theirs {number}", writer=running.elsewhere())
                await asyncio.sleep(0.02)

        async def from_the_disk():
            for number in range(15):
                running.write("greeting.yaml", prompt_text(body=f"mine {number}"))
                await asyncio.sleep(0.03)

        await asyncio.gather(from_the_server(), from_the_disk())
        texts = await all_texts(running, eventually, "mine 14")
        assert any("mine 14" in text for text in texts)
        assert all(any(f"theirs {number}\n" in text for text in texts) for number in range(15))

    async def test_it_stops_when_told_and_remembers_what_was_in_step(self, desk, prompt_text, eventually):
        desk.write("greeting.yaml", prompt_text())
        desk.write("other.yaml", prompt_text("other"))
        async with desk.live():
            await eventually(lambda: has(desk, 2))
        (desk.folder / "greeting.yaml").unlink()
        async with desk.live():
            await eventually(lambda: has(desk, 1))


async def has(desk, number):
    return len(await desk.ids()) == number


async def is_at(desk, number, prompt_id="greeting"):
    return (await desk.head(prompt_id)).number >= number


async def says(desk, template):
    return await desk.template() == template


async def in_folder(desk, prompt_id, folder):
    return (await desk.head(prompt_id)).folder == folder


async def all_texts(desk, eventually, last):
    await eventually(lambda: quiet(desk, last))
    number = (await desk.head()).number
    versions = [await desk.template(number=each) for each in range(1, number + 1)]
    return versions + [desk.read(path) for path in desk.files()]


async def quiet(desk, last):
    return last in await desk.template() or (desk.heard("changed here") and last in desk.read("greeting.yaml"))
