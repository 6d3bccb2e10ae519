"""What PostgreSQL knows of parts, their versions, and who uses them."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, func, insert, or_, select, text, tuple_, update
from sqlalchemy.exc import IntegrityError

from dakora_server.core.exceptions import PartExists
from dakora_server.core.parts.records import PartFacts, PartRecord, PartVersion, Usage
from dakora_server.core.scope import ProjectReader, ProjectRows, ProjectWriter
from dakora_server.core.selection import Selector
from dakora_server.core.storage.tables import part_uses, part_versions, parts
from dakora_server.core.templates.includes import Includes

_V = part_versions.c
_COLUMNS = (
    parts.c.part_id,
    parts.c.head_number,
    parts.c.revision,
    parts.c.created_at,
    _V.number,
    _V.semver,
    _V.content_hash,
    _V.description,
    _V.tags,
    _V.variables,
    _V.size,
    _V.includes,
    _V.message,
    _V.created_by,
    _V.created_at.label("updated_at"),
)
_NAMES = tuple(column.name for column in _COLUMNS)
_SAME_PART = and_(_V.project_id == parts.c.project_id, _V.part_id == parts.c.part_id)
_JOINED = parts.join(part_versions, _SAME_PART)
IS_HEAD = _V.number == parts.c.head_number
_IS_LIVE = parts.c.archived_at.is_(None)
# Kept until the transaction ends: shared by who resolves includes, alone by who changes a part.
_HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended(:place, 0))")
_HOLD_SHARED = text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:place, 0))")


async def hold_parts(project: ProjectWriter, *, shared: bool) -> None:
    """Let no part of the project change until this transaction ends; with `shared`, others may say the same.

    Taken before the row of any prompt or part, by everyone, so that nobody waits in a circle.
    """
    await project.tx.execute(_HOLD_SHARED if shared else _HOLD, {"place": f"parts of {project.project_id}"})


def versions_of(project: ProjectReader) -> Select[Any]:
    """The rows of which `record_of` makes records: every version of every part, unless more is asked."""
    return select(*_COLUMNS).select_from(_JOINED).where(project.owns(parts), project.owns(part_versions))


def record_of(row: Row[Any]) -> PartRecord:
    """The version that a row of `versions_of` tells of."""
    values = {name: row._mapping[name] for name in _NAMES}
    kept = {"tags": tuple(values["tags"]), "variables": tuple(values["variables"])}
    return PartRecord(**{**values, **kept, "includes": Includes.from_json(values["includes"])})


async def list_parts(
    project: ProjectReader, *, category: str | None, search: str | None, after: str | None, limit: int
) -> list[PartRecord]:
    """Live parts at their newest version by id, whatever the case, beginning behind `after`."""
    query = versions_of(project).where(IS_HEAD, _IS_LIVE)
    if category is not None:
        query = query.where(parts.c.part_id.startswith(f"{category}/", autoescape=True))
    if search is not None:
        found = (column.icontains(search, autoescape=True) for column in (parts.c.part_id, _V.description))
        query = query.where(or_(*found))
    if after is not None:
        query = query.where(parts.c.id_key > after)
    return [record_of(row) for row in await project.tx.execute(query.order_by(parts.c.id_key).limit(limit))]


async def find_version(project: ProjectReader, part_id: str, which: Selector) -> PartRecord | None:
    """One version of a live part."""
    query = versions_of(project).where(parts.c.part_id == part_id, _IS_LIVE)
    if which.number is not None:
        query = query.where(_V.number == which.number)
    elif which.semver is not None:
        query = query.where(_V.semver == which.semver)
    else:
        query = query.where(IS_HEAD)
    row = (await project.tx.execute(query)).one_or_none()
    return None if row is None else record_of(row)


async def find_named(
    project: ProjectReader, newest: Collection[str], pinned: Collection[tuple[str, int]]
) -> list[PartRecord]:
    """Of the live parts, these at their newest version and those at the version given."""
    wanted = [and_(IS_HEAD, parts.c.part_id.in_(newest))] if newest else []
    wanted += [tuple_(parts.c.part_id, _V.number).in_(list(pinned))] if pinned else []
    return [record_of(row) for row in await project.tx.execute(versions_of(project).where(_IS_LIVE, or_(*wanted)))]


async def variables_of(project: ProjectReader, includes: Includes) -> dict[str, tuple[str, ...]]:
    """What the texts of these part versions read from outside, by the part's id."""
    wanted = [(part.id, part.number) for part in includes.parts]
    query = select(_V.part_id, _V.variables).where(
        project.owns(part_versions), tuple_(_V.part_id, _V.number).in_(wanted)
    )
    return {row.part_id: tuple(row.variables) for row in await project.tx.execute(query)}


async def lock_part(project: ProjectWriter, part_id: str, *, archived: bool = False) -> PartRecord | None:
    """The part at its newest version, its row held until the transaction ends; live, unless `archived`."""
    query = versions_of(project).where(parts.c.part_id == part_id, IS_HEAD)
    query = query.where(parts.c.archived_at.is_not(None) if archived else _IS_LIVE)
    row = (await project.tx.execute(query.with_for_update(of=parts))).one_or_none()
    return None if row is None else record_of(row)


async def holder_of(project: ProjectReader, part_id: str) -> tuple[str, bool] | None:
    """The part that has this id, whatever the case, and whether it is deleted."""
    query = select(parts.c.part_id, parts.c.archived_at).where(project.owns(parts), parts.c.id_key == part_id.lower())
    row = (await project.tx.execute(query)).one_or_none()
    return None if row is None else (row.part_id, row.archived_at is not None)


async def floating_users(project: ProjectReader, part_id: str) -> list[PartRecord]:
    """The parts, deleted ones too, whose newest version follows this part, through others or by themselves."""
    used = and_(
        part_uses.c.project_id == _V.project_id, part_uses.c.includer_id == _V.part_id, part_uses.c.number == _V.number
    )
    query = (
        versions_of(project)
        .where(IS_HEAD)
        .where(
            select(part_uses.c.includer_id)
            .where(used, project.owns(part_uses), part_uses.c.part_id == part_id, part_uses.c.floating)
            .exists()
        )
        .order_by(parts.c.part_id)
    )
    return [record_of(row) for row in await project.tx.execute(query)]


async def usages(project: ProjectReader, part_id: str) -> list[Usage]:
    """The live parts whose newest version uses this part."""
    use = part_uses.c
    query = (
        select(use.includer_id, use.number, use.part_number, use.direct, use.floating)
        .join(parts, and_(parts.c.project_id == use.project_id, parts.c.part_id == use.includer_id))
        .where(project.owns(part_uses), project.owns(parts), use.part_id == part_id)
        .where(parts.c.head_number == use.number, _IS_LIVE)
        .order_by(use.includer_id, use.part_number)
    )
    rows = await project.tx.execute(query)
    return [Usage("part", row.includer_id, row.number, row.part_number, row.direct, row.floating) for row in rows]


async def list_versions(project: ProjectReader, part_id: str, *, before: int | None, limit: int) -> list[PartVersion]:
    """The history, newest first, beginning before `before`."""
    columns = (_V.number, _V.semver, _V.content_hash, _V.includes, _V.message, _V.created_by, _V.created_at)
    query = select(*columns).where(project.owns(part_versions), _V.part_id == part_id)
    if before is not None:
        query = query.where(_V.number < before)
    rows = await project.tx.execute(query.order_by(_V.number.desc()).limit(limit))
    return [PartVersion(**{**row._mapping, "includes": Includes.from_json(row.includes)}) for row in rows]


async def add_part(project: ProjectWriter, record: PartRecord) -> None:
    """A new part's own row; its version is added apart. Raises PartExists."""
    statement = insert(parts).values(
        project_id=project.project_id,
        part_id=record.part_id,
        id_key=record.part_id.lower(),
        head_number=record.head_number,
        revision=record.revision,
        created_by=record.created_by,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
    try:
        await project.tx.execute(statement)
    except IntegrityError as error:
        raise PartExists(f"A part with the id {record.part_id} exists (letters' case aside).") from error


async def add_version(project: ProjectWriter, record: PartRecord) -> None:
    """A new version, and what it uses. The part's head is moved by whoever holds its row."""
    values = {
        "project_id": project.project_id,
        "part_id": record.part_id,
        "number": record.number,
        "semver": record.semver,
        "content_hash": record.content_hash,
        "description": record.description,
        "tags": list(record.tags),
        "variables": list(record.variables),
        "size": record.size,
        "includes": record.includes.to_json(),
        "message": record.message,
        "created_by": record.created_by,
        "created_at": record.updated_at,
    }
    await project.tx.execute(insert(part_versions).values(values))
    rows = list(use_rows(project.project_id, record.includes, includer_id=record.part_id, number=record.number))
    if rows:
        await project.tx.execute(insert(part_uses), rows)


def use_rows(project_id: UUID, includes: Includes, **includer: object) -> Iterable[dict[str, object]]:
    """The rows that say which parts a version of `includer` uses."""
    floating, direct = includes.floating(), frozenset(includes.uses.values())
    for index, part in enumerate(includes.parts):
        yield {
            "project_id": project_id,
            **includer,
            "part_id": part.id,
            "part_number": part.number,
            "direct": index in direct,
            "floating": part.id in floating,
        }


async def touch(project: ProjectWriter, part_id: str, **changes: Any) -> None:
    """Change a part's own attributes and count the revision up."""
    own = update(parts).where(project.owns(parts), parts.c.part_id == part_id)
    await project.tx.execute(own.values(revision=parts.c.revision + 1, **changes))


async def version_facts(project: ProjectRows, *, after: tuple[str, int] | None, limit: int) -> list[PartFacts]:
    """The rows of all parts' versions, deleted ones too, in order of id and number, beginning behind `after`."""
    query = select(*(_V[name] for name in PartFacts.__dataclass_fields__)).where(project.owns(part_versions))
    if after is not None:
        query = query.where(tuple_(_V.part_id, _V.number) > tuple_(*after))
    found = await project.tx.execute(query.order_by(_V.part_id, _V.number).limit(limit))
    return [PartFacts(**row._mapping) for row in found]


async def version_gaps(project: ProjectRows) -> list[str]:
    """Parts of this project whose version numbers are not 1, 2, 3 … up to the head."""
    counted, highest = func.count(_V.number), func.max(_V.number)
    query = (
        select(parts.c.part_id, parts.c.head_number, counted.label("counted"), highest.label("highest"))
        .select_from(parts.outerjoin(part_versions, _SAME_PART))
        .where(project.owns(parts))
        .group_by(parts.c.part_id, parts.c.head_number)
        .having(or_(counted != parts.c.head_number, highest != parts.c.head_number))
    )
    return [
        f"{project.project_id} part {row.part_id}: head {row.head_number}, {row.counted} versions,"
        f" highest {row.highest}"
        for row in await project.tx.execute(query)
    ]


async def totals(project: ProjectRows) -> tuple[int, int]:
    """How many parts and versions of parts the project has."""
    counted = select(func.count()).select_from(parts).where(project.owns(parts)).scalar_subquery()
    versions = select(func.count()).select_from(part_versions).where(project.owns(part_versions)).scalar_subquery()
    row = (await project.tx.execute(select(counted.label("parts"), versions.label("versions")))).one()
    return row.parts, row.versions
