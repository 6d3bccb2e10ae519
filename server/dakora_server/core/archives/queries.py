"""What an export asks PostgreSQL: prompts, versions and labels, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, literal, select

from dakora_server.core.archives.layout import VersionFacts
from dakora_server.core.scope import ProjectReader
from dakora_server.core.storage.tables import labels, prompts, versions


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
        .where(project.owns(versions), table.prompt_id.in_(prompt_ids))
        .order_by(table.prompt_id, table.number)
    )
    found: dict[str, list[VersionFacts]] = {}
    for row in await project.tx.execute(query):
        facts = VersionFacts(row.number, row.semver, row.created_at, row.message, row.content_hash)
        found.setdefault(row.prompt_id, []).append(facts)
    return found
