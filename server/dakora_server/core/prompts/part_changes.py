"""Changes of parts with all that follows from them: the prompts that include them.

A prompt whose newest version names a part without a version follows it: a new version of the part makes a new version
of the prompt, in the same transaction, with the same text. Versions that exist are never touched, so what a label
points to renders as it did until the label is moved.
"""

from collections.abc import Mapping, Sequence

from dakora_server.core import clock
from dakora_server.core.audit.service import Happened, record_many
from dakora_server.core.audit.service import record as note
from dakora_server.core.exceptions import Fault, PartInUse
from dakora_server.core.parts import queries as parts
from dakora_server.core.parts import service
from dakora_server.core.parts.bulk_plan import because
from dakora_server.core.parts.records import PartRecord, StoredPart, Usage
from dakora_server.core.parts.service import Saved
from dakora_server.core.prompts import part_queries
from dakora_server.core.prompts.records import PromptRecord
from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.selection import NEWEST, Selector
from dakora_server.core.templates.part_model import PartSpec

_NAMED = 50


async def create(project: ProjectWriter, spec: PartSpec, *, message: str | None = None) -> StoredPart:
    """See `core.parts.service.create`. Nothing can include it yet."""
    return (await service.create(project, spec, message=message)).part


async def update(
    project: ProjectWriter, spec: PartSpec, *, message: str | None = None, if_match: Sequence[str] | None = None
) -> StoredPart:
    """See `core.parts.service.update`; the prompts that follow the part get a new version too."""
    return await _followed(project, await service.update(project, spec, message=message, if_match=if_match))


async def rollback(
    project: ProjectWriter,
    part_id: str,
    which: Selector,
    *,
    message: str | None = None,
    if_match: Sequence[str] | None = None,
) -> StoredPart:
    """See `core.parts.service.rollback`; the prompts that follow the part get a new version too."""
    saved = await service.rollback(project, part_id, which, message=message, if_match=if_match)
    return await _followed(project, saved)


async def delete(
    project: ProjectWriter, part_id: str, *, force: bool = False, if_match: Sequence[str] | None = None
) -> None:
    """Delete a part: nothing can be saved with it any more. It can be restored.

    Versions that were saved with it render on. Raises PartNotFound, StaleVersion; PartInUse unless `force`.
    """
    head = await service.hold_head(project, part_id)
    service.refuse_stale(head, if_match)
    users = await _usages(project, part_id)
    if users and not force:
        faults = [
            Fault(f"The {one.kind} {one.id} uses it in version {one.number}.", loc=(one.kind, one.id), type="in_use")
            for one in users[:_NAMED]
        ]
        count = len({(one.kind, one.id) for one in users})
        said = "One prompt or part uses" if count == 1 else f"{count} prompts and parts use"
        raise PartInUse(f"{said} {part_id}; ?force=true deletes it all the same.", errors=faults)
    await parts.touch(project, part_id, archived_at=clock.now())
    await note(project, "part.deleted", part_id, before={"version": head.number, "content_hash": head.content_hash})
    await project.announce(service.subject(part_id))


async def usages(project: ProjectReader, part_id: str) -> list[Usage]:
    """Who uses the part: parts and prompts at their newest version, prompts at labelled ones.

    Raises PartNotFound, LabelNotAllowed.
    """
    service.refuse_limited(project)
    await service.find(project, part_id, NEWEST)
    return await _usages(project, part_id)


async def _usages(project: ProjectReader, part_id: str) -> list[Usage]:
    return [*await parts.usages(project, part_id), *await part_queries.usages(project, part_id)]


async def _followed(project: ProjectWriter, saved: Saved) -> StoredPart:
    if saved.changed:
        first = saved.changed[0]
        message = f"{first.part_id} is at version {first.number}"
        await follow(project, {record.part_id: record for record in saved.changed}, message=message)
    return saved.part


async def follow(
    project: ProjectWriter, changed: Mapping[str, PartRecord], *, message: str | None = None
) -> list[PromptRecord]:
    """New versions of the prompts that follow these parts, which are at these versions now; those that have them stay.

    The project's parts must be held. Without `message` each says which parts it follows.
    Raises TemplateInvalid where a prompt's includes would be too much.
    """
    heads = await part_queries.lock_followers(project, changed)
    now, author = clock.now(), project.actor.user_id
    records: list[PromptRecord] = []
    for head in heads:
        includes = service.followed(head.includes, changed, by=head.prompt_id)
        if includes.key != head.includes.key:
            why = message or because(head.includes.floating(), changed)
            records.append(head.following(includes, message=why, author=author, at=now))
    if not records:
        return []
    await part_queries.add_followers(project, records, now)
    await record_many(project, [_event(record) for record in records])
    await project.announce_many([record.prompt_id for record in records])
    return records


def _event(record: PromptRecord) -> Happened:
    facts = {"version": record.number, "content_hash": record.content_hash, "folder": record.folder}
    return Happened("prompt.followed", record.prompt_id, before={"version": record.number - 1}, after=facts)
