"""A database that is not ours to start, the operator's commands, and servers in processes of their own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psycopg
import pytest
from psycopg import sql

from dakora_server.__main__ import main
from dakora_server.core.storage.database import driver_url
from dakora_server.core.storage.migrations import migrate

SECRET = "zyxwvutsrqponmlkjihgfedcba9876543210-operator"


@pytest.fixture
def database(postgres):
    """An empty database's URL, as its owner sees it: a superuser."""
    name = f"operator_{uuid.uuid4().hex}"
    with psycopg.connect(driver_url(postgres.url()), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield driver_url(postgres.url(name))
    with psycopg.connect(driver_url(postgres.url()), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def role(postgres, database):
    """A role that nobody has made yet, and its URL with a password; gone afterwards."""
    name, password = f"operator_{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
    yield name, password, database.replace("postgres@", f"{name}:{password}@")
    with psycopg.connect(driver_url(postgres.url()), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


@pytest.fixture
def migrated(database):
    """A database with the newest schema, as the application sees it."""
    url = database.replace("postgres@", "dakora_app@")
    migrate(database, app_url=url)
    return url


@pytest.fixture
def owner(database, migrated):
    """SQL as the owner of the migrated database, each statement for itself."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection.execute


@pytest.fixture
def command(tmp_path):
    """Run one command; what it printed and how it ended."""

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, "-m", "dakora_server", *(str(argument) for argument in arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**_clean(), **environment},
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def in_keys_mode(migrated, tmp_path, monkeypatch, capfd):
    """Commands on the migrated database of a server that takes API keys only; in this process, which is quicker."""
    for name in set(os.environ) - set(_clean()):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name, value in {"DATABASE_URL": migrated, "AUTH_MODE": "keys", "SECRET_KEY": SECRET}.items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        printed = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, code, printed.out, printed.err)

    return run


@dataclass(frozen=True)
class Server:
    """`serve` in a process of its own."""

    http: httpx2.Client
    folder: Path

    def get(self, path, key=None):
        return self.http.get(path, headers={} if key is None else {"x-api-key": key})

    def refuses(self, path, key):
        """Whether the key is refused, asked again and again for ten seconds at most."""
        for _ in range(200):
            answer = self.get(path, key)
            if answer.status_code == 401:
                return True
            time.sleep(0.05)
        return False


@pytest.fixture
def serving(tmp_path):
    """Serve with these settings for as long as the block lasts."""

    @contextlib.contextmanager
    def run(**environment):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {**_clean(), "PORT": str(port), "LOG_LEVEL": "warning", **environment}
        with subprocess.Popen(
            [sys.executable, "-m", "dakora_server", "serve"], cwd=tmp_path, env=environment
        ) as server:
            try:
                with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
                    _wait_until_ready(server, http)
                    yield Server(http, tmp_path)
            finally:
                server.send_signal(signal.SIGTERM)
                assert server.wait(30) == 0

    return run


@pytest.fixture
def keys_server(serving, migrated):
    """A server that takes API keys only, on the migrated database."""
    with serving(DATABASE_URL=migrated, AUTH_MODE="keys", SECRET_KEY=SECRET) as server:
        yield server


def _wait_until_ready(server, http):
    for _ in range(300):
        assert server.poll() is None, "it ended instead of serving"
        try:
            if http.get("/api/ready").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("it did not become ready")


def _clean():
    """This process's environment without settings of anybody's server."""
    ours = ("DATABASE_", "AUTH_", "SECRET_KEY", "CLERK_", "OIDC_", "REGISTRY_", "DAKORA_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
