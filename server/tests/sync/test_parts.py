"""Parts in the folder: saved before what includes them, heard of, merged, and never taken for broken prompts."""

from dakora_server.core.parts import service as parts
from dakora_server.core.prompts import part_changes, queries
from dakora_server.core.scope import reading
from dakora_server.core.selection import Selector
from dakora_server.core.sync.folder import Pace
from dakora_server.core.templates.part_model import PartSpec
from dakora_server.core.tenancy.provisioning import local_grant

TONE = "# ours\ntemplate: |\n  Be polite.\n  Be brief.\n  Be kind.\n"
ALL = "id: tone/whole\ntemplate: |\n  {% include 'tone/polite' %}\n"
GREETING = "id: greeting\nversion: 1.0.0\ntemplate: |\n  {% include 'tone/whole' %}\n  Hello!\n"


EVERYTHING = {"category": None, "search": None, "after": None, "limit": 100}


async def part(desk, part_id="tone/polite"):
    async with reading(desk.platform, local_grant(desk.project_id)) as project:
        return await parts.get(project, part_id, Selector())


async def exists(desk, part_id="tone/polite"):
    async with reading(desk.platform, local_grant(desk.project_id)) as project:
        return part_id in {one.part_id for one in await parts.list_parts(project, **EVERYTHING)}


async def save(desk, template, part_id="tone/polite"):
    async with desk.writer() as project:
        await part_changes.update(project, PartSpec(id=part_id, template=template))


def write_all(desk):
    desk.write("greeting.yaml", GREETING)
    desk.write("parts/tone/whole.yaml", ALL)
    desk.write("parts/tone/polite.yaml", TONE)


class TestOnce:
    async def test_parts_are_saved_before_what_includes_them(self, desk):
        write_all(desk)
        report = await desk.reconcile()
        assert (report.loaded, report.faults) == (3, [])
        assert {(one.id, one.number) for one in (await desk.get()).record.includes.parts} == {
            ("tone/whole", 1),
            ("tone/polite", 1),
        }
        again = await desk.reconcile()
        assert (again.unchanged, again.has_news) == (3, False)

    async def test_a_long_chain_of_parts_is_saved_without_an_error(self, desk):
        desk.write("p.yaml", "id: p\ntemplate: \"{% include 'c/p1' %}\"\n")
        for number in range(1, 5):
            desk.write(f"parts/c/p{number}.yaml", f"template: \"{{% include 'c/p{number + 1}' %}}\"\n")
        desk.write("parts/c/p5.yaml", "template: End\n")
        report = await desk.reconcile()
        assert (report.loaded, report.faults, desk.heard("no part")) == (6, [], [])

    async def test_parts_of_the_project_become_files(self, desk):
        async with desk.writer() as project:
            await part_changes.create(project, PartSpec(id="tone/polite", template="Be polite.\n"))
        report = await desk.reconcile()
        assert report.written == 1
        assert desk.read("parts/tone/polite.yaml") == "id: tone/polite\nversion: 1.0.0\ntemplate: |\n  Be polite.\n"

    async def test_a_part_in_a_wrong_place_is_said_and_archives_nothing(self, desk):
        write_all(desk)
        await desk.reconcile()
        (desk.folder / "parts/tone/whole.yaml").rename(desk.folder / "parts/tone/other.yaml")
        report = await desk.reconcile()
        assert report.archived == 0
        assert [line.partition("/parts/")[2] for line in report.faults] == [
            "tone/other.yaml:1:5: The id is tone/whole, but the file lies where tone/other does: change one, or leave "
            "the id out."
        ]

    async def test_a_missing_part_is_said_with_its_place(self, desk):
        desk.write("greeting.yaml", GREETING)
        report = await desk.reconcile()
        assert [line.rpartition("/")[2] for line in report.faults] == ["whole."]
        assert "greeting.yaml:4:15: There is no part tone/whole." in report.faults[0]

    async def test_a_part_in_use_stays_and_its_users_are_named(self, desk):
        write_all(desk)
        desk.write("other.yaml", "id: other\ntemplate: Other\n")
        await desk.reconcile()
        (desk.folder / "parts/tone/polite.yaml").unlink()
        report = await desk.reconcile()
        assert report.archived == 0
        assert desk.heard("tone/polite stays", "The part tone/whole uses it", "The prompt greeting uses it")
        (desk.folder / "parts/tone/whole.yaml").unlink()
        (desk.folder / "greeting.yaml").unlink()
        assert (await desk.reconcile()).archived == 3
        assert not await exists(desk)

    async def test_a_deleted_part_takes_its_file_along_and_a_new_file_brings_it_back(self, desk):
        desk.write("parts/tone/polite.yaml", TONE)
        desk.write("other.yaml", "id: other\ntemplate: Other\n")
        await desk.reconcile()
        async with desk.writer() as project:
            await part_changes.delete(project, "tone/polite")
        assert (await desk.reconcile()).removed == 1
        assert desk.files() == ["other.yaml"]
        desk.write("parts/tone/polite.yaml", TONE.replace("kind", "warm"))
        assert (await desk.reconcile()).faults == []
        assert (await part(desk)).record.number == 2

    async def test_a_prompt_in_a_folder_of_parts_is_not_written_among_them(self, desk):
        await desk.create()
        async with desk.writer() as project:
            # As it was stored before this folder was reserved.
            await queries.touch(project, "greeting", folder="parts/tone")
        report = await desk.reconcile()
        assert desk.files() == []
        assert report.faults == [
            "greeting: its folder parts/tone on the server is for parts here: move it to another one"
        ]


class TestLive:
    async def test_an_edited_part_takes_along_the_version_lines_of_its_prompts_and_nothing_else(self, desk, eventually):
        write_all(desk)
        async with desk.live():
            desk.edit("parts/tone/polite.yaml", "kind", "warm")
            await eventually(lambda: "version: 1.0.1" in desk.read("greeting.yaml"))
            assert desk.read("greeting.yaml") == GREETING.replace("1.0.0", "1.0.1")
            assert desk.read("parts/tone/polite.yaml") == TONE.replace("kind", "warm")
            assert desk.read("parts/tone/whole.yaml") == ALL
        assert (await part(desk)).record.number == 2

    async def test_a_prompt_whose_part_comes_a_moment_later_is_saved_without_an_error(self, desk, eventually):
        # What is only tried again after a while would come too late.
        async with desk.live(pace=Pace(settle=0.02, retry=3600.0)):
            desk.write("greeting.yaml", GREETING)
            desk.write("parts/tone/whole.yaml", ALL)
            desk.write("other.yaml", "id: other\ntemplate: Other\n")
            await eventually(lambda: has(desk, "other"))
            desk.write("parts/tone/polite.yaml", TONE)
            await eventually(lambda: has(desk, "greeting"))
            assert desk.heard("no part") == []

    async def test_what_the_server_saves_is_merged_into_an_edited_file(self, desk, eventually):
        write_all(desk)
        await desk.reconcile()
        desk.edit("parts/tone/polite.yaml", "Be polite", "Be very polite")
        await save(desk, "Be polite.\nBe brief.\nBe warm.\n")
        async with desk.live():
            both = TONE.replace("Be polite", "Be very polite").replace("kind", "warm")
            assert desk.read("parts/tone/polite.yaml") == both
        assert (await part(desk)).document.spec.template == "Be very polite.\nBe brief.\nBe warm.\n"

    async def test_a_change_on_the_server_reaches_the_file(self, desk, eventually):
        write_all(desk)
        async with desk.live():
            await save(desk, "Be quiet.\n")
            await eventually(lambda: "Be quiet." in desk.read("parts/tone/polite.yaml"))
            assert desk.read("parts/tone/polite.yaml").startswith("# ours\ntemplate: |\n")


async def has(desk, prompt_id):
    return prompt_id in await desk.ids()
