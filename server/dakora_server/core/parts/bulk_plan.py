"""What saving many parts comes to: decided here from what is there and what is given, those first that others include.

Whatever follows a part that changes is part of the plan: parts that are not given, deleted ones too, get their new
version in the same order, so that each is resolved against the newest versions of all that it includes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from uuid import UUID

from dakora_server.core.audit.service import Happened
from dakora_server.core.exceptions import DakoraError, IncludeCycle, InvalidRequest, PartArchived, PartExists
from dakora_server.core.outcome import Outcome
from dakora_server.core.parts.bulk_queries import Held
from dakora_server.core.parts.records import PartRecord
from dakora_server.core.parts.service import Exact, Shelf, facts, followed
from dakora_server.core.templates.includes import is_pinned, walk_names
from dakora_server.core.templates.versioning import is_higher, next_version

# How many parts a message names at most.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class PreparedPart:
    """A version of a part whose text is checked and stored. `exact` is what its names stood for, where known."""

    part_id: str
    given: str | None
    content_hash: str
    description: str
    tags: tuple[str, ...]
    variables: tuple[str, ...]
    size: int
    names: tuple[str, ...] = ()
    exact: Exact = field(default_factory=dict)
    message: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PartLine:
    """A part to save: its newest version last, before it those that led there, if they are known."""

    versions: tuple[PreparedPart, ...]

    @property
    def part_id(self) -> str:
        """The part's id."""
        return self.versions[-1].part_id

    @property
    def key(self) -> str:
        """The id in lower case: ids are unique whatever their case."""
        return self.part_id.lower()

    def without_repeat(self) -> "PartLine":
        """The line without its newest version, where that says what the version before it says."""
        if len(self.versions) > 1:
            before, newest = self.versions[-2:]
            is_raised = newest.given and before.given and is_higher(newest.given, before.given)
            if newest.content_hash == before.content_hash and not is_raised:
                return PartLine(self.versions[:-1])
        return self


@dataclass(frozen=True, slots=True)
class PartStep:
    """What becomes of a part. `added` are versions it did not have; `error` says why it was refused."""

    part_id: str
    outcome: Outcome
    record: PartRecord | None = None
    error: DakoraError | None = None
    added: tuple[PartRecord, ...] = ()
    events: tuple[Happened, ...] = ()
    # Deleted, and stays so: what is deleted follows all the same, and can be restored.
    is_deleted: bool = False

    @property
    def is_change(self) -> bool:
        """Whether anything is written."""
        return bool(self.events)


@dataclass(frozen=True, slots=True)
class State:
    """The project's parts as they are: all at their newest version, and what else the lines ask for.

    `exact` has other versions, by part and number; `known` the history of the parts that are given.
    """

    heads: Mapping[str, Held]
    exact: Mapping[tuple[str, int], PartRecord]
    known: Mapping[str, Sequence[tuple[int, str, str]]]


@dataclass(frozen=True, slots=True)
class Plan:
    """A step for each line, in the order given, and those of the parts that follow, `order` all of them as written."""

    lines: list[PartStep]
    order: list[PartStep]

    @property
    def changed(self) -> dict[str, PartRecord]:
        """The parts that have a new version, by id."""
        return {one.part_id: one.added[-1] for one in self.order if one.added}

    @property
    def shelf(self) -> dict[str, PartRecord]:
        """What names of parts stand for once this is written, where it is not what they stood for before."""
        living = [one for one in self.order if not one.is_deleted]
        found = {row.as_used.name: row for one in living for row in one.added}
        return found | {one.part_id: one.record for one in living if one.record is not None}


NO_PLAN = Plan([], [])


def make_plan(lines: Sequence[PartLine], state: State, *, author: UUID, now: datetime) -> Plan:
    """What is to be written. Refusals are in it, not raised; what includes a part that is missing then is refused.

    Raises TemplateInvalid where a part that is not given cannot follow: its includes would be too much.
    """
    refused: dict[int, DakoraError] = {}
    seen: set[str] = set()
    for place, line in enumerate(lines):
        if line.key in seen:
            refused[place] = InvalidRequest(f"The part {line.part_id} is there twice (letters' case aside).")
        seen.add(line.key)
    while True:
        standing = {place: line for place, line in enumerate(lines) if place not in refused}
        planning = _Planning({line.part_id: line for line in standing.values()}, state, author, now)
        planning.run()
        refusals = planning.refused
        found = {place: refusals[line.part_id] for place, line in standing.items() if line.part_id in refusals}
        if not found:
            break
        # Once more without them: what they are now may be followed by others.
        refused |= found
    steps = [
        PartStep(line.part_id, Outcome.refused, error=refused[place])
        if place in refused
        else planning.steps[line.part_id]
        for place, line in enumerate(lines)
    ]
    return Plan(steps, list(planning.steps.values()))


class _Planning:
    """One pass over everything, in order."""

    def __init__(self, lines: Mapping[str, PartLine], state: State, author: UUID, now: datetime) -> None:
        self._lines = lines
        self._state = state
        self._author = author
        self._now = now
        self._heads = {held.record.part_id: held for held in state.heads.values()}
        self._shelf = {row.as_used.name: row for row in state.exact.values() if self._lives(row.part_id)}
        self._shelf |= {held.record.as_used.name: held.record for one, held in self._heads.items() if self._lives(one)}
        self._shelf |= {one: held.record for one, held in self._heads.items() if not held.is_deleted}
        self._changed: dict[str, PartRecord] = {}
        self.steps: dict[str, PartStep] = {}
        self.refused: dict[str, DakoraError] = {}

    def _lives(self, part_id: str) -> bool:
        return part_id in self._lines or (part_id in self._heads and not self._heads[part_id].is_deleted)

    def run(self) -> None:
        """Find the steps, or refusals."""
        for part_id in self._order():
            line = self._lines.get(part_id)
            try:
                step = self._follow(part_id) if line is None else self._save(line)
            except DakoraError as error:
                if line is None:
                    raise
                self.refused[part_id] = error
                continue
            if step is None:
                continue
            self.steps[part_id] = step
            for row in step.added:
                self._shelf[row.as_used.name] = self._changed[part_id] = row
            if step.record is not None and self._lives(part_id):
                self._shelf[part_id] = step.record

    def _order(self) -> list[str]:
        """Every part after those that it includes; nothing, but refusals, where some include each other."""
        every = sorted({*self._heads, *self._lines})
        # Histories may include each other where the newest versions do not.
        for whole in (True, False):
            graph: TopologicalSorter[str] = TopologicalSorter()
            for part_id in every:
                graph.add(part_id, *self._needs(part_id, whole=whole))
            try:
                return list(graph.static_order())
            except CycleError as error:
                cycle = list(dict.fromkeys(error.args[1]))
        shown = " → ".join([*reversed(cycle), cycle[-1]])
        for part_id in cycle:
            if part_id in self._lines:
                self.refused[part_id] = IncludeCycle(f"Parts would include each other: {shown[:1000]}.")
        return []

    def _needs(self, part_id: str, *, whole: bool) -> list[str]:
        line = self._lines.get(part_id)
        if line is None:
            names = [name for name in self._heads[part_id].record.includes.uses if not is_pinned(name)]
        else:
            names = [name for version in (line.versions if whole else line.versions[-1:]) for name in version.names]
        needed = {one for _, one, _ in walk_names(names)} - {part_id}
        return sorted(one for one in needed if one in self._heads or one in self._lines)

    def _follow(self, part_id: str) -> PartStep | None:
        """The step of a part that is not given; None where it stays as it is."""
        head = self._heads[part_id].record
        record = self._follower(head)
        if record is None:
            return None
        events = (_event("part.followed", record, head),)
        return PartStep(
            part_id, Outcome.updated, record, added=(record,), events=events, is_deleted=not self._lives(part_id)
        )

    def _follower(self, head: PartRecord) -> PartRecord | None:
        includes = followed(head.includes, self._changed, by=head.part_id)
        if includes.key == head.includes.key:
            return None
        message = because(head.includes.floating(), self._changed)
        return head.following(includes, message=message, author=self._author, at=self._now)

    def _save(self, line: PartLine) -> PartStep:
        held = self._state.heads.get(line.key)
        if held is None:
            rows = self._numbered(line.versions, None)
            return PartStep(
                line.part_id, Outcome.created, rows[-1], added=rows, events=(_event("part.created", rows[-1], None),)
            )
        head = held.record
        if head.part_id != line.part_id and held.is_deleted:
            raise PartArchived(f"The id belongs to the deleted part {head.part_id}: restore it, or choose another id.")
        if head.part_id != line.part_id:
            raise PartExists(f"A part with the id {head.part_id} exists (letters' case aside).")
        rows = self._numbered(_missing(line, head, self._state.known.get(line.part_id, ())), head)
        events = [Happened("part.restored", line.part_id)] if held.is_deleted else []
        if rows:
            events.append(_event("part.saved", rows[-1], head))
        elif (follower := self._follower(head)) is not None:
            rows = (follower,)
            events.append(_event("part.followed", follower, head))
        outcome = Outcome.restored if held.is_deleted else Outcome.updated if rows else Outcome.unchanged
        record = rows[-1] if rows else head
        return PartStep(line.part_id, outcome, record, added=rows, events=tuple(events))

    def _numbered(self, versions: Sequence[PreparedPart], head: PartRecord | None) -> tuple[PartRecord, ...]:
        """The rows of these versions, on top of `head`. Raises TemplateInvalid, IncludeCycle."""
        rows: list[PartRecord] = []
        before = head
        first = 1 if head is None else head.head_number + 1
        shelf = Shelf(self._shelf)
        for number, version in enumerate(versions, first):
            semver = None if before is None else before.semver
            is_raised = version.given is not None and (semver is None or is_higher(version.given, semver))
            at = self._now if version.at is None else min(version.at, self._now)
            at = at if before is None else max(at, before.updated_at)
            # The newest version has the newest parts, whatever its history says.
            was = shelf if number == first + len(versions) - 1 else shelf.as_it_was(version.names, version.exact)
            before = PartRecord(
                part_id=version.part_id,
                head_number=first + len(versions) - 1,
                revision=1 if head is None else head.revision + 1,
                created_at=head.created_at if head is not None else rows[0].created_at if rows else at,
                number=number,
                semver=next_version(semver, version.given if is_raised else None),
                content_hash=version.content_hash,
                description=version.description,
                tags=version.tags,
                variables=version.variables,
                size=version.size,
                includes=was.includes(version.names, of=version.part_id),
                message=version.message,
                created_by=self._author,
                updated_at=at,
            )
            rows.append(before)
        return tuple(rows)


def _missing(line: PartLine, head: PartRecord, known: Sequence[tuple[int, str, str]]) -> tuple[PreparedPart, ...]:
    """The versions that the part does not have yet: the end of a history that begins like its own, or the newest."""
    begins_alike = all(
        (semver, digest) == (version.given, version.content_hash)
        for (_, semver, digest), version in zip(known, line.versions, strict=False)
    )
    if known and begins_alike and len(line.versions) > len(known):
        return line.versions[len(known) :]
    newest = line.versions[-1]
    is_raised = newest.given is not None and is_higher(newest.given, head.semver)
    return () if newest.content_hash == head.content_hash and not is_raised else (newest,)


def because(used: frozenset[str], changed: Mapping[str, PartRecord]) -> str:
    """The message of a version that follows these parts."""
    found = [f"{one} is at version {changed[one].number}" for one in sorted(used & changed.keys())]
    return ", ".join(found[:_NAMED]) + (f", and {len(found) - _NAMED} more" if len(found) > _NAMED else "")


def _event(action: str, record: PartRecord, head: PartRecord | None) -> Happened:
    return Happened(action, record.part_id, before=None if head is None else facts(head), after=facts(record))
