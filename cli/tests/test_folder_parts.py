"""Parts in a folder: saved before what includes them, merged as prompts are, and locked with them."""

import pytest

from dakora_cli.lockfile import Lock

TONE = "# Ours\nversion: 1.0.0\ntemplate: |\n  Be polite.\n  Be brief.\n  Be kind.\n"
RULES = "id: tone/whole\ntemplate: |\n  {% include 'tone/polite' %}\n  And sober.\n"
GREETING = "id: greeting\nversion: 1.0.0\ntemplate: |\n  {% include 'tone/whole' %}\n  Hello!\n"


def parts(project):
    return project.prompts.removesuffix("/prompts") + "/parts"


async def part(project, part_id="tone/polite"):
    answer = await project.client.get(f"{parts(project)}/{part_id}")
    return answer.json()


async def head(project, prompt_id="greeting"):
    answer = await project.client.get(f"{project.prompts}/{prompt_id}")
    return answer.json()


async def save_part(project, template, part_id="tone/polite"):
    answer = await project.client.put(f"{parts(project)}/{part_id}", json={"template": template})
    assert answer.status_code == 200, answer.text


@pytest.fixture
async def shared(cli, user):
    """A prompt and two parts that folder and server both have; the file of the part below."""
    user.write("prompts/greeting.yaml", GREETING)
    user.write("prompts/parts/tone/whole.yaml", RULES)
    path = user.write("prompts/parts/tone/polite.yaml", TONE)
    done = await cli("push")
    assert done.code == 0, done.err
    return path


class TestPush:
    async def test_parts_go_before_what_includes_them(self, cli, project, user):
        user.write("prompts/greeting.yaml", GREETING)
        user.write("prompts/parts/tone/whole.yaml", RULES)
        user.write("prompts/parts/tone/polite.yaml", TONE)
        done = await cli("push")
        assert (done.code, done.out) == (
            0,
            "created greeting 1.0.0 (prompts/greeting.yaml)\n"
            "created tone/polite 1.0.0 (prompts/parts/tone/polite.yaml)\n"
            "created tone/whole 1.0.0 (prompts/parts/tone/whole.yaml)\n",
        )
        assert (await part(project))["template"] == "Be polite.\nBe brief.\nBe kind.\n"
        assert (await cli("push", "--check")).code == 0

    async def test_what_follows_a_part_is_not_behind(self, cli, project, user, shared):
        shared.write_text(TONE.replace("kind", "warm"))
        done = await cli("push")
        assert done.out == "updated tone/polite 1.0.1 (prompts/parts/tone/polite.yaml)\n"
        assert shared.read_text() == TONE.replace("kind", "warm").replace("1.0.0", "1.0.1")
        prompt = await head(project)
        assert prompt["version_number"] == 2
        greeting = user.folder / "prompts/greeting.yaml"
        assert greeting.read_text() == GREETING.replace("1.0.0", prompt["version"])
        assert (user.folder / "prompts/parts/tone/whole.yaml").read_text() == RULES
        for words in (["sync", "--check"], ["diff", "--check"], ["lock", "--check"]):
            assert (await cli(*words)).code == 0
        greeting.write_text(greeting.read_text().replace("Hello", "Hi"))
        assert (await cli("push")).out == "updated greeting 1.0.2 (prompts/greeting.yaml)\n"

    async def test_a_prompt_and_its_part_change_in_one_push(self, cli, project, user, shared):
        shared.write_text(TONE.replace("kind", "warm"))
        user.write("prompts/greeting.yaml", GREETING.replace("Hello", "Hi"))
        assert (await cli("push")).code == 0
        prompt = await head(project)
        assert prompt["template"] == "{% include 'tone/whole' %}\nHi!\n"
        numbers = {one["id"]: one["version_number"] for one in prompt["parts"]}
        assert numbers == {"tone/whole": 2, "tone/polite": 2}
        assert (await cli("sync", "--check")).code == 0

    async def test_a_part_in_use_is_not_deleted_and_its_users_are_named(self, cli, project, user, shared):
        shared.unlink()
        refused = await cli("push", "--delete")
        assert refused.code == 1
        assert "parts/tone/polite.yaml: The part tone/whole uses it" in refused.err
        assert "The prompt greeting uses it" in refused.err
        for path in ("greeting.yaml", "parts/tone/whole.yaml"):
            (user.folder / "prompts" / path).unlink()
        user.write("prompts/other.yaml", "id: other\ntemplate: Other\n")
        done = await cli("push", "--delete")
        assert done.code == 0, done.err
        assert (await part(project)).get("template") is None
        assert (await part(project, "tone/whole")).get("template") is None

    @pytest.mark.parametrize(
        ("path", "text", "reason"),
        [
            ("parts/tone/x.yaml", "id: tone/y\ntemplate: T\n", "prompts/parts/tone/x.yaml:1:5: The id is tone/y"),
            ("parts/x.yaml", "id: x\ntemplate: T\n", "prompts/parts/x.yaml:1:1: A part lies at"),
            ("parts/tone/x.yaml", "template: T\ninputs:\n  a: {type: string}\n", "is not a field of a part"),
            ("parts/tone/x.yaml", "template: '{% if %}'\n", "prompts/parts/tone/x.yaml:1:"),
        ],
    )
    async def test_a_faulty_part_is_said_at_its_place(self, cli, user, path, text, reason):
        user.write(f"prompts/{path}", text)
        for words in (["push"], ["validate"], ["validate", f"prompts/{path}"]):
            refused = await cli(*words)
            assert refused.code == 1
            assert reason in refused.out + refused.err


async def test_what_init_makes_is_a_prompt_with_a_part(cli, project, user):
    assert (await cli("init")).code == 0
    assert (await cli("push")).code == 0
    rendered = await cli("render", "greeting", "-i", "name=Alice")
    assert rendered.out == "Hello Alice!\nWelcome to Dakora!\nKind regards,\nthe team"


class TestPull:
    async def test_parts_are_written_where_they_lie(self, cli, project, user):
        await project.client.post(parts(project), json={"id": "tone/polite", "template": "Be polite.\n"})
        done = await cli("pull")
        assert done.out == "written tone/polite 1.0.0 (prompts/parts/tone/polite.yaml)\n"
        written = (user.folder / "prompts/parts/tone/polite.yaml").read_text()
        assert written == "id: tone/polite\nversion: 1.0.0\ntemplate: |\n  Be polite.\n"
        assert (await cli("sync", "--check")).code == 0
        assert (await cli("validate")).err == "0 prompts, 1 part, 0 errors, 0 warnings\n"

    async def test_both_sides_lines_are_merged_and_a_file_without_an_id_stays_so(self, cli, project, shared):
        shared.write_text(TONE.replace("Be polite", "Be very polite"))
        await save_part(project, "Be polite.\nBe brief.\nBe warm.\n")
        done = await cli("sync")
        assert done.code == 0, done.err
        merged = TONE.replace("Be polite", "Be very polite").replace("kind", "warm")
        assert shared.read_text() == merged.replace("1.0.0", "1.0.2")
        assert (await part(project))["template"] == "Be very polite.\nBe brief.\nBe warm.\n"

    async def test_what_both_changed_is_marked_and_solved_by_hand(self, cli, project, shared):
        shared.write_text(TONE.replace("polite", "friendly"))
        await save_part(project, "Be formal.\nBe brief.\nBe kind.\n")
        pulled = await cli("pull")
        assert pulled.code == 1
        assert "parts/tone/polite.yaml: changed here and on the server (1.0.1) in template" in pulled.err
        assert (
            "<<<<<<< yours\n  Be friendly.\n||||||| base\n  Be polite.\n=======\n  Be formal.\n" in shared.read_text()
        )
        assert shared.read_text().startswith("# Ours\nversion: 1.0.1\n")

    async def test_a_part_that_was_deleted_comes_back_with_its_file(self, cli, project, user, shared):
        await project.client.delete(f"{parts(project)}/tone/polite?force=true")
        shared.write_text(TONE.replace("kind", "warm"))
        done = await cli("push")
        assert done.out == "restored tone/polite 1.0.1 (prompts/parts/tone/polite.yaml)\n"
        assert (await part(project))["template"] == "Be polite.\nBe brief.\nBe warm.\n"

    async def test_a_deleted_part_takes_its_file_along(self, cli, project, user, shared):
        await project.client.delete(f"{parts(project)}/tone/polite?force=true")
        done = await cli("pull")
        assert "removed tone/polite (prompts/parts/tone/polite.yaml)\n" in done.out
        assert not shared.exists()
        assert (user.folder / "prompts/parts/tone/whole.yaml").exists()


class TestLock:
    async def test_the_lock_names_parts_and_the_versions_each_prompt_is_made_with(self, cli, user, shared):
        lock = Lock(user.world(), user.folder / "prompts")
        assert list(lock) == ["greeting", "tone/polite", "tone/whole"]
        assert lock.get("greeting").parts == ("tone/polite@1", "tone/whole@1")
        shared.write_text(TONE.replace("kind", "warm"))
        assert (await cli("lock", "--check")).code == 1
        await cli("push")
        again = Lock(user.world(), user.folder / "prompts")
        assert again.get("greeting").parts == ("tone/polite@2", "tone/whole@2")
        text = again.path.read_text()
        assert "parts:\n  tone/polite:\n" in text
        again.path.unlink()
        assert (await cli("lock")).err == "prompts.lock: 1 prompt, 2 parts\n"
        assert again.path.read_text() == text

    async def test_pull_locked_brings_the_parts_back(self, cli, project, user, shared):
        await save_part(project, "Be quiet.\n")
        done = await cli("pull", "--locked")
        assert done.code == 0, done.err
        assert shared.read_text() == TONE
        shared.unlink()
        assert (await cli("pull", "--locked")).code == 0
        assert "Be polite." in shared.read_text()
