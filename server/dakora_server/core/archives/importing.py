"""An archive into a project: read and checked a few files at a time, then saved in one transaction.

After an import the newest version of each prompt in the archive has the archive's text, so importing twice changes
nothing. A history is rebuilt where the project has none of the prompt, or the beginning of the same one.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from dakora_server.core.archives.layout import Layout
from dakora_server.core.archives.reading import ReadPrompt, read_prompt
from dakora_server.core.archives.zips import Archive
from dakora_server.core.audit.service import record as note
from dakora_server.core.exceptions import DakoraError, Fault, ImportRefused
from dakora_server.core.prompts.bulk_labels import LabelFate, LabelOutcome, Wish, foresee_labels, move_labels
from dakora_server.core.prompts.bulk_plan import Known, Line, Outcome, Prepared, Saved
from dakora_server.core.prompts.saving_many import NotAllSaved, foresee, prepare, save_lines
from dakora_server.core.scope import ProjectWriter
from dakora_server.core.sync.positions import in_file
from dakora_server.core.templates.spec_faults import MAX_FAULTS, and_more
from dakora_server.core.templates.versioning import is_higher

# Prompts that are read, checked and stored together, and how many such groups at the same time.
_GROUP, _GROUPS_AT_ONCE = 64, 3
# Stands for all imports of a project among its prompts' locks; no prompt can have such an id.
_IMPORT = "!import"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to import. `dry_run` only says what would happen; `partial` saves what can be; `message` is for history."""

    dry_run: bool = False
    partial: bool = False
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file: the prompt in it at its newest version, or what is wrong with it."""

    path: str
    prompt_id: str | None
    outcome: Outcome
    version: str | None = None
    number: int | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What became of everything in an archive."""

    dry_run: bool
    prompts: list[Imported]
    labels: list[LabelFate] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many prompts had each outcome."""
        counted = Counter(one.outcome for one in self.prompts)
        return {outcome.value: counted[outcome] for outcome in Outcome}


async def import_archive(project: ProjectWriter, archive: Archive, layout: Layout, wanted: Wanted) -> Report:
    """Save the prompts of an archive; everything or nothing, unless `wanted` says otherwise.

    Documents are stored before the transaction begins; those of an import that is refused are left to the sweeper.
    Raises ImportRefused, ArchiveInvalid for a damaged file, RegistryFull, RegistryUnavailable, DatabaseUnavailable,
    Busy.
    """
    # One at a time in each project: what waits holds a file, and no memory.
    await project.hold(_IMPORT)
    reading = _Reading(project, archive, layout, wanted)
    await reading.run()
    lines = [line for _, line in reading.lines]
    if wanted.dry_run:
        async with project.apart() as reader:
            saved = await foresee(reader, lines)
            labels = await foresee_labels(reader, reading.wishes(saved), _added(saved))
        return Report(True, reading.results(saved), labels)
    try:
        saved = await save_lines(project, lines, partial=wanted.partial)
    except NotAllSaved as refusal:
        raise _refusal(reading.refused(refusal)) from None
    report = Report(False, reading.results(saved))
    labels = await move_labels(project, reading.wishes(saved), message=wanted.message)
    report = replace(report, labels=labels)
    if any(one.is_change for one in saved) or any(one.outcome is LabelOutcome.moved for one in labels):
        await note(project, "project.imported", project.project_id, after=report.counts)
    return report


def _added(saved: Sequence[Saved]) -> dict[str, Known]:
    return {one.prompt_id: [(row.number, row.semver, row.content_hash) for row in one.added] for one in saved}


class _Reading:
    """The way of an archive's files to lines that can be saved. Texts are let go as soon as they are stored."""

    def __init__(self, project: ProjectWriter, archive: Archive, layout: Layout, wanted: Wanted) -> None:
        self._project = project
        self._archive = archive
        self._layout = layout
        self._wanted = wanted
        self._refused: list[Imported] = []
        self._labels: dict[str, dict[str, tuple[int, str]]] = {}
        self.lines: list[tuple[str, Line]] = []

    async def run(self) -> None:
        """Read, check and store everything. Raises ImportRefused for files at fault, unless the others count."""
        prompts = self._layout.prompts
        groups = iter([prompts[start : start + _GROUP] for start in range(0, len(prompts), _GROUP)])
        working = [asyncio.create_task(self._work(groups)) for _ in range(_GROUPS_AT_ONCE)]
        try:
            await asyncio.gather(*working)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
        self.lines.sort(key=lambda entry: entry[0])
        self._refused.sort(key=lambda one: one.path)
        if self._refused and not (self._wanted.partial or self._wanted.dry_run):
            raise _refusal(self._refused)

    async def _work(self, groups: Iterator[Sequence[tuple[str, str]]]) -> None:
        for group in groups:
            facts = self._archive, self._layout
            read = [await read_prompt(*facts, path, folder, self._wanted.message) for path, folder in group]
            await self._prepare(read)
            if len(self._refused) >= MAX_FAULTS and not (self._wanted.partial or self._wanted.dry_run):
                return

    async def _prepare(self, group: Sequence[ReadPrompt]) -> None:
        versions = [version for one in group for version in one.versions]
        specs, documents = [one.spec for one in versions], [one.document for one in versions]
        found = iter(await prepare(self._project, specs, documents, store=not self._wanted.dry_run))
        for one in group:
            prepared: list[Prepared] = []
            faults = list(one.faults)
            for version, result in [(version, next(found)) for version in one.versions]:
                if isinstance(result, DakoraError):
                    faults += _located(version.path, version.raw, result)
                else:
                    prepared.append(replace(result, message=version.message, at=version.at))
            if faults:
                self._refused.append(Imported(one.path, one.prompt_id, Outcome.refused, faults=tuple(faults)))
            else:
                self.lines.append((one.path, Line(one.folder, _without_repeat(prepared))))
                self._labels[prepared[-1].prompt_id] = one.labels

    def results(self, saved: Sequence[Saved]) -> list[Imported]:
        """What became of each file, in order of path."""
        found = [_imported(path, one) for (path, _), one in zip(self.lines, saved, strict=True)]
        return sorted([*self._refused, *found], key=lambda one: one.path)

    def refused(self, refusal: NotAllSaved) -> list[Imported]:
        """The files whose prompts were refused."""
        return [_imported(self.lines[place][0], saved) for place, saved in refusal.refused.items()]

    def wishes(self, saved: Sequence[Saved]) -> list[Wish]:
        """Where the labels of the prompts that were saved shall point."""
        return [
            Wish(one.prompt_id, label, number, digest)
            for one in saved
            if one.outcome is not Outcome.refused
            for label, (number, digest) in self._labels[one.prompt_id].items()
        ]


def _without_repeat(versions: Sequence[Prepared]) -> tuple[Prepared, ...]:
    """The versions without the newest file, where it says what the end of its history says."""
    if len(versions) > 1:
        before, newest = versions[-2:]
        is_raised = newest.given and before.given and is_higher(newest.given, before.given)
        if newest.content_hash == before.content_hash and not is_raised:
            return tuple(versions[:-1])
    return tuple(versions)


def _imported(path: str, saved: Saved) -> Imported:
    if saved.record is not None:
        return Imported(path, saved.prompt_id, saved.outcome, saved.record.semver, saved.record.number)
    error = saved.error or DakoraError()
    fault = Fault(error.detail, loc=(path,), type=error.code)
    return Imported(path, saved.prompt_id, saved.outcome, faults=(fault,))


def _located(path: str, raw: bytes, error: DakoraError) -> list[Fault]:
    """The faults of a prompt, with the file they are in and their places in it."""
    if not error.errors:
        return [Fault(error.detail, loc=(path,), type=error.code)]
    return [replace(found, loc=(path, *found.loc)) for found in (in_file(fault, raw) for fault in error.errors)]


def _refusal(results: Sequence[Imported]) -> ImportRefused:
    faults = [fault for one in results for fault in one.faults][:MAX_FAULTS]
    first = faults[0]
    place = "".join(f", {name} {at}" for name, at in (("line", first.line), ("column", first.column)) if at is not None)
    return ImportRefused(f"Nothing was saved. {first.loc[0]}{place}: {and_more(faults)}", errors=faults)
