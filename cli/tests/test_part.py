"""Parts from a terminal: saved, shown, listed, used, deleted."""

import json

import pytest
import yaml as pyyaml


def part_file(part_id, template, **more):
    return pyyaml.safe_dump({"id": part_id, "template": template, **more}, sort_keys=False)


@pytest.fixture
def save(cli, user):
    """Saves parts from files, all in one command."""

    async def run(*words, **texts):
        for name, text in texts.items():
            user.write(f"parts/{name}.yaml", text)
        return await cli("part", "save", *(f"parts/{name}.yaml" for name in texts), *words)

    return run


async def test_a_part_goes_there_and_comes_back(cli, user, save):
    made = await save(polite=part_file("tone/polite", "Be polite.\n", description="Manners", metadata={"tags": ["t"]}))
    assert (made.code, made.out) == (0, "created tone/polite 1.0.0 (parts/polite.yaml)\n")
    shown = await cli("part", "show", "tone/polite")
    assert pyyaml.safe_load(shown.out) == {
        "id": "tone/polite",
        "version": "1.0.0",
        "description": "Manners",
        "template": "Be polite.\n",
        "metadata": {"tags": ["t"]},
    }
    again = await cli("part", "save", "-", stdin=shown.out)
    assert (again.code, again.out, again.err) == (0, "", "1 unchanged\n")

    kinder = shown.out.replace("polite.", "kind.")
    saved = await save("-m", "kinder", polite="# Ours\n" + kinder)
    assert (saved.code, saved.out) == (0, "updated tone/polite 1.0.1 (parts/polite.yaml)\n")
    # The file names the version it holds now, and keeps what people wrote beside it.
    assert (user.folder / "parts/polite.yaml").read_text() == "# Ours\n" + kinder.replace("1.0.0", "1.0.1")
    history = (await cli("part", "versions", "tone/polite", "--json")).json
    assert [(line["version_number"], line["message"]) for line in history] == [(2, "kinder"), (1, None)]
    row = (await cli("part", "versions", "tone/polite")).out.splitlines()[0].split("\t")
    assert (row[0], row[1], row[4]) == ("2", "1.0.1", "kinder")
    assert (await cli("part", "show", "tone/polite", "--version", "1")).out == shown.out
    assert (await cli("part", "show", "tone/polite", "--json")).json["template"] == "Be kind.\n"


async def test_whoever_saves_a_part_hears_which_prompts_follow(cli, project, save):
    await save(polite=part_file("tone/polite", "Please, {{ name }}!"))
    await save(mail=part_file("frame/mail", "Dear {{ name }}. {% include 'tone/polite' %}"))
    await project.create("letter", "{% include 'frame/mail' %}")
    await project.create("pinned", "{% include 'tone/polite@1' %}")
    await project.create("both", "{% include 'tone/polite@1' %}{% include 'tone/polite' %}")
    await cli("label", "set", "letter", "production", "1")

    saved = await save("-m", "kinder", polite=part_file("tone/polite", "Thanks, {{ name }}!"))
    assert "The part frame/mail follows it: now at version 2." in saved.err
    assert "The prompt letter follows it: now at version 2." in saved.err
    assert saved.err.count("The prompt both follows it") == 1
    assert "pinned" not in saved.err
    assert (await cli("render", "letter", "-i", "name=Ada")).out == "Dear Ada. Thanks, Ada!"
    whole = (await cli("render", "letter", "-i", "name=Ada", "--label", "production", "--json")).json
    assert whole["rendered"] == "Dear Ada. Please, Ada!"
    assert whole["parts"] == [
        {"id": "frame/mail", "version_number": 1},
        {"id": "tone/polite", "version_number": 1},
    ]
    again = await save("--json", polite=part_file("tone/polite", "Thanks, {{ name }}!"))
    assert again.json["parts"][0]["followers"] == []

    rows = [line.split("\t") for line in (await cli("part", "usages", "tone/polite")).out.splitlines()]
    assert ["part", "frame/mail", "2", "2", "follows", ""] in rows
    assert ["prompt", "letter", "1", "1", "keeps, through a part", "production"] in rows
    assert ["prompt", "letter", "2", "2", "follows, through a part", ""] in rows
    assert ["prompt", "pinned", "1", "1", "keeps", ""] in rows

    back = await cli("part", "rollback", "tone/polite", "1", "-m", "too much", "--json")
    assert back.json["version_number"] == 3
    assert {"kind": "prompt", "id": "letter", "version_number": 3} in back.json["followers"]
    nothing = await cli("part", "rollback", "tone/polite", "1.0.0")
    assert (nothing.code, nothing.err) == (0, "tone/polite is at version 3 (1.0.2), with the text of version 1.0.0.\n")


async def test_a_part_in_use_is_deleted_by_force_and_comes_back(cli, project, save):
    await save(polite=part_file("tone/polite", "Please!"))
    assert "Nothing uses tone/polite." in (await cli("part", "usages", "tone/polite")).err
    await project.create("letter", "{% include 'tone/polite' %}")
    refused = await cli("part", "delete", "tone/polite")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == (
        "The prompt letter uses it in version 1.\nError: tone/polite is in use: --force deletes it all the same.\n"
    )
    said = json.loads((await cli("part", "delete", "tone/polite", "--json")).err)["error"]
    assert (said["code"], said["errors"][0]["field"]) == ("part_in_use", "prompt.letter")
    assert (await cli("part", "delete", "tone/polite", "--force")).code == 0
    assert (await cli("render", "letter")).out == "Please!"
    gone = await cli("part", "show", "tone/polite")
    assert (gone.code, gone.err) == (1, "Error: There is no part tone/polite.\n")
    assert (await cli("part", "restore", "tone/polite")).err == "tone/polite is here, at version 1 (1.0.0).\n"
    assert (await cli("part", "show", "tone/polite")).code == 0
    assert (await cli("part", "delete", "tone/absent")).code == 1


async def test_saving_a_deleted_part_brings_it_back(cli, save):
    await save(polite=part_file("tone/polite", "one"))
    await cli("part", "delete", "tone/polite")
    saved = await save(polite=part_file("tone/polite", "two"))
    assert saved.out == "restored tone/polite 1.0.1 (parts/polite.yaml)\n"
    other = await save(polite=part_file("Tone/Polite", "three"))
    assert other.code == 1


async def test_parts_are_saved_before_those_that_include_them(cli, save):
    saved = await save(
        a=part_file("a/outer", "{% include 'b/middle' %}"),
        b=part_file("b/middle", "{% include 'c/inner@1' %}"),
        c=part_file("c/inner", "x"),
    )
    assert (saved.code, [line.split()[1] for line in saved.out.splitlines()]) == (0, ["c/inner", "b/middle", "a/outer"])
    circle = await save(
        b=part_file("b/middle", "{% include 'c/inner' %}"), c=part_file("c/inner", "{% include 'b/middle' %}")
    )
    assert circle.code == 1
    assert "would include itself" in circle.err


async def test_nobodys_newer_work_is_saved_over(save):
    await save(polite=part_file("tone/polite", "one"))
    await save(polite=part_file("tone/polite", "two"))
    stale = part_file("tone/polite", "mine", version="1.0.0")
    refused = await save(polite=stale)
    assert (refused.code, refused.out) == (1, "")
    assert "the server has 1.0.1, this file began at 1.0.0" in refused.err
    assert (await save("--force", polite=stale)).out == "updated tone/polite 1.0.2 (parts/polite.yaml)\n"
    higher = part_file("tone/polite", "mine", version="2.0.0")
    assert (await save(polite=higher)).out == "updated tone/polite 2.0.0 (parts/polite.yaml)\n"


async def test_every_fault_has_its_place_and_nothing_is_sent(cli, save):
    refused = await save(
        good=part_file("a/b", "fine"),
        bad="id: nohalves\ntemplate: x\ninputs: {}\n",
        broken="id: a/c\ntemplate: |\n  fine\n  {{ a b }}\n",
        same=part_file("A/B", "again"),
    )
    assert (refused.code, refused.out) == (1, "")
    lines = refused.err.splitlines()
    assert lines[0].startswith("parts/bad.yaml:")
    assert any(line.startswith("parts/broken.yaml:4:") for line in lines)
    assert "parts/same.yaml: The id A/B is also in parts/good.yaml." in lines
    assert (await cli("part", "list", "--json")).json == {"by_category": {}}


async def test_a_fault_that_only_the_server_knows_leaves_the_other_files_saved(save):
    refused = await save(good=part_file("a/b", "fine"), lost=part_file("a/c", "{% include 'a/absent' %}"))
    assert refused.code == 1
    assert refused.out == "created a/b 1.0.0 (parts/good.yaml)\n"
    assert "parts/lost.yaml:2:25: There is no part a/absent." in refused.err


async def test_the_list_is_by_category(cli, save):
    empty = await cli("part", "list")
    assert (empty.code, empty.out) == (0, "")
    assert "dakora part save" in empty.err
    await save(
        a=part_file("tone/polite", "x", description="Man\tners"),
        b=part_file("tone/calm", "x"),
        c=part_file("frame/mail", "x"),
    )
    rows = [line.split("\t") for line in (await cli("part", "list")).out.splitlines()]
    assert [(row[0], row[1], row[2], row[4]) for row in rows] == [
        ("frame", "frame/mail", "1.0.0", ""),
        ("tone", "tone/calm", "1.0.0", ""),
        ("tone", "tone/polite", "1.0.0", "Man ners"),
    ]
    as_json = (await cli("part", "list", "--json", "--category", "tone")).json
    assert [one["part_id"] for one in as_json["by_category"]["tone"]] == ["calm", "polite"]
    assert [line.split("\t")[1] for line in (await cli("part", "list", "--search", "NERS")).out.splitlines()] == [
        "tone/polite"
    ]
    on_screen = (await cli("part", "list", "--no-color", terminal=True)).out.splitlines()
    assert on_screen[0].split()[:3] == ["CATEGORY", "ID", "VERSION"]
    assert [line.split()[0] for line in on_screen[1:]] == ["frame", "tone", "tone/polite"]


@pytest.mark.parametrize(
    "words", [["show", "polite"], ["delete", "polite"], ["save"], ["save", "absent.yaml"], ["save", "."]]
)
def test_what_cannot_mean_anything_is_wrong_use(user, words):
    failed = user("part", *words)
    assert (failed.code, failed.out) == (2, "")
    assert failed.err.count("\n") == 1


async def test_an_id_that_cannot_be_is_named_as_it_was_typed(cli):
    for wrong in ("tone/po lite", "to ne/polite", "tone/polite/more"):
        failed = await cli("part", "show", wrong)
        assert failed.code == 1
        assert "`ID`" in failed.err, failed.err
