"""An archive into a project: read and checked a few files at a time, then saved in one transaction.

After an import the newest version of each prompt in the archive has the archive's text, so importing twice changes
nothing. A history is rebuilt where the project has none of the prompt, or the beginning of the same one.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from dakora_server.core.archives.layout import Layout
from dakora_server.core.archives.part_importing import PartReading
from dakora_server.core.archives.reading import ReadPrompt, read_prompt
from dakora_server.core.archives.results import Imported, Wanted, imported, located, refusal
from dakora_server.core.archives.zips import Archive
from dakora_server.core.audit.service import record as note
from dakora_server.core.exceptions import DakoraError, ImportRefused, TemplateInvalid
from dakora_server.core.outcome import Outcome
from dakora_server.core.parts.bulk_plan import NO_PLAN, Plan
from dakora_server.core.parts.saving_many import write_parts
from dakora_server.core.prompts.bulk_labels import LabelFate, LabelOutcome, Wish, foresee_labels, move_labels
from dakora_server.core.prompts.bulk_plan import Known, Line, Prepared, Saved
from dakora_server.core.prompts.part_changes import follow
from dakora_server.core.prompts.saving_many import NotAllSaved, foresee, hold_lines, prepare, write_lines
from dakora_server.core.scope import ProjectWriter
from dakora_server.core.templates.spec_faults import MAX_FAULTS
from dakora_server.core.templates.versioning import is_higher

# Prompts that are read, checked and stored together, and how many such groups at the same time.
_GROUP, _GROUPS_AT_ONCE = 64, 3
# Stands for all imports of a project among its prompts' locks; no prompt can have such an id.
_IMPORT = "!import"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of everything in an archive."""

    dry_run: bool
    prompts: list[Imported]
    parts: list[Imported] = field(default_factory=list)
    labels: list[LabelFate] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many prompts had each outcome."""
        return _counted(self.prompts)

    @property
    def part_counts(self) -> dict[str, int]:
        """How many parts had each outcome."""
        return _counted(self.parts)


def _counted(results: Sequence[Imported]) -> dict[str, int]:
    counted = Counter(one.outcome for one in results)
    return {outcome.value: counted[outcome] for outcome in Outcome}


async def import_archive(project: ProjectWriter, archive: Archive, layout: Layout, wanted: Wanted) -> Report:
    """Save the parts and prompts of an archive; everything or nothing, unless `wanted` says otherwise.

    Documents are stored before the transaction begins; those of an import that is refused are left to the sweeper.
    Raises ImportRefused, ArchiveInvalid for a damaged file, RegistryFull, RegistryUnavailable, DatabaseUnavailable,
    Busy.
    """
    # One at a time in each project: what waits holds a file, and no memory.
    await project.hold(_IMPORT)
    parts = PartReading(project, archive, layout, wanted)
    reading = _Reading(project, archive, layout, wanted)
    await reading.run(await parts.run())
    lines = [line for _, line in reading.lines]
    if wanted.dry_run:
        async with project.apart() as reader:
            plan = await parts.plan(reader)
            saved = await foresee(reader, lines, plan.shelf)
            labels = await foresee_labels(reader, reading.wishes(saved), _added(saved))
        return Report(True, reading.results(saved), parts.results(plan), labels)
    await hold_lines(project, lines, parts_too=bool(parts.lines))
    plan = await parts.plan(project) if parts.lines else NO_PLAN
    await write_parts(project, plan)
    saved = await _save(project, reading, partial=wanted.partial)
    saved = await _follow(project, plan, saved)
    labels = await move_labels(project, reading.wishes(saved), message=wanted.message)
    report = Report(False, reading.results(saved), parts.results(plan), labels)
    changes = [one.is_change for one in plan.lines] + [one.is_change for one in saved]
    if any(changes) or any(one.outcome is LabelOutcome.moved for one in labels):
        facts = {**report.counts, "parts": report.part_counts} if report.parts else report.counts
        await note(project, "project.imported", project.project_id, after=facts)
    return report


async def _save(project: ProjectWriter, reading: "_Reading", *, partial: bool) -> list[Saved]:
    try:
        return await write_lines(project, [line for _, line in reading.lines], partial=partial)
    except NotAllSaved as refused:
        raise refusal(reading.refused(refused)) from None


async def _follow(project: ProjectWriter, plan: Plan, saved: Sequence[Saved]) -> list[Saved]:
    """Give the prompts that follow the changed parts their new version; those of the archive with the one they have."""
    if not plan.changed:
        return list(saved)
    try:
        followers = {one.prompt_id: one for one in await follow(project, plan.changed)}
    except TemplateInvalid as error:
        raise ImportRefused(f"Nothing was saved. {error.detail}", errors=error.errors) from None
    return [replace(one, record=followers.get(one.prompt_id, one.record)) if one.record else one for one in saved]


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

    async def run(self, refused: Sequence[Imported]) -> None:
        """Read, check and store everything. Raises ImportRefused for files at fault, unless the others count.

        `refused` are other files at fault.
        """
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
        if (refused or self._refused) and self._wanted.is_strict:
            raise refusal([*refused, *self._refused])

    async def _work(self, groups: Iterator[Sequence[tuple[str, str]]]) -> None:
        for group in groups:
            facts = self._archive, self._layout
            read = [await read_prompt(*facts, path, folder, self._wanted.message) for path, folder in group]
            await self._prepare(read)
            if len(self._refused) >= MAX_FAULTS and self._wanted.is_strict:
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
                    faults += located(version.path, version.raw, result)
                else:
                    prepared.append(replace(result, message=version.message, at=version.at, exact=version.parts))
            if faults:
                self._refused.append(Imported(one.path, one.prompt_id, Outcome.refused, faults=tuple(faults)))
            else:
                self.lines.append((one.path, Line(one.folder, _without_repeat(prepared))))
                self._labels[prepared[-1].prompt_id] = one.labels

    def results(self, saved: Sequence[Saved]) -> list[Imported]:
        """What became of each file, in order of path."""
        found = [imported(path, one) for (path, _), one in zip(self.lines, saved, strict=True)]
        return sorted([*self._refused, *found], key=lambda one: one.path)

    def refused(self, refused: NotAllSaved) -> list[Imported]:
        """The files whose prompts were refused."""
        return [imported(self.lines[place][0], saved) for place, saved in refused.refused.items()]

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
