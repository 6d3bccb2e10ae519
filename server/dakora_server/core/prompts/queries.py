"""What PostgreSQL knows of prompts and their versions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Text, and_, cast, delete, func, insert, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.exc import IntegrityError

from dakora_server.core.exceptions import PromptExists
from dakora_server.core.prompts.records import PromptRecord, Selector, VersionRecord
from dakora_server.core.scope import ProjectReader, ProjectRows, ProjectWriter
from dakora_server.core.storage.tables import labels, prompts, versions
from dakora_server.core.templates.includes import Includes

_COLUMNS = (
    prompts.c.prompt_id,
    prompts.c.folder,
    prompts.c.head_number,
    prompts.c.revision,
    prompts.c.label_revision,
    prompts.c.created_at,
    versions.c.number,
    versions.c.semver,
    versions.c.content_hash,
    versions.c.description,
    versions.c.tags,
    versions.c.inputs,
    versions.c.portable,
    versions.c.includes,
    versions.c.message,
    versions.c.created_by,
    versions.c.created_at.label("updated_at"),
)
SAME_LABEL = and_(
    labels.c.project_id == versions.c.project_id,
    labels.c.prompt_id == versions.c.prompt_id,
    labels.c.number == versions.c.number,
)
# The labels that point to the version of the row around it.
_POINTING = (
    select(func.coalesce(func.array_agg(aggregate_order_by(labels.c.label, labels.c.label)), cast([], ARRAY(Text))))
    .where(SAME_LABEL)
    .correlate(versions)
    .scalar_subquery()
    .label("pointing")
)
_SAME_PROMPT = and_(versions.c.project_id == prompts.c.project_id, versions.c.prompt_id == prompts.c.prompt_id)
_JOINED = prompts.join(versions, _SAME_PROMPT)
IS_HEAD = versions.c.number == prompts.c.head_number
IS_LIVE = prompts.c.archived_at.is_(None)


# Made once: what a statement is made of is looked at anew each time it is made, which takes longer than sending it.
_ADD_PROMPT, _ADD_VERSION = insert(prompts), insert(versions)


def versions_of(project: ProjectReader) -> Select[Any]:
    return select(*_COLUMNS, _POINTING).select_from(_JOINED).where(project.owns(prompts), project.owns(versions))


def record_of(row: Row[Any]) -> PromptRecord:
    return _record_of(dict(row._mapping))


def _record_of(values: dict[str, Any]) -> PromptRecord:
    kept = {"tags": tuple(values["tags"]), "pointing": tuple(values["pointing"])}
    return PromptRecord(**{**values, **kept, "includes": Includes.from_json(values["includes"])})


def newest_of(project: ProjectReader) -> Select[Any]:
    """The prompts of the project, archived ones too, at their newest version; rows for `record_of`."""
    return versions_of(project).where(IS_HEAD)


def _is_labelled(project: ProjectReader, label: str) -> ColumnElement[bool]:
    """Whether the version is the one that this label of its prompt points to."""
    pointed = (
        select(labels.c.number)
        .where(project.owns(labels), labels.c.prompt_id == prompts.c.prompt_id, labels.c.label == label)
        .correlate(prompts)
        .scalar_subquery()
    )
    return versions.c.number == pointed


async def find_version(project: ProjectReader, prompt_id: str, which: Selector) -> PromptRecord | None:
    """One version of a live prompt."""
    query = versions_of(project).where(prompts.c.prompt_id == prompt_id, IS_LIVE)
    if which.number is not None:
        query = query.where(versions.c.number == which.number)
    elif which.semver is not None:
        query = query.where(versions.c.semver == which.semver)
    elif not which.is_newest and which.label is not None:
        query = query.where(_is_labelled(project, which.label))
    else:
        query = query.where(IS_HEAD)
    row = (await project.tx.execute(query)).one_or_none()
    return None if row is None else record_of(row)


async def records_of_heads(
    project: ProjectReader, which: ColumnElement[bool]
) -> list[tuple[PromptRecord, datetime | None]]:
    """The prompts that `which` names at their newest versions, and since when they are archived, if they are."""
    query = versions_of(project).add_columns(prompts.c.archived_at).where(IS_HEAD, which)
    found = []
    for row in await project.tx.execute(query):
        values = dict(row._mapping)
        archived_at = values.pop("archived_at")
        found.append((_record_of(values), archived_at))
    return found


async def prompt_exists(project: ProjectReader, prompt_id: str) -> bool:
    """Whether there is a live prompt with exactly this id."""
    query = select(prompts.c.prompt_id).where(project.owns(prompts), prompts.c.prompt_id == prompt_id, IS_LIVE)
    return (await project.tx.execute(query)).one_or_none() is not None


async def list_versions(
    project: ProjectReader, prompt_id: str, *, before: int | None, limit: int
) -> list[VersionRecord]:
    """A prompt's versions, newest first, beginning below `before`."""
    table = versions.c
    query = select(
        table.number,
        table.semver,
        table.content_hash,
        table.portable,
        table.message,
        table.created_by,
        table.created_at,
    ).where(project.owns(versions), table.prompt_id == prompt_id)
    if before is not None:
        query = query.where(table.number < before)
    found = await project.tx.execute(query.order_by(table.number.desc()).limit(limit))
    return [VersionRecord(**row._mapping) for row in found]


async def lock_prompt(project: ProjectWriter, prompt_id: str) -> PromptRecord | None:
    """The live prompt at its newest version, its row held until the transaction ends.

    Two savers cannot take the same number. A first save has no row to hold: there the unique key decides.
    """
    query = select(prompts.c.archived_at).where(project.owns(prompts), prompts.c.prompt_id == prompt_id)
    row = (await project.tx.execute(query.with_for_update())).one_or_none()
    if row is None or row.archived_at is not None:
        return None
    return await find_version(project, prompt_id, Selector())


async def find_archived(project: ProjectWriter, prompt_id: str) -> tuple[str, datetime] | None:
    """The archived prompt that holds this id (whatever the case) and since when, its row held."""
    query = select(prompts.c.prompt_id, prompts.c.archived_at).where(
        project.owns(prompts), prompts.c.id_key == prompt_id.lower(), prompts.c.archived_at.is_not(None)
    )
    row = (await project.tx.execute(query.with_for_update())).one_or_none()
    return None if row is None else (row.prompt_id, row.archived_at)


async def add_prompt(project: ProjectWriter, record: PromptRecord) -> None:
    """A new prompt, still without versions. Raises PromptExists when the id is taken, whatever its case."""
    values = {
        "project_id": project.project_id,
        "prompt_id": record.prompt_id,
        "id_key": record.prompt_id.lower(),
        "folder": record.folder,
        "head_number": record.head_number,
        "revision": record.revision,
        "label_revision": record.label_revision,
        "created_by": record.created_by,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }
    try:
        await project.tx.execute(_ADD_PROMPT, values)
    except IntegrityError as error:
        raise PromptExists(f"A prompt with the id {record.prompt_id} exists (letters' case aside).") from error


async def add_version(project: ProjectWriter, record: PromptRecord) -> None:
    """A new version. The prompt's head is moved by whoever holds its row."""
    await project.tx.execute(_ADD_VERSION, version_values(project, record))


def version_values(project: ProjectWriter, record: PromptRecord) -> dict[str, Any]:
    """The row of a version."""
    return {
        "project_id": project.project_id,
        "prompt_id": record.prompt_id,
        "number": record.number,
        "semver": record.semver,
        "content_hash": record.content_hash,
        "description": record.description,
        "tags": list(record.tags),
        "inputs": record.inputs,
        "portable": record.portable,
        "includes": record.includes.to_json(),
        "message": record.message,
        "created_by": record.created_by,
        "created_at": record.updated_at,
    }


async def touch(project: ProjectWriter, prompt_id: str, **changes: Any) -> None:
    """Change a prompt's own attributes and count the revision up."""
    await project.tx.execute(
        update(prompts)
        .where(project.owns(prompts), prompts.c.prompt_id == prompt_id)
        .values(revision=prompts.c.revision + 1, **changes)
    )


async def touch_labels(project: ProjectWriter, prompt_id: str) -> None:
    """Count a move of one of the prompt's labels."""
    where = (prompts.c.prompt_id == prompt_id) & project.owns(prompts)
    await project.tx.execute(update(prompts).where(where).values(label_revision=prompts.c.label_revision + 1))


async def purge(project: ProjectWriter, prompt_id: str) -> None:
    """Remove an archived prompt and its versions for good. Its documents are left to the sweeper."""
    await project.tx.execute(
        delete(prompts).where(
            project.owns(prompts), prompts.c.prompt_id == prompt_id, prompts.c.archived_at.is_not(None)
        )
    )


async def every_version(project: ProjectWriter, prompt_id: str) -> list[dict[str, Any]]:
    """The rows of all versions of a prompt, oldest first."""
    query = select(versions).where(project.owns(versions), versions.c.prompt_id == prompt_id)
    return [dict(row._mapping) for row in await project.tx.execute(query.order_by(versions.c.number))]


async def add_versions(project: ProjectWriter, rows: list[dict[str, Any]]) -> None:
    """Versions as they stood in another project, into this one."""
    await project.tx.execute(insert(versions), [{**row, "project_id": project.project_id} for row in rows])


async def remove(project: ProjectWriter, prompt_id: str) -> None:
    """Remove a prompt that now lies elsewhere, with its versions. Its documents are left to the sweeper."""
    # PostgreSQL lets nobody remove a prompt that is in use.
    await touch(project, prompt_id, archived_at=func.now())
    await purge(project, prompt_id)


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What a version's row says of its document, and of its place."""

    prompt_id: str
    number: int
    semver: str
    content_hash: str
    description: str
    tags: list[str]
    inputs: dict[str, Any]
    portable: bool

    @property
    def id(self) -> str:
        """The prompt's."""
        return self.prompt_id

    @property
    def name(self) -> str:
        """How it is called in a report."""
        return f"{self.prompt_id} version {self.number}"

    @property
    def place(self) -> tuple[str, int]:
        """Where it stands in the order of all."""
        return self.prompt_id, self.number


async def version_facts(project: ProjectRows, *, after: tuple[str, int] | None, limit: int) -> list[VersionFacts]:
    """The rows of all prompts' versions, archived ones too, in order of id and number, beginning behind `after`."""
    v = versions.c
    query = select(*(v[name] for name in VersionFacts.__dataclass_fields__)).where(project.owns(versions))
    if after is not None:
        query = query.where(tuple_(v.prompt_id, v.number) > tuple_(*after))
    found = await project.tx.execute(query.order_by(v.prompt_id, v.number).limit(limit))
    return [VersionFacts(**row._mapping) for row in found]


async def version_gaps(project: ProjectRows) -> list[str]:
    """Prompts of this project whose version numbers are not 1, 2, 3 … up to the head."""
    counted, highest = func.count(versions.c.number), func.max(versions.c.number)
    query = (
        select(prompts.c.prompt_id, prompts.c.head_number, counted.label("counted"), highest.label("highest"))
        .select_from(prompts.outerjoin(versions, _SAME_PROMPT))
        .where(project.owns(prompts))
        .group_by(prompts.c.prompt_id, prompts.c.head_number)
        .having(or_(counted != prompts.c.head_number, highest != prompts.c.head_number))
    )
    return [
        f"{project.project_id} {row.prompt_id}: head {row.head_number}, {row.counted} versions, highest {row.highest}"
        for row in await project.tx.execute(query)
    ]


async def totals(project: ProjectRows) -> tuple[int, int]:
    """How many prompts and versions the project has."""
    counted_prompts = select(func.count()).select_from(prompts).where(project.owns(prompts)).scalar_subquery()
    counted_versions = select(func.count()).select_from(versions).where(project.owns(versions)).scalar_subquery()
    query = select(counted_prompts.label("prompts"), counted_versions.label("versions"))
    row = (await project.tx.execute(query)).one()
    return row.prompts, row.versions
