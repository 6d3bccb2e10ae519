"""The rules of prompts: saving, finding, archiving, rolling back."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from dakora_server.core import clock
from dakora_server.core.audit.service import record as note
from dakora_server.core.exceptions import (
    LabelNotAllowed,
    LabelNotFound,
    PromptArchived,
    PromptNotFound,
    StaleVersion,
    VersionNotFound,
)
from dakora_server.core.folders import refuse_reserved
from dakora_server.core.parts import service as parts
from dakora_server.core.parts.queries import hold_parts
from dakora_server.core.prompts import bulk_label_queries, list_queries, part_queries, queries
from dakora_server.core.prompts.records import (
    LATEST,
    NEWEST,
    PromptFilter,
    PromptRecord,
    Selector,
    StoredPrompt,
    VersionRecord,
)
from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.storage.vault import document_weight
from dakora_server.core.templates.analysis import Analysis
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.serialization import Document
from dakora_server.core.templates.versioning import is_higher, next_version

RESTORABLE_FOR = timedelta(days=30)


def weigh(prompt: StoredPrompt) -> int:
    """About how many bytes a kept prompt takes: its document, its encoded answer, and its parts."""
    return 2 * document_weight(prompt.document) + sum(map(document_weight, prompt.parts))


async def list_prompts(
    project: ProjectReader, wanted: PromptFilter, *, after: str | None, limit: int
) -> list[PromptRecord]:
    """Live prompts at their newest version, in order of id. Raises LabelNotAllowed."""
    _refuse_other_labels(project, Selector(label=wanted.label))
    if wanted.label == LATEST:
        wanted = replace(wanted, label=None)
    return await list_queries.list_prompts(project, wanted, after=after, limit=limit)


async def labels_of(project: ProjectReader, prompt_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Each prompt's labels with the version they point to, whichever that is; of those that the caller may know."""
    found = await bulk_label_queries.pointing(project, prompt_ids)
    if project.labels is None:
        return found
    return {
        prompt_id: {label: number for label, number in labels.items() if label in project.labels}
        for prompt_id, labels in found.items()
    }


async def get(project: ProjectReader, prompt_id: str, which: Selector = NEWEST) -> StoredPrompt:
    """One version of a prompt with its text.

    Raises PromptNotFound, VersionNotFound, LabelNotFound; LabelNotAllowed when the caller is limited to labels and
    does not go through one of them; DocumentCorrupt when the stored text is damaged.
    """
    _refuse_other_labels(project, which)
    key = (project.project_id, prompt_id)
    kept: StoredPrompt | None = project.pointers.get(key, which)
    if kept is not None:
        return kept
    reservation = project.pointers.reserve(key)
    try:
        record = await find(project, prompt_id, which)
        found = await _open(project, record)
    except BaseException:  # nothing was read: the reservation must not stay behind, whatever happened
        project.pointers.drop(reservation)
        raise
    project.pointers.fill(reservation, which, found)
    return found


async def _open(project: ProjectReader, record: PromptRecord) -> StoredPrompt:
    """The version with its text and its parts', all fetched at once."""
    # Rows and versions never change: a store that takes its time holds no connection meanwhile.
    await project.tx.rest()
    hashes = (record.content_hash, *(part.content_hash for part in record.includes.parts))
    document, *parts = await asyncio.gather(*map(project.vault.get, hashes))
    return StoredPrompt(record, document, tuple(parts))


def _refuse_other_labels(project: ProjectReader, which: Selector) -> None:
    """A caller limited to labels takes a version through one of them, and sees nothing else."""
    if project.labels is None:
        return
    label = "latest" if which.is_newest else which.label
    if label not in project.labels:
        raise LabelNotAllowed(f"This API key opens these labels only: {', '.join(sorted(project.labels))}.")


async def find(project: ProjectReader, prompt_id: str, which: Selector) -> PromptRecord:
    """One version of a prompt without its text. Raises PromptNotFound, VersionNotFound, LabelNotFound."""
    record = await queries.find_version(project, prompt_id, which)
    if record is not None:
        return record
    if which.is_newest or not await queries.prompt_exists(project, prompt_id):
        raise PromptNotFound(f"There is no prompt {prompt_id}.")
    if which.label is not None:
        raise LabelNotFound(f"The prompt {prompt_id} has no label {which.label}.")
    raise VersionNotFound(f"The prompt {prompt_id} has no version {which.number or which.semver}.")


async def create(
    project: ProjectWriter, spec: TemplateSpec, *, folder: str = "", message: str | None = None
) -> StoredPrompt:
    """Save the first version of a prompt.

    Raises PromptExists, PromptArchived while an archived prompt holds the id, TemplateInvalid, InvalidRequest for a
    folder that is reserved.
    """
    refuse_reserved(folder)
    document, analysis = await _prepare(project, spec)
    await project.hold(spec.id)
    await _hold_parts(project, analysis.includes)
    archived = await queries.find_archived(project, spec.id)
    if archived is not None:
        held_by, since = archived
        if since + RESTORABLE_FOR > clock.now():
            raise PromptArchived(f"The id belongs to the archived prompt {held_by}: restore it, or choose another id.")
        await queries.purge(project, held_by)
        await note(project, "prompt.purged", held_by)
    record = await _next_record(project, document, analysis, head=None, given=spec.version, message=message)
    record = replace(record, folder=folder)
    await queries.add_prompt(project, record)
    await _add_version(project, record)
    await list_queries.enter(project, record)
    await note(project, "prompt.created", spec.id, after=facts(record))
    await project.announce(spec.id)
    return StoredPrompt(record, document)


def facts(record: PromptRecord) -> dict[str, object]:
    """What the audit trail tells of a version."""
    return {"version": record.number, "content_hash": record.content_hash, "folder": record.folder}


async def update(
    project: ProjectWriter,
    spec: TemplateSpec,
    *,
    folder: str | None = None,
    message: str | None = None,
    if_match: Sequence[str] | None = None,
) -> StoredPrompt:
    """Make `spec` the prompt's newest version, unless it already is.

    The document is stored before the row that names it: if we fail in between, a document nobody refers to is left
    for the sweeper; the reverse order could leave a prompt without text.
    Raises PromptNotFound, StaleVersion, VersionNotHigher, TemplateInvalid.
    """
    document, analysis = await _prepare(project, spec)
    head = await _hold_head(project, spec.id, includes=analysis.includes)
    return await _add(
        project,
        document,
        analysis,
        head=head,
        given=spec.version,
        folder=folder,
        message=message,
        if_match=if_match,
    )


async def rollback(
    project: ProjectWriter,
    prompt_id: str,
    which: Selector,
    *,
    message: str | None = None,
    if_match: Sequence[str] | None = None,
) -> StoredPrompt:
    """Make a new version with the content of an older one. Back to what is newest already changes nothing.

    What it includes is resolved anew, as in every save: the versions of parts that it had before stay with the older
    version, which a label can point to. Raises what `update` raises.
    """
    older = await find(project, prompt_id, which)
    document = await project.vault.get(older.content_hash)
    analysis = await project.renderer.check(document.spec)
    head = await _hold_head(project, prompt_id, includes=analysis.includes)
    message = message or f"Rollback to version {older.number}"
    return await _add(
        project, document, analysis, head=head, given=None, folder=None, message=message, if_match=if_match
    )


async def _add(
    project: ProjectWriter,
    document: Document,
    analysis: Analysis,
    *,
    head: PromptRecord,
    given: str | None,
    folder: str | None,
    message: str | None,
    if_match: Sequence[str] | None,
) -> StoredPrompt:
    moved = folder is not None and folder != head.folder
    unchanged = document.hash == head.content_hash and not (given and is_higher(given, head.semver))
    if unchanged and not moved:
        # Before `If-Match` is looked at: a save repeated because its answer was lost must succeed (RFC 9110, 13.1.1).
        return StoredPrompt(head, document)
    _refuse_stale(head, if_match)
    if moved:
        refuse_reserved(folder or "")
    record = head
    if not unchanged:
        record = await _next_record(project, document, analysis, head=head, given=given, message=message)
        await _add_version(project, record)
    record = replace(record, folder=folder if folder is not None and moved else head.folder, revision=head.revision + 1)
    await queries.touch(
        project, head.prompt_id, folder=record.folder, head_number=record.number, updated_at=clock.now()
    )
    if not record.is_found_like(head):
        await list_queries.enter(project, record)
    action = "prompt.moved" if unchanged else "prompt.saved"
    await note(project, action, head.prompt_id, before=facts(head), after=facts(record))
    await project.announce(head.prompt_id)
    return StoredPrompt(record, document)


async def _add_version(project: ProjectWriter, record: PromptRecord) -> None:
    await queries.add_version(project, record)
    await part_queries.add_uses(project, [record])


async def _next_record(
    project: ProjectWriter,
    document: Document,
    analysis: Analysis,
    *,
    head: PromptRecord | None,
    given: str | None,
    message: str | None,
) -> PromptRecord:
    """The row of the version that comes after `head`. Raises VersionNotHigher, TemplateInvalid for unknown parts."""
    now, spec = clock.now(), document.spec
    number = 1 if head is None else head.head_number + 1
    return PromptRecord(
        prompt_id=spec.id,
        folder="" if head is None else head.folder,
        head_number=number,
        revision=1 if head is None else head.revision,
        label_revision=0 if head is None else head.label_revision,
        created_at=now if head is None else head.created_at,
        number=number,
        semver=next_version(None if head is None else head.semver, given),
        content_hash=document.hash,
        description=spec.description,
        tags=tags_of(spec),
        inputs={name: declared.content() for name, declared in spec.inputs.items()},
        portable=analysis.plain,
        includes=await parts.resolve(project, analysis.includes),
        message=message,
        created_by=project.actor.user_id,
        updated_at=now,
    )


def tags_of(spec: TemplateSpec) -> tuple[str, ...]:
    """The tags in a prompt's metadata."""
    tags = spec.metadata.get("tags")
    return tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()


async def archive(project: ProjectWriter, prompt_id: str, *, if_match: Sequence[str] | None = None) -> None:
    """Take a prompt out of sight. It can be restored for 30 days."""
    head = await _hold_head(project, prompt_id)
    _refuse_stale(head, if_match)
    await queries.touch(project, prompt_id, archived_at=clock.now())
    await note(project, "prompt.archived", prompt_id, before=facts(head))
    await project.announce(prompt_id)


async def restore(project: ProjectWriter, prompt_id: str) -> StoredPrompt:
    """Bring an archived prompt back as it was. Restoring a live prompt changes nothing."""
    await project.hold(prompt_id)
    archived = await queries.find_archived(project, prompt_id)
    if archived is not None and archived[0] == prompt_id:
        if archived[1] + RESTORABLE_FOR <= clock.now():
            raise PromptNotFound(f"The prompt {prompt_id} was archived more than {RESTORABLE_FOR.days} days ago.")
        await queries.touch(project, prompt_id, archived_at=None)
        await note(project, "prompt.restored", prompt_id)
        await project.announce(prompt_id)
    return await _open(project, await find(project, prompt_id, NEWEST))


async def history(project: ProjectReader, prompt_id: str, *, before: int | None, limit: int) -> list[VersionRecord]:
    """The versions of a prompt, newest first. Raises PromptNotFound, LabelNotAllowed."""
    if project.labels is not None:
        raise LabelNotAllowed("This API key is limited to labels, and a history has all versions.")
    if not await queries.prompt_exists(project, prompt_id):
        raise PromptNotFound(f"There is no prompt {prompt_id}.")
    return await queries.list_versions(project, prompt_id, before=before, limit=limit)


async def _prepare(project: ProjectWriter, spec: TemplateSpec) -> tuple[Document, Analysis]:
    """The document of `spec`, stored durably, and what was found in it. Raises TemplateInvalid."""
    analysis = await project.renderer.check(spec)
    document = Document.of(spec)
    await project.vault.put(document)
    return document, analysis


async def _hold_parts(project: ProjectWriter, includes: Sequence[str]) -> None:
    """Before any row is held: no part changes between its being looked up and the version being saved with it."""
    if includes:
        await hold_parts(project, shared=True)


async def _hold_head(project: ProjectWriter, prompt_id: str, *, includes: Sequence[str] = ()) -> PromptRecord:
    await project.hold(prompt_id)
    await _hold_parts(project, includes)
    head = await queries.lock_prompt(project, prompt_id)
    if head is None:
        raise PromptNotFound(f"There is no prompt {prompt_id}.")
    return head


def _refuse_stale(head: PromptRecord, if_match: Sequence[str] | None) -> None:
    if if_match is not None and not head.is_named_by(if_match):
        raise StaleVersion(f"The newest version of {head.prompt_id} is {head.number} ({head.semver}).")
