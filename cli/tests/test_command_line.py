"""The root: help, versions, errors and exit codes."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx2
import pytest

import dakora_cli
from dakora_cli.lazy import load
from dakora_cli.main import COMMANDS
from dakora_cli.reference import page

ROOT = Path(dakora_cli.__file__).resolve().parents[2]


def test_the_bare_command_shows_the_help_and_every_command(user):
    shown = user()
    assert shown.code == 0
    assert all(f"  {name} " in shown.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_list_is_the_first_line_of_the_commands_own_help(name):
    target, summary = COMMANDS[name]
    assert (load(target).help or "").split("\n")[0] == summary


def test_the_reference_in_docs_is_what_the_commands_say():
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m dakora_cli.reference > docs/cli.md"


def test_the_version_is_that_of_the_package(user):
    project = tomllib.loads((ROOT / "cli" / "pyproject.toml").read_text())["project"]
    assert user("--version").out == f"dakora {project['version']}\n"


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["dev", "--help"], ["init", "--help"]])
def test_help_is_answered_without_loading_what_only_commands_need(words):
    heavy = ("asyncio", "dakora_client", "dakora_server", "httpx2", "pydantic", "rich", "typer", "yaml")
    program = (
        "import sys; from dakora_cli.main import run; from dakora_cli.world import real_world\n"
        f"assert run({words!r}, real_world()) == 0\n"
        f"print(sorted(set(sys.modules) & set({heavy!r})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lst"], "Did you mean 'list'?"),
        (["show"], "Missing argument"),
        (["list", "--nope"], "No such option"),
        (["dev", "--port", "seven"], "--port"),
        (["--nope"], "No such option"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(user, words, said):
    failed = user(*words)
    assert failed.code == 2
    assert failed.out == ""
    assert said in failed.err
    assert failed.err.startswith("Error: ")
    assert failed.err.count("\n") == 1
    assert "--help" in failed.err


def test_errors_are_json_where_json_is_asked_for(user):
    wrong = user("show", "--json")
    away = user.with_env(DAKORA_BASE_URL="http://127.0.0.1:9")("list", "--json")
    assert (wrong.code, wrong.out, json.loads(wrong.err)["error"]["exit_code"]) == (2, "", 2)
    assert (away.code, away.out, json.loads(away.err)["error"]["exit_code"]) == (3, "", 3)


@pytest.mark.parametrize("words", [["--json", "version"], ["version", "--json"]])
def test_shared_flags_may_stand_before_the_command_or_after_it(user, words):
    nowhere = user.with_env(DAKORA_BASE_URL="http://127.0.0.1:9")
    assert nowhere(*words).json == {"cli": dakora_cli.__version__, "server": None, "url": "http://127.0.0.1:9"}


def test_a_server_that_is_not_there_is_exit_code_3_and_says_what_to_do(user, monkeypatch):
    def refuse(request):
        raise httpx2.ConnectError("Connection refused", request=request)

    failed = user.facing(refuse)("list")
    assert failed.code == 3
    assert "Could not reach http://localhost:54321" in failed.err
    assert "dakora dev" in failed.err
    assert "Traceback" not in failed.err


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (401, "unauthenticated", 1),
        (403, "forbidden", 1),
        (404, "project_not_found", 1),
        (422, "invalid_request", 1),
        (429, "too_many_requests", 3),
        (500, "internal_error", 3),
        (503, "busy", 3),
    ],
)
def test_what_the_server_answers_decides_the_exit_code(user, problem, status, code, exit_code):
    answers = user.facing(lambda _: problem(status, code, "That did not work."))
    failed = answers("show", "greeting", "--json")
    said = json.loads(failed.err)["error"]
    assert (failed.code, failed.out) == (exit_code, "")
    assert (said["status"], said["code"], said["request_id"]) == (status, code, "r-1")


def test_something_else_at_the_address_is_no_server(user, answer):
    failed = user.facing(lambda _: answer(200, text="<html>welcome</html>"))("list")
    assert failed.code == 3
    assert "not like a Dakora server" in failed.err


def test_a_bug_is_a_sentence_and_a_code_of_its_own(user):
    def fall_over(_):
        raise ZeroDivisionError("by zero")

    failed = user.facing(fall_over)("list")
    assert failed.code == 70
    assert "ZeroDivisionError: by zero" in failed.err
    assert "Traceback" not in failed.err
    with pytest.raises(ZeroDivisionError):
        user.facing(fall_over).with_env(DAKORA_DEBUG="1")("list")


def test_an_interrupted_command_ends_quietly(user):
    def interrupt(_):
        raise KeyboardInterrupt

    stopped = user.facing(interrupt)("list")
    assert (stopped.code, stopped.out, stopped.err) == (130, "", "")


def test_a_reader_that_goes_away_ends_the_command_quietly():
    program = "import sys; from dakora_cli.main import main; sys.argv = ['dakora']; sys.exit(main())"
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_ctrl_c_stops_a_command_that_waits_for_its_server(tmp_path):
    # A server that takes connections and never answers.
    program = """
import os, socket, sys, threading
from dakora_cli.main import main
hung = socket.create_server(("127.0.0.1", 0))
def interrupt():
    hung.accept()
    os.kill(os.getpid(), 2)
threading.Thread(target=interrupt, daemon=True).start()
sys.argv = ["dakora", "list", "--url", f"http://127.0.0.1:{hung.getsockname()[1]}"]
sys.exit(main())
"""
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=env, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_text_that_moves_the_cursor_is_shown_and_not_obeyed(user, answer, prompt_json):
    evil = prompt_json(description="\x1b]0;owned\x07\x1b[2Jhello\u202e")
    terminal = user.facing(lambda _: answer(200, json=[evil]))("list", "--no-color", terminal=True)
    assert "\x1b" not in terminal.out
    assert "hello" in terminal.out
    assert "\u202e" not in terminal.out


@pytest.mark.parametrize("off", ["--no-color", "NO_COLOR", "TERM"])
def test_colours_can_be_turned_off(user, off):
    plain = user.with_env(**({"NO_COLOR": "1"} if off == "NO_COLOR" else {"TERM": "dumb"} if off == "TERM" else {}))
    words = ["--no-color"] if off == "--no-color" else []
    assert "\x1b" not in plain("show", *words, terminal=True).err
    assert "\x1b" not in plain("link", *words, terminal=True).err
    assert "\x1b[31mError" in user("link", terminal=True).err


def test_signals_are_left_as_they_were():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
