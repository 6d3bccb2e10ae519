"""`promptvault.yaml` in the working directory: what a project says about itself, kept in git beside its prompts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from pydantic import JsonValue

from dakora_server.core.templates.input_types import kind_of
from dakora_server.core.templates.yaml_reader import Entry, Node, UnreadableError, decode, read

FILE_NAME = "promptvault.yaml"
_LEVELS = ("debug", "info", "warning", "error")


class ProjectFileInvalid(Exception):
    """The file cannot be used; the message names it, and the line."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the file: what it means, what it must be, and the setting that it stands for, if it does."""

    meaning: str
    is_fit: Callable[[JsonValue], bool]
    wants: str
    setting: str | None = None


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str) and bool(value.strip())


KEYS = {
    "registry": Key("As `REGISTRY_URL`; a path alone is a folder.", _is_text, "text", "registry_url"),
    "prompt_dir": Key("As `--prompts` of `dakora dev`, and `--dir` of `push`, `pull` and the like.", _is_text, "text"),
    "host": Key("As `HOST`.", _is_text, "text", "host"),
    "port": Key("As `PORT`.", lambda value: type(value) is int, "a whole number", "port"),
    "logging.enabled": Key(
        "With `false` only errors are logged.", lambda value: isinstance(value, bool), "true or false"
    ),
    "logging.level": Key(
        "As `LOG_LEVEL`.", lambda value: value in _LEVELS, f"one of {', '.join(_LEVELS)}", "log_level"
    ),
    "logging.format": Key("As `LOG_FORMAT`.", lambda value: value in ("json", "text"), "json or text", "log_format"),
}


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """What the file says. `settings` are by the names that `Settings` has; flags and the environment win over them."""

    prompt_dir: Path | None = None
    settings: dict[str, JsonValue] = field(default_factory=dict)


def read_project_file(folder: Path) -> ProjectFile:
    """What `promptvault.yaml` in this folder says; nothing without one. Raises ProjectFileInvalid."""
    try:
        root = read(decode((folder / FILE_NAME).read_bytes()))
    except FileNotFoundError:
        return ProjectFile()
    except OSError as error:
        raise ProjectFileInvalid(f"{FILE_NAME} cannot be read: {error.strerror}.") from None
    except UnreadableError as error:
        fault = error.faults[0]
        if fault.type == "empty_file":
            return ProjectFile()
        raise ProjectFileInvalid(f"{FILE_NAME}:{fault.line}:{fault.column}: {fault.message}") from None
    if root.entries is None:
        raise ProjectFileInvalid(f"{FILE_NAME}:1:1: The file must hold keys such as `prompt_dir`.")
    return _project_file(dict(_values(root, "")))


def _project_file(values: dict[str, JsonValue]) -> ProjectFile:
    settings = {key.setting: values[name] for name, key in KEYS.items() if key.setting and name in values}
    registry = settings.get("registry_url")
    if isinstance(registry, str) and ":" not in registry:
        settings["registry_url"] = f"file:{registry}"
    if values.get("logging.enabled") is False:
        settings["log_level"] = "error"
    prompt_dir = values.get("prompt_dir")
    return ProjectFile(Path(prompt_dir) if isinstance(prompt_dir, str) else None, settings)


def _values(node: Node, prefix: str) -> Iterator[tuple[str, JsonValue]]:
    """Every key with its value, checked; groups such as `logging` are gone into."""
    for name, entry in (node.entries or {}).items():
        full = f"{prefix}{name}"
        if any(known.startswith(f"{full}.") for known in KEYS):
            if entry.node.entries is None:
                raise _refused(entry, f"`{full}` must hold keys such as `{_within(full)}`.")
            yield from _values(entry.node, f"{full}.")
            continue
        key = KEYS.get(full)
        if key is None:
            near = get_close_matches(full, KEYS, n=1, cutoff=0.0)[0]
            raise _refused(entry, f"`{full}` is no key of this file; the nearest one is `{near}`.")
        value = entry.node.plain()
        if not key.is_fit(value):
            raise _refused(entry, f"`{full}` must be {key.wants}, not {kind_of(value)}.")
        yield full, value


def _within(group: str) -> str:
    return next(known for known in KEYS if known.startswith(f"{group}.")).removeprefix(f"{group}.")


def _refused(entry: Entry, message: str) -> ProjectFileInvalid:
    return ProjectFileInvalid(f"{FILE_NAME}:{entry.line + 1}:{entry.column + 1}: {message}")
