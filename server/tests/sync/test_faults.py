"""What cannot be loaded is told once, with file, line and column, and stops nothing else."""

import asyncio
import errno
import logging
import os
from dataclasses import replace

import pytest

from dakora_server.core.exceptions import DatabaseUnavailable
from dakora_server.core.sync import disk
from dakora_server.core.sync.pairs import Pairs

BROKEN = "id: greeting\ntemplate: |\n  Hello\ninputs:\n  name:\n    type: colour\n"


class TestFilesThatCannotBeLoaded:
    async def test_a_broken_file_leaves_its_prompt_as_it_is(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        desk.write("greeting.yaml", BROKEN)
        await desk.update(body="From the server")
        report = await desk.reconcile()
        assert desk.read("greeting.yaml") == BROKEN
        assert (report.archived, report.written, await desk.template()) == (0, 0, "From the server\n")
        (fault,) = report.faults
        assert fault.startswith(f"{desk.folder}/greeting.yaml:6:11: `inputs.name.type` must be")

    @pytest.mark.parametrize("start", ["\x00", "\ud800", "id: [", "- greeting", "", "id: other thing\n", "\xff"])
    async def test_a_file_whose_id_cannot_be_read_is_still_its_prompts(self, desk, prompt_text, start):
        desk.write("hello.yaml", prompt_text())
        desk.write("other.yaml", prompt_text("other"))
        await desk.reconcile()
        (desk.folder / "hello.yaml").write_bytes(
            start.encode("latin-1" if start == "\xff" else "utf-8", "surrogatepass")
        )
        report = await desk.reconcile()
        assert (report.archived, len(report.faults)) == (0, 1)
        assert report.faults[0].startswith(f"{desk.folder}/hello.yaml:")
        assert await desk.ids() == ["greeting", "other"]

    async def test_a_broken_file_that_was_moved_is_still_its_prompts(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        (desk.folder / "greeting.yaml").unlink()
        desk.write("support/anything.yaml", BROKEN)
        desk.write("other.yaml", prompt_text("other"))
        assert (await desk.reconcile()).archived == 0

    async def test_a_broken_file_is_not_joined_by_a_second_one(self, desk):
        await desk.create()
        desk.write("greeting.yaml", "half a fi")
        await desk.reconcile()
        assert desk.files() == ["greeting.yaml"]

    async def test_once_mended_it_counts_as_an_edit(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        desk.write("greeting.yaml", BROKEN)
        await desk.reconcile()
        desk.write("greeting.yaml", prompt_text(body="Mended"))
        await desk.reconcile()
        assert (await desk.template(), (await desk.head()).number) == ("Mended\n", 2)

    async def test_faults_in_the_template_are_placed_in_the_file(self, desk):
        literal = "id: literal\ntemplate: |\n  Hello\n  {{ name }} {% if %}\ninputs:\n  name: {type: string}\n"
        desk.write("literal.yaml", literal)
        desk.write("quoted.yaml", 'id: quoted\ntemplate: "Hello {% if %}"\n')
        desk.write("chat.yaml", "id: chat\nmessages:\n  - role: user\n    content: |\n      Hello {% if %}\n")
        desk.write("part.yaml", 'id: part\ntemplate: "{% include \\"a/b\\" %}"\n')
        report = await desk.reconcile()
        places = sorted(line.removeprefix(f"{desk.folder}/").split(": ")[0] for line in report.faults)
        assert [place.split(":")[:2] for place in places] == [
            ["chat.yaml", "5"],
            ["literal.yaml", "4"],
            ["part.yaml", "2"],
            ["quoted.yaml", "2"],
        ]
        assert await desk.ids() == []

    async def test_a_fault_is_told_once_for_each_content(self, desk, eventually):
        async with desk.live():
            desk.write("greeting.yaml", BROKEN)
            await eventually(lambda: desk.heard("greeting.yaml:6:11"))
            desk.write("greeting.yaml", BROKEN)
            desk.write("other.yaml", BROKEN.replace("greeting", "other"))
            await eventually(lambda: desk.heard("other.yaml:6:11"))
            assert len(desk.heard("greeting.yaml:6:11")) == 1
            desk.write("greeting.yaml", "# changed\n" + BROKEN)
            await eventually(lambda: desk.heard("greeting.yaml:7:11"))

    async def test_of_many_faults_the_first_are_told_and_the_others_counted(self, desk):
        for number in range(30):
            desk.write(f"p{number}.yaml", "no prompt")
        report = await desk.reconcile()
        assert len(report.faults) == 30
        assert len(desk.said) == 21
        assert "10 more faults" in desk.said[-1]

    async def test_of_two_files_with_one_id_the_first_counts_and_both_are_named(self, desk, prompt_text):
        desk.write("b.yaml", prompt_text(body="second"))
        desk.write("a.yaml", prompt_text(body="first"))
        report = await desk.reconcile()
        assert await desk.template() == "first\n"
        assert report.faults == [
            f"{desk.folder}/b.yaml: not loaded, because {desk.folder}/a.yaml has the same id greeting"
        ]

    async def test_a_copy_does_not_take_the_place_of_the_file_it_was_made_of(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        desk.write("a-copy.yaml", prompt_text(body="a draft"))
        report = await desk.reconcile()
        assert len(report.faults) == 1
        assert await desk.template() == "Hello {{ name }}!\n"
        (desk.folder / "greeting.yaml").unlink()
        await desk.reconcile()
        assert await desk.template() == "a draft\n"

    async def test_the_case_of_an_id_cannot_change(self, desk, prompt_text):
        desk.write("greeting.yaml", prompt_text())
        await desk.reconcile()
        desk.write("greeting.yaml", prompt_text("Greeting", "changed"))
        report = await desk.reconcile()
        assert (report.archived, report.loaded, len(report.faults)) == (0, 0, 1)
        assert await desk.ids() == ["greeting"]

    async def test_an_id_that_an_archived_prompt_holds_in_another_case_is_a_fault(self, desk, prompt_text):
        await desk.create()
        await desk.archive()
        desk.write("greeting.yaml", prompt_text("Greeting"))
        report = await desk.reconcile()
        assert (len(report.faults), report.loaded) == (1, 0)
        assert "archived prompt greeting" in report.faults[0]

    async def test_too_large_files_and_links_out_of_the_folder_are_refused(self, desk, prompt_text, tmp_path):
        desk.write("large.yaml", prompt_text("large", "x" * 1024 * 1024))
        (tmp_path / "secret.yaml").write_text(prompt_text("secret"))
        (desk.folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
        report = await desk.reconcile()
        assert sorted(report.faults) == [
            f"{desk.folder}/large.yaml: refused, because it has more than 1 MiB",
            f"{desk.folder}/link.yaml: refused, because this link leads out of the folder",
        ]
        assert await desk.ids() == []

    async def test_a_prompt_among_the_parts_is_a_fault(self, desk, prompt_text):
        desk.write("parts/greeting.yaml", prompt_text())
        report = await desk.reconcile()
        assert (len(report.faults), report.loaded) == (1, 0)
        assert "parts/greeting.yaml:1:1: A part lies at" in report.faults[0]
        assert await desk.ids() == []

    async def test_hidden_files_and_leftovers_of_editors_are_not_looked_at(self, desk, prompt_text):
        for name in (".hidden.yaml", "a.yaml~", ".a.yaml.swp", "4913", ".git/b.yaml", "a.yaml.tmp", "notes.txt"):
            desk.write(name, prompt_text("never"))
        report = await desk.reconcile()
        assert not report.has_news

    async def test_what_may_not_be_read_is_unknown_and_not_gone(self, desk, prompt_text, monkeypatch):
        desk.write("closed/greeting.yaml", prompt_text())
        desk.write("other.yaml", prompt_text("other"))
        await desk.reconcile()
        scandir = os.scandir

        def closed(path):
            if str(path).endswith("closed"):
                raise PermissionError(errno.EACCES, "Permission denied")
            return scandir(path)

        monkeypatch.setattr(os, "scandir", closed)
        report = await desk.reconcile()
        assert report.archived == 0
        assert report.faults == [
            f"{desk.folder}/closed: refused, because this folder cannot be read (Permission denied)"
        ]


class Shaky:
    """A database that can be taken away."""

    def __init__(self, database):
        self._database = database
        self.is_away = False

    def __getattr__(self, name):
        return getattr(self._database, name)

    def transaction(self, *arguments, **options):
        if self.is_away:
            raise DatabaseUnavailable
        return self._database.transaction(*arguments, **options)


class TestTroubleThatPasses:
    async def test_edits_made_while_the_database_is_away_are_saved_when_it_is_back(self, desk, prompt_text, eventually):
        database = Shaky(desk.platform.database)
        shaky = replace(desk.platform, database=database)
        desk.write("greeting.yaml", prompt_text())
        async with desk.live(platform=shaky):
            database.is_away = True
            desk.edit("greeting.yaml", "Hello", "Hi")
            await eventually(lambda: desk.heard("not in step for now", "database"))
            desk.edit("greeting.yaml", "Hi", "Hey")
            database.is_away = False
            await eventually(lambda: desk.heard("in step again"))
            await eventually(lambda: says(desk, "Hey {{ name }}!\n"))
        assert len(desk.heard("not in step for now")) == 1

    async def test_a_start_without_a_database_waits_for_it(self, desk, prompt_text, eventually):
        database = Shaky(desk.platform.database)
        database.is_away = True
        desk.write("greeting.yaml", prompt_text())
        sync = desk.live(platform=replace(desk.platform, database=database))

        async def comes_back():
            await eventually(lambda: desk.heard("not in step for now"))
            database.is_away = False

        coming = asyncio.create_task(comes_back())
        async with sync:
            assert await desk.ids() == ["greeting"]
        await coming

    async def test_a_full_disk_is_told_once_and_overcome(self, desk, monkeypatch, eventually):
        def full(*args):
            raise OSError(errno.ENOSPC, "No space left on device")

        create = disk.create
        async with desk.live():
            monkeypatch.setattr(disk, "create", full)
            await desk.create("one")
            await desk.create("two")
            await eventually(lambda: desk.heard("No space left on device"))
            monkeypatch.setattr(disk, "create", create)
            await eventually(lambda: desk.files() == ["one.yaml", "two.yaml"])
            await eventually(lambda: desk.heard("in step again"))
        assert len(desk.heard("No space left on device")) == 1

    async def test_a_state_that_cannot_be_saved_is_told_once(self, desk, prompt_text):
        desk.state_dir.write_text("a file where the folder should be")
        desk.write("greeting.yaml", prompt_text())
        sync = desk.sync()
        assert (await sync.reconcile()).loaded == 1
        assert (await sync.reconcile()).unchanged == 1
        assert len(desk.heard("cannot be saved")) == 1

    async def test_a_mistake_of_ours_with_one_prompt_does_not_stop_the_others(
        self, desk, prompt_text, monkeypatch, caplog
    ):
        settle = Pairs.settle

        async def mistaken(self, key, head):
            if key == "bad":
                raise ZeroDivisionError
            await settle(self, key, head)

        monkeypatch.setattr(Pairs, "settle", mistaken)
        for name in ("bad", "good"):
            desk.write(f"{name}.yaml", prompt_text(name))
        with caplog.at_level(logging.ERROR):
            report = await desk.reconcile()
        assert (report.loaded, len(report.faults)) == (1, 1)
        assert "ZeroDivisionError" in caplog.text


async def says(desk, template):
    return await desk.template() == template
