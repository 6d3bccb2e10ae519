"""Saving many parts in one transaction, with the parts that follow them: `bulk_plan` says what, here it is written."""

from collections.abc import Sequence

from dakora_server.core import clock
from dakora_server.core.audit.service import record_many
from dakora_server.core.parts import bulk_queries, queries
from dakora_server.core.parts.bulk_plan import PartLine, PartStep, Plan, State, make_plan
from dakora_server.core.parts.service import subject
from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.templates.includes import walk_names


async def plan_parts(project: ProjectReader, lines: Sequence[PartLine]) -> Plan:
    """What `write_parts` would write now, for these and for all that follow them.

    What it says is sure only while the project's parts are held (`queries.hold_parts`).
    """
    heads = {held.record.part_id.lower(): held for held in await bulk_queries.all_heads(project)}
    versions = [version for line in lines for version in line.versions]
    names = {name for version in versions for name in version.names}
    exact = {(part_id, number) for _, part_id, number in walk_names(sorted(names)) if number is not None}
    for version in versions:
        exact |= {(part_id, version.exact[written][0]) for written, part_id, _ in walk_names(list(version.exact))}
    found = {(row.part_id, row.number): row for row in await bulk_queries.exact_versions(project, exact)}
    long = [line.part_id for line in lines if len(line.versions) > 1 and line.key in heads]
    known = await bulk_queries.hashes_of(project, long)
    return make_plan(lines, State(heads, found, known), author=project.actor.user_id, now=clock.now())


async def write_parts(project: ProjectWriter, plan: Plan) -> None:
    """Write what was planned, while the project's parts are held."""
    standing = [step for step in plan.order if step.events]
    for step in standing:
        await _write(project, step)
    await record_many(project, [event for step in standing for event in step.events])
    if standing:
        await project.announce_many([subject(step.part_id) for step in standing])


async def _write(project: ProjectWriter, step: PartStep) -> None:
    if step.events[0].action == "part.created" and step.record is not None:
        await queries.add_part(project, step.record)
    elif step.events[0].action == "part.restored":
        await queries.touch(project, step.part_id, archived_at=None)
    for version in step.added:
        await queries.add_version(project, version)
    if step.added and step.events[-1].action != "part.created":
        newest = step.added[-1]
        await queries.touch(project, step.part_id, head_number=newest.number, updated_at=newest.updated_at)
