"""What PostgreSQL keeps of the audit trail: rows that are only ever added."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, insert, select, text, tuple_

from dakora_server.core.audit.events import FIRST_HASH, AuditEvent, Seal
from dakora_server.core.scope import ProjectReader, WorkspaceReader
from dakora_server.core.storage.database import Transaction
from dakora_server.core.storage.tables import audit_events, audit_seals

# Any constant will do, as long as every release uses the same one.
_SEALERS_LOCK = 0x64616B5EA1
_ADD_EVENT = insert(audit_events)
# One parameter whatever the number of events: a row of its own for each takes twenty times as long.
_ADD_EVENTS = text(
    "INSERT INTO audit_events (id, workspace_id, project_id, at, actor_kind, actor_id, action, subject, before, after,"
    " address, request_id) SELECT r.* FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, workspace_id uuid,"
    " project_id uuid, at timestamptz, actor_kind text, actor_id uuid, action text, subject text, before jsonb,"
    " after jsonb, address text, request_id text)"
)
_EVENT_COLUMNS = tuple(audit_events.c[name] for name in AuditEvent.__dataclass_fields__)


def _event(row: Row[Any]) -> AuditEvent:
    return AuditEvent(**{name: row._mapping[name] for name in AuditEvent.__dataclass_fields__})


async def add_event(tx: Transaction, event: AuditEvent) -> None:
    """One more event, part of the transaction it tells of."""
    await tx.execute(_ADD_EVENT, asdict(event))


async def add_events(tx: Transaction, events: Sequence[AuditEvent]) -> None:
    """More events, part of the transaction they tell of."""
    rows = json.dumps([asdict(event) for event in events], ensure_ascii=False, default=str)
    await tx.execute(_ADD_EVENTS, {"rows": rows})


async def list_events(
    place: ProjectReader | WorkspaceReader,
    *,
    before: tuple[datetime, UUID] | None,
    limit: int,
    action: str | None = None,
    actor_id: UUID | None = None,
) -> list[AuditEvent]:
    """The place's events, newest first, beginning behind `before`."""
    query = select(*_EVENT_COLUMNS).where(place.owns(audit_events))
    if action is not None:
        query = query.where(audit_events.c.action == action)
    if actor_id is not None:
        query = query.where(audit_events.c.actor_id == actor_id)
    if before is not None:
        query = query.where(tuple_(audit_events.c.at, audit_events.c.id) < tuple_(*before))
    query = query.order_by(audit_events.c.at.desc(), audit_events.c.id.desc()).limit(limit)
    return [_event(row) for row in await place.tx.execute(query)]


async def become_sealer(tx: Transaction) -> bool:
    """Whether this transaction is the only one that seals now."""
    found = await tx.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _SEALERS_LOCK})
    return bool(found.scalar_one())


async def chain_head(tx: Transaction) -> tuple[int, bytes]:
    """The last seal's number and hash; 0 and zeros before the first."""
    query = select(audit_seals.c.seq, audit_seals.c.hash).order_by(audit_seals.c.seq.desc()).limit(1)
    row = (await tx.execute(query)).one_or_none()
    return (0, FIRST_HASH) if row is None else (row.seq, row.hash)


async def unsealed(tx: Transaction, *, within: timedelta | None, limit: int) -> list[AuditEvent]:
    """Events without a seal, oldest first; with `within`, only those that are not older."""
    sealed = select(audit_seals.c.event_id).where(audit_seals.c.event_id == audit_events.c.id).exists()
    query: Select[Any] = select(*_EVENT_COLUMNS).where(~sealed)
    if within is not None:
        query = query.where(audit_events.c.at > func.now() - within)
    found = await tx.execute(query.order_by(audit_events.c.at, audit_events.c.id).limit(limit))
    return [_event(row) for row in found]


async def add_seals(tx: Transaction, seals: Sequence[tuple[int, UUID, bytes]]) -> None:
    """More seals, in order."""
    await tx.execute(
        insert(audit_seals),
        [{"seq": seq, "event_id": event_id, "hash": digest} for seq, event_id, digest in seals],
    )


async def count_unsealed(tx: Transaction) -> tuple[int, datetime | None]:
    """How many events have no seal, and the time of the oldest."""
    sealed = select(audit_seals.c.event_id).where(audit_seals.c.event_id == audit_events.c.id).exists()
    query = select(func.count().label("events"), func.min(audit_events.c.at).label("oldest")).where(~sealed)
    row = (await tx.execute(query)).one()
    return row.events, row.oldest


async def seals_from(tx: Transaction, seq: int, *, limit: int) -> list[Seal]:
    """The next seals, from this number on, each with every event of its id: more than one is a forgery."""
    some = select(audit_seals).where(audit_seals.c.seq >= seq).order_by(audit_seals.c.seq).limit(limit).subquery()
    query = (
        select(some.c.seq, some.c.hash, *_EVENT_COLUMNS)
        .select_from(some.outerjoin(audit_events, audit_events.c.id == some.c.event_id))
        .order_by(some.c.seq)
    )
    return [
        Seal(row.seq, row.hash, None if row._mapping["id"] is None else _event(row)) for row in await tx.execute(query)
    ]
