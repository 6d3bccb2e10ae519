"""Everything a command touches outside itself comes in through one object, so that tests bring their own."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dakora_cli.lazy import on_call

if TYPE_CHECKING:
    from dakora_client import Dakora


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Streams, environment, folders, time, the way to a server, and the way to become another program."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    env: Mapping[str, str]
    cwd: Path
    config_dir: Path
    open_client: "Callable[..., Dakora]"
    """Takes the keyword arguments of `Dakora`, the address first."""
    become: Callable[[list[str]], int]
    """Replaces this process by a Python that runs with these arguments; where that is impossible, its exit code."""
    ask_secret: Callable[[str], str]
    now: Callable[[], datetime]

    def shown(self, path: Path) -> str:
        """The path as the user would write it: relative where that is shorter."""
        return str(path.relative_to(self.cwd)) if path.is_relative_to(self.cwd) else str(path)


def real_world() -> World:
    """This machine, this terminal."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        _speak_utf8(stream)
    return World(
        stdin=sys.stdin,
        stdout=sys.stdout,
        stderr=sys.stderr,
        env=os.environ,
        cwd=Path.cwd(),
        config_dir=config_dir(os.environ, Path.home()),
        open_client=on_call("dakora_client:Dakora"),
        become=_become,
        ask_secret=lambda question: getpass(question, stream=sys.stderr),
        now=lambda: datetime.now(UTC),
    )


def config_dir(env: Mapping[str, str], home: Path) -> Path:
    """Where this user's settings lie: `$XDG_CONFIG_HOME/dakora`, `~/.config/dakora` without it."""
    base = env.get("XDG_CONFIG_HOME", "")
    # The specification says that a relative path is to be ignored.
    return (Path(base) if Path(base).is_absolute() else home / ".config") / "dakora"


def _speak_utf8(stream: TextIO) -> None:
    # Prompts are UTF-8 whatever the locale says; a terminal that cannot show a letter shows a mark in its place.
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is None:
        return
    if stream is sys.stdin:
        reconfigure(encoding="utf-8")
    elif stream is sys.stdout and not sys.stdout.isatty():
        reconfigure(encoding="utf-8", newline="\n")
    else:
        reconfigure(errors="replace")


def _become(arguments: list[str]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - our own interpreter, and no shell
