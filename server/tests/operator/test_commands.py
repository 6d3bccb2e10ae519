"""The operator's commands, against a PostgreSQL that is not ours to start."""

import base64
import hashlib
import hmac
import json

import psycopg
import pytest

from dakora_server.core.storage.schema import SCHEMA_REVISION


def test_serve_refuses_a_database_without_the_schema_and_says_what_to_do(command, database):
    refused = command("serve", DATABASE_URL=database, PORT="0")
    assert refused.returncode != 0
    assert "python -m dakora_server migrate" in refused.stdout + refused.stderr


def test_migrate_makes_the_role_that_the_server_then_works_as(command, database, role, serving):
    name, password, url = role
    both = {"DATABASE_OWNER_URL": database, "DATABASE_URL": url}
    for _ in range(2):
        assert command("migrate", **both).stdout == f"schema {SCHEMA_REVISION}\n"
    with psycopg.connect(database) as connection:
        found = connection.execute(
            "SELECT rolpassword, rolsuper, rolbypassrls FROM pg_authid WHERE rolname = %s", [name]
        )
        stored, *powers = found.fetchone()
    assert _is_password(password, stored)
    assert powers == [False, False]
    # The server needs no more than the role, and never the owner's URL.
    with serving(DATABASE_URL=url) as server:
        made = server.http.post("/api/projects/default/prompts", json={"id": "p", "template": "Hello"})
        assert made.status_code == 201
    assert command("fsck", DATABASE_URL=url).stdout.splitlines()[-1] == "clean"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"DROP OWNED BY {name}")


def _is_password(password, stored):
    """Whether PostgreSQL would take the password: RFC 5803's verifier, worked out anew."""
    _, parameters, keys = stored.split("$")
    rounds, salt = parameters.split(":")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return base64.b64decode(keys.split(":")[0]) == hashlib.sha256(client_key).digest()


def test_serve_refuses_a_superuser_with_one_sentence(command, database, migrated):
    refused = command("serve", DATABASE_URL=database, PORT="0", LOG_LEVEL="error")
    assert refused.returncode == 2
    (sentence,) = refused.stderr.splitlines()
    assert sentence.startswith("dakora: The role postgres of DATABASE_URL is a superuser")
    assert "DATABASE_OWNER_URL" in sentence


def test_keys_are_not_made_as_a_superuser_either(command, database, migrated):
    refused = command("keys", "create", "--name", "x", DATABASE_URL=database)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "superuser" in refused.stderr


def test_fsck_looks_into_every_project(in_keys_mode, keys_server):
    documents = {}
    for name in ("First", "Second", "Third"):
        project = in_keys_mode("projects", "create", name).stdout.strip()
        scopes = ("--scopes", "read,write")
        key = in_keys_mode("keys", "create", "--name", "w", "--project", project, *scopes).stdout.strip()
        for text in ("one", "two"):
            saved = keys_server.http.post(
                f"/api/projects/{project}/prompts",
                json={"id": text, "template": name + text},
                headers={"x-api-key": key},
            )
            assert saved.status_code == 201, saved.text
            assert project in key
        documents[name] = sorted((keys_server.folder / ".dakora" / "registry" / project).glob("*.yaml"))
        assert len(documents[name]) == 2
    clean = in_keys_mode("fsck", "--json")
    assert clean.returncode == 0
    assert json.loads(clean.stdout)["versions"] == 6
    documents["Second"][0].write_text("changed", encoding="utf-8")
    documents["Third"][1].unlink()
    found = in_keys_mode("fsck", "--json")
    report = json.loads(found.stdout)
    assert found.returncode == 1
    (corrupt,), (missing,) = report["corrupt"], report["missing"]
    assert documents["Second"][0].name in corrupt
    assert documents["Third"][1].name in missing


def test_wait_for_db_gives_up_with_its_own_exit_code(command, tmp_path):
    refused = command("wait-for-db", "--timeout", "0.5", DATABASE_URL=f"postgresql://nobody@/none?host={tmp_path}")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (3, 1)


def test_wait_for_db_returns_at_once_when_it_answers(command, database):
    assert command("wait-for-db", DATABASE_URL=database).returncode == 0


@pytest.mark.parametrize("verb", ["serve", "migrate", "wait-for-db"])
def test_without_a_database_one_sentence_says_so(command, verb):
    refused = command(verb, DATABASE_URL="")
    assert refused.returncode != 0
    assert "DATABASE_URL" in refused.stdout + refused.stderr


def test_keys_of_providers_move_to_another_master_key(command, database, migrated, serving):
    """The old secret is needed until `rotate-keys` has run, and opens nothing afterwards."""
    secrets = [f"{letter * 8}-a-secret-of-the-operator-0123456789" for letter in ("aA1b", "zZ9y")]
    address = {"DATABASE_URL": migrated, "EXECUTE_RETRIES": "0"}
    project = "/api/projects/default"
    with serving(**address, SECRET_KEY=secrets[0]) as server:
        body = {"api_key": "sk-0123456789", "base_url": "http://127.0.0.1:9/v1"}
        assert server.http.put(f"{project}/providers/openai", json=body).status_code == 200
        prompt = {"id": "p", "template": "Hi", "model": {"provider": "openai", "name": "m"}}
        assert server.http.post(f"{project}/prompts", json=prompt).status_code == 201
    with serving(**address, SECRET_KEY=secrets[1]) as server:
        assert server.http.post(f"{project}/prompts/p/execute", json={}).json()["code"] == "provider_key_unreadable"
    refused = command("rotate-keys", **address, SECRET_KEY=secrets[1])
    assert refused.returncode == 1
    both = {"SECRET_KEY": secrets[1], "SECRET_KEY_PREVIOUS": secrets[0]}
    for options in ((), ("--data-keys",)):
        done = command("rotate-keys", "--json", *options, **address, **both)
        assert json.loads(done.stdout)["unreadable"] == 0, done.stderr
    with serving(**address, SECRET_KEY=secrets[1]) as server:
        # The key opens again: what fails now is that nobody is at that address.
        assert server.http.post(f"{project}/prompts/p/execute", json={}).json()["code"] == "provider_unreachable"
