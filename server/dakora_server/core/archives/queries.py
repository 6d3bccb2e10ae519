"""What an export asks PostgreSQL: prompts, parts, versions and labels, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, literal, select

from dakora_server.core.archives.layout import VersionFacts
from dakora_server.core.scope import ProjectReader
from dakora_server.core.storage.tables import labels, part_versions, parts, prompts, versions
from dakora_server.core.templates.includes import Includes, is_pinned


@dataclass(frozen=True, slots=True)
class Head:
    """A live prompt at its newest version."""

    prompt_id: str
    folder: str
    number: int
    semver: str
    content_hash: str

    @property
    def key(self) -> str:
        """The id in lower case."""
        return self.prompt_id.lower()


@dataclass(frozen=True, slots=True)
class PartHead:
    """A live part at its newest version."""

    part_id: str
    semver: str
    content_hash: str


# Whatever order the database has: the same content is the same archive everywhere.
_by_id = prompts.c.id_key.collate("C")


async def list_heads(project: ProjectReader, *, after: str | None, limit: int) -> list[Head]:
    """Live prompts in order of id."""
    query = (
        select(prompts.c.prompt_id, prompts.c.folder, versions.c.number, versions.c.semver, versions.c.content_hash)
        .join(
            versions,
            and_(
                versions.c.project_id == prompts.c.project_id,
                versions.c.prompt_id == prompts.c.prompt_id,
                versions.c.number == prompts.c.head_number,
            ),
        )
        .where(project.owns(prompts), project.owns(versions), prompts.c.archived_at.is_(None))
        .order_by(_by_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(_by_id > literal(after))
    return [Head(**row._mapping) for row in await project.tx.execute(query)]


async def labels_of(project: ProjectReader, prompt_ids: Sequence[str]) -> dict[str, list[tuple[str, int, str]]]:
    """The labels of these prompts in order of name, with number and hash of the version each points to."""
    same = and_(
        versions.c.project_id == labels.c.project_id,
        versions.c.prompt_id == labels.c.prompt_id,
        versions.c.number == labels.c.number,
    )
    query = (
        select(labels.c.prompt_id, labels.c.label, labels.c.number, versions.c.content_hash)
        .join(versions, same)
        .where(project.owns(labels), project.owns(versions), labels.c.prompt_id.in_(prompt_ids))
        .order_by(labels.c.prompt_id, labels.c.label.collate("C"))
    )
    found: dict[str, list[tuple[str, int, str]]] = {}
    for row in await project.tx.execute(query):
        found.setdefault(row.prompt_id, []).append((row.label, row.number, row.content_hash))
    return found


async def versions_of(project: ProjectReader, prompt_ids: Sequence[str]) -> dict[str, list[VersionFacts]]:
    """Every version of these prompts, oldest first."""
    table = versions.c
    query = (
        select(table.prompt_id, table.number, table.semver, table.created_at, table.message, table.content_hash)
        .add_columns(table.includes)
        .where(project.owns(versions), table.prompt_id.in_(prompt_ids))
        .order_by(table.prompt_id, table.number)
    )
    found: dict[str, list[VersionFacts]] = {}
    for row in await project.tx.execute(query):
        found.setdefault(row.prompt_id, []).append(_facts(row))
    return found


async def list_parts(project: ProjectReader, *, after: str | None, limit: int) -> list[PartHead]:
    """Live parts in order of id."""
    same = and_(
        part_versions.c.project_id == parts.c.project_id,
        part_versions.c.part_id == parts.c.part_id,
        part_versions.c.number == parts.c.head_number,
    )
    by_id = parts.c.id_key.collate("C")
    query = (
        select(parts.c.part_id, part_versions.c.semver, part_versions.c.content_hash)
        .join(part_versions, same)
        .where(project.owns(parts), project.owns(part_versions), parts.c.archived_at.is_(None))
        .order_by(by_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(by_id > literal(after.lower()))
    return [PartHead(**row._mapping) for row in await project.tx.execute(query)]


async def part_versions_of(project: ProjectReader, part_ids: Sequence[str]) -> dict[str, list[VersionFacts]]:
    """Every version of these parts, oldest first."""
    table = part_versions.c
    query = (
        select(table.part_id, table.number, table.semver, table.created_at, table.message, table.content_hash)
        .add_columns(table.includes)
        .where(project.owns(part_versions), table.part_id.in_(part_ids))
        .order_by(table.part_id.collate("C"), table.number)
    )
    found: dict[str, list[VersionFacts]] = {}
    for row in await project.tx.execute(query):
        found.setdefault(row.part_id, []).append(_facts(row))
    return found


def _facts(row: Row[Any]) -> VersionFacts:
    includes = Includes.from_json(row.includes)
    exact = {
        written: (includes.parts[index].number, includes.parts[index].content_hash)
        for written, index in includes.uses.items()
        if not is_pinned(written)
    }
    return VersionFacts(row.number, row.semver, row.created_at, row.message, row.content_hash, exact)
