"""What PostgreSQL keeps of invitations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, insert, select, update

from dakora_server.core.scope import Role, WorkspaceAdmin, WorkspaceReader
from dakora_server.core.storage.tables import invitations, memberships, users
from dakora_server.core.tenancy.records import InvitationRecord

_COLUMNS = tuple(invitations.c[name] for name in InvitationRecord.__dataclass_fields__)


def _record(row: Row[Any]) -> InvitationRecord:
    values = {name: row._mapping[name] for name in InvitationRecord.__dataclass_fields__}
    return InvitationRecord(**{**values, "role": Role(values["role"])})


def _is_open(now: datetime) -> ColumnElement[bool]:
    return invitations.c.ended_at.is_(None) & (invitations.c.expires_at > now)


async def add(workspace: WorkspaceAdmin, record: InvitationRecord, mac: bytes) -> None:
    """A new invitation."""
    values = {name: getattr(record, name) for name in InvitationRecord.__dataclass_fields__}
    await workspace.tx.execute(insert(invitations), {**values, "role": record.role.value, "mac": mac})


async def list_pending(
    workspace: WorkspaceReader, now: datetime, *, after: UUID | None, limit: int
) -> list[InvitationRecord]:
    """Open invitations in order of id, beginning behind `after`."""
    query = select(*_COLUMNS).where(workspace.owns(invitations), _is_open(now))
    if after is not None:
        query = query.where(invitations.c.id > after)
    return [_record(row) for row in await workspace.tx.execute(query.order_by(invitations.c.id).limit(limit))]


async def count_pending(workspace: WorkspaceReader, now: datetime) -> int:
    """How many invitations are open."""
    query = select(func.count()).select_from(invitations).where(workspace.owns(invitations), _is_open(now))
    return int((await workspace.tx.execute(query)).scalar_one())


async def has_member_with(workspace: WorkspaceReader, email: str) -> bool:
    """Whether a member has this address, whatever the case of its letters."""
    query = (
        select(memberships.c.user_id)
        .join(users, users.c.id == memberships.c.user_id)
        .where(workspace.owns(memberships), func.lower(users.c.email) == email.lower())
        .limit(1)
    )
    return (await workspace.tx.execute(query)).one_or_none() is not None


async def end_pending(workspace: WorkspaceAdmin, email: str, now: datetime) -> None:
    """End what is open for this address."""
    same = func.lower(invitations.c.email) == email.lower()
    statement = update(invitations).where(workspace.owns(invitations), same, invitations.c.ended_at.is_(None))
    await workspace.tx.execute(statement.values(ended_at=now))


async def end(
    workspace: WorkspaceAdmin, invitation_id: UUID, now: datetime, *, accepted_by: UUID | None = None
) -> bool:
    """End an open invitation; whether there was one."""
    statement = update(invitations).where(workspace.owns(invitations), invitations.c.id == invitation_id, _is_open(now))
    found = await workspace.tx.execute(
        statement.values(ended_at=now, accepted_by=accepted_by).returning(invitations.c.id)
    )
    return found.one_or_none() is not None


async def lock_by_mac(workspace: WorkspaceAdmin, mac: bytes, now: datetime) -> tuple[InvitationRecord, bytes] | None:
    """The open invitation with this MAC, its row held, and the MAC as it is stored."""
    query = select(*_COLUMNS, invitations.c.mac).where(
        workspace.owns(invitations), invitations.c.mac == mac, _is_open(now)
    )
    row = (await workspace.tx.execute(query.with_for_update())).one_or_none()
    return None if row is None else (_record(row), row.mac)


async def set_delivery(workspace: WorkspaceAdmin, invitation_id: UUID, delivery: str) -> None:
    """Say how the link went out."""
    statement = update(invitations).where(workspace.owns(invitations), invitations.c.id == invitation_id)
    await workspace.tx.execute(statement.values(delivery=delivery))
