"""Labels of many prompts at once: where they point, and that they move."""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text, update

from dakora_server.core.prompts.bulk_queries import slices
from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.storage.tables import labels, prompts

_PUT_LABELS = text(
    "INSERT INTO labels (project_id, prompt_id, label, number, revision, moved_by, moved_at)"
    " SELECT :project_id, r.prompt_id, r.label, r.number, 1, :actor_id, :at"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(prompt_id text, label text, number int)"
    " ON CONFLICT (project_id, prompt_id, label) DO UPDATE SET number = EXCLUDED.number,"
    " revision = labels.revision + 1, moved_by = EXCLUDED.moved_by, moved_at = EXCLUDED.moved_at"
)
_ADD_MOVES = text(
    "INSERT INTO label_moves (project_id, prompt_id, label, from_number, to_number, actor_kind, actor_id, message, at)"
    " SELECT :project_id, r.prompt_id, r.label, r.before, r.number, :actor_kind, :actor_id, CAST(:message AS text), :at"
    " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(prompt_id text, label text, before int, number int)"
)


async def pointing(project: ProjectReader, prompt_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """The number that each label of these prompts points to."""
    found: dict[str, dict[str, int]] = {}
    for some in slices(prompt_ids):
        query = select(labels.c.prompt_id, labels.c.label, labels.c.number)
        for row in await project.tx.execute(query.where(project.owns(labels), labels.c.prompt_id.in_(some))):
            found.setdefault(row.prompt_id, {})[row.label] = row.number
    return found


async def move_labels(
    project: ProjectWriter, moves: Sequence[tuple[str, str, int | None, int]], *, message: str | None, at: datetime
) -> None:
    """Let labels (prompt, name, number before, number after) point elsewhere, and write each move down.

    The prompts' rows are held by the caller.
    """
    actor = project.actor
    for some in slices(moves):
        rows = [dict(zip(("prompt_id", "label", "before", "number"), move, strict=True)) for move in some]
        facts = {"project_id": project.project_id, "actor_id": actor.actor_id, "at": at, "rows": json.dumps(rows)}
        await project.tx.execute(_PUT_LABELS, facts)
        kind = "user" if actor.key is None else "key"
        await project.tx.execute(_ADD_MOVES, {**facts, "actor_kind": kind, "message": message})
        touched = sorted({move[0] for move in some})
        await project.tx.execute(
            update(prompts)
            .where(project.owns(prompts), prompts.c.prompt_id.in_(touched))
            .values(label_revision=prompts.c.label_revision + 1)
        )
