"""From the server to a folder."""

import pytest


def served(answer, request, prompt):
    """A server's answer that has one prompt, and no part."""
    listed = {"prompts": [prompt], "parts": {"by_category": {}}}
    return answer(200, json=listed.get(request.url.path.rpartition("/")[2], prompt))


def tree(user, folder="prompts"):
    base = user.folder / folder
    return sorted(path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file())


async def test_new_files_are_named_after_their_prompt_in_its_folder(cli, project, user):
    await project.create("greeting", "Hello\n")
    await project.create("answer", "Dear\n", folder="support/mail")
    done = await cli("pull")
    assert done.code == 0
    assert done.out == (
        "written answer 1.0.0 (prompts/support/mail/answer.yaml)\nwritten greeting 1.0.0 (prompts/greeting.yaml)\n"
    )
    assert done.err == "2 written\n"
    assert tree(user) == ["greeting.yaml", "support/mail/answer.yaml"]
    assert (user.folder / "prompts/greeting.yaml").read_text() == (
        "id: greeting\nversion: 1.0.0\ntemplate: |\n  Hello\n"
    )
    assert (await cli("pull")).err == "2 unchanged\n"
    assert (await cli("push")).err == "2 unchanged\n"


async def test_comments_and_the_files_own_name_stay(cli, project, user):
    await project.create("greeting", "Hello\n")
    path = user.write(
        "prompts/my-own-name.yml", "# Keep me\nid: greeting # and me\nversion: 1.0.0\ntemplate: |\n  Hello\n"
    )
    await project.save("greeting", "Hello again\n")
    done = await cli("pull")
    assert done.out == "updated greeting 1.0.1 (prompts/my-own-name.yml)\n"
    assert path.read_text() == "# Keep me\nid: greeting # and me\nversion: 1.0.1\ntemplate: |\n  Hello again\n"
    assert tree(user) == ["my-own-name.yml"]


async def test_edits_that_were_never_pushed_are_not_overwritten(cli, project, user):
    await project.create("greeting", "Hello\n")
    await project.create("other", "Other\n")
    await cli("pull")
    mine = "id: greeting\nversion: 1.0.0\ntemplate: |\n  Mine\n"
    path = user.write("prompts/greeting.yaml", mine)
    await project.save("other", "Other too\n")

    done = await cli("pull")
    assert (done.code, done.err) == (0, "1 updated, 1 edited here\n")
    assert done.out == "updated other 1.0.1 (prompts/other.yaml)\n"
    assert path.read_text() == mine

    assert (await cli("pull", "--force")).code == 0
    assert path.read_text() == "id: greeting\nversion: 1.0.0\ntemplate: |\n  Hello\n"


async def test_a_version_still_to_come_is_an_edit(cli, project, user):
    await project.create("greeting", "Hello\n")
    mine = "id: greeting\nversion: 2.0.0\ntemplate: |\n  Hello\n"
    path = user.write("prompts/greeting.yaml", mine)
    assert (await cli("pull")).err == "1 edited here\n"
    assert path.read_text() == mine


async def test_a_file_without_a_version_stays_without_one(cli, project, user):
    await project.create("greeting", "Hello\n")
    path = user.write("prompts/greeting.yaml", "id: greeting\ntemplate: |\n  Hello\n")
    assert (await cli("pull")).err == "1 unchanged\n"
    await project.save("greeting", "New\n")
    assert (await cli("pull")).err == "1 updated\n"
    assert path.read_text() == "id: greeting\ntemplate: |\n  New\n"


async def test_a_prompt_that_moved_on_the_server_moves_its_file(cli, project, user):
    await project.create("greeting", "Hello\n")
    path = user.write("prompts/mine.yaml", "# Keep\nid: greeting\nversion: 1.0.0\ntemplate: |\n  Hello\n")
    await project.save("greeting", "Hello\n", folder="deep/er")
    assert (await cli("pull")).out == "moved greeting 1.0.0 (prompts/deep/er/mine.yaml)\n"
    assert not path.exists()
    assert (user.folder / "prompts/deep/er/mine.yaml").read_text().startswith("# Keep\n")
    assert (await cli("push")).err == "1 unchanged\n"


async def test_only_the_named_prompts_are_pulled(cli, project, user):
    await project.create("a")
    await project.create("b")
    done = await cli("pull", "a", "absent")
    assert done.code == 1
    assert tree(user) == ["a.yaml"]
    assert "absent" in done.err


async def test_a_file_of_another_prompt_is_never_overwritten(cli, project, user):
    await project.create("greeting", "Hello\n")
    mine = "id: mine\ntemplate: Mine\n"
    path = user.write("prompts/greeting.yaml", mine)
    assert (await cli("pull", "--force")).code == 0
    assert path.read_text() == mine
    assert tree(user) == ["greeting-2.yaml", "greeting.yaml"]


async def test_broken_files_stop_the_pull(cli, project, user):
    await project.create("greeting", "Hello\n")
    broken = "id: greeting\ntemplate: [\n"
    path = user.write("prompts/greeting.yaml", broken)
    refused = await cli("pull")
    assert refused.code == 1
    assert "prompts/greeting.yaml:3:1: " in refused.err
    assert path.read_text() == broken
    assert tree(user) == ["greeting.yaml"]


async def test_a_link_in_the_folder_does_not_lead_a_file_out(cli, project, user):
    await project.create("greeting", "Hello\n", folder="out")
    (user.folder / "outside").mkdir()
    (user.folder / "prompts").mkdir()
    (user.folder / "prompts/out").symlink_to(user.folder / "outside")
    assert (await cli("pull")).code == 1
    assert (await cli("pull", "--force")).code == 1
    assert tree(user, "outside") == []


@pytest.mark.parametrize(
    ("prompt_id", "folder"),
    [
        ("greeting", "../out"),
        ("greeting", "/out"),
        ("../out", ""),
        (".hidden", ""),
        ("a/b", ""),
        ("greeting", "parts/tone"),
    ],
)
def test_a_server_cannot_choose_a_path_outside_of_the_folder(user, answer, prompt_json, prompt_id, folder):
    evil = prompt_json(prompt_id, folder=folder)
    answers = user.facing(lambda request: served(answer, request, evil))
    refused = answers("pull")
    assert refused.code == 1
    assert [path for path in user.folder.rglob("*") if path.is_file()] == []
    assert not (user.folder.parent / "out").exists()


def test_a_prompt_that_this_release_does_not_understand_is_not_written_in_part(user, answer, prompt_json):
    newer = prompt_json(content_hash="f" * 64, something_new=1)
    answers = user.facing(lambda request: served(answer, request, newer))
    refused = answers("pull")
    assert refused.code == 1
    assert "update dakora" in refused.err
    assert tree(user) == []
