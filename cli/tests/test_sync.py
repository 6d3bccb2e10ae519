"""A folder and a server on which both sides work: merged where that is possible, marked where it is not."""

import contextlib
import sqlite3
import subprocess

import pytest

from dakora_cli.bases import Base, Bases
from dakora_cli.lockfile import Lock, Locked

LINES = "  One\n  Two\n  Three\n  Four\n"
PROMPT = f"# Mine\nid: greeting\nversion: 1.0.0\ntemplate: |\n{LINES}"


def lines(**changed):
    text = LINES
    for old, new in changed.items():
        text = text.replace(old, new)
    return text


def template(**changed):
    """The text as the server has it."""
    return lines(**changed).replace("  ", "")


async def head(project, prompt_id="greeting"):
    answer = await project.client.get(f"{project.prompts}/{prompt_id}")
    return answer.json()


@pytest.fixture
async def shared(cli, user):
    """A prompt that folder and server both have; its file."""
    path = user.write("prompts/greeting.yaml", PROMPT)
    assert (await cli("push")).code == 0
    return path


class TestPull:
    async def test_what_the_server_changed_is_merged_into_an_edited_file(self, cli, project, shared):
        shared.write_text(PROMPT.replace("One", "Eins"))
        await project.save("greeting", template(Four="Quatre"))
        done = await cli("pull")
        assert (done.code, done.out) == (0, "merged greeting 1.0.1 (prompts/greeting.yaml)\n")
        both = lines(One="Eins", Four="Quatre")
        assert shared.read_text() == f"# Mine\nid: greeting\nversion: 1.0.1\ntemplate: |\n{both}"
        assert (await cli("push")).out == "updated greeting 1.0.2 (prompts/greeting.yaml)\n"
        assert (await head(project))["template"] == template(One="Eins", Four="Quatre")

    async def test_what_both_changed_is_marked_and_solved_by_hand(self, cli, project, shared):
        shared.write_text(PROMPT.replace("Two", "Zwei").replace("One", "Eins"))
        await project.save("greeting", template(Two="Deux"))
        pulled = await cli("pull")
        assert pulled.code == 1
        assert "prompts/greeting.yaml: changed here and on the server (1.0.1) in template" in pulled.err
        assert shared.read_text() == (
            "# Mine\nid: greeting\nversion: 1.0.1\ntemplate: |\n<<<<<<< yours\n  Eins\n  Zwei\n||||||| base\n  One\n"
            "  Two\n=======\n  One\n  Deux\n>>>>>>> server 1.0.1\n  Three\n  Four\n"
        )
        for words in (["push"], ["pull"], ["sync"], ["validate"], ["diff"]):
            refused = await cli(*words)
            assert refused.code == 1
            assert "prompts/greeting.yaml:5:1: A conflict is not solved here" in refused.out + refused.err
        assert (await head(project))["version"] == "1.0.1"

        shared.write_text(PROMPT.replace("1.0.0", "1.0.1").replace("Two", "Zwei und Deux"))
        assert (await cli("push")).out == "updated greeting 1.0.2 (prompts/greeting.yaml)\n"

    async def test_a_prompt_that_was_archived_takes_its_file_along(self, cli, project, user, shared):
        user.write("prompts/other.yaml", "id: other\ntemplate: Other\n")
        await cli("push")
        await project.client.delete(f"{project.prompts}/greeting")
        assert (await cli("pull", "--check")).code == 1
        done = await cli("pull")
        assert (done.code, done.out) == (0, "removed greeting (prompts/greeting.yaml)\n")
        assert not shared.exists()

    async def test_unless_the_file_has_changed_if_only_a_comment(self, cli, project, user, shared):
        user.write("prompts/other.yaml", "id: other\ntemplate: Other\n")
        await cli("push")
        shared.write_text("# A thought\n" + shared.read_text())
        await project.client.delete(f"{project.prompts}/greeting")
        refused = await cli("pull")
        assert refused.code == 1
        assert "prompts/greeting.yaml: archived on the server, and edited here" in refused.err
        assert shared.read_text().startswith("# A thought\n")

    async def test_an_empty_server_removes_nothing(self, cli, project, shared):
        await project.client.delete(f"{project.prompts}/greeting")
        refused = await cli("pull")
        assert refused.code == 1
        assert "No file was removed" in refused.err
        assert shared.exists()

    async def test_a_deleted_file_stays_deleted_until_it_is_named_or_has_news(self, cli, project, user, shared):
        other = user.write("prompts/other.yaml", "id: other\ntemplate: Other\n")
        await cli("push")
        shared.unlink()
        other.unlink()
        user.write("prompts/third.yaml", "id: third\ntemplate: Third\n")
        await project.save("other", "News")
        done = await cli("pull")
        assert done.out == "deleted here greeting 1.0.0\nwritten other 1.0.1 (prompts/other.yaml)\n"
        assert (await cli("pull", "greeting")).out == "written greeting 1.0.0 (prompts/greeting.yaml)\n"

    async def test_a_file_that_moved_here_is_not_moved_back(self, cli, project, user, shared):
        (user.folder / "prompts/deep").mkdir()
        moved = shared.rename(user.folder / "prompts/deep/greeting.yaml")
        await project.save("greeting", template(Four="Quatre"))
        assert (await cli("pull")).out == "updated greeting 1.0.1 (prompts/deep/greeting.yaml)\n"
        assert moved.exists()
        await cli("push")
        assert (await head(project))["folder"] == "deep"

    @pytest.mark.parametrize("flag", ["--check", "--dry-run"])
    async def test_a_rehearsal_writes_nothing(self, cli, project, shared, flag):
        await project.save("greeting", template(Four="Quatre"))
        await project.create("other")
        foreseen = await cli("pull", flag)
        assert foreseen.code == (1 if flag == "--check" else 0)
        assert foreseen.out.splitlines() == [
            "to update greeting 1.0.1 (prompts/greeting.yaml)",
            "to write other 1.0.0 (prompts/other.yaml)",
        ]
        assert shared.read_text() == PROMPT
        assert (await cli("pull")).err == "1 written, 1 updated\n"
        assert (await cli("pull", "--check")).code == 0

    async def test_without_the_kept_state_version_lines_tell_where_files_began(self, cli, project, user, shared):
        await project.save("greeting", template(Four="Quatre"))
        for path in [*(user.folder / ".dakora").iterdir(), user.folder / "prompts.lock"]:
            path.unlink()
        shared.write_text(PROMPT.replace("One", "Eins"))
        assert (await cli("pull")).out == "merged greeting 1.0.1 (prompts/greeting.yaml)\n"

    async def test_a_file_of_an_older_branch_is_behind_and_no_edit(self, cli, project, shared):
        await project.save("greeting", template(Four="Quatre"))
        await cli("pull")
        shared.write_text(PROMPT)
        assert (await cli("push")).err.startswith("1 behind\n")
        assert (await head(project))["version"] == "1.0.1"
        assert (await cli("push", "--force")).out == "updated greeting 1.0.2 (prompts/greeting.yaml)\n"
        assert (await head(project))["template"] == template()

    async def test_a_raised_version_is_no_place_where_a_file_began(self, cli, project, shared):
        # Somebody takes the number first: the edit is still one of version 1.0.0.
        shared.write_text(PROMPT.replace("1.0.0", "1.1.0").replace("One", "Eins"))
        await project.save("greeting", template(Four="Quatre"), version="1.1.0")
        assert (await cli("push")).out == "merged greeting 1.1.1 (prompts/greeting.yaml)\n"
        assert (await head(project))["template"] == template(One="Eins", Four="Quatre")

    async def test_a_damaged_state_is_made_anew(self, cli, project, user, shared):
        state = next((user.folder / ".dakora").iterdir())
        state.write_bytes(b"no database" * 100)
        await project.save("greeting", template(Four="Quatre"))
        shared.write_text(PROMPT.replace("One", "Eins"))
        assert (await cli("sync")).code == 0
        assert (await head(project))["template"] == template(One="Eins", Four="Quatre")


class TestPush:
    async def test_what_somebody_else_saved_is_merged_into_what_is_sent(self, cli, project, shared):
        shared.write_text(PROMPT.replace("One", "Eins"))
        await project.save("greeting", template(Four="Quatre"))
        assert (await cli("push", "--check")).out == "to merge greeting (prompts/greeting.yaml)\n"
        done = await cli("push")
        assert (done.code, done.out) == (0, "merged greeting 1.0.2 (prompts/greeting.yaml)\n")
        assert (await head(project))["template"] == template(One="Eins", Four="Quatre")
        assert shared.read_text().startswith("# Mine\nid: greeting\nversion: 1.0.2\n")
        assert (await cli("sync", "--check")).code == 0

    async def test_a_deleted_file_archives_its_prompt_when_asked(self, cli, project, user, shared):
        user.write("prompts/other.yaml", "id: other\ntemplate: Other\n")
        await cli("push")
        shared.unlink()
        kept = await cli("push")
        assert (kept.code, kept.out) == (0, "deleted here greeting (greeting.yaml)\n")
        assert (await head(project))["id"] == "greeting"
        assert (await cli("push", "--delete", "--check")).code == 1
        assert (await cli("push", "--delete")).out == "archived greeting 1.0.0 (greeting.yaml)\n"
        assert (await project.client.get(f"{project.prompts}/greeting")).status_code == 404
        assert (await cli("push", "--delete", "--check")).code == 0

    async def test_a_prompt_that_changed_since_outlives_its_file(self, cli, project, user, shared):
        user.write("prompts/other.yaml", "id: other\ntemplate: Other\n")
        await cli("push")
        shared.unlink()
        await project.save("greeting", "News")
        refused = await cli("push", "--delete")
        assert refused.code == 1
        assert "deleted here, but changed on the server (1.0.1)" in refused.err
        assert (await head(project))["template"] == "News"

    async def test_a_folder_that_is_gone_archives_nothing(self, cli, project, shared):
        shared.unlink()
        refused = await cli("push", "--delete")
        assert refused.code == 1
        assert "nothing was archived" in refused.err
        assert (await head(project))["id"] == "greeting"

    async def test_a_save_that_was_overtaken_is_merged_and_sent_again(self, cli, project, user, shared, monkeypatch):
        shared.write_text(PROMPT.replace("One", "Eins"))
        from dakora_client.prompts import Prompts

        update, overtaken = Prompts.update, []

        async def slow(self, prompt_id, **fields):
            if not overtaken:
                overtaken.append(prompt_id)
                await update(self, prompt_id, template=template(Four="Quatre"))
            return await update(self, prompt_id, **fields)

        monkeypatch.setattr(Prompts, "update", slow)
        done = await cli("push")
        assert (done.code, done.out) == (0, "merged greeting 1.0.2 (prompts/greeting.yaml)\n")
        assert (await head(project))["template"] == template(One="Eins", Four="Quatre")


class TestSync:
    async def test_both_ways_at_once(self, cli, project, user, shared):
        shared.write_text(PROMPT.replace("One", "Eins"))
        await project.save("greeting", template(Four="Quatre"))
        await project.create("theirs")
        user.write("prompts/mine.yaml", "id: mine\ntemplate: Mine\n")
        assert (await cli("sync", "--check")).code == 1
        done = await cli("sync", "--json")
        assert done.code == 0
        assert done.json["pull"]["counts"] == {"merged": 1, "written": 1}
        assert done.json["push"]["counts"] == {"created": 1, "updated": 1, "unchanged": 1}
        assert (await head(project))["template"] == template(One="Eins", Four="Quatre")
        assert (await cli("sync", "--check")).code == 0

    async def test_a_conflict_stops_its_own_prompt_only(self, cli, project, user, shared):
        shared.write_text(PROMPT.replace("Two", "Zwei"))
        await project.save("greeting", template(Two="Deux"))
        user.write("prompts/mine.yaml", "id: mine\ntemplate: Mine\n")
        done = await cli("sync")
        assert done.code == 1
        assert "prompts/greeting.yaml: changed here and on the server" in done.err
        assert (await head(project, "mine"))["template"] == "Mine"
        assert "<<<<<<< yours" in shared.read_text()
        assert (await head(project))["version"] == "1.0.1"


class TestDiff:
    async def test_where_both_changed_each_is_shown_against_what_they_have_in_common(self, cli, project, shared):
        shared.write_text(PROMPT.replace("Two", "Zwei"))
        await project.save("greeting", template(Two="Deux"))
        shown = (await cli("diff")).out.splitlines()
        assert shown[:2] == ["--- greeting 1.0.0, in common", "+++ greeting 1.0.1 on the server"]
        assert {"-  Two", "+  Deux", "+++ prompts/greeting.yaml", "+  Zwei", "conflict in template"} <= set(shown)
        found = (await cli("diff", "--json")).json["prompts"][0]
        assert (found["changed"], found["conflicts"]) == ("both", ["template"])

    async def test_who_has_changed_is_told(self, cli, project, shared):
        await project.save("greeting", template(Two="Deux"))
        assert (await cli("diff", "--json")).json["prompts"][0]["changed"] == "server"


class TestLock:
    async def test_the_lock_names_versions_and_hashes_and_follows(self, cli, project, user, shared):
        lock = user.folder / "prompts.lock"
        content_hash = (await head(project))["content_hash"]
        assert lock.read_text().replace('"', "") == (
            "# The versions that this folder is made of. Written by dakora; keep it in git.\nformat: 1\nprompts:\n"
            f"  greeting:\n    number: 1\n    version: 1.0.0\n    sha256: {content_hash}\n"
        )
        assert (await cli("lock", "--check")).code == 0
        shared.write_text(PROMPT.replace("One", "Eins"))
        unlike = await cli("lock", "--check")
        assert unlike.code == 1
        assert "prompts/greeting.yaml: this is not what is locked (1.0.0)" in unlike.err
        assert (await cli("lock")).code == 1
        await cli("push")
        assert "version: 1.0.1" in lock.read_text()
        assert (await cli("lock", "--check")).code == 0
        lock.unlink()
        assert (await cli("lock")).err == "prompts.lock: 1 prompt\n"

    async def test_a_locked_pull_brings_exactly_these_versions(self, cli, project, user, shared):
        locked = (user.folder / "prompts.lock").read_text()
        await project.save("greeting", template(Four="Quatre"))
        await cli("pull")
        await project.save("greeting", template(Four="Vier"))
        (user.folder / "prompts.lock").write_text(locked)
        done = await cli("pull", "--locked")
        assert (done.code, done.out) == (0, "updated greeting 1.0.0 (prompts/greeting.yaml)\n")
        assert shared.read_text() == PROMPT
        assert (user.folder / "prompts.lock").read_text() == locked
        assert (await cli("pull", "--locked")).err == "1 unchanged\n"
        assert (await cli("push")).err.startswith("1 behind\n")

    async def test_a_fresh_clone_without_files_gets_the_locked_ones(self, cli, project, user, shared):
        await project.save("greeting", template(Four="Quatre"))
        shared.unlink()
        assert (await cli("pull", "--locked")).out == "written greeting 1.0.0 (prompts/greeting.yaml)\n"

    async def test_another_text_than_the_locked_one_is_refused(self, cli, user, shared):
        lock = user.folder / "prompts.lock"
        lock.write_text(lock.read_text().replace('"', "").replace("sha256: ", "sha256: x"))
        shared.unlink()
        refused = await cli("pull", "--locked")
        assert refused.code == 1
        assert "another text than the locked one" in refused.err
        assert not shared.exists()

    async def test_edits_are_in_the_way_of_a_locked_pull(self, cli, shared):
        shared.write_text(PROMPT.replace("One", "Eins"))
        refused = await cli("pull", "--locked")
        assert refused.code == 1
        assert "this has edits that the server has never seen" in refused.err
        assert "Eins" in shared.read_text()

    async def test_a_lock_with_a_conflict_of_git_is_refused_with_its_line(self, cli, user, shared):
        lock = user.folder / "prompts.lock"
        lock.write_text("<<<<<<< HEAD\n" + lock.read_text())
        refused = await cli("pull")
        assert refused.code == 1
        assert "prompts.lock cannot be read" in refused.err


async def test_a_branch_of_git_takes_its_lock_along(cli, project, user):
    """Files without version lines: the lock tells where those of each branch began."""

    def git(*words):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=user.folder, check=True)

    path = user.write("prompts/greeting.yaml", "id: greeting\ntemplate: |\n  One\n  Two\n  Three\n")
    user.write(".gitignore", ".dakora/\n")
    await cli("push")
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "first")
    git("switch", "-qc", "old")
    git("switch", "-q", "main")
    path.write_text("id: greeting\ntemplate: |\n  One\n  Two\n  Drei\n")
    await cli("push")
    git("commit", "-qam", "second")
    git("switch", "-q", "old")
    path.write_text("id: greeting\ntemplate: |\n  Eins\n  Two\n  Three\n")
    assert (await cli("push")).out == "merged greeting 1.0.2 (prompts/greeting.yaml)\n"
    assert (await head(project))["template"] == "Eins\nTwo\nDrei\n"


async def test_promptvault_yaml_names_the_folder_and_the_flag_wins(cli, project, user):
    await project.create("greeting")
    user.write("promptvault.yaml", "prompt_dir: texts\n")
    await cli("pull")
    await cli("pull", "--dir", "others")
    assert (user.folder / "texts/greeting.yaml").exists()
    assert (user.folder / "texts.lock").exists()
    assert (user.folder / "others/greeting.yaml").exists()


async def test_a_conflict_is_never_taken_for_a_deleted_file(cli, project, user, shared):
    user.write("prompts/other.yaml", "id: other\ntemplate: Other\n")
    await cli("push")
    shared.write_text(PROMPT.replace("Two", "Zwei"))
    await project.save("greeting", template(Two="Deux"))
    assert (await cli("sync", "--delete")).code == 1
    assert (await head(project))["template"] == template(Two="Deux")


async def test_a_rehearsal_in_an_empty_place_makes_nothing(cli, project, user):
    await project.create("greeting")
    foreseen = await cli("sync", "--check")
    assert (foreseen.code, foreseen.out) == (1, "to write greeting 1.0.0 (prompts/greeting.yaml)\n")
    assert list(user.folder.iterdir()) == []


class TestTwoCommandsAtOnce:
    def test_each_keeps_what_the_other_has_noted(self, user):
        root = user.folder / "prompts"
        both = [Bases(root, "server project") for _ in "12"]
        locks = [Lock(user.world(), root) for _ in "12"]
        for bases, lock, name in zip(both, locks, ("one", "two"), strict=True):
            bases.put(Base(name, 1, "1.0.0", "a" * 64, "", f"{name}.yaml"))
            lock.put(name, Locked(1, "1.0.0", "a" * 64))
        for each in (*both, *locks):
            each.save()

        after = Bases(root, "server project")
        assert sorted(base.id for base in after) == sorted(Lock(user.world(), root)) == ["one", "two"]
        assert list(Bases(root, "another place")) == []


class TestAnotherServer:
    @pytest.fixture
    async def second(self, make_project):
        return await make_project()

    async def test_the_same_folder_goes_to_two_of_them(self, cli, project, second, shared):
        for word in ("Eins", "Uno", "Un"):
            shared.write_text(shared.read_text().replace(shared.read_text().splitlines()[4], f"  {word}"))
            assert (await cli("push")).code == 0
            assert (await cli("push", "--project", str(second.id))).code == 0
            assert (await head(project))["template"] == (await head(second))["template"] == template(One=word)
        assert (await cli("pull")).err == "1 unchanged\n"

    async def test_notes_that_a_server_does_not_confirm_cost_no_text(self, cli, project, second, user, shared):
        # The address is the same, the database behind it is another one. No version line tells anything either.
        shared.write_text(PROMPT.replace("version: 1.0.0\n", ""))
        await cli("push")
        await second.create("greeting", "Another prompt altogether\n")
        state = next((user.folder / ".dakora").glob("*.db"))
        with contextlib.closing(sqlite3.connect(state)) as stored, stored:
            stored.execute("update bases set place = replace(place, ?, ?)", (str(project.id), str(second.id)))
        pulled = await cli("pull", "--project", str(second.id))
        assert pulled.code == 1
        assert {"  One", "  Another prompt altogether"} <= set(shared.read_text().splitlines())

    async def test_what_a_pull_removes_can_be_found(self, cli, project, user, shared):
        user.write("prompts/other.yaml", "id: other\ntemplate: Other\n")
        await cli("push")
        await project.client.delete(f"{project.prompts}/greeting")
        await cli("pull")
        (aside,) = (user.folder / ".dakora/removed").iterdir()
        assert aside.read_text() == PROMPT
