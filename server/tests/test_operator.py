"""The operator's commands, against a PostgreSQL that is not ours to start."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import psycopg
import pytest
from psycopg import sql

from dakora_server.core.storage.database import driver_url


@pytest.fixture
def database(postgres):
    """An empty database's URL."""
    name = f"operator_{time.monotonic_ns()}"
    with psycopg.connect(driver_url(postgres.url()), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield driver_url(postgres.url(name))
    with psycopg.connect(driver_url(postgres.url()), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def command(tmp_path):
    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "-m", "dakora_server", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **environment},
            timeout=60,
            check=False,
        )

    return run


def test_serve_refuses_a_database_without_the_schema_and_says_what_to_do(command, database):
    refused = command("serve", DATABASE_URL=database, PORT="0")
    assert refused.returncode != 0
    assert "python -m dakora_server migrate" in refused.stdout + refused.stderr


def test_migrate_then_serve_then_fsck(command, database, tmp_path):
    assert "schema 0001" in command("migrate", DATABASE_URL=database).stdout
    assert "schema 0001" in command("migrate", DATABASE_URL=database).stdout
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DATABASE_URL": database, "PORT": str(port), "LOG_LEVEL": "warning"}
    with subprocess.Popen([sys.executable, "-m", "dakora_server", "serve"], cwd=tmp_path, env=environment) as server:
        try:
            for _ in range(200):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/ready", timeout=5) as answer:
                        assert answer.status == 200
                    break
                except OSError:
                    time.sleep(0.1)
            else:
                raise AssertionError("it did not become ready")
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(30) == 0
    assert command("fsck", DATABASE_URL=database).stdout.splitlines()[-1] == "clean"


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
