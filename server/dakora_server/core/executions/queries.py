"""Rows of executions: written in one statement a batch, read newest first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    TextClause,
    and_,
    delete,
    func,
    literal,
    null,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from dakora_server.core.executions.latency import bucket_of
from dakora_server.core.executions.records import (
    Execution,
    ExecutionDraft,
    ExecutionFilter,
    ExecutionSettings,
    Keep,
    Period,
    Source,
    Status,
)
from dakora_server.core.scope import ProjectId, ProjectReader, ProjectRows, ProjectWriter
from dakora_server.core.storage.database import Transaction
from dakora_server.core.storage.tables import execution_settings, executions

# What a record's fields are called in its row, where the names differ.
_RENAMED = {"user": "user_ref"}
_JSON = {"inputs", "messages", "tool_calls", "metadata", "parts"}
_TEXTS = ("inputs", "messages", "output", "tool_calls")
_TYPES = {
    "id": "uuid",
    "kept_until": "timestamptz",
    "started_at": "timestamptz",
    "version_number": "integer",
    "input_tokens": "bigint",
    "output_tokens": "bigint",
    "cached_input_tokens": "bigint",
    "cost_usd": "numeric",
    "latency_ms": "float8",
    "first_token_ms": "float8",
    "bucket": "smallint",
    **dict.fromkeys(_JSON, "json"),
}
_FIELDS = tuple(field.name for field in fields(ExecutionDraft))
_NAMED = tuple((name, _RENAMED.get(name, name)) for name in _FIELDS)
_COLUMNS = (*(column for _, column in _NAMED), "kept_until")


# The versions that the project has, to complete rows that say only one of number and semver.
_VERSIONS = (
    " LEFT JOIN versions n ON n.project_id = :project_id AND n.prompt_id = r.prompt_id AND n.number = r.version_number"
    " AND r.version IS NULL"
    " LEFT JOIN versions s ON s.project_id = :project_id AND s.prompt_id = r.prompt_id AND s.semver = r.version"
    " AND r.version_number IS NULL"
)
_COMPLETED = {"version": "coalesce(r.version, n.semver)", "version_number": "coalesce(r.version_number, s.number)"}


def _record(*, completing: bool) -> TextClause:
    """One statement for all of it: rows in, half-known versions completed, what is new written and counted.

    JSON in and not arrays: PostgreSQL reads both as fast, and Python writes one of them ten times faster. COPY is not
    allowed behind row-level security. Nothing is written where the project has changed its settings since they were
    read: what is in `rows` was made as they said.
    """
    given = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in (*_COLUMNS, "bucket"))
    columns = ", ".join(_COLUMNS)
    completed = _COMPLETED if completing else {}
    chosen = ", ".join(f"{completed.get(name, f'r.{name}')} AS {name}" for name in (*_COLUMNS, "bucket"))
    known = ", ".join(f"coalesce(r.{name}, '') AS {name}" for name in ("prompt_id", "label", "provider", "model"))
    sums = ("input_tokens", "output_tokens", "cached_input_tokens", "cost_usd")
    added_up = ", ".join(f"coalesce(sum(r.{name}), 0) AS {name}" for name in sums)
    return text(
        "WITH settings AS (SELECT coalesce((SELECT changed_at FROM execution_settings"  # noqa: S608 - our own names
        " WHERE project_id = :project_id), '-infinity')"
        " = coalesce(cast(:decided AS timestamptz), '-infinity') AS same),"
        f" ready AS (SELECT {chosen} FROM json_to_recordset(cast(:rows AS json)) AS r({given})"
        f"{_VERSIONS if completing else ''} WHERE (SELECT same FROM settings)),"
        f" added AS (INSERT INTO executions (project_id, {columns}) SELECT :project_id, {columns} FROM ready"
        " ON CONFLICT DO NOTHING RETURNING id),"
        " groups AS (SELECT (r.started_at AT TIME ZONE 'UTC')::date AS day, coalesce(r.version_number, 0) AS"
        f" version_number, r.status, r.bucket, {known}, count(*) AS runs, {added_up},"
        " count(*) FILTER (WHERE r.cost_usd IS NULL) AS unpriced FROM ready r JOIN added USING (id)"
        " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8),"
        " counted AS (INSERT INTO stat_entries (project_id, groups) SELECT :project_id, json_agg(row_to_json(g))"
        " FROM groups g HAVING count(*) > 0)"
        " SELECT (SELECT same FROM settings) AS same, (SELECT count(*) FROM added) AS added"
    )


_RECORD, _RECORD_COMPLETING = _record(completing=False), _record(completing=True)
_MONTH = text("SELECT dakora_execution_month(:moment)")
_DROP = text("SELECT dakora_drop_expired_executions()")


def row_of(draft: ExecutionDraft, kept_until: datetime, cost: Decimal | None) -> dict[str, Any]:
    """A record's row, without what is not known."""
    row = {column: value for name, column in _NAMED if (value := getattr(draft, name)) is not None}
    row["kept_until"] = kept_until
    row["bucket"] = bucket_of(draft.latency_ms)
    if cost is not None:
        row["cost_usd"] = str(cost)
    return row


async def add(project: ProjectWriter, rows: Sequence[Mapping[str, Any]], decided: datetime | None) -> int | None:
    """Write and count the rows that are not there yet; how many there were.

    None, and nothing is done, where the project's settings are not any more those of `decided` (None: untouched).
    """
    given = {"project_id": project.project_id, "rows": orjson.dumps(rows).decode(), "decided": decided}
    half_known = any(("version" in row) != ("version_number" in row) for row in rows)
    row = (await project.tx.execute(_RECORD_COMPLETING if half_known else _RECORD, given)).one()
    return int(row.added) if row.same else None


async def make_month(tx: Transaction, moment: datetime) -> None:
    """Let there be a partition for what is kept until then."""
    await tx.execute(_MONTH, {"moment": moment})


async def drop_months(tx: Transaction) -> list[str]:
    """Drop the partitions whose every row is past its time; their names."""
    return list((await tx.execute(_DROP)).scalar_one())


async def get(project: ProjectReader, execution_id: UUID, settings: ExecutionSettings) -> Execution | None:
    """One record with its texts."""
    query = _all().where(project.owns(executions), executions.c.id == execution_id, *_in_time(settings))
    row = (await project.tx.execute(query.limit(1))).one_or_none()
    return None if row is None else _execution(row, has_texts=True)


async def newest(
    project: ProjectReader,
    wanted: ExecutionFilter,
    settings: ExecutionSettings,
    *,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Execution]:
    """Records without their texts, the latest beginning first."""
    e = executions.c
    query = _all(*_TEXTS).where(project.owns(executions), *_in_time(settings), *_narrowed(wanted))
    if before is not None:
        query = query.where(tuple_(e.started_at, e.id) < tuple_(literal(before[0]), literal(before[1])))
    query = query.order_by(e.started_at.desc(), e.id.desc()).limit(limit)
    return [_execution(row, has_texts=False) for row in await project.tx.execute(query)]


def _all(*without: str) -> Select[Any]:
    return select(*(null().label(column.name) if column.name in without else column for column in executions.c))


def _in_time(settings: ExecutionSettings) -> Iterator[ColumnElement[bool]]:
    """What is past its time is not there any more, though its row may still be."""
    yield executions.c.kept_until > func.now()
    if settings.retention_days is not None:
        yield executions.c.started_at > func.now() - func.make_interval(0, 0, 0, settings.retention_days)


def _narrowed(wanted: ExecutionFilter) -> Iterator[ColumnElement[bool]]:
    e = executions.c
    same = {
        "prompt_id": e.prompt_id,
        "label": e.label,
        "provider": e.provider,
        "model": e.model,
        "status": e.status,
        "user": e.user_ref,
        "session": e.session,
        "source": e.source,
    }
    for name, column in same.items():
        value = getattr(wanted, name)
        if value is not None:
            yield column == value
    if wanted.version is not None:
        yield (e.version_number if isinstance(wanted.version, int) else e.version) == wanted.version
    if wanted.since is not None:
        yield e.started_at >= wanted.since
    if wanted.until is not None:
        yield e.started_at < wanted.until


def _execution(row: Row[Any], *, has_texts: bool) -> Execution:
    values = dict(row._mapping)
    known = {name: values[_RENAMED.get(name, name)] for name in _FIELDS}
    known |= {"source": Source(known["source"]), "status": Status(known["status"])}
    return Execution(**known, recorded_at=values["recorded_at"], has_texts=has_texts)


async def erase(project: ProjectWriter, user: str) -> int:
    """Empty every text of this user's records, and what names the user. How many there were."""
    empty = dict.fromkeys(("error_message", "user_ref", "session", *_TEXTS, "metadata"))
    query = update(executions).where(project.owns(executions), executions.c.user_ref == user)
    return (await project.tx.execute(query.values({name: null() for name in empty}))).rowcount


async def forget(tx: Transaction, project_id: UUID, settings: ExecutionSettings, *, most: int) -> int:
    """Delete what a shortened retention no longer keeps; at most so many rows. How many there were."""
    if settings.retention_days is None:
        return 0
    e = executions.c
    aged = e.started_at < func.now() - func.make_interval(0, 0, 0, settings.retention_days)
    some = select(e.id, e.kept_until).where(e.project_id == project_id, aged).limit(most).subquery()
    gone = and_(e.project_id == project_id, e.id == some.c.id, e.kept_until == some.c.kept_until)
    return (await tx.execute(delete(executions).where(gone))).rowcount


async def settings_of(project: ProjectRows) -> ExecutionSettings | None:
    """What the project has decided; None when it has not."""
    return await settings_in(project.tx, project.project_id)


async def settings_in(tx: Transaction, project_id: UUID) -> ExecutionSettings | None:
    """The same, where there is no caller: for work beside the requests."""
    query = select(execution_settings).where(execution_settings.c.project_id == project_id)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    periods = tuple(Period(datetime.fromisoformat(one["since"]), one["days"]) for one in row.periods)
    return ExecutionSettings(Keep(row.keep), row.retention_days, periods, row.changed_at)


async def limited(tx: Transaction) -> list[ProjectId]:
    """The projects that keep executions for a while only."""
    s = execution_settings.c
    query = select(s.project_id).where(s.retention_days.is_not(None))
    return [ProjectId(project_id) for project_id in (await tx.execute(query)).scalars()]


async def change_settings(project: ProjectWriter, settings: ExecutionSettings) -> None:
    """Keep these settings from now on."""
    values = {
        "keep": settings.keep.value,
        "retention_days": settings.retention_days,
        "periods": [{"since": one.since.isoformat(), "days": one.days} for one in settings.periods],
        "changed_by": project.actor.user_id,
        "changed_at": settings.changed_at,
    }
    fresh = insert(execution_settings).values(project_id=project.project_id, **values)
    await project.tx.execute(fresh.on_conflict_do_update(index_elements=["project_id"], set_=values))
