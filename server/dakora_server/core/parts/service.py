"""The rules of parts: finding, saving, and what a new version means for the parts that include it.

Names of parts are resolved to versions when a version is saved. A part's newest version therefore makes a new version
of everything whose newest version follows it (`floating`); what was saved before never changes. Parts follow here,
prompts in the room above.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dakora_server.core import clock
from dakora_server.core.audit.service import record as note
from dakora_server.core.exceptions import (
    Fault,
    IncludeCycle,
    LabelNotAllowed,
    PartArchived,
    PartExists,
    PartNotFound,
    StaleVersion,
    TemplateInvalid,
    VersionNotFound,
)
from dakora_server.core.parts import queries
from dakora_server.core.parts.records import PartRecord, PartVersion, StoredPart
from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.selection import NEWEST, Selector
from dakora_server.core.templates.analysis import Analysis
from dakora_server.core.templates.includes import NO_INCLUDES, Includes, combine, is_pinned, walk_names
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.part_model import PartSpec
from dakora_server.core.templates.serialization import Document
from dakora_server.core.templates.versioning import is_higher, next_version

_SUBJECT = "!part/"


@dataclass(frozen=True, slots=True)
class Saved:
    """A part at its newest version. `changed` are the parts that have a new version now, this one first, or none."""

    part: StoredPart
    changed: tuple[PartRecord, ...] = ()


def subject(part_id: str) -> str:
    """What is announced when a part changes. No prompt can have such an id."""
    return f"{_SUBJECT}{part_id}"


def part_in(subject: str) -> str | None:
    """The part whose change is announced like this; None where it is about something else."""
    return subject.removeprefix(_SUBJECT) if subject.startswith(_SUBJECT) else None


async def list_parts(
    project: ProjectReader, *, category: str | None, search: str | None, after: str | None, limit: int
) -> list[PartRecord]:
    """Live parts at their newest version, in order of id. Raises LabelNotAllowed."""
    refuse_limited(project)
    return await queries.list_parts(project, category=category, search=search, after=after, limit=limit)


async def get(project: ProjectReader, part_id: str, which: Selector = NEWEST) -> StoredPart:
    """One version of a part with its text.

    Raises PartNotFound, VersionNotFound, LabelNotAllowed, DocumentCorrupt, RegistryUnavailable.
    """
    refuse_limited(project)
    record = await find(project, part_id, which)
    return StoredPart(record, await project.vault.get(record.content_hash))


def refuse_limited(project: ProjectReader) -> None:
    """A caller limited to labels renders what was released, and sees no part of it by itself."""
    if project.labels is not None:
        raise LabelNotAllowed("This API key is limited to labels, and parts have none.")


async def find(project: ProjectReader, part_id: str, which: Selector) -> PartRecord:
    """One version of a part without its text. Raises PartNotFound, VersionNotFound."""
    record = await queries.find_version(project, part_id, which)
    if record is not None:
        return record
    if which.is_newest or await queries.find_version(project, part_id, NEWEST) is None:
        raise PartNotFound(f"There is no part {part_id}.")
    raise VersionNotFound(f"The part {part_id} has no version {which.number or which.semver}.")


async def history(project: ProjectReader, part_id: str, *, before: int | None, limit: int) -> list[PartVersion]:
    """The versions of a part, newest first. Raises PartNotFound, LabelNotAllowed."""
    refuse_limited(project)
    await find(project, part_id, NEWEST)
    return await queries.list_versions(project, part_id, before=before, limit=limit)


PARTS = "!parts"
"""Stands for all parts of a project among the locks of its prompts in this process; no prompt can have such an id."""

Exact = Mapping[str, tuple[int, str]]
"""For names of parts without a version, number and hash of the version that they stood for once."""


class Shelf:
    """Parts that were looked up by the names that texts have for them."""

    def __init__(self, found: Mapping[str, PartRecord]) -> None:
        self._found = found

    def includes(self, names: Sequence[str], *, of: str | None = None) -> Includes:
        """The exact versions that these names stand for; `of` is the part whose text has them.

        Raises TemplateInvalid for parts and versions that do not exist, and past the limits of `combine`; IncludeCycle.
        """
        if not names:
            return NO_INCLUDES
        found = {name: self._found[name] for name in names if name in self._found}
        if of is not None:
            named = {part_id for _, part_id, _ in walk_names(names)}
            inside = {part.id for record in found.values() for part in record.includes.parts}
            if of in named | inside:
                raise IncludeCycle(f"{of} would include itself.")
        missing = [name for name in names if name not in found]
        if missing:
            faults = [
                Fault(f"There is no part {name[:300]}.", loc=("includes", name), type="unknown_part")
                for name in missing
            ]
            raise TemplateInvalid("The template includes parts that do not exist.", errors=faults)
        return combine({written: (record.as_used, record.includes) for written, record in found.items()})

    def over(self, others: Mapping[str, PartRecord]) -> "Shelf":
        """The same with these in the place of what stood there."""
        return Shelf({**self._found, **others})

    def as_it_was(self, names: Sequence[str], exact: Exact) -> "Shelf":
        """What these names stood for once, where that version is here; else what they stand for now."""
        found = {name: self._found[name] for name in names if name in self._found}
        for name in exact.keys() & set(names):
            number, digest = exact[name]
            older = self._found.get(f"{name}@{number}")
            if older is not None and older.content_hash == digest:
                found[name] = older
        return Shelf(found)


async def look_up(project: ProjectReader, names: Sequence[str]) -> Shelf:
    """What these names of parts stand for now."""
    wanted = list(walk_names(names))
    if not wanted:
        return Shelf({})
    newest = {part_id for _, part_id, number in wanted if number is None}
    pinned = {(part_id, number) for _, part_id, number in wanted if number is not None}
    known: dict[tuple[str, int | None], PartRecord] = {}
    for record in await queries.find_named(project, newest, pinned):
        known[record.part_id, record.number] = record
        if record.number == record.head_number:
            known[record.part_id, None] = record
    return Shelf({written: known[part_id, number] for written, part_id, number in wanted if (part_id, number) in known})


async def resolve(project: ProjectReader, names: Sequence[str], *, of: str | None = None) -> Includes:
    """What `look_up` and `Shelf.includes` say of these names."""
    return (await look_up(project, names)).includes(names, of=of) if names else NO_INCLUDES


async def create(project: ProjectWriter, spec: PartSpec, *, message: str | None = None) -> Saved:
    """Save the first version of a part.

    Raises PartExists, PartArchived while a deleted part holds the id, TemplateInvalid, IncludeCycle.
    """
    document, analysis = await _prepare(project, spec)
    await _hold(project)
    holder = await queries.holder_of(project, spec.id)
    if holder is not None and holder[1]:
        raise PartArchived(f"The id belongs to the deleted part {holder[0]}: restore it, or choose another id.")
    if holder is not None:
        raise PartExists(f"A part with the id {holder[0]} exists (letters' case aside).")
    record = await _next(project, document, analysis, head=None, given=spec.version, message=message)
    await queries.add_part(project, record)
    await queries.add_version(project, record)
    await note(project, "part.created", spec.id, after=facts(record))
    await project.announce(subject(spec.id))
    return Saved(StoredPart(record, document), (record,))


async def update(
    project: ProjectWriter, spec: PartSpec, *, message: str | None = None, if_match: Sequence[str] | None = None
) -> Saved:
    """Make `spec` the part's newest version, unless it already is.

    Raises PartNotFound, StaleVersion, VersionNotHigher, TemplateInvalid, IncludeCycle.
    """
    document, analysis = await _prepare(project, spec)
    head = await hold_head(project, spec.id)
    return await _add(project, document, analysis, head=head, given=spec.version, message=message, if_match=if_match)


async def rollback(
    project: ProjectWriter,
    part_id: str,
    which: Selector,
    *,
    message: str | None = None,
    if_match: Sequence[str] | None = None,
) -> Saved:
    """Make a new version with the text of an older one; what it includes is resolved anew.

    Raises PartNotFound, VersionNotFound, StaleVersion, TemplateInvalid, IncludeCycle.
    """
    older = await get(project, part_id, which)
    analysis = await project.renderer.check(older.document.spec)
    head = await hold_head(project, part_id)
    message = message or f"Rollback to version {older.record.number}"
    return await _add(project, older.document, analysis, head=head, given=None, message=message, if_match=if_match)


async def restore(project: ProjectWriter, part_id: str) -> StoredPart:
    """Bring a deleted part back as it was. Restoring a live part changes nothing. Raises PartNotFound."""
    await _hold(project)
    if await queries.lock_part(project, part_id, archived=True) is not None:
        await queries.touch(project, part_id, archived_at=None)
        await note(project, "part.restored", part_id)
        await project.announce(subject(part_id))
    record = await find(project, part_id, NEWEST)
    return StoredPart(record, await project.vault.get(record.content_hash))


async def hold_head(project: ProjectWriter, part_id: str) -> PartRecord:
    """The part at its newest version; no part of the project changes until this transaction ends.

    Raises PartNotFound.
    """
    await _hold(project)
    head = await queries.lock_part(project, part_id)
    if head is None:
        raise PartNotFound(f"There is no part {part_id}.")
    return head


def refuse_stale(head: PartRecord, if_match: Sequence[str] | None) -> None:
    """Raises StaleVersion unless one of the tags names this version."""
    if if_match is not None and not head.is_named_by(if_match):
        raise StaleVersion(f"The newest version of {head.part_id} is {head.number} ({head.semver}).")


def followed(includes: Includes, changed: Mapping[str, PartRecord], *, by: str) -> Includes:
    """The same includes with these parts at their new versions, wherever no version is named.

    Raises TemplateInvalid where that goes past a limit, naming `by`, whose includes they are.
    """
    found = {}
    for written in includes.uses:
        part, below = includes.below(written)
        newer = None if is_pinned(written) else changed.get(part.id)
        found[written] = (part, below) if newer is None else (newer.as_used, newer.includes)
    try:
        return combine(found)
    except TemplateInvalid as error:
        raise TemplateInvalid(f"{by} includes this part. {error.detail}", errors=error.errors) from None


async def _hold(project: ProjectWriter) -> None:
    # The queue in this process first, so that it does not stand in the pool of connections.
    await project.hold(PARTS)
    await queries.hold_parts(project, shared=False)


async def _prepare(project: ProjectWriter, spec: PartSpec) -> tuple[Document, Analysis]:
    analysis = await project.renderer.check(spec)
    document = Document.of(spec)
    await project.vault.put(document)
    return document, analysis


async def _add(
    project: ProjectWriter,
    document: Document,
    analysis: Analysis,
    *,
    head: PartRecord,
    given: str | None,
    message: str | None,
    if_match: Sequence[str] | None,
) -> Saved:
    if document.hash == head.content_hash and not (given and is_higher(given, head.semver)):
        # Before `If-Match` is looked at: a save repeated because its answer was lost must succeed (RFC 9110, 13.1.1).
        return Saved(StoredPart(head, document))
    refuse_stale(head, if_match)
    record = await _next(project, document, analysis, head=head, given=given, message=message)
    await _make_newest(project, head, record, action="part.saved")
    users = await _follow(project, record)
    return Saved(StoredPart(record, document), (record, *users))


async def _make_newest(project: ProjectWriter, head: PartRecord, record: PartRecord, *, action: str) -> None:
    await queries.add_version(project, record)
    await queries.touch(project, record.part_id, head_number=record.number, updated_at=record.updated_at)
    await note(project, action, record.part_id, before=facts(head), after=facts(record))
    await project.announce(subject(record.part_id))


async def _follow(project: ProjectWriter, first: PartRecord) -> list[PartRecord]:
    """New versions of the parts that follow this one, each after those that it includes."""
    changed = {first.part_id: first}
    waiting = {record.part_id: record for record in await queries.floating_users(project, first.part_id)}
    while waiting:
        for part_id, head in list(waiting.items()):
            direct = {written for written in head.includes.uses if not is_pinned(written)}
            if direct & waiting.keys():
                continue
            includes = followed(head.includes, changed, by=part_id)
            message, author = f"{first.part_id} is at version {first.number}", project.actor.user_id
            record = head.following(includes, message=message, author=author, at=first.updated_at)
            await _make_newest(project, head, record, action="part.followed")
            changed[part_id] = record
            del waiting[part_id]
    return [record for part_id, record in changed.items() if part_id != first.part_id]


async def _next(
    project: ProjectWriter,
    document: Document,
    analysis: Analysis,
    *,
    head: PartRecord | None,
    given: str | None,
    message: str | None,
) -> PartRecord:
    """The row of the version that comes after `head`. Raises VersionNotHigher, TemplateInvalid, IncludeCycle."""
    now, spec = clock.now(), document.spec
    number = 1 if head is None else head.head_number + 1
    return PartRecord(
        part_id=spec.id,
        head_number=number,
        revision=1 if head is None else head.revision + 1,
        created_at=now if head is None else head.created_at,
        number=number,
        semver=next_version(None if head is None else head.semver, given),
        content_hash=document.hash,
        description=spec.description,
        tags=tags_of(spec),
        variables=analysis.variables,
        size=len((spec.template or "").encode()),
        includes=await resolve(project, analysis.includes, of=spec.id),
        message=message,
        created_by=project.actor.user_id,
        updated_at=now,
    )


def tags_of(spec: TemplateSpec) -> tuple[str, ...]:
    """The words under `tags` in the metadata."""
    tags = spec.metadata.get("tags")
    return tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()


def facts(record: PartRecord) -> dict[str, object]:
    """What the trail keeps of a version."""
    return {"version": record.number, "content_hash": record.content_hash}
