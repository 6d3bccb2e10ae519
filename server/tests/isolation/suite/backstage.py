"""What reaches tenants' rows without a request: the operator's commands, notes of use, mail, old leftovers."""

import contextlib
from typing import Any
from uuid import UUID

from isolation_suite.driver import OPERATION
from isolation_suite.rows import Rows
from isolation_suite.tenants import QUIET, SAME, Tenants
from sqlalchemy.exc import InvalidRequestError

from dakora_server.core import clock
from dakora_server.core.api_keys import queries as api_keys
from dakora_server.core.executions import queries as executions
from dakora_server.core.executions import stat_queries
from dakora_server.core.executions.records import ExecutionSettings
from dakora_server.core.llm import queries as llm
from dakora_server.core.parts import queries as part_rows
from dakora_server.core.prompts import bulk_queries, label_queries, queries
from dakora_server.core.scope import (
    Grant,
    Principal,
    ProjectId,
    ProjectWriter,
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
            found += [await queries.version_facts(project, after=None, limit=1000), await queries.version_gaps(project)]
            found += [await queries.totals(project)]
            found += [
                await part_rows.version_facts(project, after=None, limit=1000),
                await part_rows.version_gaps(project),
            ]
            found += [await part_rows.totals(project)]
        async with writing(world.platform, grant) as project:
            await queries.purge(project, "draft-3")
            await bulk_queries.purge_all(project, ["draft-3"])
            await stat_queries.fold(project)
            await executions.forget(project.tx, project.project_id, ExecutionSettings(retention_days=1), most=1000)
            found += await _labels(project, [UUID(asked.id) for asked in tenants.sides[QUIET].fixed_requests])
    async with world.platform.database.transaction(Tenant(user_id=actor.user_id), read_only=True) as tx:
        with contextlib.suppress(InvalidRequestError):  # a broken join may have no meaning at all
            found += [await tenancy.any_project_of(tx, actor.user_id)]
    # A new secret's MAC, and a use, of C's keys named in the wrong project.
    for spot in side.spots:
        async with world.platform.database.transaction(Tenant(project_id=UUID(spot.id))) as tx:
            for key_id in tenants.sides[QUIET].fixed_keys:
                await api_keys.set_mac(tx, UUID(spot.id), UUID(key_id), b"another")
                await api_keys.note_use(tx, UUID(spot.id), {UUID(key_id): clock.now()})
    await _keys_of_providers(world, tenants)
    place = WorkspaceGrant(actor, WorkspaceId(UUID(side.id)), Role.owner)
    for row in rows.rows["invitations"]:
        if tenants.owners.labels(row["invited_by"]) == {QUIET}:
            await invitations.note_delivery(world.platform, place, UUID(row["id"]), sent=False)
    return found


async def _keys_of_providers(world: Any, tenants: Tenants) -> None:
    """A rotation in workspace A that names C's keys, projects and providers."""
    own, foreign = UUID(tenants.sides["A"].id), tenants.sides[QUIET]
    async with world.platform.database.transaction(Tenant(workspace_id=own)) as tx:
        for key_id, wrapped, master_id in await llm.keys_of(tx, UUID(foreign.id)):
            await llm.rewrap(tx, own, key_id, wrapped, master_id)
            await llm.drop_key(tx, own, key_id)
        # With the filter gone, these would meet every key that there is, and the wall must leave A's only.
        await llm.rewrap(tx, own, UUID(int=0), b"another", "another")
        await llm.drop_key(tx, own, UUID(int=0))
        await llm.projects_of(tx, UUID(foreign.id))
        await llm.newest_key(tx, UUID(foreign.id))
    for spot in tenants.sides["A"].spots:
        async with world.platform.database.transaction(Tenant(workspace_id=own, project_id=UUID(spot.id))) as tx:
            await llm.sealed_in(tx, UUID(foreign.spots[0].id))
            await llm.reseal(tx, UUID(foreign.spots[0].id), "local", b"another", UUID(int=0))


async def _labels(project: ProjectWriter, foreign: list[UUID]) -> list[object]:
    """Everything about labels, and another's requests named where no route would let them through."""
    found: list[object] = []
    for prompt_id in ("greeting", "chat", SAME):
        found += [await label_queries.everything_of(project, prompt_id)]
        found += [await label_queries.count_labels(project, prompt_id)]
        await label_queries.remove_label(project, prompt_id, "production")
        await queries.touch_labels(project, prompt_id)
    for request_id in foreign:
        found += [await label_queries.find_request(project, request_id)]
        found += [await label_queries.lock_request(project, request_id)]
        found += [await label_queries.list_comments(project, request_id)]
        await label_queries.decide(project, request_id, "rejected", at=clock.now())
    return found
