"""Saving many prompts in one transaction: the meaning of `service.create` and `update`, at a fraction of the time.

First the slow part, before any transaction: templates are checked and documents stored, several at a time. Then rows
only: a handful of statements for thousands of prompts, so the transaction is short whatever their number.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dakora_server.core import clock
from dakora_server.core.audit.service import record_many
from dakora_server.core.exceptions import Busy, DakoraError, InvalidRequest, RendererUnavailable, TemplateInvalid
from dakora_server.core.outcome import Outcome
from dakora_server.core.parts import service as parts
from dakora_server.core.parts.queries import hold_parts
from dakora_server.core.parts.records import PartRecord
from dakora_server.core.parts.service import PARTS
from dakora_server.core.prompts import bulk_queries, part_queries
from dakora_server.core.prompts.bulk_plan import Line, Prepared, Saved, Step, decide
from dakora_server.core.prompts.service import tags_of
from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.templates.analysis import Analysis
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.serialization import Document

# Templates that a worker is asked about together, up to so many characters, and such batches at the same time: the
# pool has a place for more, which other tenants keep.
_ASKED_TOGETHER, _CHARACTERS_TOGETHER, _ASKED_AT_ONCE = 8, 8_192, 3
# Seconds until a check is tried again for which the pool had no time.
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
# Prompts between two looks at what else this process has to do.
_BREATHER = 200


Verdict = tuple[bool, tuple[str, ...]]
"""Of a template without fault: whether it is portable, and the names of the parts that it includes."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A prompt to save. `folder` None leaves it where it is."""

    spec: TemplateSpec
    folder: str | None = None
    message: str | None = None


class NotAllSaved(Exception):
    """Some prompts were refused, and so nothing was saved; `refused` has each by its place in what was given."""

    def __init__(self, refused: Mapping[int, Saved]) -> None:
        super().__init__("some prompts were refused")
        self.refused = dict(refused)


async def save_many(project: ProjectWriter, drafts: Sequence[Draft], *, partial: bool = False) -> list[Saved]:
    """Create or update each of these prompts; what became of each, in the order given.

    An archived prompt is restored; the same content changes nothing; a semver that is not higher than the newest is
    left out. With `partial` what can be saved is, and the rest is refused one by one. Must come before anything else is
    asked of the project's transaction, which would stay open for as long as the templates are checked.
    Raises NotAllSaved unless `partial`, RegistryFull, RegistryUnavailable, DatabaseUnavailable, Busy.
    """
    documents = await asyncio.to_thread(_documents_of, [draft.spec for draft in drafts])
    written = [document for document in documents if isinstance(document, Document)]
    fitting = [draft.spec for draft, one in zip(drafts, documents, strict=True) if isinstance(one, Document)]
    prepared = iter(await prepare(project, fitting, written))
    lines: list[Line] = []
    refused: dict[int, Saved] = {}
    for place, (draft, document) in enumerate(zip(drafts, documents, strict=True)):
        found = next(prepared) if isinstance(document, Document) else document
        if isinstance(found, DakoraError):
            refused[place] = Saved(draft.spec.id, Outcome.refused, error=found)
        else:
            lines.append(Line(draft.folder, (replace(found, message=draft.message),)))
    if refused and not partial:
        raise NotAllSaved(refused)
    saved = iter(await save_lines(project, lines, partial=partial))
    return [refused[place] if place in refused else next(saved) for place in range(len(drafts))]


async def prepare(
    project: ProjectWriter, specs: Sequence[TemplateSpec], documents: Sequence[Document], *, store: bool = True
) -> list[Prepared | DakoraError]:
    """Each prompt checked and its document stored (unless `store` is false), or why it cannot be saved.

    `documents` are those of the prompts. A text that the project has in some version was checked and stored then: it
    is not again. Raises RegistryFull, RegistryUnavailable, DatabaseUnavailable, Busy.
    """
    async with project.apart() as reader:
        known = await bulk_queries.known_texts(reader, [document.hash for document in documents])
    verdicts: dict[str, Verdict | DakoraError] = dict(known)
    unknown = {document.hash: document for document in documents if document.hash not in known}
    verdicts |= {digest: _verdict(found) for digest, found in (await analyse(project, unknown)).items()}
    found: list[Prepared | DakoraError] = []
    new: dict[str, bytes] = {}
    for spec, document in zip(specs, documents, strict=True):
        verdict = verdicts[document.hash]
        if isinstance(verdict, DakoraError):
            found.append(verdict)
            continue
        if document.hash not in known:
            new[document.hash] = document.text.encode()
        found.append(_prepared(spec, document, verdict))
    if store and new:
        await project.vault.put_many(list(new.items()))
    return found


def _documents_of(specs: Sequence[TemplateSpec]) -> list[Document | DakoraError]:
    found: list[Document | DakoraError] = []
    for spec in specs:
        try:
            found.append(Document.of(spec))
        except DakoraError as error:
            found.append(error)
    return found


async def analyse(project: ProjectReader, documents: Mapping[str, Document]) -> dict[str, Analysis | TemplateInvalid]:
    """By hash, what was found in each template, or what is wrong with it. Raises Busy, RendererUnavailable."""
    gate = asyncio.Semaphore(_ASKED_AT_ONCE)

    async def ask(some: Sequence[Document]) -> list[Analysis | TemplateInvalid]:
        async with gate:
            return await _asked(project, some)

    batches = list(_batches(list(documents.values())))
    answers = await asyncio.gather(*map(ask, batches))
    return {
        document.hash: found
        for batch, answer in zip(batches, answers, strict=True)
        for document, found in zip(batch, answer, strict=True)
    }


def _batches(documents: Sequence[Document]) -> Iterator[list[Document]]:
    """The documents, as many at a time as a worker analyses in a few milliseconds."""
    batch: list[Document] = []
    size = 0
    for document in documents:
        if batch and (len(batch) >= _ASKED_TOGETHER or size + len(document.text) > _CHARACTERS_TOGETHER):
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += len(document.text)
    if batch:
        yield batch


async def _asked(project: ProjectReader, documents: Sequence[Document]) -> list[Analysis | TemplateInvalid]:
    """What a worker finds. Raises Busy, RendererUnavailable."""
    specs = [document.spec for document in documents]
    for pause in _PAUSES:
        try:
            return await project.renderer.check_many(specs)
        except (Busy, RendererUnavailable):
            # Thousands may have been checked before these: rather a pause than all of it again.
            await asyncio.sleep(pause)
    return await project.renderer.check_many(specs)


def _verdict(found: Analysis | TemplateInvalid) -> Verdict | DakoraError:
    return found if isinstance(found, TemplateInvalid) else (found.plain, found.includes)


def _prepared(spec: TemplateSpec, document: Document, verdict: Verdict) -> Prepared:
    portable, names = verdict
    return Prepared(
        prompt_id=spec.id,
        given=spec.version,
        content_hash=document.hash,
        description=spec.description,
        tags=tags_of(spec),
        inputs={name: declared.content() for name, declared in spec.inputs.items()},
        portable=portable,
        names=names,
    )


async def foresee(
    project: ProjectReader, lines: Sequence[Line], shelf: Mapping[str, PartRecord] | None = None
) -> list[Saved]:
    """What `save_lines` would answer now. Nothing is written, and nobody is kept waiting.

    `shelf` has the parts, by the names that texts have for them, that would be saved before.
    """
    return [step.saved for step in await _steps(project, lines, shelf)]


async def save_lines(project: ProjectWriter, lines: Sequence[Line], *, partial: bool = False) -> list[Saved]:
    """Write the rows of prepared prompts; what became of each, in the order given.

    Every lock is taken in the order of ids, so neither two such savers nor one of them and any number of single ones
    wait for each other. Raises NotAllSaved unless `partial`, when a prompt is refused; DatabaseUnavailable, Busy.
    """
    await hold_lines(project, lines)
    return await write_lines(project, lines, partial=partial)


async def hold_lines(project: ProjectWriter, lines: Sequence[Line], *, parts_too: bool = False) -> None:
    """Be the only one who saves many prompts of the project, and let no part change meanwhile.

    With `parts_too` it is this transaction that may change parts, and nobody else.
    """
    if parts_too:
        await project.hold(PARTS)
    keys = sorted({line.key for line in lines})
    for count, key in enumerate(keys):
        await project.hold(key)
        if count % _BREATHER == 0:
            await asyncio.sleep(0)
    await bulk_queries.become_bulk_writer(project)
    if parts_too or any(version.names for line in lines for version in line.versions):
        await hold_parts(project, shared=not parts_too)


async def write_lines(project: ProjectWriter, lines: Sequence[Line], *, partial: bool = False) -> list[Saved]:
    """What `save_lines` does once `hold_lines` was called."""
    results: dict[int, Saved] = {}
    places = list(range(len(lines)))
    while places:
        await bulk_queries.lock_prompts(project, sorted({lines[place].key for place in places}))
        steps = dict(zip(places, await _steps(project, [lines[place] for place in places]), strict=True))
        refused = {place: step.saved for place, step in steps.items() if step.saved.outcome is Outcome.refused}
        if refused and not partial:
            raise NotAllSaved(refused)
        taken = await _write(project, list(steps.values()))
        results |= {place: step.saved for place, step in steps.items() if step.line.key not in taken}
        # An id that another process took just now has a row that can be held: once more.
        places = [place for place, step in steps.items() if step.line.key in taken]
    return [results[place] for place in range(len(lines))]


async def _steps(
    project: ProjectReader, lines: Sequence[Line], shelf: Mapping[str, PartRecord] | None = None
) -> list[Step]:
    held = await bulk_queries.holders(project, [line.key for line in lines])
    long = [line.prompt_id for line in lines if len(line.versions) > 1 and line.key in held]
    known = await bulk_queries.hashes_of(project, long)
    now, author = clock.now(), project.actor.user_id
    steps: list[Step] = []
    seen: set[str] = set()
    for line in await _with_parts(project, lines, shelf or {}):
        if line.key in seen:
            error = InvalidRequest(f"The prompt {line.prompt_id} is there twice (letters' case aside).")
            steps.append(Step(line, Saved(line.prompt_id, Outcome.refused, error=error)))
            continue
        seen.add(line.key)
        steps.append(decide(line, held.get(line.key), known.get(line.prompt_id, ()), author=author, now=now))
        if len(steps) % _BREATHER == 0:
            await asyncio.sleep(0)
    return steps


async def _with_parts(project: ProjectReader, lines: Sequence[Line], others: Mapping[str, PartRecord]) -> list[Line]:
    """The lines with the versions of the parts that their texts include: of today, older ones those of their time."""
    versions = [version for line in lines for version in line.versions]
    names = {name for version in versions for name in version.names}
    if not names:
        return list(lines)
    names |= {f"{name}@{number}" for version in versions for name, (number, _) in version.exact.items()}
    shelf = (await parts.look_up(project, sorted(names))).over(others)

    def resolved(line: Line, version: Prepared) -> Prepared:
        was = shelf if version is line.newest else shelf.as_it_was(version.names, version.exact)
        try:
            return replace(version, includes=was.includes(version.names))
        except TemplateInvalid as error:
            return replace(version, includes=error)

    return [replace(line, versions=tuple(resolved(line, version) for version in line.versions)) for line in lines]


async def _write(project: ProjectWriter, steps: Sequence[Step]) -> set[str]:
    """Write the steps' rows, but those of new prompts whose ids were taken meanwhile: answers their keys."""
    await bulk_queries.purge_all(project, [step.purged for step in steps if step.purged is not None])
    new = [step for step in steps if step.is_new]
    added = await bulk_queries.add_prompts(project, [step.saved.added[-1] for step in new])
    taken = {step.line.key for step in new if step.line.prompt_id not in added}
    standing = [step for step in steps if step.events and step.line.key not in taken]
    changed = [step.saved.record for step in standing if not step.is_new]
    await bulk_queries.change_prompts(project, [record for record in changed if record is not None])
    versions = [version for step in standing for version in step.saved.added]
    await bulk_queries.add_versions(project, versions)
    await part_queries.add_uses(project, versions)
    await bulk_queries.enter_many(project, [step.saved.record for step in standing if step.saved.record is not None])
    await record_many(project, [event for step in standing for event in step.events])
    if standing:
        await project.announce_many([step.line.prompt_id for step in standing])
    return taken
