"""Which names in the folder count, and what a prompt's file is called."""

import re
from pathlib import PurePosixPath

FOLDER = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._ -]{0,63}(?:/[A-Za-z0-9][A-Za-z0-9._ -]{0,63}){0,7})?")
"""What the `folder` of a prompt may be; the HTTP floor holds the same rule."""

TEMPORARY = ".dakora-"
"""Our own unfinished files begin with this; being hidden, they are never read as prompts."""

_PROMPT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CONFLICT = re.compile(r"(.+)\.conflict\.v([0-9]{1,9})(\.ya?ml)")
_SUFFIXES = (".yaml", ".yml")


def is_yaml(name: str) -> bool:
    """Whether a file of this name counts: prompts, and the server's texts beside them.

    Editors' leftovers never do: they are hidden or have an ending of their own (`x.yaml~`, `.x.yaml.swp`, `4913`).
    """
    return name.endswith(_SUFFIXES) and not name.startswith((".", "~"))


def is_hidden(name: str) -> bool:
    """Whether this file or folder is none of ours."""
    return name.startswith(".")


def is_conflict(name: str) -> bool:
    """Whether this is the server's text of a prompt that changed on both sides."""
    return _CONFLICT.fullmatch(name) is not None


def conflict_path(path: str, number: int) -> str:
    """Where the server's version `number` is put when the prompt's file at `path` changed as well."""
    pure = PurePosixPath(path)
    return str(pure.with_name(f"{pure.stem}.conflict.v{number}{pure.suffix}"))


def conflict_parts(path: str) -> tuple[str, int]:
    """The prompt's file that the conflict file at `path` stands beside, and the server's version number in it."""
    pure = PurePosixPath(path)
    match = _CONFLICT.fullmatch(pure.name)
    if match is None:
        raise ValueError(f"{path} is no conflict file")
    return str(pure.with_name(match[1] + match[3])), int(match[2])


def folder_of(path: str) -> str:
    """The `folder` of the prompt whose file this is."""
    parent = str(PurePosixPath(path).parent)
    return "" if parent == "." else parent


def is_folder(folder: str) -> bool:
    """Whether the server can store this folder, and the disk is safe with it."""
    return FOLDER.fullmatch(folder) is not None


def id_by_name(path: str) -> str | None:
    """The prompt that the file's name suggests, where nothing better is known."""
    stem = PurePosixPath(path).stem
    return stem if is_folder(folder_of(path)) and _PROMPT_ID.fullmatch(stem) else None


def new_path(folder: str, prompt_id: str, *, attempt: int = 0) -> str:
    """Where the file of a prompt goes; with `attempt`, the next best name after one that is taken."""
    stem = prompt_id if attempt == 0 else f"{prompt_id}-{attempt + 1}"
    name = f"{stem}.yaml"
    # An id may look like a conflict file, which would never be read.
    return str(PurePosixPath(folder, f"{stem}-prompt.yaml" if is_conflict(name) else name))


def moved_path(path: str, folder: str, *, attempt: int = 0) -> str:
    """The path of the same file in another folder; with `attempt`, the next best name after one that is taken."""
    pure = PurePosixPath(path)
    name = pure.name if attempt == 0 else f"{pure.stem}-{attempt + 1}{pure.suffix}"
    return str(PurePosixPath(folder, name))
