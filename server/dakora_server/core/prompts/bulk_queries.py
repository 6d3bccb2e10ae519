"""Many prompts at once: what PostgreSQL is asked and told, a statement for a thousand rows instead of one for each."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text

from dakora_server.core.prompts.finding import numbers_of
from dakora_server.core.prompts.queries import records_of_heads
from dakora_server.core.prompts.records import PromptRecord
from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.storage.tables import prompts, versions
from dakora_server.core.templates.includes import Includes

_ROWS = 1_000
# Any constant will do, as long as every release uses the same one.
_BULK_LOCK = 0x64616B
_ADD_PROMPTS = text(
    "INSERT INTO prompts (project_id, prompt_id, id_key, folder, head_number, revision, label_revision, created_by,"
    " created_at, updated_at) SELECT :project_id, r.* FROM jsonb_to_recordset(CAST(:rows AS jsonb))"
    " AS r(prompt_id text, id_key text, folder text, head_number int, revision int, label_revision int,"
    " created_by uuid, created_at timestamptz, updated_at timestamptz)"
    " ORDER BY r.id_key ON CONFLICT DO NOTHING RETURNING prompt_id"
)
_CHANGE_PROMPTS = text(
    "UPDATE prompts SET folder = r.folder, head_number = r.head_number, updated_at = r.updated_at, archived_at = NULL,"
    " revision = prompts.revision + 1 FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(prompt_id text, folder text,"
    " head_number int, updated_at timestamptz)"
    " WHERE prompts.project_id = :project_id AND prompts.prompt_id = r.prompt_id"
)
_ADD_VERSIONS = text(
    "INSERT INTO versions (project_id, prompt_id, number, semver, content_hash, description, tags, inputs, portable,"
    " includes, message, created_by, created_at) SELECT :project_id, r.prompt_id, r.number, r.semver, r.content_hash,"
    " r.description, ARRAY(SELECT jsonb_array_elements_text(r.tags)), r.inputs, r.portable, r.includes, r.message,"
    " r.created_by, r.created_at FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(prompt_id text, number int,"
    " semver text, content_hash text, description text, tags jsonb, inputs jsonb, portable bool, includes jsonb,"
    " message text, created_by uuid, created_at timestamptz)"
)
# Both in one statement, as for a single prompt.
_ENTER_MANY = text(
    "WITH given AS (SELECT r.id_key, r.words, r.folder, ARRAY(SELECT jsonb_array_elements_text(r.tags)) AS tags,"
    " ARRAY(SELECT jsonb_array_elements_text(r.numbers)::integer) AS numbers"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id_key text, words text, folder text, tags jsonb,"
    " numbers jsonb)), entered AS (INSERT INTO prompt_search (project_id, id_key, words, folder, tags)"
    " SELECT :project_id, id_key, words, folder, tags FROM given ON CONFLICT (project_id, id_key)"
    " DO UPDATE SET words = excluded.words, folder = excluded.folder, tags = excluded.tags)"
    " INSERT INTO prompt_numbers (project_id, id_key, words, numbers) SELECT :project_id, id_key, words, numbers"
    " FROM given ON CONFLICT (project_id, id_key) DO UPDATE SET words = excluded.words, numbers = excluded.numbers"
)


@dataclass(frozen=True, slots=True)
class Held:
    """A prompt that has an id now, at its newest version; archived since then, or live (None)."""

    record: PromptRecord
    archived_at: datetime | None


def slices(things: Sequence[Any], size: int = _ROWS) -> Iterator[Sequence[Any]]:
    """The things, so many at a time."""
    for start in range(0, len(things), size):
        yield things[start : start + size]


async def become_bulk_writer(project: ProjectWriter) -> None:
    """Wait until no other transaction saves many prompts of this project: two of them could wait for each other."""
    key = func.hashtext(str(project.project_id))
    await project.tx.execute(select(func.pg_advisory_xact_lock(_BULK_LOCK, key)))


async def lock_prompts(project: ProjectWriter, keys: Sequence[str]) -> None:
    """Hold the rows of these ids (in lower case), in their order, until the transaction ends."""
    for some in slices(keys):
        query = select(prompts.c.prompt_id).where(project.owns(prompts), prompts.c.id_key.in_(some))
        await project.tx.execute(query.order_by(prompts.c.id_key).with_for_update())


async def holders(project: ProjectReader, keys: Sequence[str]) -> dict[str, Held]:
    """Who holds these ids (in lower case) now, archived ones included."""
    found: dict[str, Held] = {}
    for some in slices(keys):
        for record, archived_at in await records_of_heads(project, prompts.c.id_key.in_(some)):
            found[record.prompt_id.lower()] = Held(record, archived_at)
    return found


async def hashes_of(project: ProjectReader, prompt_ids: Sequence[str]) -> dict[str, list[tuple[int, str, str]]]:
    """Number, semver and hash of every version of these prompts, oldest first."""
    found: dict[str, list[tuple[int, str, str]]] = {}
    table = versions.c
    for some in slices(prompt_ids):
        query = select(table.prompt_id, table.number, table.semver, table.content_hash)
        query = query.where(project.owns(versions), table.prompt_id.in_(some)).order_by(table.prompt_id, table.number)
        for row in await project.tx.execute(query):
            found.setdefault(row.prompt_id, []).append((row.number, row.semver, row.content_hash))
    return found


async def known_texts(project: ProjectReader, hashes: Sequence[str]) -> dict[str, tuple[bool, tuple[str, ...]]]:
    """Those of these texts that some version has already: whether each is portable, and what it includes."""
    found: dict[str, tuple[bool, tuple[str, ...]]] = {}
    for some in slices(hashes):
        query = select(versions.c.content_hash, versions.c.portable, versions.c.includes)
        for row in await project.tx.execute(query.where(project.owns(versions), versions.c.content_hash.in_(some))):
            found[row.content_hash] = (row.portable, tuple(Includes.from_json(row.includes).uses))
    return found


async def purge_all(project: ProjectWriter, prompt_ids: Sequence[str]) -> None:
    """Remove archived prompts and their versions for good. Their documents are left to the sweeper."""
    for some in slices(prompt_ids):
        condition = prompts.c.prompt_id.in_(some) & prompts.c.archived_at.is_not(None)
        await project.tx.execute(delete(prompts).where(project.owns(prompts), condition))


async def add_prompts(project: ProjectWriter, records: Iterable[PromptRecord]) -> set[str]:
    """New prompts, still without versions; answers those that were added: an id that somebody else took is not."""
    rows = [
        {
            "prompt_id": record.prompt_id,
            "id_key": record.prompt_id.lower(),
            "folder": record.folder,
            "head_number": record.head_number,
            "revision": record.revision,
            "label_revision": record.label_revision,
            "created_by": record.created_by,
            "created_at": record.created_at,
            "updated_at": record.updated_at,
        }
        for record in records
    ]
    added: set[str] = set()
    for some in slices(sorted(rows, key=lambda row: str(row["id_key"]))):
        found = await project.tx.execute(_ADD_PROMPTS, _rows(project, some))
        added |= {row.prompt_id for row in found}
    return added


async def change_prompts(project: ProjectWriter, records: Iterable[PromptRecord]) -> None:
    """Prompts whose head or folder changed, or that were archived and are not any more; counts their revisions up."""
    rows = [
        {
            "prompt_id": record.prompt_id,
            "folder": record.folder,
            "head_number": record.head_number,
            "updated_at": record.updated_at,
        }
        for record in records
    ]
    for some in slices(rows):
        await project.tx.execute(_CHANGE_PROMPTS, _rows(project, some))


async def add_versions(project: ProjectWriter, records: Iterable[PromptRecord]) -> None:
    """New versions of prompts whose rows this transaction holds."""
    rows = [
        {
            "prompt_id": record.prompt_id,
            "number": record.number,
            "semver": record.semver,
            "content_hash": record.content_hash,
            "description": record.description,
            "tags": list(record.tags),
            "inputs": record.inputs,
            "portable": record.portable,
            "includes": record.includes.to_json(),
            "message": record.message,
            "created_by": record.created_by,
            "created_at": record.updated_at,
        }
        for record in records
    ]
    for some in slices(rows):
        await project.tx.execute(_ADD_VERSIONS, _rows(project, some))


async def enter_many(project: ProjectWriter, records: Iterable[PromptRecord]) -> None:
    """Let these prompts be found by what their newest versions say."""
    rows = [
        {
            "id_key": (id_key := record.prompt_id.lower()),
            "words": (words := record.description.lower()),
            "folder": record.folder,
            "tags": list(record.tags),
            "numbers": numbers_of(project.project_id, id_key, words, tags=record.tags, folder=record.folder),
        }
        for record in records
    ]
    for some in slices(rows):
        await project.tx.execute(_ENTER_MANY, _rows(project, some))


def _rows(project: ProjectReader, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"project_id": project.project_id, "rows": json.dumps(rows, ensure_ascii=False, default=str)}
