"""The embedded PostgreSQL keeps what was committed, whatever dies, and leaves no process behind.

Every major at hand is tried: the wheel's always, the system's where one is installed.
"""

import asyncio
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import psutil
import psycopg
import pytest
import sqlalchemy

from dakora_server.core.storage import embedded_process
from dakora_server.core.storage.embedded import AlreadyRunning, EmbeddedError, EmbeddedPostgres, find_binaries

Origin = Literal["wheel", "system"]
ORIGINS: tuple[Origin, ...] = ("wheel", "system") if find_binaries(prefer="system").origin == "system" else ("wheel",)
QUICK = {"fsync": "off"}
SOCKET_FOLDERS = Path("/tmp")
OWNER = """
import signal, sys
from pathlib import Path
from dakora_server.core.storage.embedded import EmbeddedPostgres
signal.signal(signal.SIGINT, signal.SIG_IGN)
server = EmbeddedPostgres(Path(sys.argv[1]), prefer=sys.argv[2], settings={"fsync": "off"})
server.start()
print(server.pid, server.url(), flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def top() -> Iterator[Path]:
    """A folder anyone can enter, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module", params=ORIGINS)
def initialised(request: pytest.FixtureRequest) -> Iterator[tuple[Origin, Path]]:
    """A folder that was started once and stopped, with one row in it; per origin of the programs."""
    top = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    top.chmod(0o755)
    with EmbeddedPostgres(top / "pg", prefer=request.param, settings=QUICK) as server:
        query(server.url(), "CREATE TABLE kept (row text)")
        query(server.url(), "INSERT INTO kept VALUES ('first')")
    yield request.param, top / "pg"
    shutil.rmtree(top)


@pytest.fixture
def folder(initialised: tuple[Origin, Path]) -> Path:
    """That folder, stopped. All tests use the same: whatever the one before did to it is part of the trial."""
    return initialised[1]


@pytest.fixture
def server(initialised: tuple[Origin, Path]) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL in that folder, running."""
    with EmbeddedPostgres(initialised[1], prefer=initialised[0], settings=QUICK) as started:
        yield started


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def keep(url: str) -> str:
    """Commit a row of its own."""
    row = uuid.uuid4().hex
    query(url, f"INSERT INTO kept VALUES ('{row}')")
    return row


def rows(server: EmbeddedPostgres) -> list[str]:
    return [row for (row,) in query(server.url(), "SELECT row FROM kept")]


def answers(server: EmbeddedPostgres) -> bool:
    with suppress(psycopg.OperationalError):
        return bool(rows(server))
    return False


def processes(folder: Path) -> list[int]:
    """What works in the folder's data; asked of psutil, not of the code under test. Zombies are no more."""
    found, title = [], embedded_process.cluster_name(folder / "data")
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess):
            try:
                found += [process.pid] if process.cwd() == str(folder / "data") else []
            except psutil.AccessDenied:  # a container's root may not look at other users' processes
                found += [process.pid] if title in " ".join(process.cmdline()) else []
    return found


def eventually(answer: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not answer():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@contextmanager
def owner(folder: Path, origin: Origin) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """Another process that uses the folder: itself, its PostgreSQL's pid, and its URL."""
    command = [sys.executable, "-c", OWNER, str(folder), origin]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout
        try:
            pid, url = process.stdout.readline().split()
            yield process, int(pid), url
        finally:
            process.kill()


# Starting and stopping


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_first_start_makes_a_durable_private_utf8_database(top: Path, origin: Origin) -> None:
    with EmbeddedPostgres(top / "a" / "pg", prefer=origin) as server:
        assert server.running
        show = {
            name: query(server.url(), f"SHOW {name}")[0][0]
            for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums", "server_encoding")
        }
        assert show.pop("server_encoding") == "UTF8"
        assert set(show.values()) == {"on"}
        assert query(server.url(), "SHOW listen_addresses") == [("",)]
        assert query(server.url(), "SELECT 'Z' < 'a', lower('Ä')") == [(True, "ä")]
        assert (top / "a" / "pg" / "run").stat().st_mode & 0o777 == 0o700
        assert sorted(path.name for path in (top / "a" / "pg").iterdir()) == ["data", "lock", "postgres.log", "run"]
    assert processes(top / "a" / "pg") == []


def test_what_was_committed_is_there_after_stop_and_start(server: EmbeddedPostgres, folder: Path) -> None:
    row = keep(server.url())
    server.stop()
    server.stop()
    assert not server.running
    assert processes(folder) == []
    server.start()
    server.start()
    assert row in rows(server)


def test_the_url_serves_sqlalchemy_whatever_the_environment_says(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGUSER", "somebody")
    engine = sqlalchemy.create_engine(server.url())
    with engine.connect() as connection:
        assert connection.scalar(sqlalchemy.text("SELECT current_database()")) == "dakora"
    engine.dispose()
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    server.stop()
    server.start()


def test_without_a_start_there_is_no_url(top: Path) -> None:
    with pytest.raises(EmbeddedError, match="not started"):
        EmbeddedPostgres(top / "pg").url()


def test_a_second_process_is_told_who_uses_the_folder(initialised: tuple[Origin, Path], folder: Path) -> None:
    with owner(folder, initialised[0]) as (process, _, url):
        with pytest.raises(AlreadyRunning, match=f"in use by process {process.pid}"):
            EmbeddedPostgres(folder).start()
        assert query(url, "SELECT 1") == [(1,)]
        process.communicate("")
    with EmbeddedPostgres(folder, settings=QUICK) as mine:
        assert "first" in rows(mine)


def test_two_of_one_process_do_not_share_a_folder_either(server: EmbeddedPostgres, folder: Path) -> None:
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}:"):
        EmbeddedPostgres(folder).start()
    assert "first" in rows(server)


def test_postgresql_does_not_inherit_the_lock(server: EmbeddedPostgres, folder: Path) -> None:
    server._folder.release()
    with (folder / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    server._folder.acquire()
    assert "first" in rows(server)


def test_it_outlives_the_thread_that_started_it(server: EmbeddedPostgres) -> None:
    server.stop()
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
    time.sleep(0.3)
    assert "first" in rows(server)


def test_ctrl_c_in_the_terminal_leaves_the_database_to_the_server(
    initialised: tuple[Origin, Path], folder: Path
) -> None:
    with owner(folder, initialised[0]) as (process, _, url):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.2)
        assert query(url, "SELECT 1") == [(1,)]
        process.communicate("")
    assert processes(folder) == []


def test_a_postgresql_that_hangs_is_stopped_all_the_same(server: EmbeddedPostgres, folder: Path) -> None:
    os.kill(server.pid or 0, signal.SIGSTOP)
    server.stop(patience=0.2)
    eventually(lambda: processes(folder) == [])


def test_a_failed_start_shows_the_log_and_gives_the_folder_back(folder: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"did not start.*postgres\.log ends with: .*no_such_setting"):
        EmbeddedPostgres(folder, settings={"no_such_setting": "1"}).start()
    with EmbeddedPostgres(folder, settings=QUICK) as server:
        assert "first" in rows(server)


def test_a_large_log_is_emptied_at_the_start(server: EmbeddedPostgres, folder: Path) -> None:
    server.stop()
    os.truncate(folder / "postgres.log", 10_000_001)
    server.start()
    assert (folder / "postgres.log").stat().st_size < 100_000


# Folders that are not as they should be


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "is not PostgreSQL's"), ("9.6\n", "is not PostgreSQL's"), ("12\n", "made by PostgreSQL 12")],
)
def test_foreign_data_is_refused_and_left_alone(top: Path, content: str, message: str) -> None:
    (top / "pg" / "data").mkdir(parents=True)
    if os.geteuid() == 0:
        shutil.chown(top / "pg" / "data", "nobody")
    (top / "pg" / "data" / "PG_VERSION").write_text(content)
    with pytest.raises(EmbeddedError, match=message):
        EmbeddedPostgres(top / "pg").start()
    assert (top / "pg" / "data" / "PG_VERSION").read_text() == content


def test_a_path_that_is_no_folder_is_one_sentence(top: Path) -> None:
    (top / "file").touch()
    with pytest.raises(EmbeddedError, match=r"cannot be used \(Not a directory\): choose another with --data-dir"):
        EmbeddedPostgres(top / "file" / "pg").start()


@pytest.mark.parametrize("name", ["long" * 25, "a b,c:d'é\"%"])
def test_a_path_unfit_for_a_socket_gets_a_short_one_that_goes_away(
    initialised: tuple[Origin, Path], folder: Path, top: Path, name: str
) -> None:
    home, folder = folder, folder.rename(top / name)
    with owner(folder, initialised[0]) as (process, pid, _):
        left = (folder / "run").readlink()
        assert left.parent == SOCKET_FOLDERS
        assert left.is_dir()
        os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()
    with EmbeddedPostgres(folder, settings=QUICK) as server:
        own = (folder / "run").readlink()
        assert own.is_dir()
        assert not left.exists()
        url = server.url()
        server.restart()
        assert server.url() == url
        engine = sqlalchemy.create_engine(server.url())
        with engine.connect() as connection:
            assert connection.scalar(sqlalchemy.text("SELECT row FROM kept")) == "first"
        engine.dispose()
    assert not own.exists()
    folder.rename(home)


@pytest.mark.parametrize("origin", ORIGINS)
def test_an_initialisation_killed_half_way_is_begun_again(top: Path, origin: Origin) -> None:
    command = [sys.executable, "-c", OWNER, str(top / "pg"), origin]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        eventually(lambda: list(top.glob("pg/data.new-*/PG_VERSION")))
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
    assert not (top / "pg" / "data").exists()
    with EmbeddedPostgres(top / "pg", prefer=origin, settings=QUICK) as server:
        assert query(server.url(), "SELECT 1") == [(1,)]
        assert not list(top.glob("pg/data.new-*"))


# kill -9


@pytest.mark.parametrize("victims", ["owner", "postmaster", "postmaster, owner", "owner, postmaster"])
def test_after_kill_9_of_anyone_committed_rows_are_there(
    initialised: tuple[Origin, Path], folder: Path, victims: str
) -> None:
    with owner(folder, initialised[0]) as (process, pid, url):
        row = keep(url)
        for victim in victims.split(", "):
            with suppress(ProcessLookupError):
                os.kill(process.pid if victim == "owner" else pid, signal.SIGKILL)
        process.kill()
        process.wait()
    with EmbeddedPostgres(folder, settings=QUICK) as server:
        assert row in rows(server)
        assert pid not in processes(folder), psutil.Process(pid).status()
    assert processes(folder) == []


def test_a_killed_owner_leaves_no_process(initialised: tuple[Origin, Path], folder: Path) -> None:
    with owner(folder, initialised[0]) as (process, _, _):
        process.kill()
        process.wait()
    if sys.platform != "linux":  # nothing tells a child there; the next start ends it
        with EmbeddedPostgres(folder, settings=QUICK):
            pass
    eventually(lambda: processes(folder) == [])


def test_after_kill_9_of_a_backend_it_recovers_by_itself(server: EmbeddedPostgres, folder: Path) -> None:
    pid = server.pid
    url = server.url().replace("+psycopg", "")
    with closing(psycopg.connect(url)) as connection, closing(psycopg.connect(url)) as witness:
        # The other session ends only once the postmaster has noticed: until then it still takes connections.
        backend = witness.info.backend_pid
        assert backend in processes(folder)
        connection.execute("INSERT INTO kept VALUES ('not committed')")
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            connection.commit()
        eventually(lambda: backend not in processes(folder))
        eventually(lambda: answers(server))
    assert "not committed" not in rows(server)
    assert server.pid == pid


def test_an_orphan_is_stopped_before_the_start(server: EmbeddedPostgres, folder: Path) -> None:
    orphan = server.pid
    server._folder.release()  # as when an owner dies where nothing tells its children
    with EmbeddedPostgres(folder, settings=QUICK) as second:
        assert "first" in rows(second)
        assert orphan not in processes(folder)


def test_orphaned_children_without_a_postmaster_are_ended(server: EmbeddedPostgres, folder: Path) -> None:
    with closing(psycopg.connect(server.url().replace("+psycopg", ""), autocommit=True)) as connection:
        backend = connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)  # does not notice that its postmaster is gone
        os.kill(server.pid or 0, signal.SIGKILL)
        eventually(lambda: processes(folder) == [backend])
        embedded_process.clear_leftovers(folder / "data", patience=0.2)
        assert processes(folder) == []


def test_a_process_that_only_has_the_old_number_is_never_signalled(server: EmbeddedPostgres, folder: Path) -> None:
    server.stop()
    data = folder / "data"
    with subprocess.Popen(["sleep", "60"], user=data.stat().st_uid if os.geteuid() == 0 else None) as innocent:
        (data / "postmaster.pid").write_text(f"{innocent.pid}\n{data}\n1\n5432\n\n\n\nready\n")
        server.start()
        assert "first" in rows(server)
        assert innocent.poll() is None
        innocent.kill()


@pytest.mark.parametrize("content", ["", "nonsense", "999999999"])
def test_a_damaged_pid_file_does_not_prevent_the_start(server: EmbeddedPostgres, folder: Path, content: str) -> None:
    server.stop()
    (folder / "data" / "postmaster.pid").write_text(content)
    server.start()
    assert "first" in rows(server)


def test_without_proc_the_orphans_are_those_lsof_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "my data"
    lsof = tmp_path / "lsof"
    lsof.write_text(
        f"#!/bin/sh\nprintf 'p11\\nfcwd\\nn/elsewhere\\np12\\nfcwd\\nn%s\\np13\\nfcwd\\nn%s2\\n' '{data}' '{data}'\n"
    )
    lsof.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert embedded_process._listed_by_lsof(data) == [12]


# Kept alive


async def test_a_postgresql_that_dies_is_started_again(server: EmbeddedPostgres) -> None:
    stopping = asyncio.Event()
    keeping = asyncio.create_task(server.keep_alive(stopping))
    for _ in range(2):
        await asyncio.sleep(0)
        os.kill(server.pid or 0, signal.SIGKILL)
        await asyncio.to_thread(eventually, lambda: not answers(server))
        await asyncio.to_thread(eventually, lambda: answers(server))
    stopping.set()
    await asyncio.wait_for(keeping, 5)
    assert server.running


async def test_a_stop_ends_the_keeping_and_is_no_death(server: EmbeddedPostgres) -> None:
    keeping = asyncio.create_task(server.keep_alive(asyncio.Event()))
    await asyncio.sleep(0)
    await asyncio.to_thread(server.stop)
    await asyncio.wait_for(keeping, 5)
    server.restart()
    assert not server.running


async def test_after_five_restarts_in_a_minute_it_gives_up(server: EmbeddedPostgres, folder: Path) -> None:
    keeping = asyncio.create_task(server.keep_alive(asyncio.Event()))
    essential = folder / "data" / "global"
    essential.rename(folder / "away")
    os.kill(server.pid or 0, signal.SIGKILL)
    with pytest.raises(EmbeddedError, match=r"5 times within a minute and stays down: see .*postgres\.log"):
        await asyncio.wait_for(keeping, 30)
    (folder / "away").rename(essential)
