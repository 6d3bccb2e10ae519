"""Looking at prompts: list, show, render."""

import json

import pytest
import yaml as pyyaml


async def test_a_list_in_a_pipe_is_one_prompt_a_line(cli, project):
    await project.create("b", description="Second\tone\n", folder="deep/er", metadata={"tags": ["t"]})
    await project.create("a")
    await project.save("a", "Hello again")
    shown = await cli("list")
    assert shown.code == 0
    rows = [line.split("\t") for line in shown.out.splitlines()]
    assert [(row[0], row[1], row[2], row[3], row[5]) for row in rows] == [
        ("a", "1.0.1", "latest", "", ""),
        ("b", "1.0.0", "latest", "deep/er", "Second one"),
    ]


async def test_a_list_can_be_narrowed(cli, project):
    await project.create("mail", description="Answers a letter", folder="support/mail", metadata={"tags": ["calm"]})
    await project.create("other", folder="support")
    for words in (["--search", "LETTER"], ["--tag", "calm"], ["--folder", "support/mail"]):
        assert [one["id"] for one in (await cli("list", "--json", *words)).json] == ["mail"]
    assert [one["id"] for one in (await cli("list", "--json", "--folder", "support")).json] == ["mail", "other"]


async def test_a_long_list_is_read_to_its_end(cli, project):
    for number in range(205):
        await project.create(f"p{number:03}")
    assert len((await cli("list")).out.splitlines()) == 205


async def test_an_empty_list_says_so_beside_the_data(cli):
    shown = await cli("list")
    assert (shown.code, shown.out) == (0, "")
    assert "dakora push" in shown.err
    assert (await cli("list", "--json")).json == []
    assert (await cli("list", "--quiet")).err == ""


async def test_a_table_on_a_terminal_has_a_heading_and_ages(cli, project):
    await project.create("greeting", description="Says hello")
    shown = await cli("list", terminal=True)
    assert "ID" in shown.out
    assert "greeting" in shown.out
    assert "1.0.0" in shown.out


async def test_show_prints_the_file_that_pull_would_write(cli, project, user):
    text = "Hello {{ name }}!\nBye\n"
    await project.create("greeting", text, inputs={"name": {"type": "string"}}, description="yes")
    shown = await cli("show", "greeting")
    assert pyyaml.safe_load(shown.out)["template"] == text
    assert shown.out.startswith("id: greeting\nversion: 1.0.0\ndescription: ")
    user.write("prompts/greeting.yaml", shown.out)
    assert (await cli("diff", "--check")).code == 0
    assert (await cli("show", "greeting", terminal=True)).err.startswith("\x1b[2mgreeting 1.0.0 (version 1)")
    assert (await cli("show", "greeting", "--yaml", terminal=True)).out == shown.out


async def test_show_takes_a_version_by_number_by_semver_and_by_label(cli, project):
    await project.create("greeting", "One")
    await project.save("greeting", "Two")
    for words in (["--version", "1"], ["--version", "1.0.0"]):
        assert (await cli("show", "greeting", "--json", *words)).json["template"] == "One"
    assert (await cli("show", "greeting", "--json", "--label", "latest")).json["template"] == "Two"
    assert (await cli("show", "greeting", "--version", "9")).code == 1
    assert (await cli("show", "greeting", "--label", "nope")).code == 1
    assert (await cli("show", "greeting", "--version", "1", "--label", "latest")).code == 2
    absent = await cli("show", "nope")
    assert (absent.code, absent.out) == (1, "")
    assert "nope" in absent.err


async def test_render_prints_the_text_and_nothing_else(cli, project):
    await project.create("greeting", "Hello {{ name }}!", inputs={"name": {"type": "string"}})
    shown = await cli("render", "greeting", "-i", "name=Alice=Ann")
    assert (shown.code, shown.out, shown.err) == (0, "Hello Alice=Ann!", "")
    on_screen = await cli("render", "greeting", "-i", "name=Alice", terminal=True)
    assert on_screen.out == "Hello Alice!\n"


async def test_render_takes_text_json_and_files(cli, project, user):
    declared = {"name": {"type": "string"}, "n": {"type": "number"}, "tags": {"type": "array<string>"}}
    await project.create("x", "{{ name }} {{ n + 1 }} {{ tags | join('+') }}", inputs=declared)
    words = ["-i", "name=1.0", "-i", "n:=41", "-i", 'tags:=["a","b"]']
    assert (await cli("render", "x", *words)).out == "1.0 42 a+b"

    user.write("inputs.json", json.dumps({"name": "file", "n": 1, "tags": ["t"]}))
    assert (await cli("render", "x", "--inputs", "inputs.json")).out == "file 2 t"
    assert (await cli("render", "x", "--inputs", "inputs.json", "-i", "name=flag")).out == "flag 2 t"
    assert (await cli("render", "x", "--inputs", "-", stdin='{"name": "pipe", "n": 2, "tags": []}')).out == "pipe 3 "


async def test_a_refused_render_names_every_fault(cli, project):
    await project.create("x", "{{ a }} {{ b }}", inputs={"a": {"type": "string"}, "b": {"type": "number"}})
    refused = await cli("render", "x", "-i", "b=many", "-i", "c=3")
    assert (refused.code, refused.out) == (1, "")
    assert "The input `a` is required." in refused.err
    assert "The input `b` must be a number" in refused.err
    assert "`c` is not declared" in refused.err
    as_json = await cli("render", "x", "--json")
    assert as_json.out == ""
    said = json.loads(as_json.err)["error"]
    assert (said["code"], said["status"]) == ("invalid_inputs", 422)
    assert {one["field"] for one in said["errors"]} == {"inputs.a", "inputs.b"}


async def test_a_chat_is_printed_by_role_and_whole_as_json(cli, project):
    messages = [{"role": "system", "content": "Be {{ tone }}."}, {"role": "user", "content": "Hi"}]
    created = await project.client.post(project.prompts, json={"id": "chat", "messages": messages})
    assert created.status_code == 201
    shown = await cli("render", "chat", "-i", "tone=kind")
    assert shown.out == "[system]\nBe kind.\n\n[user]\nHi\n"
    whole = (await cli("render", "chat", "-i", "tone=kind", "--json")).json
    assert whole["messages"] == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    assert whole["rendered"] == "Be kind.\n\nHi"
    assert (whole["version"], whole["inputs_used"]) == ("1.0.0", {"tone": "kind"})


@pytest.mark.parametrize(
    "words",
    [
        ["-i", "name"],
        ["-i", "=x"],
        ["-i", ":=1"],
        ["-i", "n:=one"],
        ["-i", "n:=NaN"],
        ["--inputs", "absent.json"],
        ["--inputs", "list.json"],
        ["--inputs", "broken.json"],
    ],
)
def test_inputs_that_cannot_be_read_are_wrong_use(user, words):
    user.write("list.json", "[]")
    user.write("broken.json", "{")
    failed = user("render", "x", *words)
    assert failed.code == 2
    assert failed.err.count("\n") == 1
