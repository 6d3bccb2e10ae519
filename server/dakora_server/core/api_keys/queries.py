"""What PostgreSQL keeps of API keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, insert, or_, select, update

from dakora_server.core.api_keys.records import ApiKeyRecord
from dakora_server.core.scope import ProjectAdmin, ProjectReader, Scope
from dakora_server.core.storage.database import Transaction
from dakora_server.core.storage.tables import api_keys, projects, workspaces

_COLUMNS = tuple(api_keys.c[name] for name in ApiKeyRecord.__dataclass_fields__)


def _record(row: Row[Any]) -> ApiKeyRecord:
    values = {name: row._mapping[name] for name in ApiKeyRecord.__dataclass_fields__}
    values["scopes"] = tuple(Scope(scope) for scope in values["scopes"])
    values["labels"] = None if values["labels"] is None else tuple(values["labels"])
    return ApiKeyRecord(**values)


def _works(now: datetime) -> ColumnElement[bool]:
    """Which keys open something."""
    live = or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now)
    return api_keys.c.revoked_at.is_(None) & live


async def hold_project(project: ProjectAdmin) -> bool:
    """Let nobody else make keys here, close the project or change the workspace's members until this transaction ends.

    False where the project or its workspace is closed by now.
    """
    # Who ends a workspace or a membership holds the workspace's row: the one row first, then the other, everywhere.
    places = (
        select(workspaces.c.id)
        .where(workspaces.c.id == project.workspace_id, workspaces.c.archived_at.is_(None))
        .with_for_update(read=True),
        select(projects.c.id)
        .where(projects.c.id == project.project_id, projects.c.archived_at.is_(None))
        .with_for_update(),
    )
    for place in places:
        if (await project.tx.execute(place)).scalar_one_or_none() is None:
            return False
    return True


async def count_live(project: ProjectAdmin, now: datetime) -> int:
    """How many keys count towards the limit: those that work, and are not on their way out."""
    return await _count(project, _works(now) & api_keys.c.replaced_by.is_(None))


async def count_working(project: ProjectAdmin, now: datetime) -> int:
    """How many keys open something, rotated ones included."""
    return await _count(project, _works(now))


async def _count(project: ProjectAdmin, which: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(api_keys).where(project.owns(api_keys), which)
    return int((await project.tx.execute(query)).scalar_one())


async def add(project: ProjectAdmin, record: ApiKeyRecord, mac: bytes) -> None:
    """A new key."""
    values = {name: getattr(record, name) for name in ApiKeyRecord.__dataclass_fields__}
    values["scopes"] = [scope.value for scope in record.scopes]
    values["labels"] = None if record.labels is None else list(record.labels)
    await project.tx.execute(insert(api_keys), {**values, "mac": mac})


async def list_keys(
    project: ProjectReader, *, after: tuple[datetime, UUID] | None, limit: int, everything: bool, now: datetime
) -> list[ApiKeyRecord]:
    """The project's keys, newest first; with `everything` also those that open nothing any more."""
    query = select(*_COLUMNS).where(project.owns(api_keys))
    if not everything:
        query = query.where(_works(now))
    if after is not None:
        at, key_id = after
        same_time = (api_keys.c.created_at == at) & (api_keys.c.id < key_id)
        query = query.where(or_(api_keys.c.created_at < at, same_time))
    query = query.order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc()).limit(limit)
    return [_record(row) for row in await project.tx.execute(query)]


async def lock_key(project: ProjectAdmin, key_id: UUID) -> ApiKeyRecord | None:
    """One key, its row held until the transaction ends."""
    query = select(*_COLUMNS).where(project.owns(api_keys), api_keys.c.id == key_id).with_for_update()
    row = (await project.tx.execute(query)).one_or_none()
    return None if row is None else _record(row)


async def change(project: ProjectAdmin, key_id: UUID, values: Mapping[str, Any]) -> None:
    """Change what may change of a key: its end, its successor."""
    await project.tx.execute(update(api_keys).where(project.owns(api_keys), api_keys.c.id == key_id).values(**values))


async def find_by_mac(tx: Transaction, project_id: UUID, macs: Sequence[bytes]) -> tuple[ApiKeyRecord, bytes] | None:
    """The key with one of these MACs, and the MAC as it is stored; None also where the project is archived."""
    live = (projects.c.id == api_keys.c.project_id) & projects.c.archived_at.is_(None)
    query = (
        select(*_COLUMNS, api_keys.c.mac)
        .join(projects, live)
        .where(api_keys.c.project_id == project_id, api_keys.c.mac.in_(macs))
    )
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else (_record(row), row.mac)


async def set_mac(tx: Transaction, project_id: UUID, key_id: UUID, mac: bytes) -> None:
    """Store a key's MAC under another secret."""
    where = (api_keys.c.project_id == project_id) & (api_keys.c.id == key_id)
    await tx.execute(update(api_keys).where(where).values(mac=mac))


async def note_use(tx: Transaction, project_id: UUID, used: Mapping[UUID, datetime]) -> None:
    """When keys of one project were last used."""
    # In one order everywhere: two processes that write the same keys then wait for each other, and never in a circle.
    for key_id, at in sorted(used.items()):
        await tx.execute(
            update(api_keys)
            .where(api_keys.c.project_id == project_id, api_keys.c.id == key_id)
            .values(last_used_at=func.greatest(api_keys.c.last_used_at, at))
        )
