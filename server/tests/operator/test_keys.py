"""Keys and projects where nobody can sign in: made by command, heard of by every server that runs."""

import json
import signal
import subprocess
import sys
import uuid

import pytest

PROMPTS = "/api/projects/00000000-0000-7000-8000-000000000003/prompts"
SECRET = "zyxwvutsrqponmlkjihgfedcba9876543210-operator"
LOCAL_USER = "00000000-0000-7000-8000-000000000001"
NOBODY = str(uuid.UUID(int=0))


def keys(in_keys_mode, *arguments):
    """The keys as `keys list` shows them to programs."""
    listed = in_keys_mode("keys", "list", "--json", *arguments)
    assert listed.returncode == 0, listed.stderr
    return json.loads(listed.stdout)


def test_a_key_made_by_command_opens_until_a_command_revokes_it(in_keys_mode, keys_server):
    assert keys_server.get(PROMPTS).status_code == 401
    made = in_keys_mode("keys", "create", "--name", "ci")
    assert made.returncode == 0, made.stderr
    key = made.stdout.removesuffix("\n")
    # Twice, so that the second answer comes from what the server keeps.
    assert [keys_server.get(PROMPTS, key).status_code for _ in range(2)] == [200, 200]
    (listed,) = keys(in_keys_mode)
    assert (listed["name"], listed["scopes"], listed["status"]) == ("ci", ["read", "render"], "live")
    assert listed["id"] in made.stderr
    assert in_keys_mode("keys", "revoke", listed["id"]).returncode == 0
    assert keys_server.refuses(PROMPTS, key)
    assert keys_server.get(PROMPTS, key).json()["code"] == "api_key_revoked"
    assert keys(in_keys_mode) == []
    assert [one["status"] for one in keys(in_keys_mode, "--all")] == ["revoked"]


def test_the_key_is_all_that_standard_output_has_and_is_nowhere_else(command, in_keys_mode, migrated):
    arguments = ("keys", "create", "--name", "ci", "--labels", "production", "--expires-in-days", "30")
    made = command(*arguments, DATABASE_URL=migrated, AUTH_MODE="keys", SECRET_KEY=SECRET)
    key = made.stdout.removesuffix("\n")
    assert key.startswith("dk_proj_")
    assert len(key.split()) == 1
    assert key not in made.stderr
    shown = in_keys_mode("keys", "list", "--all").stdout
    assert "production" in shown
    assert key[-4:] in shown
    assert key not in shown
    again = in_keys_mode("keys", "create", "--name", "json", "--json")
    body = json.loads(again.stdout)
    assert (body["key"][:8], body["name"]) == ("dk_proj_", "json")
    assert body["expires_at"] is None


def test_a_rotated_key_works_on_for_the_overlap_only(in_keys_mode, keys_server):
    first = in_keys_mode("keys", "create", "--name", "ci", "--scopes", "read").stdout.strip()
    (listed,) = keys(in_keys_mode)
    second = in_keys_mode("keys", "rotate", listed["id"]).stdout.strip()
    assert first != second
    assert [keys_server.get(PROMPTS, key).status_code for key in (first, second)] == [200, 200]
    (newest,) = [one for one in keys(in_keys_mode) if one["status"] == "live"]
    assert newest["scopes"] == ["read"]
    third = in_keys_mode("keys", "rotate", newest["id"], "--overlap-hours", "0").stdout.strip()
    assert keys_server.refuses(PROMPTS, second)
    assert [keys_server.get(PROMPTS, key).status_code for key in (first, third)] == [200, 200]
    refused = in_keys_mode("keys", "rotate", listed["id"])
    assert (refused.returncode, refused.stdout) == (2, "")


def test_a_key_of_another_project_opens_that_project_alone(in_keys_mode, keys_server):
    made = in_keys_mode("projects", "create", "Été 2026", "--json")
    project = json.loads(made.stdout)
    assert (project["slug"], project["name"]) == ("ete-2026", "Été 2026")
    listed = json.loads(in_keys_mode("projects", "list", "--json").stdout)
    assert [one["slug"] for one in listed] == ["default", "ete-2026"]
    key = in_keys_mode("keys", "create", "--name", "k", "--project", project["id"]).stdout.strip()
    assert keys_server.get(f"/api/projects/{project['id']}/prompts", key).status_code == 200
    assert keys_server.get(PROMPTS, key).status_code == 404
    context = keys_server.get("/api/me/context", key).json()
    assert (context["project_slug"], context["user_id"]) == ("ete-2026", LOCAL_USER)


def test_in_a_workspace_of_other_people_the_operator_acts_as_the_system(in_keys_mode, keys_server, owner):
    workspace, project = uuid.uuid4(), uuid.uuid4()
    owner("INSERT INTO workspaces (id, slug, name) VALUES (%s, 'theirs', 'Theirs')", [workspace])
    owner("INSERT INTO projects (id, workspace_id, slug, name) VALUES (%s, %s, 'p', 'P')", [project, workspace])
    made = in_keys_mode("keys", "create", "--name", "k", "--project", project)
    assert made.returncode == 0, made.stderr
    assert keys_server.get(f"/api/projects/{project}/prompts", made.stdout.strip()).status_code == 200
    (listed,) = keys(in_keys_mode, "--project", project)
    assert listed["created_by"] == NOBODY
    assert in_keys_mode("keys", "revoke", listed["id"], "--project", project).returncode == 0
    asked = (
        "SELECT action, actor_kind, actor_id::text, workspace_id FROM audit_events WHERE project_id = %s ORDER BY at"
    )
    events = owner(asked, [project])
    assert events.fetchall() == [
        ("api_key.created", "system", NOBODY, workspace),
        ("api_key.revoked", "system", NOBODY, workspace),
    ]
    owner("UPDATE workspaces SET archived_at = now() WHERE id = %s", [workspace])
    refused = in_keys_mode("keys", "create", "--name", "k", "--project", project)
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1)


def test_what_the_local_operator_did_is_in_the_trail(in_keys_mode, owner):
    in_keys_mode("projects", "create", "Second")
    in_keys_mode("keys", "create", "--name", "k")
    found = owner("SELECT action, actor_kind, actor_id::text FROM audit_events ORDER BY at").fetchall()
    assert found == [("project.created", "user", LOCAL_USER), ("api_key.created", "user", LOCAL_USER)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("keys", "create", "--name", " "), "blank"),
        (("keys", "create", "--name", "k", "--scopes", "read,everything"), "scopes"),
        (("keys", "create", "--name", "k", "--scopes", "write", "--labels", "production"), "cannot write"),
        (("keys", "create", "--name", "k", "--project", NOBODY), NOBODY),
        (("keys", "revoke", NOBODY), "no such API key"),
        (("keys", "rotate", NOBODY, "--overlap-hours", "100000"), "overlap-hours"),
        (("projects", "create", "Default", "--slug", "default"), "default"),
        (("projects", "create", "Default", "--slug", "A slug"), "slug"),
    ],
)
def test_a_wrong_use_is_one_sentence_and_changes_nothing(in_keys_mode, owner, arguments, said):
    refused = in_keys_mode(*arguments)
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1)
    assert said in refused.stderr
    assert owner("SELECT count(*) FROM audit_events").fetchone() == (0,)


def test_the_eleventh_key_is_refused(in_keys_mode, owner):
    in_keys_mode("keys", "create", "--name", "k")
    owner(
        "INSERT INTO api_keys (project_id, id, workspace_id, name, mac, hint, scopes, created_by)"
        " SELECT project_id, gen_random_uuid(), workspace_id, name, sha256(n::text::bytea), hint, scopes, created_by"
        " FROM api_keys, generate_series(1, 9) n"
    )
    refused = in_keys_mode("keys", "create", "--name", "k")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "10 live API keys" in refused.stderr
    assert len(keys(in_keys_mode)) == 10


@pytest.mark.parametrize("verb", [("keys", "list"), ("projects", "list"), ("audit", "verify")])
def test_a_database_that_is_away_or_empty_has_its_own_exit_code(command, database, tmp_path, verb):
    away = command(*verb, DATABASE_URL=f"postgresql://nobody@/none?host={tmp_path}")
    assert (away.returncode, away.stdout, len(away.stderr.splitlines())) == (3, "", 1)
    empty = command(*verb, DATABASE_URL=database)
    assert (empty.returncode, empty.stdout, len(empty.stderr.splitlines())) == (2, "", 1)
    assert "migrate" in empty.stderr


def test_where_people_sign_in_projects_are_theirs_to_make(command, migrated):
    login = {
        "DATABASE_URL": migrated,
        "OIDC_ISSUER": "https://login.example.test",
        "OIDC_AUDIENCE": "dakora",
        "SECRET_KEY": SECRET,
    }
    refused = command("projects", "create", "Mine", **login)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "oidc" in refused.stderr
    # There is no local workspace, and so no default project.
    assert command("keys", "create", "--name", "k", **login).returncode == 2


def test_the_data_of_dakora_dev_is_within_reach_while_it_does_not_run(command, tmp_path, address_when_ready):
    program = [sys.executable, "-m", "dakora_server", "dev", "--port", "0", "--data-dir", "data"]
    log = tmp_path / "output.txt"
    with log.open("wb") as output, subprocess.Popen(program, cwd=tmp_path, stdout=output, stderr=output) as server:
        try:
            address_when_ready(server, log)
            busy = command("keys", "list", "--data-dir", "data")
            assert (busy.returncode, busy.stdout, len(busy.stderr.splitlines())) == (2, "", 1)
        finally:
            server.send_signal(signal.SIGINT)
            assert server.wait(30) == 0
    made = command("keys", "create", "--name", "k", "--data-dir", "data")
    assert made.stdout.startswith("dk_proj_"), made.stderr
    assert command("audit", "verify", "--data-dir", "data").returncode == 0
    absent = command("audit", "verify", "--data-dir", "elsewhere")
    assert absent.returncode == 2
    assert not (tmp_path / "elsewhere").exists()
