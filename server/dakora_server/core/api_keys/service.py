"""The rules of API keys: made once, shown once, checked on every request, gone when revoked."""

import hmac
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from dakora_server.core import clock
from dakora_server.core.api_keys import queries
from dakora_server.core.api_keys.records import ApiKeyRecord, FreshKey
from dakora_server.core.api_keys.secret import new_key
from dakora_server.core.audit.service import SYSTEM
from dakora_server.core.audit.service import record as note
from dakora_server.core.crypto import Secret
from dakora_server.core.exceptions import (
    ApiKeyExpired,
    ApiKeyInvalid,
    ApiKeyNotFound,
    ApiKeyRevoked,
    Forbidden,
    InvalidRequest,
    ProjectNotFound,
    TooMany,
)
from dakora_server.core.scope import KEYS, Principal, ProjectAdmin, ProjectId, Role, Scope
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.tenancy import queries as tenancy

LIVE_KEYS = 10
# Rotated keys that still work do not count among the live ones; this many there may be of both.
WORKING_KEYS = 2 * LIVE_KEYS
DEFAULT_OVERLAP = timedelta(hours=24)
PURPOSE = "api key"


async def create(
    project: ProjectAdmin,
    secret: Secret,
    *,
    name: str,
    scopes: Sequence[Scope],
    labels: Sequence[str] | None = None,
    expires_in_days: int | None = None,
) -> FreshKey:
    """Make a key. Its text is in the answer and nowhere else.

    Raises TooMany at 10 live keys, InvalidRequest for one that is limited to labels and may write; ProjectNotFound or
    Forbidden where the project was closed, or the actor's role taken, while this waited for its turn.
    """
    if labels is not None and Scope.write in scopes:
        raise InvalidRequest("A key that is limited to labels cannot write.")
    await _hold(project)
    now = clock.now()
    if await queries.count_live(project, now) >= LIVE_KEYS:
        raise TooMany(f"A project has at most {LIVE_KEYS} live API keys: revoke one first.")
    end = None if expires_in_days is None else now + timedelta(days=expires_in_days)
    fresh = await _add(project, secret, name=name, scopes=scopes, labels=labels, now=now, expires_at=end)
    await note(project, "api_key.created", fresh.record.id, after=_facts(fresh.record))
    return fresh


async def _hold(project: ProjectAdmin) -> None:
    """Be the only one who makes keys here. What the guard saw may have ended since, and a key would outlive it."""
    if not await queries.hold_project(project):
        raise ProjectNotFound
    if project.actor.user_id == SYSTEM and project.actor.key is None:
        # The operator of the server, who is no member anywhere; no request acts as the system.
        return
    role = await tenancy.find_member(project.tx, project.workspace_id, project.actor.user_id)
    if role is None:
        raise ProjectNotFound
    if not role.covers(Role.admin):
        raise Forbidden


async def _add(
    project: ProjectAdmin,
    secret: Secret,
    *,
    name: str,
    scopes: Sequence[Scope],
    labels: Sequence[str] | None,
    now: datetime,
    expires_at: datetime | None,
) -> FreshKey:
    text = new_key(project.project_id)
    record = ApiKeyRecord(
        id=uuid.uuid4(),
        project_id=project.project_id,
        workspace_id=project.workspace_id,
        name=name,
        hint=text[-4:],
        scopes=tuple(sorted(set(scopes), key=list(Scope).index)),
        labels=None if labels is None else tuple(sorted(set(labels))),
        created_by=project.actor.user_id,
        created_at=now,
        expires_at=expires_at,
        revoked_at=None,
        replaced_by=None,
        last_used_at=None,
    )
    await queries.add(project, record, secret.mac(PURPOSE, text.encode()))
    return FreshKey(record, text)


def _facts(record: ApiKeyRecord) -> dict[str, object]:
    return {
        "hint": record.hint,
        "scopes": [scope.value for scope in record.scopes],
        "labels": None if record.labels is None else list(record.labels),
        "expires_at": None if record.expires_at is None else record.expires_at.isoformat(),
    }


async def list_keys(
    project: ProjectAdmin, *, after: tuple[datetime, UUID] | None, limit: int, everything: bool = False
) -> list[ApiKeyRecord]:
    """The project's keys, newest first."""
    return await queries.list_keys(project, after=after, limit=limit, everything=everything, now=clock.now())


async def revoke(project: ProjectAdmin, key_id: UUID) -> None:
    """End a key for good, from the next request on. Doing it again changes nothing. Raises ApiKeyNotFound."""
    record = await queries.lock_key(project, key_id)
    if record is None:
        raise ApiKeyNotFound
    if record.revoked_at is None:
        await queries.change(project, key_id, {"revoked_at": clock.now()})
        await note(project, "api_key.revoked", key_id, before={"hint": record.hint})
    await project.announce_rights(project.project_id, KEYS)


async def rotate(project: ProjectAdmin, secret: Secret, key_id: UUID, *, overlap: timedelta) -> FreshKey:
    """A new key with the same rights; the old one works on for the overlap, so that programs can change over.

    Raises ApiKeyNotFound, also for a key that opens nothing any more or was rotated already; TooMany when as many
    rotated keys as live ones still work; ProjectNotFound and Forbidden as `create` does.
    """
    await _hold(project)
    now = clock.now()
    old = await queries.lock_key(project, key_id)
    if old is None or not old.is_live(now) or old.replaced_by is not None:
        raise ApiKeyNotFound("There is no such live API key to rotate.")
    if await queries.count_working(project, now) >= WORKING_KEYS:
        raise TooMany("Too many rotated API keys still work: revoke one, or wait until their overlap ends.")
    end = None if old.expires_at is None else now + (old.expires_at - old.created_at)
    fresh = await _add(project, secret, name=old.name, scopes=old.scopes, labels=old.labels, now=now, expires_at=end)
    until = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
    await queries.change(project, key_id, {"expires_at": until, "replaced_by": fresh.record.id})
    await note(project, "api_key.rotated", key_id, before=_facts(old), after={"id": fresh.record.id})
    await project.announce_rights(project.project_id, KEYS)
    return fresh


async def authenticate(database: Database, project_id: ProjectId, macs: Sequence[bytes]) -> Principal:
    """Whom a key lets in. `macs` are the key's under the server's secret and, if there is one, the secret before it.

    A key found under the older secret is stored under the newer one from then on.
    Raises ApiKeyInvalid, ApiKeyRevoked, ApiKeyExpired, DatabaseUnavailable, Busy.
    """
    async with database.transaction(Tenant(project_id=project_id), read_only=True) as tx:
        found = await queries.find_by_mac(tx, project_id, macs)
    if found is None or not any(hmac.compare_digest(found[1], mac) for mac in macs):
        raise ApiKeyInvalid
    key = found[0]
    if key.revoked_at is not None:
        raise ApiKeyRevoked
    if not key.is_live(clock.now()):
        raise ApiKeyExpired
    if found[1] != macs[0]:
        async with database.transaction(Tenant(project_id=project_id)) as tx:
            await queries.set_mac(tx, project_id, key.id, macs[0])
    return Principal(key.created_by, key.name, key=key.rights)
