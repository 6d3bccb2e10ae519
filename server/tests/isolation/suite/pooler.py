"""PgBouncer in transaction pooling: Debian's package, in a folder of its own, on a free loopback port."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from dakora_server.core.storage.database import engine_url

_BINARIES = ("/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer")
POOL_SIZE = 4


def find_pgbouncer() -> str:
    """The program. Fails where it is not installed: this promise is not checked without it."""
    found = shutil.which("pgbouncer") or next((path for path in _BINARIES if Path(path).exists()), None)
    assert found is not None, "install pgbouncer (Debian: apt-get install pgbouncer)"
    return found


@contextlib.contextmanager
def pgbouncer(folder: Path, server_url: str) -> Iterator[str]:
    """A pooler before a server, for any of its databases; answers its port's URL without a database."""
    folder.mkdir()
    port = _free_port()
    target = make_url(engine_url(server_url))
    host, server_port = target.host or str(target.query["host"]), target.port or target.query.get("port", 5432)
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": POOL_SIZE,
        "max_client_conn": 200,
        "ignore_startup_parameters": "extra_float_digits",
        # A server that cannot be reached is said so, rather than waited for.
        "query_wait_timeout": 20,
        "server_login_retry": 1,
        "pidfile": folder / "pid",
        "logfile": folder / "log",
    }
    lines = ["[databases]", f"* = host={host} port={server_port} user={target.username}", "[pgbouncer]"]
    config = folder / "pgbouncer.ini"
    config.write_text("\n".join([*lines, *(f"{name} = {value}" for name, value in settings.items())]) + "\n")
    user = _unprivileged(folder, Path(host))
    with subprocess.Popen([find_pgbouncer(), "-q", str(config)], **user) as process:
        try:
            yield _when_up(process, f"postgresql://{target.username}@127.0.0.1:{port}", target.database or "", folder)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _unprivileged(folder: Path, socket_folder: Path) -> dict[str, int]:
    """It refuses to run as root. Whom the server's socket belongs to may reach it, where there is one."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    found = socket_folder.stat() if socket_folder.is_absolute() else None
    user, group = (found.st_uid, found.st_gid) if found and found.st_uid else (nobody.pw_uid, nobody.pw_gid)
    for path in (folder, *folder.iterdir()):
        os.chown(path, user, group)
    return {"user": user, "group": group}


def _when_up(process: "subprocess.Popen[bytes]", url: str, database: str, folder: Path) -> str:
    for _ in range(100):
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(f"{url}/{database}", connect_timeout=2):
            return url
        assert process.poll() is None, (folder / "log").read_text()
        time.sleep(0.05)
    raise AssertionError(f"pgbouncer does not answer: {(folder / 'log').read_text()}")
