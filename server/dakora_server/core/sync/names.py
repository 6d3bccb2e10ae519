"""Which names in the folder count, and what the file of a prompt or part is called."""

import re
from pathlib import PurePosixPath

from dakora_server.core.folders import is_reserved
from dakora_server.core.templates.includes import PART_NAME

PARTS = "parts"
"""The sub-folder of the parts: one folder in it for each category."""

FOLDER = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._ -]{0,63}(?:/[A-Za-z0-9][A-Za-z0-9._ -]{0,63}){0,7})?")
"""What the `folder` of a prompt may be; the HTTP floor holds the same rule."""

TEMPORARY = ".dakora-"
"""Our own unfinished files begin with this; being hidden, they are never read as prompts."""

_PROMPT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PART_FOLDER = re.compile(rf"{PARTS}/{PART_NAME}")
_PART_ID = re.compile(rf"{PART_NAME}/{PART_NAME}")
_SUFFIXES = (".yaml", ".yml")


def is_yaml(name: str) -> bool:
    """Whether a file of this name counts.

    Editors' leftovers never do: they are hidden or have an ending of their own (`x.yaml~`, `.x.yaml.swp`, `4913`).
    """
    return name.endswith(_SUFFIXES) and not name.startswith((".", "~"))


def is_hidden(name: str) -> bool:
    """Whether this file or folder is none of ours."""
    return name.startswith(".")


def folder_of(path: str) -> str:
    """The `folder` of the prompt whose file this is."""
    parent = str(PurePosixPath(path).parent)
    return "" if parent == "." else parent


def is_part(item_id: str) -> bool:
    """Whether this is the id of a part: those alone have a slash."""
    return "/" in item_id


def lies_with_parts(path: str) -> bool:
    """Whether what lies at this path, or in this folder, is for parts: no prompt can be there."""
    return is_reserved(path)


def part_id_of(path: str) -> str | None:
    """The part whose file this is, as its path says; None where no part's file can be."""
    pure = PurePosixPath(path)
    part_id = f"{pure.parent.name}/{pure.stem}"
    return part_id if is_part_folder(str(pure.parent)) and _PART_ID.fullmatch(part_id) else None


def part_folder(part_id: str) -> str:
    """The folder that a part's file lies in."""
    return f"{PARTS}/{part_id.partition('/')[0]}"


def is_part_folder(folder: str) -> bool:
    """Whether this folder is a category's."""
    return _PART_FOLDER.fullmatch(folder) is not None


def is_folder(folder: str) -> bool:
    """Whether the server can store this folder, and the disk is safe with it."""
    return FOLDER.fullmatch(folder) is not None


def id_by_name(path: str) -> str | None:
    """The prompt that the file's name suggests, where nothing better is known."""
    if lies_with_parts(path):
        return part_id_of(path)
    stem = PurePosixPath(path).stem
    return stem if is_folder(folder_of(path)) and _PROMPT_ID.fullmatch(stem) else None


def new_path(folder: str, prompt_id: str, *, attempt: int = 0) -> str:
    """Where the file of a prompt goes; with `attempt`, the next best name after one that is taken."""
    name = prompt_id.rpartition("/")[2]
    stem = name if attempt == 0 else f"{name}-{attempt + 1}"
    return str(PurePosixPath(folder, f"{stem}.yaml"))


def moved_path(path: str, folder: str, *, attempt: int = 0) -> str:
    """The path of the same file in another folder; with `attempt`, the next best name after one that is taken."""
    pure = PurePosixPath(path)
    name = pure.name if attempt == 0 else f"{pure.stem}-{attempt + 1}{pure.suffix}"
    return str(PurePosixPath(folder, name))
