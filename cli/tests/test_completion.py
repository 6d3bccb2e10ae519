"""What the Tab key brings."""

import httpx2
import pytest


@pytest.fixture
def complete(user, monkeypatch, capsys):
    def press_tab(before, incomplete="", answers=None):
        monkeypatch.setenv("COMP_WORDS", " ".join(["dakora", *before, incomplete]))
        monkeypatch.setenv("COMP_CWORD", str(len(before) + 1))
        facing = user.with_env(_DAKORA_COMPLETE="bash_complete")
        result = (facing if answers is None else facing.facing(answers))()
        shown = capsys.readouterr()
        assert shown.err + result.err == ""
        return [line.partition(",")[2] for line in shown.out.splitlines() if line]

    return press_tab


def test_commands_are_completed(complete):
    assert complete([], "pu") == ["push", "pull"]


def test_commands_of_commands_are_completed_too(complete):
    assert complete(["keys"], "r") == ["rotate", "revoke"]
    assert complete(["keys", "create"], "--sc") == ["--scope"]


@pytest.mark.parametrize("command", ["show", "render"])
def test_ids_are_completed_from_the_server(complete, answer, prompt_json, command):
    asked = []

    def answers(request):
        asked.append(request.url)
        return answer(200, json=[prompt_json("greeting"), prompt_json("my-greeting")])

    assert complete([command, "--url", "http://there.example"], "gre", answers) == ["greeting"]
    assert asked[0].host == "there.example"
    assert asked[0].params["search"] == "gre"


@pytest.mark.parametrize("before", [["part", "show"], ["--url", "http://there.example", "part", "show"]])
def test_ids_of_parts_are_completed_from_the_server(complete, answer, before):
    asked = []

    def part(part_id):
        category, _, name = part_id.partition("/")
        return {"id": part_id, "category": category, "part_id": name, "version": "1.0.0", "version_number": 1}

    def answers(request):
        asked.append(request.url)
        return answer(200, json={"by_category": {"tone": [part("tone/polite")], "frame": [part("frame/tone")]}})

    assert complete(before, "to", answers) == ["tone/polite"]
    assert asked[0].host == ("there.example" if "--url" in before else "localhost")
    assert asked[0].path.endswith("/parts")
    assert asked[0].params["search"] == "to"


def test_a_server_that_does_not_answer_completes_nothing_and_says_nothing(complete):
    def answers(request):
        raise httpx2.ConnectError("refused", request=request)

    assert complete(["show"], "gre", answers) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(user, shell):
    script = user("--completion", shell)
    assert script.code == 0
    assert "_DAKORA_COMPLETE" in script.out
