"""Keys of providers under another master key, or sealed with fresh data keys, while runs go on."""

from dataclasses import dataclass
from uuid import UUID

from dakora_server.core.ids import uuid7
from dakora_server.core.llm import queries
from dakora_server.core.llm.keyring import Keyring, Place
from dakora_server.core.llm.records import Sealed
from dakora_server.core.run_exceptions import ProviderKeyUnreadable
from dakora_server.core.storage.database import Database, Transaction
from dakora_server.core.storage.tenant import PLATFORM, Tenant
from dakora_server.core.tenancy import queries as tenancy


@dataclass(slots=True)
class Rotated:
    """What a rotation did. `unreadable` are keys that no known master key opens: they stay as they are."""

    workspaces: int = 0
    data_keys: int = 0
    provider_keys: int = 0
    unreadable: int = 0


async def rotate(database: Database, keyring: Keyring, *, data_keys: bool) -> Rotated:
    """Bring every data key under today's master key; with `data_keys`, seal everything with fresh ones.

    A workspace changes in one transaction; what was done before a failure stays done, and a second try ends the work.
    Raises ProviderKeysUnavailable, DatabaseUnavailable, Busy.
    """
    async with database.transaction(PLATFORM) as tx:
        workspaces = sorted({workspace_id for workspace_id, _ in await tenancy.every_project(tx)})
    done = Rotated()
    for workspace_id in workspaces:
        async with database.transaction(Tenant(workspace_id=workspace_id)) as tx:
            keys = await queries.keys_of(tx, workspace_id)
            if keys:
                done.workspaces += 1
                step = _reseal if data_keys else _rewrap
                await step(tx, keyring, workspace_id, keys, done)
    return done


async def _rewrap(
    tx: Transaction, keyring: Keyring, workspace_id: UUID, keys: list[tuple[UUID, bytes, str]], done: Rotated
) -> None:
    for key_id, wrapped, master_id in keys:
        try:
            fresh = keyring.rewrapped(workspace_id, key_id, wrapped, master_id)
        except ProviderKeyUnreadable:
            done.unreadable += 1
            continue
        await queries.rewrap(tx, workspace_id, key_id, fresh, keyring.master_id)
        done.data_keys += 1


async def _reseal(
    tx: Transaction, keyring: Keyring, workspace_id: UUID, keys: list[tuple[UUID, bytes, str]], done: Rotated
) -> None:
    new_id = uuid7()
    new, master_id = keyring.new_data_key(workspace_id, new_id), keyring.master_id
    await queries.add_key(tx, workspace_id, new_id, new, master_id)
    done.data_keys += 1
    known = {key_id: (wrapped, master_id) for key_id, wrapped, master_id in keys}
    still_used: set[UUID] = set()
    for project_id in await queries.projects_of(tx, workspace_id):
        await tx.speak_for(Tenant(workspace_id=workspace_id, project_id=project_id))
        for name, text, key_id in await queries.sealed_in(tx, project_id):
            place = Place(workspace_id, project_id, name)
            try:
                plain = keyring.open(place, Sealed(text, key_id, *known.get(key_id, (b"", ""))))
            except ProviderKeyUnreadable:
                done.unreadable += 1
                still_used.add(key_id)
                continue
            fresh = keyring.seal(place, plain, key_id=new_id, wrapped=new, master_id=master_id)
            await queries.reseal(tx, project_id, name, fresh, new_id)
            done.provider_keys += 1
    await tx.speak_for(Tenant(workspace_id=workspace_id))
    for key_id in known.keys() - still_used:
        await queries.drop_key(tx, workspace_id, key_id)
