"""Which prompts use which parts, as PostgreSQL knows it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Text, and_, cast, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from dakora_server.core.parts.queries import use_rows
from dakora_server.core.parts.records import Usage
from dakora_server.core.prompts import queries
from dakora_server.core.prompts.records import PromptRecord
from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.storage.tables import labels, prompt_uses, prompts, versions


async def lock_followers(project: ProjectWriter, part_ids: Collection[str]) -> list[PromptRecord]:
    """The prompts, archived ones too, whose newest version follows one of these parts; their rows are held.

    In the order of all who hold the rows of several prompts: that of ids in lower case.
    """
    use = prompt_uses.c
    used = and_(use.project_id == versions.c.project_id, use.prompt_id == versions.c.prompt_id)
    follows = (
        select(use.prompt_id)
        .where(used, use.number == versions.c.number, project.owns(prompt_uses))
        .where(use.part_id.in_(list(part_ids)), use.floating)
        .exists()
    )
    query = queries.newest_of(project).where(follows).order_by(prompts.c.id_key).with_for_update(of=prompts)
    return [queries.record_of(row) for row in await project.tx.execute(query)]


async def add_followers(project: ProjectWriter, records: Sequence[PromptRecord], now: datetime) -> None:
    """New versions of prompts whose rows are held, each the newest from now on."""
    await project.tx.execute(insert(versions), [queries.version_values(project, record) for record in records])
    await add_uses(project, records)
    ids = [record.prompt_id for record in records]
    moved = update(prompts).where(project.owns(prompts), prompts.c.prompt_id.in_(ids))
    await project.tx.execute(
        moved.values(head_number=prompts.c.head_number + 1, revision=prompts.c.revision + 1, updated_at=now)
    )


async def add_uses(project: ProjectWriter, records: Sequence[PromptRecord]) -> None:
    """Say which parts these versions use."""
    rows = [
        row
        for record in records
        for row in use_rows(project.project_id, record.includes, prompt_id=record.prompt_id, number=record.number)
    ]
    if rows:
        await project.tx.execute(insert(prompt_uses), rows)


async def includes_anything(project: ProjectReader, prompt_id: str) -> bool:
    """Whether any version of the prompt includes a part."""
    query = select(versions.c.number).where(
        project.owns(versions), versions.c.prompt_id == prompt_id, versions.c.includes.is_not(None)
    )
    return (await project.tx.execute(query.limit(1))).one_or_none() is not None


async def usages(project: ProjectReader, part_id: str) -> list[Usage]:
    """The live prompts whose newest version, or one that a label points to, uses this part."""
    use = prompt_uses.c
    pointing = (
        select(func.coalesce(func.array_agg(aggregate_order_by(labels.c.label, labels.c.label)), cast([], ARRAY(Text))))
        .where(project.owns(labels), labels.c.prompt_id == use.prompt_id, labels.c.number == use.number)
        .scalar_subquery()
    )
    same = and_(prompts.c.project_id == use.project_id, prompts.c.prompt_id == use.prompt_id)
    query = (
        select(use.prompt_id, use.number, use.part_number, use.direct, use.floating, prompts.c.head_number)
        .add_columns(pointing.label("pointing"))
        .join(prompts, same)
        .where(
            project.owns(prompt_uses), project.owns(prompts), use.part_id == part_id, prompts.c.archived_at.is_(None)
        )
        .where(or_(prompts.c.head_number == use.number, func.cardinality(pointing) > 0))
        .order_by(use.prompt_id, use.number.desc(), use.part_number)
    )
    return [
        Usage(
            "prompt",
            row.prompt_id,
            row.number,
            row.part_number,
            row.direct,
            # A version that is no longer the newest follows nothing.
            row.floating and row.number == row.head_number,
            tuple(row.pointing),
        )
        for row in await project.tx.execute(query)
    ]
