"""Which server, as whom: flags, then the environment, then the linked file, then this machine."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dakora_cli.files import write_atomically
from dakora_cli.refusals import WrongUse
from dakora_cli.world import World

LOCAL_URL = "http://localhost:54321"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Link:
    """What `dakora link` remembers."""

    url: str
    api_key: str | None = field(default=None, repr=False)
    project: str | None = None

    def exports(self) -> str:
        """The lines that hand it to the SDKs, for a shell's `eval`."""
        values = {"DAKORA_BASE_URL": self.url, "DAKORA_API_KEY": self.api_key, "DAKORA_PROJECT": self.project}
        return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items() if value)


@dataclass(frozen=True, slots=True)
class Connection:
    """A server's address and what to show it; `*_from` say where the user set it."""

    url: str
    api_key: str | None = field(default=None, repr=False)
    project: str | None = None
    url_from: str = "the default"
    key_from: str | None = None
    token: str | None = field(default=None, repr=False)

    @property
    def shown(self) -> str | None:
        """What the server is shown, in words: an API key, a session token, or nothing."""
        return "API key" if self.api_key else "session token" if self.token else None

    @property
    def is_exposed(self) -> bool:
        """Whether an API key or a token would cross a network unencrypted."""
        parts = urlsplit(self.url)
        return self.shown is not None and parts.scheme == "http" and parts.hostname not in _LOOPBACK


def resolve(world: World, *, url: str | None, api_key: str | None, project: str | None) -> Connection:
    """The connection for one command. Raises WrongUse."""
    env = world.env
    link = read_link(world) or Link("")
    chosen, url_from = _first(
        (url, "--url"), (env.get("DAKORA_BASE_URL"), "DAKORA_BASE_URL"), (link.url, "dakora link")
    )
    address = (chosen or LOCAL_URL).rstrip("/")
    # The linked key was meant for the linked server: it is shown to no other.
    linked = link if link.url == address else Link("")
    key, key_from = _first((read_key(world, api_key), "--api-key"), (env.get("DAKORA_API_KEY"), "DAKORA_API_KEY"))
    token = None if key_from == "--api-key" else read_token(world)
    if key is not None and token is not None:
        raise WrongUse("DAKORA_API_KEY and DAKORA_TOKEN are both set: unset one of them.")
    if key is None and token is None:
        key, key_from = _first((linked.api_key, "dakora link"))
    place, _ = _first(
        (project, "--project"),
        (env.get("DAKORA_PROJECT"), "DAKORA_PROJECT"),
        (linked.project, "dakora link"),
    )
    return Connection(address, key, place, url_from or "the default", "DAKORA_TOKEN" if token else key_from, token)


def read_token(world: World) -> str | None:
    """The session token in the environment: no flag takes one, and no link remembers one, because it is soon over."""
    return world.env.get("DAKORA_TOKEN", "").strip() or None


def read_key(world: World, given: str | None) -> str | None:
    """The key that `--api-key` means: `-` reads standard input, `ask` asks for it. Raises WrongUse."""
    if given == "-":
        key = world.stdin.readline().strip()
        if not key:
            raise WrongUse("There is no key on standard input.")
        return key
    if given == "ask":
        try:
            key = world.ask_secret("API key: ").strip()
        except EOFError:
            key = ""
        if not key:
            raise WrongUse("No key was given.")
        return key
    return given


def read_link(world: World) -> Link | None:
    """What was linked, if anything. Raises WrongUse when the file cannot be read."""
    path = link_path(world)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise WrongUse(f"{path} cannot be read: `dakora link --remove` takes it away.") from None
    if not isinstance(found, Mapping) or not isinstance(found.get("url"), str):
        raise WrongUse(f"{path} is not a link: `dakora link --remove` takes it away.")
    key, project = found.get("api_key"), found.get("project")
    return Link(found["url"], key if isinstance(key, str) else None, project if isinstance(project, str) else None)


def write_link(world: World, link: Link) -> Path:
    """Remember a link; only this user can read it, because it may hold a key."""
    path = link_path(world)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    entry = {"url": link.url, "api_key": link.api_key, "project": link.project}
    known = {name: value for name, value in entry.items() if value}
    write_atomically(path, json.dumps(known, indent=2) + "\n", mode=0o600)
    return path


def remove_link(world: World) -> bool:
    """Forget the link; says whether there was one."""
    try:
        link_path(world).unlink()
    except FileNotFoundError:
        return False
    return True


def link_path(world: World) -> Path:
    """Where the link is kept."""
    return world.config_dir / "link.json"


def mask(key: str) -> str:
    """A key as it may be shown: enough to tell which one it is."""
    return f"{key[:8]}…{key[-4:]}" if len(key) >= 20 else "…"


def _first(*choices: tuple[str | None, str]) -> tuple[str | None, str | None]:
    for value, source in choices:
        if value and value.strip():
            return value.strip(), source
    return None, None
