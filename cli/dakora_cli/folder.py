"""A folder of files with prompts and parts: which files count, what each says, and where in it a fault lies."""

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from dakora_cli.refusals import Problem, WrongUse, field_at
from dakora_cli.world import World
from dakora_server.core.exceptions import Fault, TemplateInvalid
from dakora_server.core.sync.names import folder_of, is_folder, is_hidden, is_part, is_yaml, lies_with_parts
from dakora_server.core.sync.parsing import parse_file
from dakora_server.core.sync.positions import in_file
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.serialization import Document
from dakora_server.core.templates.yaml_reader import MAX_FILE_BYTES
from dakora_server.promptvault import ProjectFileInvalid, read_project_file


def prompt_dir(world: World) -> Path:
    """The folder that `promptvault.yaml` names, else `prompts`. Raises WrongUse."""
    try:
        return read_project_file(world.cwd).prompt_dir or Path("prompts")
    except ProjectFileInvalid as error:
        raise WrongUse(str(error)) from None


def _given_or_named(ctx: click.Context, _: click.Parameter, given: Path | None) -> Path:
    return given or prompt_dir(ctx.obj.world)


folder_option = click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    callback=_given_or_named,
    metavar="DIR",
    help="The folder; its sub-folders are the prompts' (default: prompts, or what promptvault.yaml says).",
)


def check_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--check` and `--dry-run`: what would be done."""
    function = click.option("--dry-run", is_flag=True, help="Change nothing; say what would change.")(function)
    help_text = "Change nothing; exit 1 when something would change."
    return click.option("--check", "check_only", is_flag=True, help=help_text)(function)


@dataclass(frozen=True, slots=True)
class PromptFile:
    """A file that holds a prompt or a part.

    `shown` is its path as the user would write it, `at` its path in the folder.
    """

    path: Path
    shown: str
    at: str
    folder: str
    text: str
    spec: TemplateSpec
    content_hash: str

    @property
    def key(self) -> str:
        """What is unique: the id, whatever the case of its letters."""
        return self.spec.id.lower()

    @property
    def is_part(self) -> bool:
        """Whether it holds a part and no prompt."""
        return is_part(self.spec.id)

    @property
    def sha256(self) -> str:
        """Of the file's bytes: comments and spelling count."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def problem(self, fault: Fault) -> Problem:
        """A fault found in the prompt, at its place in the file."""
        return problem_in(self.shown, in_file(fault, self.text.encode()))


def problem_in(shown: str, fault: Fault) -> Problem:
    """A fault whose line and column are the file's."""
    return Problem(fault.message, shown, fault.line, fault.column, field=field_at(fault.loc), type=fault.type)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a look at the disk brought."""

    files: tuple[PromptFile, ...] = ()
    problems: tuple[Problem, ...] = ()

    def __add__(self, other: "Reading") -> "Reading":
        return Reading(self.files + other.files, self.problems + other.problems).without_doubles()

    def without(self, paths: Collection[str | None]) -> "Reading":
        """The same without the files at these paths (as they are shown); what is wrong with those does not count."""
        kept = tuple(file for file in self.files if file.shown not in paths)
        return Reading(kept, tuple(problem for problem in self.problems if problem.path not in paths))

    def without_doubles(self) -> "Reading":
        """Each file once; a second file with the id of another is a problem."""
        kept: dict[str, PromptFile] = {}
        problems = list(self.problems)
        for file in self.files:
            other = kept.setdefault(file.key, file)
            if other.path != file.path:
                message = f"The id {file.spec.id} is also in {other.shown}."
                problems.append(Problem(message, file.shown, type="duplicate_id"))
        return Reading(tuple(kept.values()), tuple(problems))


def read_folder(
    world: World, root: Path, paths: Sequence[Path] = (), *, done: Callable[[], None] = lambda: None
) -> Reading:
    """The prompts in the folder, or in those of its files and sub-folders that `paths` names.

    Raises WrongUse when there is no such folder or path, or a path lies elsewhere.
    """
    base = folder_at(world, root)
    if not base.is_dir():
        raise WrongUse(f"There is no folder {root}: `dakora init` makes one, --dir names another.")
    starts = [_in_folder(world, base, root, path) for path in paths] or [base]
    return read_files(world, base, find_files(world, base, starts), done=done)


def folder_at(world: World, root: Path) -> Path:
    """The folder, from the root of the disk and without detours: the paths of all its files begin like this."""
    return Path(os.path.normpath(world.cwd / root))


def _in_folder(world: World, base: Path, root: Path, path: Path) -> Path:
    start = folder_at(world, path)
    if not start.exists():
        raise WrongUse(f"There is no {path}.")
    if not start.resolve().is_relative_to(base.resolve()):
        raise WrongUse(f"{path} is not in {root}: name its folder with --dir.")
    # Reached by another way, a file still has the sub-folder that it lies in.
    return start if start.is_relative_to(base) else base / start.resolve().relative_to(base.resolve())


def read_files(
    world: World, base: Path, found: Iterable[Path | Problem], *, done: Callable[[], None] = lambda: None
) -> Reading:
    """What these files say."""
    files: list[PromptFile] = []
    problems: list[Problem] = []
    for entry in found:
        read_one = [entry] if isinstance(entry, Problem) else _read(world, base, entry)
        if isinstance(read_one, PromptFile):
            files.append(read_one)
        else:
            problems += read_one
        done()
    return Reading(tuple(files), tuple(problems)).without_doubles()


def find_files(world: World, base: Path, starts: Iterable[Path]) -> Iterator[Path | Problem]:
    """The files that count, in order, each once; a link that leads out of `base` is a problem in its place."""
    seen: set[Path] = set()
    for start in starts:
        named = start.is_file()
        for path in [start] if named else _walk(start):
            if path in seen:
                continue
            seen.add(path)
            if path.is_symlink() and not path.resolve().is_relative_to(base.resolve()):
                yield Problem("This link leads out of the folder.", world.shown(path), type="link_out")
            elif path.is_dir():
                continue  # a link to a folder in here: its files are found where they are
            elif path.is_file():
                yield path
            else:
                yield Problem("This is no regular file.", world.shown(path), type="no_file")


def _walk(start: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(start):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *links]):
            if name in links or is_yaml(name):
                yield Path(folder) / name


def _read(world: World, base: Path, path: Path) -> PromptFile | list[Problem]:
    shown = world.shown(path)
    at = path.relative_to(base).as_posix()
    folder = folder_of(at)
    if not (is_folder(folder) or lies_with_parts(folder)):
        rule = "sub-folders have letters, digits, spaces, dots, hyphens and underscores, and are at most 8 deep"
        return [Problem(f"The folder {folder} cannot be stored: {rule}.", shown, type="invalid_folder")]
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return [Problem(f"The file cannot be read: {error.strerror}.", shown, type="unreadable")]
    try:
        spec = parse_file(raw, at=at, filename=shown)
        content_hash = Document.of(spec).hash
    except TemplateInvalid as error:
        return [problem_in(shown, fault) for fault in error.errors] or [Problem(error.detail, shown)]
    return PromptFile(path, shown, at, folder, raw.decode(), spec, content_hash)
