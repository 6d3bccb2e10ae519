"""Which server, as whom; and the link that is remembered."""

import json
import stat

import pytest

KEY = "dk_proj_0123456789abcdefghijklmnopqrstuv"


@pytest.fixture
def seen():
    """The requests that were sent."""
    return []


@pytest.fixture
def server(user, answer, problem, seen):
    """The user before a server that has every address and takes every key."""

    def answers(request):
        seen.append(request)
        if request.url.path == "/api/health":
            return answer(200, json={"status": "ok", "version": "9.9.9"})
        if request.url.path == "/api/me/context":
            facts = {"user_id": "u", "email": None, "name": "Ada", "workspace_id": "w"}
            return answer(200, json={**facts, "project_id": "p", "project_slug": "main", "project_name": "Main"})
        if request.url.path == "/api/projects/gone":
            return problem(404, "project_not_found", "There is no such project.")
        if request.url.path.count("/") == 3:
            return answer(200, json={"id": "p", "slug": "main", "name": "Main", "workspace_id": "w"})
        return answer(200, json=[])

    return user.facing(answers)


def sent(seen):
    last = seen[-1]
    return str(last.url), last.headers.get("authorization")


def test_a_flag_wins_over_the_environment_and_that_over_the_link(server, seen):
    server("list")
    assert sent(seen)[0].startswith("http://localhost:54321/api/projects/default/prompts")

    assert server("link", "https://linked.example", "--project", "p-linked").code == 0
    server("list")
    assert sent(seen)[0].startswith("https://linked.example/api/projects/p-linked/prompts")

    with_env = server.with_env(DAKORA_BASE_URL="https://env.example/", DAKORA_PROJECT="p-env")
    with_env("list")
    assert sent(seen)[0].startswith("https://env.example/api/projects/p-env/prompts")

    with_env("list", "--url", "https://flag.example", "--project", "p-flag")
    assert sent(seen)[0].startswith("https://flag.example/api/projects/p-flag/prompts")


def test_the_linked_key_is_shown_to_the_linked_server_only(server, seen):
    server.with_env(DAKORA_API_KEY=KEY)("link", "https://linked.example")
    server("list")
    assert sent(seen)[1] == f"Bearer {KEY}"

    server("list", "--url", "https://other.example")
    assert sent(seen)[1] is None
    server.with_env(DAKORA_BASE_URL="https://other.example")("list")
    assert sent(seen)[1] is None


def test_the_client_itself_reads_nothing_from_the_environment(server, seen, monkeypatch):
    monkeypatch.setenv("DAKORA_API_KEY", "from-the-real-environment")
    monkeypatch.setenv("DAKORA_PROJECT", "from-the-real-environment")
    server("list")
    assert sent(seen) == ("http://localhost:54321/api/projects/default/prompts?limit=200", None)


def test_the_link_is_readable_by_its_owner_only(server):
    server("link", "https://linked.example")
    kept = server.config_dir / "link.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert json.loads(kept.read_text()) == {"url": "https://linked.example"}
    assert list(server.config_dir.iterdir()) == [kept]


def test_a_server_that_says_no_is_not_linked(user, answer, problem):
    def answers(request):
        healthy = request.url.path == "/api/health"
        return answer(200, json={"status": "ok"}) if healthy else problem(401, "unauthenticated", "No key.")

    failed = user.facing(answers)("link", "https://linked.example")
    assert failed.code == 1
    assert "set DAKORA_API_KEY" in failed.err
    assert not (user.config_dir / "link.json").exists()


@pytest.mark.parametrize("way", ["stdin", "ask", "environment"])
def test_a_key_comes_in_without_the_command_line(server, seen, way):
    if way == "stdin":
        done = server("link", "https://linked.example", "--api-key", "-", stdin=f"{KEY}\n")
    elif way == "ask":
        object.__setattr__(server, "secret", KEY)
        done = server("link", "https://linked.example", "--api-key", "ask")
    else:
        done = server.with_env(DAKORA_API_KEY=KEY)("link", "https://linked.example")
    assert done.code == 0
    assert sent(seen)[1] == f"Bearer {KEY}"
    assert json.loads((server.config_dir / "link.json").read_text())["api_key"] == KEY
    assert "history" not in done.err


def test_a_key_on_the_command_line_is_taken_with_a_warning(server):
    done = server("link", "https://linked.example", "--api-key", KEY)
    assert done.code == 0
    assert "history" in done.err


@pytest.mark.parametrize("words", [["link"], ["link", "--json"], ["version", "--json"], ["list"], ["show", "x"]])
@pytest.mark.parametrize("terminal", [True, False])
def test_a_key_is_never_printed(server, words, terminal):
    server.with_env(DAKORA_API_KEY=KEY)("link", "https://linked.example")
    shown = server(*words, terminal=terminal)
    assert KEY not in shown.out + shown.err
    assert KEY[12:] not in shown.out + shown.err


def test_the_link_becomes_lines_for_a_shell(server):
    server.with_env(DAKORA_API_KEY=KEY)("link", "https://linked.example", "--project", "it's mine")
    lines = server("link", "--print-env").out
    assert lines == (
        "export DAKORA_BASE_URL=https://linked.example\n"
        f"export DAKORA_API_KEY={KEY}\n"
        "export DAKORA_PROJECT='it'\"'\"'s mine'\n"
    )
    on_screen = server("link", "--print-env", terminal=True)
    assert KEY not in on_screen.out + on_screen.err


def test_a_link_can_be_looked_at_and_forgotten(server):
    assert server("link").code == 1
    server("link", "https://linked.example")
    assert "https://linked.example" in server("link").out
    assert server("link", "--json").json == {"url": "https://linked.example", "project": None, "api_key": None}
    assert server("link", "--remove").code == 0
    assert server("link").code == 1
    assert server("link", "--remove").code == 0


def test_link_does_one_thing_at_a_time(server):
    assert server("link", "https://linked.example", "--remove").code == 2


@pytest.mark.parametrize("text", ["{", "[]", '{"url": 3}', "\xff"])
def test_a_broken_link_says_how_to_mend_it(user, text):
    user.config_dir.mkdir()
    (user.config_dir / "link.json").write_text(text, encoding="latin-1")
    failed = user("list")
    assert failed.code == 2
    assert "dakora link --remove" in failed.err
    assert user("link", "--remove").code == 0


def test_an_unencrypted_key_is_warned_of(server):
    exposed = server.with_env(DAKORA_API_KEY=KEY)
    assert "unencrypted" in exposed("list", "--url", "http://10.0.0.7:54321").err
    assert "unencrypted" not in exposed("list").err
    assert "unencrypted" not in exposed("list", "--url", "https://10.0.0.7").err


@pytest.mark.parametrize("url", ["ftp://x", "localhost:54321", "https://user:secret@x.example", "http://x/?a=b"])
def test_an_address_that_is_none_is_wrong_use(user, url):
    failed = user("list", "--url", url)
    assert failed.code == 2
    assert "secret" not in failed.err
    assert user("link", url).code == 2
    assert user("version", "--url", url).code == 2


def test_version_names_the_linked_server(server):
    assert "server 9.9.9 at http://localhost:54321" in server("version").out
    assert server("version", "--json").json["server"] == "9.9.9"
