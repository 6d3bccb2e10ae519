"""The rules of prompts: saving, finding, archiving, rolling back."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from dakora_server.core import clock
from dakora_server.core.audit.service import record as note
from dakora_server.core.exceptions import (
    Fault,
    LabelNotAllowed,
    LabelNotFound,
    PromptArchived,
    PromptNotFound,
    StaleVersion,
    TemplateInvalid,
    VersionNotFound,
)
from dakora_server.core.prompts import queries
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
_NUMBER = re.compile(r"[0-9]{1,9}\Z")


def weigh(prompt: StoredPrompt) -> int:
    """About how many bytes a kept prompt takes: its document, and its encoded answer."""
    return 2 * document_weight(prompt.document)


def selector(version: str | None, label: str | None) -> Selector:
    """What `?version=` and `?label=` mean: digits are a number, anything else a semver. `latest` is the newest."""
    if version is None:
        return Selector(label=label) if label is not None and label != "latest" else NEWEST
    if _NUMBER.match(version):
        return Selector(number=int(version))
    return Selector(semver=version)


async def list_prompts(
    project: ProjectReader, wanted: PromptFilter, *, after: str | None, limit: int
) -> list[PromptRecord]:
    """Live prompts at their newest version, in order of id. Raises LabelNotAllowed."""
    _refuse_other_labels(project, Selector(label=wanted.label))
    if wanted.label == LATEST:
        wanted = replace(wanted, label=None)
    return await queries.list_prompts(project, wanted, after=after, limit=limit)


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
        found = StoredPrompt(record, await project.vault.get(record.content_hash))
    except BaseException:  # nothing was read: the reservation must not stay behind, whatever happened
        project.pointers.drop(reservation)
        raise
    project.pointers.fill(reservation, which, found)
    return found


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

    Raises PromptExists, PromptArchived while an archived prompt holds the id, TemplateInvalid.
    """
    document, portable = await _prepare(project, spec)
    await project.hold(spec.id)
    archived = await queries.find_archived(project, spec.id)
    if archived is not None:
        held_by, since = archived
        if since + RESTORABLE_FOR > clock.now():
            raise PromptArchived(f"The id belongs to the archived prompt {held_by}: restore it, or choose another id.")
        await queries.purge(project, held_by)
        await note(project, "prompt.purged", held_by)
    record = _next_record(project, document, head=None, given=spec.version, portable=portable, message=message)
    record = replace(record, folder=folder)
    await queries.add_prompt(project, record)
    await queries.add_version(project, record)
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
    document, portable = await _prepare(project, spec)
    head = await _hold_head(project, spec.id)
    return await _add(
        project,
        document,
        head=head,
        given=spec.version,
        portable=portable,
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
    """Make a new version with the content of an older one. Back to what is newest already changes nothing."""
    head = await _hold_head(project, prompt_id)
    older = await find(project, prompt_id, which)
    document = await project.vault.get(older.content_hash)
    note = message or f"Rollback to version {older.number}"
    return await _add(
        project,
        document,
        head=head,
        given=None,
        portable=older.portable,
        folder=None,
        message=note,
        if_match=if_match,
    )


async def _add(
    project: ProjectWriter,
    document: Document,
    *,
    head: PromptRecord,
    given: str | None,
    portable: bool,
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
    record = head
    if not unchanged:
        record = _next_record(project, document, head=head, given=given, portable=portable, message=message)
        await queries.add_version(project, record)
    record = replace(record, folder=folder if folder is not None and moved else head.folder, revision=head.revision + 1)
    await queries.touch(
        project, head.prompt_id, folder=record.folder, head_number=record.number, updated_at=clock.now()
    )
    action = "prompt.moved" if unchanged else "prompt.saved"
    await note(project, action, head.prompt_id, before=facts(head), after=facts(record))
    await project.announce(head.prompt_id)
    return StoredPrompt(record, document)


def _next_record(
    project: ProjectWriter,
    document: Document,
    *,
    head: PromptRecord | None,
    given: str | None,
    portable: bool,
    message: str | None,
) -> PromptRecord:
    """The row of the version that comes after `head`. Raises VersionNotHigher."""
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
        portable=portable,
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
    record = await find(project, prompt_id, NEWEST)
    return StoredPrompt(record, await project.vault.get(record.content_hash))


async def history(project: ProjectReader, prompt_id: str, *, before: int | None, limit: int) -> list[VersionRecord]:
    """The versions of a prompt, newest first. Raises PromptNotFound, LabelNotAllowed."""
    if project.labels is not None:
        raise LabelNotAllowed("This API key is limited to labels, and a history has all versions.")
    if not await queries.prompt_exists(project, prompt_id):
        raise PromptNotFound(f"There is no prompt {prompt_id}.")
    return await queries.list_versions(project, prompt_id, before=before, limit=limit)


async def _prepare(project: ProjectWriter, spec: TemplateSpec) -> tuple[Document, bool]:
    """The document of `spec`, stored durably, and whether it is portable. Raises TemplateInvalid."""
    analysis = await project.renderer.check(spec)
    refuse_unknown_parts(analysis)
    document = Document.of(spec)
    await project.vault.put(document)
    return document, analysis.plain


def refuse_unknown_parts(analysis: Analysis) -> None:
    """Raises TemplateInvalid for a template that includes parts which are not there."""
    if analysis.includes:
        faults = [
            Fault(f"There is no part {target}.", line=None, type="unknown_part", loc=("template",))
            for target in analysis.includes
        ]
        raise TemplateInvalid("The template includes parts that do not exist.", errors=faults)


async def _hold_head(project: ProjectWriter, prompt_id: str) -> PromptRecord:
    await project.hold(prompt_id)
    head = await queries.lock_prompt(project, prompt_id)
    if head is None:
        raise PromptNotFound(f"There is no prompt {prompt_id}.")
    return head


def _refuse_stale(head: PromptRecord, if_match: Sequence[str] | None) -> None:
    if if_match is not None and not head.is_named_by(if_match):
        raise StaleVersion(f"The newest version of {head.prompt_id} is {head.number} ({head.semver}).")
