"""From a folder to the server."""

import json

import pytest

PROMPT = "# Mine\nid: {id}\nversion: {version}\ntemplate: |\n  {text}\n"


def prompt(prompt_id="greeting", *, text="Hello", version="1.0.0"):
    return PROMPT.format(id=prompt_id, text=text, version=version)


async def head(project, prompt_id="greeting"):
    answer = await project.client.get(f"{project.prompts}/{prompt_id}")
    return answer.json()


async def test_a_new_prompt_is_created_in_its_sub_folder(cli, project, user):
    user.write("prompts/support/mail/answer.yaml", prompt("greeting", version="2.1.0"))
    done = await cli("push", "-m", "First")
    assert done.code == 0
    assert done.out == "created greeting 2.1.0 (prompts/support/mail/answer.yaml)\n"
    assert done.err == "1 created\n"
    saved = await head(project)
    assert (saved["folder"], saved["version"], saved["message"]) == ("support/mail", "2.1.0", "First")
    assert saved["template"] == "Hello\n"


async def test_what_has_not_changed_is_left_alone(cli, project, user):
    path = user.write("prompts/greeting.yaml", prompt())
    await cli("push")
    before, seen = await head(project), path.stat().st_mtime_ns
    done = await cli("push")
    assert (done.code, done.out, done.err) == (0, "", "1 unchanged\n")
    assert (await head(project)) == before
    assert path.stat().st_mtime_ns == seen


async def test_a_changed_file_becomes_the_next_version_and_names_it(cli, project, user):
    path = user.write("prompts/greeting.yaml", prompt())
    await cli("push")
    path.write_text(prompt(text="Hello again"))
    done = await cli("push")
    assert done.out == "updated greeting 1.0.1 (prompts/greeting.yaml)\n"
    assert path.read_text() == prompt(text="Hello again", version="1.0.1")
    assert (await cli("push")).err == "1 unchanged\n"


async def test_a_higher_version_is_sent_as_it_is(cli, project, user):
    path = user.write("prompts/greeting.yaml", prompt())
    await cli("push")
    path.write_text(prompt(text="Big news", version="2.0.0"))
    assert (await cli("push")).out == "updated greeting 2.0.0 (prompts/greeting.yaml)\n"
    # The same content under a higher version is a new version as well.
    path.write_text(prompt(text="Big news", version="3.0.0"))
    assert (await cli("push")).out == "updated greeting 3.0.0 (prompts/greeting.yaml)\n"


async def test_a_file_whose_lines_somebody_else_has_changed_is_refused(cli, project, user):
    path = user.write("prompts/greeting.yaml", prompt())
    user.write("prompts/other.yaml", prompt("other"))
    await cli("push")
    await project.save("greeting", "Somebody else's work")
    path.write_text(prompt(text="Mine"))
    user.write("prompts/third.yaml", prompt("third"))

    refused = await cli("push")
    assert refused.code == 1
    assert "prompts/greeting.yaml: changed here and on the server (1.0.1) in template: pull" in refused.err
    assert refused.out == "created third 1.0.0 (prompts/third.yaml)\n", "the others are saved all the same"
    assert (await head(project))["template"] == "Somebody else's work"
    assert path.read_text() == prompt(text="Mine")

    forced = await cli("push", "--force")
    assert forced.out == "updated greeting 1.0.2 (prompts/greeting.yaml)\n"
    assert (await head(project))["template"] == "Mine\n"
    assert path.read_text() == prompt(text="Mine", version="1.0.2")


async def test_a_file_without_a_version_stays_without_one(cli, project, user):
    path = user.write("prompts/greeting.yaml", "id: greeting\ntemplate: One\n")
    await cli("push")
    path.write_text("id: greeting\ntemplate: Two\n")
    assert (await cli("push")).out == "updated greeting 1.0.1 (prompts/greeting.yaml)\n"
    assert path.read_text() == "id: greeting\ntemplate: Two\n"


async def test_a_moved_file_moves_its_prompt(cli, project, user):
    path = user.write("prompts/greeting.yaml", prompt())
    await cli("push")
    (user.folder / "prompts/deep").mkdir()
    path.rename(user.folder / "prompts/deep/greeting.yaml")
    assert (await cli("push")).err == "1 updated\n"
    moved = await head(project)
    assert (moved["folder"], moved["version"]) == ("deep", "1.0.0")
    assert (await cli("push")).err == "1 unchanged\n"


@pytest.mark.parametrize(("text", "version"), [("Hello", "1.0.0"), ("Hello anew", "1.0.1")])
async def test_an_archived_prompt_is_restored(cli, project, user, text, version):
    path = user.write("prompts/greeting.yaml", prompt())
    await cli("push")
    await project.client.delete(f"{project.prompts}/greeting")
    path.write_text(prompt(text=text))
    done = await cli("push")
    assert done.out == f"restored greeting {version} (prompts/greeting.yaml)\n"
    restored = await head(project)
    assert (restored["template"], restored["version"]) == (f"{text}\n", version)


async def test_an_id_that_another_spelling_holds_is_refused(cli, project, user):
    await project.create("Greeting")
    path = user.write("prompts/greeting.yaml", prompt())
    assert (await cli("push")).code == 1
    await project.client.delete(f"{project.prompts}/Greeting")
    refused = await cli("push")
    assert refused.code == 1
    assert "Greeting" in refused.err
    assert path.read_text() == prompt()


async def test_nothing_is_sent_while_any_file_is_unfit(cli, project, user):
    user.write("prompts/a.yaml", prompt("a"))
    user.write("prompts/b.yaml", "id: b\ntemplate: 5\n")
    user.write("prompts/c.yaml", "id: c\nfoo: 1\n")
    refused = await cli("push")
    assert (refused.code, refused.out) == (1, "")
    assert "prompts/b.yaml:2:11: " in refused.err
    assert "prompts/c.yaml:2:1: " in refused.err
    assert (await cli("list", "--json")).json == []

    user.write("prompts/b.yaml", "id: b\ntemplate: |\n  {% if x %}\n")
    user.write("prompts/c.yaml", "id: c\ntemplate: '{{ a b }}'\n")
    refused = await cli("push", "--json")
    assert (refused.code, refused.out) == (1, "")
    faults = json.loads(refused.err)["error"]["errors"]
    assert [(one["path"], one["line"]) for one in faults] == [("prompts/b.yaml", 3), ("prompts/c.yaml", 2)]
    assert (await cli("list", "--json")).json == []


@pytest.mark.parametrize("flag", ["--check", "--dry-run"])
async def test_a_rehearsal_changes_nothing_and_lists_everything(cli, project, user, flag):
    path = user.write("prompts/greeting.yaml", prompt())
    await cli("push")
    path.write_text(prompt(text="New"))
    user.write("prompts/other.yaml", prompt("other"))
    foreseen = await cli("push", flag)
    assert foreseen.code == (1 if flag == "--check" else 0)
    assert foreseen.out == ("to update greeting (prompts/greeting.yaml)\nto create other 1.0.0 (prompts/other.yaml)\n")
    assert foreseen.err == "1 to create, 1 to update\n"
    assert [one["id"] for one in (await cli("list", "--json")).json] == ["greeting"]
    assert (await head(project))["version"] == "1.0.0"
    assert path.read_text() == prompt(text="New")


async def test_a_check_names_what_would_be_refused(cli, project, user):
    path = user.write("prompts/greeting.yaml", prompt())
    await cli("push")
    await project.save("greeting", "Somebody else's work")
    path.write_text(prompt(text="Mine"))
    checked = await cli("push", "--check")
    assert checked.code == 1
    assert "or push with --force" in checked.err
    as_json = await cli("push", "--dry-run", "--json")
    assert (as_json.code, as_json.json["counts"]) == (1, {"refused": 1})
    assert "error" in json.loads(as_json.err)


async def test_a_check_is_content_when_nothing_would_change(cli, user):
    user.write("prompts/greeting.yaml", prompt())
    await cli("push")
    checked = await cli("push", "--check", "--json")
    assert checked.code == 0
    assert checked.json["counts"] == {"unchanged": 1}


async def test_only_the_named_files_are_pushed(cli, user):
    user.write("prompts/a.yaml", prompt("a"))
    user.write("prompts/deep/b.yaml", prompt("b"))
    user.write("prompts/c.yaml", prompt("c"))
    done = await cli("push", "prompts/deep", "prompts/a.yaml", "--json")
    assert [(one["id"], one["outcome"], one["version"]) for one in done.json["prompts"]] == [
        ("a", "created", "1.0.0"),
        ("b", "created", "1.0.0"),
    ]
    shown = {one["id"]: one["folder"] for one in (await cli("list", "--json")).json}
    assert shown == {"a": "", "b": "deep"}


async def test_a_file_reached_by_another_way_keeps_its_sub_folder(cli, project, user):
    user.write("prompts/deep/a.yaml", prompt("a"))
    (user.folder / "link").symlink_to(user.folder / "prompts" / "deep")
    (user.folder / "mirror").symlink_to(user.folder / "prompts")
    assert (await cli("push", "prompts/../prompts/deep/../deep/a.yaml")).code == 0
    assert (await head(project, "a"))["folder"] == "deep"
    assert (await cli("push", "link/a.yaml")).err == "1 unchanged\n"
    assert (await cli("push", "mirror", "--dir", "./prompts/deep/..")).err == "1 unchanged\n"


async def test_a_path_outside_of_the_folder_is_wrong_use(cli, user):
    user.write("prompts/a.yaml", prompt("a"))
    user.write("elsewhere/b.yaml", prompt("b"))
    assert (await cli("push", "elsewhere/b.yaml")).code == 2
    assert (await cli("push", "prompts/absent.yaml")).code == 2
    assert (await cli("push", "--dir", "absent")).code == 2
    assert (await cli("push", "--dir", "elsewhere", "elsewhere/b.yaml")).code == 0


async def test_a_large_folder_is_pushed_and_compared_whole(cli, user):
    for number in range(150):
        user.write(f"prompts/f{number % 7}/p{number}.yaml", prompt(f"p{number}"))
    assert (await cli("push")).err == "150 created\n"
    user.write("prompts/f0/p0.yaml", prompt("p0", text="Changed"))
    assert (await cli("push")).err == "1 updated, 149 unchanged\n"


async def test_every_text_comes_back_as_it_was(cli, project, user):
    text = "yes\n  1.0 ~ \\ “ü” 🙂\n\n\ttab  \nend\n\n"
    user.write("prompts/x.yaml", "id: x\ntemplate: " + json.dumps(text, ensure_ascii=False) + "\n")
    await cli("push")
    assert (await head(project, "x"))["template"] == text


def test_a_server_that_goes_away_stops_the_push_and_says_how_far_it_came(user, answer, problem, prompt_json):
    for number in range(30):
        user.write(f"prompts/p{number}.yaml", prompt(f"p{number}"))
    created = []

    def answers(request):
        if request.method == "GET":
            return problem(404, "prompt_not_found")
        if len(created) >= 5:
            return problem(503, "busy", "The server is busy.")
        created.append(json.loads(request.content)["id"])
        return answer(201, json=prompt_json(created[-1]))

    stopped = user.facing(answers)("push")
    assert stopped.code == 3
    assert len(stopped.out.splitlines()) == 5
    assert "Stopped after 5 of 30 files: The server is busy" in stopped.err


def test_a_file_that_cannot_be_rewritten_is_said_and_saved_all_the_same(user, answer, prompt_json):
    path = user.write("prompts/greeting.yaml", prompt(text="Mine"))
    user.write("prompts/other.yaml", prompt("other", text="Mine too"))

    def answers(request):
        prompt_id = request.url.path.rpartition("/")[2]
        if request.method == "PUT" and path.is_file():
            # Something takes the file's place while its prompt is being saved.
            path.unlink()
            path.mkdir()
        version = "1.0.1" if request.method == "PUT" else "1.0.0"
        return answer(200, json=prompt_json(prompt_id, version=version), headers={"etag": '"tag"'})

    done = user.facing(answers)("push")
    assert done.code == 1
    assert done.out.count("updated") == 2
    assert "prompts/greeting.yaml: saved as 1.0.1, which could not be written here" in done.err
    assert (user.folder / "prompts/other.yaml").read_text() == prompt("other", text="Mine too", version="1.0.1")


def test_somebody_who_saves_in_the_same_moment_is_not_overwritten(user, answer, problem, prompt_json):
    user.write("prompts/greeting.yaml", prompt(text="Mine"))
    sent = []

    def answers(request):
        if request.method == "GET":
            return answer(200, json=prompt_json(), headers={"etag": '"tag-1"'})
        sent.append(request.headers["if-match"])
        return problem(412, "stale_version", "The newest version of greeting is 2 (1.0.1).")

    refused = user.facing(answers)("push")
    assert refused.code == 1
    assert sent == ['"tag-1"']
    assert "prompts/greeting.yaml: The newest version of greeting is 2 (1.0.1)." in refused.err
