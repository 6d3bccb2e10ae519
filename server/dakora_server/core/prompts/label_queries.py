"""What PostgreSQL keeps of labels: where each points, every move, and what is asked for protected ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.storage.tables import (
    label_comments,
    label_moves,
    label_requests,
    labels,
    protected_labels,
    versions,
)


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """Where a label of a prompt points."""

    label: str
    number: int
    semver: str
    revision: int
    moved_by: UUID
    moved_at: datetime

    @property
    def etag(self) -> str:
        """Changes with every move, and never comes back."""
        return f'"{self.label}-{self.revision}-{int(self.moved_at.timestamp() * 1e6):x}"'


@dataclass(frozen=True, slots=True)
class LabelMove:
    """One move. `from_number` None: the label was new; `to_number` None: it was removed."""

    id: int
    label: str
    from_number: int | None
    to_number: int | None
    actor_kind: str
    actor_id: UUID
    message: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """A move of a protected label that somebody asks for."""

    id: UUID
    prompt_id: str
    label: str
    from_number: int | None
    to_number: int
    message: str | None
    status: str
    requested_by: UUID
    created_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class LabelComment:
    """What somebody says about a request."""

    id: UUID
    text: str
    created_by: UUID
    created_at: datetime


_REQUEST = tuple(label_requests.c[name] for name in LabelRequest.__dataclass_fields__)
_MOVE = tuple(label_moves.c[name] for name in LabelMove.__dataclass_fields__)
_COMMENT = tuple(label_comments.c[name] for name in LabelComment.__dataclass_fields__)


async def list_labels(project: ProjectReader, prompt_id: str, *, label: str | None = None) -> list[LabelRecord]:
    """The prompt's labels in order of name, or the one named."""
    same = (
        (versions.c.project_id == labels.c.project_id)
        & (versions.c.prompt_id == labels.c.prompt_id)
        & (versions.c.number == labels.c.number)
    )
    query = (
        select(
            labels.c.label, labels.c.number, versions.c.semver, labels.c.revision, labels.c.moved_by, labels.c.moved_at
        )
        .join(versions, same)
        .where(project.owns(labels), project.owns(versions), labels.c.prompt_id == prompt_id)
        .order_by(labels.c.label)
    )
    if label is not None:
        query = query.where(labels.c.label == label)
    return [LabelRecord(**row._mapping) for row in await project.tx.execute(query)]


async def count_labels(project: ProjectReader, prompt_id: str) -> int:
    """How many labels the prompt has."""
    query = select(func.count()).select_from(labels).where(project.owns(labels), labels.c.prompt_id == prompt_id)
    return int((await project.tx.execute(query)).scalar_one())


async def put_label(project: ProjectWriter, prompt_id: str, label: str, number: int, *, at: datetime) -> None:
    """Let the label point to this version. The prompt's row is held by the caller."""
    values = {"project_id": project.project_id, "prompt_id": prompt_id, "label": label}
    moved = {"number": number, "moved_by": project.actor.actor_id, "moved_at": at}
    statement = upsert(labels).values(**values, **moved, revision=1)
    await project.tx.execute(
        statement.on_conflict_do_update(
            index_elements=["project_id", "prompt_id", "label"], set_={**moved, "revision": labels.c.revision + 1}
        )
    )


async def remove_label(project: ProjectWriter, prompt_id: str, label: str) -> None:
    """Let the label point nowhere."""
    where = (labels.c.prompt_id == prompt_id) & (labels.c.label == label)
    await project.tx.execute(delete(labels).where(project.owns(labels), where))


async def add_move(project: ProjectWriter, prompt_id: str, move: Mapping[str, Any]) -> None:
    """Write a move down."""
    actor = project.actor
    who = {"actor_kind": "user" if actor.key is None else "key", "actor_id": actor.actor_id}
    await project.tx.execute(
        insert(label_moves).inline(), {"project_id": project.project_id, "prompt_id": prompt_id, **who, **move}
    )


async def list_moves(
    project: ProjectReader, prompt_id: str, label: str, *, before: int | None, limit: int
) -> list[LabelMove]:
    """The moves of a label, newest first."""
    query = select(*_MOVE).where(
        project.owns(label_moves), label_moves.c.prompt_id == prompt_id, label_moves.c.label == label
    )
    if before is not None:
        query = query.where(label_moves.c.id < before)
    return [
        LabelMove(**row._mapping)
        for row in await project.tx.execute(query.order_by(label_moves.c.id.desc()).limit(limit))
    ]


async def everything_of(project: ProjectReader, prompt_id: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of a prompt's labels and of their moves, oldest first: for a prompt that goes to another project."""
    here = select(labels).where(project.owns(labels), labels.c.prompt_id == prompt_id)
    before = select(label_moves).where(project.owns(label_moves), label_moves.c.prompt_id == prompt_id)
    pointers = [dict(row._mapping) for row in await project.tx.execute(here)]
    moves = [dict(row._mapping) for row in await project.tx.execute(before.order_by(label_moves.c.id))]
    return pointers, [{name: value for name, value in move.items() if name != "id"} for move in moves]


async def add_everything(project: ProjectWriter, pointers: list[dict[str, Any]], moves: list[dict[str, Any]]) -> None:
    """Labels and moves as they stood in another project, into this one."""
    for table, rows in ((labels, pointers), (label_moves, moves)):
        if rows:
            await project.tx.execute(
                insert(table).inline(), [{**row, "project_id": project.project_id} for row in rows]
            )


async def protection_of(project: ProjectReader, label: str) -> bool | None:
    """None: the label is not protected; else whether each move needs a second person's approval."""
    query = select(protected_labels.c.needs_approval).where(
        project.owns(protected_labels), protected_labels.c.label == label
    )
    found: bool | None = (await project.tx.execute(query)).scalar_one_or_none()
    return found


async def list_protected(project: ProjectReader) -> list[tuple[str, bool]]:
    """The protected labels of the project, and whether each needs approval."""
    query = select(protected_labels.c.label, protected_labels.c.needs_approval).where(project.owns(protected_labels))
    found = await project.tx.execute(query.order_by(protected_labels.c.label))
    return [(row.label, row.needs_approval) for row in found]


async def protect(project: ProjectWriter, label: str, *, needs_approval: bool) -> None:
    """Protect a label in this project."""
    values = {"project_id": project.project_id, "label": label, "needs_approval": needs_approval}
    statement = upsert(protected_labels).values(**values)
    await project.tx.execute(
        statement.on_conflict_do_update(index_elements=["project_id", "label"], set_={"needs_approval": needs_approval})
    )


async def unprotect(project: ProjectWriter, label: str) -> bool:
    """Protect a label no longer; whether it was protected."""
    statement = delete(protected_labels).where(project.owns(protected_labels), protected_labels.c.label == label)
    found = await project.tx.execute(statement.returning(protected_labels.c.label))
    return found.one_or_none() is not None


async def add_request(project: ProjectWriter, request: LabelRequest) -> None:
    """A new request."""
    values = {name: getattr(request, name) for name in LabelRequest.__dataclass_fields__}
    await project.tx.execute(insert(label_requests), {"project_id": project.project_id, **values})


async def list_requests(
    project: ProjectReader, *, status: str | None, after: tuple[datetime, UUID] | None, limit: int
) -> list[LabelRequest]:
    """The project's requests, newest first."""
    query = select(*_REQUEST).where(project.owns(label_requests))
    if status is not None:
        query = query.where(label_requests.c.status == status)
    if after is not None:
        at, request_id = after
        same_time = (label_requests.c.created_at == at) & (label_requests.c.id < request_id)
        query = query.where((label_requests.c.created_at < at) | same_time)
    query = query.order_by(label_requests.c.created_at.desc(), label_requests.c.id.desc()).limit(limit)
    return [LabelRequest(**row._mapping) for row in await project.tx.execute(query)]


async def find_request(project: ProjectReader, request_id: UUID) -> LabelRequest | None:
    """One request."""
    query = select(*_REQUEST).where(project.owns(label_requests), label_requests.c.id == request_id)
    row = (await project.tx.execute(query)).one_or_none()
    return None if row is None else LabelRequest(**row._mapping)


async def lock_request(project: ProjectWriter, request_id: UUID) -> LabelRequest | None:
    """One request, its row held until the transaction ends."""
    query = select(*_REQUEST).where(project.owns(label_requests), label_requests.c.id == request_id)
    row = (await project.tx.execute(query.with_for_update())).one_or_none()
    return None if row is None else LabelRequest(**row._mapping)


async def decide(project: ProjectWriter, request_id: UUID, status: str, *, at: datetime) -> None:
    """End a request."""
    where = label_requests.c.id == request_id
    values = {"status": status, "decided_by": project.actor.user_id, "decided_at": at}
    await project.tx.execute(update(label_requests).where(project.owns(label_requests), where).values(**values))


async def add_comment(project: ProjectWriter, request_id: UUID, comment: LabelComment) -> None:
    """A new comment."""
    values = {name: getattr(comment, name) for name in LabelComment.__dataclass_fields__}
    row = {"project_id": project.project_id, "request_id": request_id, **values}
    await project.tx.execute(insert(label_comments), row)


async def list_comments(project: ProjectReader, request_id: UUID) -> list[LabelComment]:
    """The comments on a request, oldest first."""
    query = select(*_COMMENT).where(project.owns(label_comments), label_comments.c.request_id == request_id)
    found = await project.tx.execute(query.order_by(label_comments.c.created_at, label_comments.c.id).limit(1000))
    return [LabelComment(**row._mapping) for row in found]
