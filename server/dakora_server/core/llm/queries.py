"""Rows of providers and of the data keys that open them."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from dakora_server.core.llm.records import Kind, Provider, Sealed
from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.storage.database import Transaction
from dakora_server.core.storage.tables import projects, providers, workspace_keys


async def all_of(project: ProjectReader) -> list[Provider]:
    """The project's providers, by name."""
    query = select(providers).where(project.owns(providers)).order_by(providers.c.name)
    return [_provider(row) for row in await project.tx.execute(query)]


async def find(project: ProjectReader, name: str, *, hold: bool = False) -> tuple[Provider, Sealed | None] | None:
    """A provider and its sealed key, if it has one; with `hold` nobody changes it until the transaction ends."""
    p, k = providers.c, workspace_keys.c
    same_key = and_(workspace_keys.c.workspace_id == project.workspace_id, k.id == p.key_id)
    query = (
        select(providers, k.wrapped, k.master_id)
        .select_from(providers.outerjoin(workspace_keys, same_key))
        .where(project.owns(providers), p.name == name)
    )
    if hold:
        query = query.with_for_update(of=providers)
    row = (await project.tx.execute(query)).one_or_none()
    if row is None:
        return None
    if row.sealed is None:
        return _provider(row), None
    return _provider(row), Sealed(row.sealed, row.key_id, row.wrapped or b"", row.master_id or "")


async def put(project: ProjectWriter, provider: Provider, *, sealed: bytes | None, key_id: UUID | None) -> None:
    """Write a provider, in place of the one of that name."""
    values = {
        "kind": provider.kind.value,
        "base_url": provider.base_url,
        "api_version": provider.api_version,
        "models": list(provider.models),
        "sealed": sealed,
        "key_id": key_id,
        "hint": provider.key_hint,
        "changed_by": project.actor.user_id,
        "changed_at": provider.changed_at,
    }
    fresh = insert(providers).values(project_id=project.project_id, name=provider.name, **values)
    await project.tx.execute(fresh.on_conflict_do_update(index_elements=["project_id", "name"], set_=values))


async def remove(project: ProjectWriter, name: str) -> bool:
    """Whether there was one to remove; its sealed key goes with it."""
    query = delete(providers).where(project.owns(providers), providers.c.name == name)
    return (await project.tx.execute(query)).rowcount > 0


async def newest_key(tx: Transaction, workspace_id: UUID) -> tuple[UUID, bytes, str] | None:
    """The data key that a workspace seals with now: id, wrapped, and by which master key. No rotation drops it yet."""
    k = workspace_keys.c
    query = select(k.id, k.wrapped, k.master_id).where(workspace_keys.c.workspace_id == workspace_id)
    query = query.order_by(k.created_at.desc(), k.id.desc()).limit(1).with_for_update(read=True)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else (row.id, row.wrapped, row.master_id)


async def add_key(tx: Transaction, workspace_id: UUID, key_id: UUID, wrapped: bytes, master_id: str) -> None:
    """Keep a data key."""
    await tx.execute(
        insert(workspace_keys).values(workspace_id=workspace_id, id=key_id, wrapped=wrapped, master_id=master_id)
    )


async def keys_of(tx: Transaction, workspace_id: UUID) -> list[tuple[UUID, bytes, str]]:
    """Every data key of a workspace, held against other rotations."""
    k = workspace_keys.c
    query = select(k.id, k.wrapped, k.master_id).where(workspace_keys.c.workspace_id == workspace_id).with_for_update()
    return [(row.id, row.wrapped, row.master_id) for row in await tx.execute(query)]


async def rewrap(tx: Transaction, workspace_id: UUID, key_id: UUID, wrapped: bytes, master_id: str) -> None:
    """Keep a data key under another master key."""
    k = workspace_keys.c
    query = update(workspace_keys).where(workspace_keys.c.workspace_id == workspace_id, k.id == key_id)
    await tx.execute(query.values(wrapped=wrapped, master_id=master_id))


async def drop_key(tx: Transaction, workspace_id: UUID, key_id: UUID) -> None:
    """Forget a data key that nothing is sealed with."""
    k = workspace_keys.c
    await tx.execute(delete(workspace_keys).where(workspace_keys.c.workspace_id == workspace_id, k.id == key_id))


async def projects_of(tx: Transaction, workspace_id: UUID) -> list[UUID]:
    """Every project of a workspace, archived ones too."""
    return list(
        (
            await tx.execute(
                select(projects.c.id).where(projects.c.workspace_id == workspace_id).order_by(projects.c.id)
            )
        ).scalars()
    )


async def sealed_in(tx: Transaction, project_id: UUID) -> list[tuple[str, bytes, UUID]]:
    """Every sealed key of a project, held: its provider's name, the sealed text, the data key."""
    p = providers.c
    query = select(p.name, p.sealed, p.key_id).where(providers.c.project_id == project_id, p.sealed.is_not(None))
    return [(row.name, row.sealed, row.key_id) for row in await tx.execute(query.with_for_update())]


async def reseal(tx: Transaction, project_id: UUID, name: str, sealed: bytes, key_id: UUID) -> None:
    """Keep a provider's key under another data key."""
    p = providers.c
    query = update(providers).where(providers.c.project_id == project_id, p.name == name)
    await tx.execute(query.values(sealed=sealed, key_id=key_id))


def _provider(row: Row[Any]) -> Provider:
    return Provider(
        name=row.name,
        kind=Kind(row.kind),
        base_url=row.base_url,
        api_version=row.api_version,
        models=tuple(row.models),
        key_hint=row.hint,
        changed_at=row.changed_at,
    )
