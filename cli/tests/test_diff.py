"""Folder against server."""

PROMPT = "id: greeting\nversion: 1.0.0\ndescription: Old\ntemplate: |\n  One\n  Two\ninputs:\n  name: {type: string}\n"


async def test_a_difference_is_shown_by_field_and_line(cli, user):
    path = user.write("prompts/greeting.yaml", PROMPT)
    await cli("push")
    path.write_text(PROMPT.replace("Two", "Zwei").replace("type: string", "type: number"))
    shown = await cli("diff")
    assert shown.code == 0
    lines = shown.out.splitlines()
    assert lines[:2] == ["--- greeting 1.0.0 on the server", "+++ prompts/greeting.yaml"]
    assert next(line for line in lines if line.startswith("@@")).endswith("@@ template")
    assert {"-  Two", "+  Zwei", "-    type: string", "+    type: number", "   One"} <= set(lines)
    assert (await cli("diff", "--check")).code == 1
    assert (await cli("diff", "--exit-code")).code == 1


async def test_comments_and_spelling_are_no_difference(cli, user):
    path = user.write("prompts/greeting.yaml", PROMPT)
    await cli("push")
    path.write_text("# A comment\n" + PROMPT.replace("description: Old", "description: 'Old'"))
    same = await cli("diff", "--check")
    assert (same.code, same.out) == (0, "")
    assert (await cli("diff", "--json")).json == {"differs": False, "prompts": [], "parts": []}


async def test_what_is_on_one_side_only_is_named(cli, project, user):
    await project.create("theirs")
    user.write("prompts/greeting.yaml", PROMPT)
    shown = await cli("diff")
    assert shown.out == "only here: greeting (prompts/greeting.yaml)\nonly on the server: theirs\n"
    assert (await cli("diff", "prompts/greeting.yaml")).out == "only here: greeting (prompts/greeting.yaml)\n"
    kinds = {one["id"]: one["status"] for one in (await cli("diff", "--json")).json["prompts"]}
    assert kinds == {"greeting": "only_here", "theirs": "only_on_the_server"}


async def test_a_raised_version_and_a_move_are_differences(cli, user):
    path = user.write("prompts/greeting.yaml", PROMPT)
    await cli("push")
    path.write_text(PROMPT.replace("1.0.0", "2.0.0"))
    assert (await cli("diff")).out == "version: 1.0.0 -> 2.0.0\n"
    path.write_text(PROMPT)
    (user.folder / "prompts/deep").mkdir()
    path.rename(user.folder / "prompts/deep/greeting.yaml")
    assert (await cli("diff")).out == "folder: (none) -> deep\n"


async def test_colours_are_for_terminals(cli, user):
    path = user.write("prompts/greeting.yaml", PROMPT)
    await cli("push")
    path.write_text(PROMPT.replace("Two", "Zwei"))
    assert "\x1b[31m-  Two\x1b[0m" in (await cli("diff", terminal=True)).out
    assert "\x1b" not in (await cli("diff")).out


async def test_the_words_that_changed_in_a_line_stand_out_on_a_terminal(cli, user):
    path = user.write("prompts/greeting.yaml", PROMPT.replace("Two", "Be kind and brief, {{ name }}."))
    await cli("push")
    path.write_text(path.read_text().replace("kind and brief", "kind and very clear"))
    shown = (await cli("diff", terminal=True)).out
    assert "\x1b[31m-\x1b[0m\x1b[31m  Be kind and \x1b[0m\x1b[31;7mbrief\x1b[0m\x1b[31m, {{ name }}.\x1b[0m\n" in shown
    assert "\x1b[32;7mvery clear\x1b[0m" in shown
    plain = (await cli("diff")).out
    assert {"-  Be kind and brief, {{ name }}.", "+  Be kind and very clear, {{ name }}."} <= set(plain.splitlines())
    assert "\x1b" not in plain
    assert "\x1b" not in (await cli("diff", "--no-color", terminal=True)).out


async def test_a_pipe_gets_the_words_in_brackets_when_it_asks(cli, user):
    path = user.write("prompts/greeting.yaml", PROMPT.replace("Two", "Be kind and brief, {{ name }}.\n  Last"))
    await cli("push")
    path.write_text(path.read_text().replace("brief", "clear").replace("  Last\n", "  Zuletzt\n  Ganz\n"))
    shown = await cli("diff", "--words")
    assert (
        shown.out.splitlines()[4:8]
        == [
            "~  Be kind and [-brief-]{+clear+}, {{ name }}.",
            "-  Last",
            "+  Zuletzt",
            "+  Ganz",
        ]
        or shown.out
    )
    assert (
        "~  Be kind and [-brief-]{+clear+}, {{ name }}."
        in (await cli("diff", "--words", "--json")).json["prompts"][0]["diff"]
    )


async def test_a_line_that_looks_like_a_heading_is_none(cli, user):
    path = user.write("prompts/greeting.yaml", PROMPT.replace("  Two", "  -- one two three\n  ++ x"))
    await cli("push")
    path.write_text(path.read_text().replace("one two three", "one two four"))
    assert "~  -- one two [-three-]{+four+}" in (await cli("diff", "--words")).out.splitlines()
