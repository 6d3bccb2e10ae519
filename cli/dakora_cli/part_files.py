"""Files that hold parts: what each says, and in which order they can be saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from dakora_cli.folder import problem_in
from dakora_cli.refusals import Problem, Refusal, WrongUse
from dakora_cli.world import World
from dakora_server.core.exceptions import Fault, TemplateInvalid
from dakora_server.core.sync.positions import in_file
from dakora_server.core.templates.analysis import analyse
from dakora_server.core.templates.includes import walk_names
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.part_model import PartSpec
from dakora_server.core.templates.serialization import Document, parse_yaml
from dakora_server.core.templates.yaml_reader import MAX_FILE_BYTES

STDIN = "-"


@dataclass(frozen=True, slots=True)
class PartFile:
    """A part as it was read. `path` is None for standard input; `includes` are the ids of the parts it names."""

    path: Path | None
    shown: str
    text: str
    spec: TemplateSpec
    content_hash: str
    includes: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """What is unique: the id, whatever the case of its letters."""
        return self.spec.id.lower()

    def problem(self, fault: Fault) -> Problem:
        """A fault found in the part's text, at its place in the file."""
        return problem_in(self.shown, in_file(fault, self.text.encode()))


def read_parts(world: World, sources: Sequence[str]) -> list[PartFile]:
    """The parts in these files, `-` being standard input; what others of them include comes first.

    Raises Refusal with every fault of every file, WrongUse for files that are not there.
    """
    files: dict[str, PartFile] = {}
    problems: list[Problem] = []
    for source in dict.fromkeys(sources):
        found = _read(world, source)
        if not isinstance(found, PartFile):
            problems += found
            continue
        other = files.setdefault(found.key, found)
        if other is not found:
            problems.append(Problem(f"The id {found.spec.id} is also in {other.shown}.", found.shown))
    if problems:
        raise Refusal("Nothing was sent: mend the files first.", problems=problems)
    return _in_order(files)


def _read(world: World, source: str) -> PartFile | list[Problem]:
    path, raw = _raw(world, source)
    shown = "standard input" if path is None else world.shown(path)
    try:
        spec = parse_yaml(raw, filename=shown, kind=PartSpec)
        content_hash = Document.of(spec).hash
    except TemplateInvalid as error:
        return [problem_in(shown, fault) for fault in error.errors] or [Problem(error.detail, shown)]
    found = analyse(spec.sources, Limits())
    includes = frozenset(part_id.lower() for _, part_id, _ in walk_names(found.includes))
    file = PartFile(path, shown, raw.decode(), spec, content_hash, includes)
    faults = [
        file.problem(Fault(fault.message, ("template",), fault.line, fault.column, fault.type))
        for fault in found.faults
    ]
    return faults or file


def _raw(world: World, source: str) -> tuple[Path | None, bytes]:
    if source == STDIN:
        try:
            return None, world.stdin.read(MAX_FILE_BYTES + 1).encode()
        except UnicodeError:
            raise WrongUse("Standard input is not UTF-8.") from None
    path = world.cwd / source
    if path.is_dir():
        raise WrongUse(f"{source} is a folder: name the files in it.")
    try:
        with path.open("rb") as file:
            return path, file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise WrongUse(f"{source} cannot be read: {error.strerror}.") from None


def _in_order(files: dict[str, PartFile]) -> list[PartFile]:
    graph = {key: [name for name in file.includes if name in files] for key, file in files.items()}
    try:
        return [files[key] for key in TopologicalSorter(graph).static_order()]
    except CycleError:
        return list(files.values())  # the server says which part would include itself
