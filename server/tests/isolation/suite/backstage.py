"""What reaches tenants' rows without a request: the operator's commands, notes of use, mail, old leftovers."""

import contextlib
from typing import Any
from uuid import UUID

from isolation_suite.driver import OPERATION
from isolation_suite.rows import Rows
from isolation_suite.tenants import QUIET, Tenants
from sqlalchemy.exc import InvalidRequestError

from dakora_server.core import clock
from dakora_server.core.api_keys import queries as api_keys
from dakora_server.core.prompts import queries
from dakora_server.core.scope import (
    Grant,
    Principal,
    ProjectId,
    Role,
    WorkspaceGrant,
    WorkspaceId,
    reading,
    writing,
)
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.tenancy import invitations
from dakora_server.core.tenancy import queries as tenancy


async def act(world: Any, tenants: Tenants, rows: Rows) -> list[object]:
    """Do all of it in the name of workspace A, towards C wherever something can be named; answers what was found."""
    OPERATION.set("backstage")
    side = tenants.sides["A"]
    actor = Principal(UUID(side.users["owner"]), "Ada")
    found: list[object] = []
    for spot in side.spots:
        grant = Grant(actor, WorkspaceId(UUID(side.id)), ProjectId(UUID(spot.id)), Role.owner)
        async with reading(world.platform, grant) as project:
            found += [await queries.named_documents(project), await queries.version_gaps(project)]
            found += [await queries.totals(project)]
        async with writing(world.platform, grant) as project:
            await queries.purge(project, "draft-3")
    async with world.platform.database.transaction(Tenant(user_id=actor.user_id), read_only=True) as tx:
        with contextlib.suppress(InvalidRequestError):  # a broken join may have no meaning at all
            found += [await tenancy.any_project_of(tx, actor.user_id)]
    # A new secret's MAC, and a use, of C's keys named in the wrong project.
    for spot in side.spots:
        async with world.platform.database.transaction(Tenant(project_id=UUID(spot.id))) as tx:
            for key_id in tenants.sides[QUIET].fixed_keys:
                await api_keys.set_mac(tx, UUID(spot.id), UUID(key_id), b"another")
                await api_keys.note_use(tx, UUID(spot.id), {UUID(key_id): clock.now()})
    place = WorkspaceGrant(actor, WorkspaceId(UUID(side.id)), Role.owner)
    for row in rows.rows["invitations"]:
        if tenants.owners.labels(row["invited_by"]) == {QUIET}:
            await invitations.note_delivery(world.platform, place, UUID(row["id"]), sent=False)
    return found
