"""All parts of a project at once, as a plan for many of them needs them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import tuple_

from dakora_server.core.parts.queries import IS_HEAD, record_of, versions_of
from dakora_server.core.parts.records import PartRecord
from dakora_server.core.scope import ProjectReader
from dakora_server.core.storage.tables import part_versions, parts

_V = part_versions.c
_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Held:
    """A part at its newest version, and whether it is deleted."""

    record: PartRecord
    is_deleted: bool


async def all_heads(project: ProjectReader) -> list[Held]:
    """Every part at its newest version in order of id, deleted ones too."""
    query = versions_of(project).add_columns(parts.c.archived_at).where(IS_HEAD).order_by(parts.c.part_id)
    return [Held(record_of(row), row.archived_at is not None) for row in await project.tx.execute(query)]


async def exact_versions(project: ProjectReader, wanted: Collection[tuple[str, int]]) -> list[PartRecord]:
    """These versions, by part and number; of deleted parts too."""
    found: list[PartRecord] = []
    for some in _slices(sorted(wanted)):
        query = versions_of(project).where(tuple_(_V.part_id, _V.number).in_(list(some)))
        found += [record_of(row) for row in await project.tx.execute(query)]
    return found


async def hashes_of(project: ProjectReader, part_ids: Sequence[str]) -> dict[str, list[tuple[int, str, str]]]:
    """Number, semver and hash of every version of these parts, oldest first."""
    found: dict[str, list[tuple[int, str, str]]] = {}
    for some in _slices(part_ids):
        query = versions_of(project).with_only_columns(_V.part_id, _V.number, _V.semver, _V.content_hash)
        query = query.where(_V.part_id.in_(list(some))).order_by(_V.part_id, _V.number)
        for row in await project.tx.execute(query):
            found.setdefault(row.part_id, []).append((row.number, row.semver, row.content_hash))
    return found


def _slices(things: Sequence[Any]) -> list[Sequence[Any]]:
    return [things[start : start + _ROWS] for start in range(0, len(things), _ROWS)]
