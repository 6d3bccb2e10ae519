"""What became of an archive's files, and the refusal that names those at fault."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dakora_server.core.exceptions import DakoraError, Fault, ImportRefused
from dakora_server.core.outcome import Outcome
from dakora_server.core.parts.bulk_plan import PartStep
from dakora_server.core.prompts.bulk_plan import Saved
from dakora_server.core.sync.positions import in_file
from dakora_server.core.templates.spec_faults import MAX_FAULTS, and_more


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to import. `dry_run` only says what would happen; `partial` saves what can be; `message` is for history."""

    dry_run: bool = False
    partial: bool = False
    message: str | None = None

    @property
    def is_strict(self) -> bool:
        """Whether one file at fault is enough to refuse everything."""
        return not (self.partial or self.dry_run)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file: the prompt or part in it (`id`) at its newest version, or what is wrong with it."""

    path: str
    id: str | None
    outcome: Outcome
    version: str | None = None
    number: int | None = None
    faults: tuple[Fault, ...] = ()


def imported(path: str, saved: Saved | PartStep) -> Imported:
    """What became of the file at `path`, whose prompt or part this is."""
    its_id = saved.prompt_id if isinstance(saved, Saved) else saved.part_id
    if saved.record is not None:
        return Imported(path, its_id, saved.outcome, saved.record.semver, saved.record.number)
    error = saved.error or DakoraError()
    found = error.errors or (Fault(error.detail, type=error.code),)
    # A fault says what is wrong; a part that is missing is one of several that a text includes.
    faults = [replace(fault, loc=(path, *fault.loc), type=fault.type or error.code) for fault in found]
    return Imported(path, its_id, saved.outcome, faults=tuple(faults))


def located(path: str, raw: bytes, error: DakoraError) -> list[Fault]:
    """The faults of a text, with the file they are in and their places in it."""
    if not error.errors:
        return [Fault(error.detail, loc=(path,), type=error.code)]
    return [replace(found, loc=(path, *found.loc)) for found in (in_file(fault, raw) for fault in error.errors)]


def refusal(results: Sequence[Imported]) -> ImportRefused:
    """The refusal of everything for these files."""
    return refused_for([fault for one in results for fault in one.faults])


def refused_for(faults: Sequence[Fault]) -> ImportRefused:
    """The refusal of everything for these faults, each of which names its file."""
    faults = faults[:MAX_FAULTS]
    first = faults[0]
    place = "".join(f", {name} {at}" for name, at in (("line", first.line), ("column", first.column)) if at is not None)
    return ImportRefused(f"Nothing was saved. {first.loc[0]}{place}: {and_more(faults)}", errors=faults)
