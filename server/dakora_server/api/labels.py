"""Labels of a prompt: where each points, and every move."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from dakora_server.api.pages import Cursor, Limit, page
from dakora_server.api.problems import problems
from dakora_server.api.shapes import IfMatch, Note, PromptId, etags, which
from dakora_server.api.strict import GuardedRoute
from dakora_server.api.tenancy_shapes import Strict
from dakora_server.auth import ReadProject, WriteProject
from dakora_server.core.exceptions import (
    Busy,
    DatabaseUnavailable,
    InvalidJson,
    InvalidRequest,
    LabelNotFound,
    LabelProtected,
    ProjectNotFound,
    PromptNotFound,
    StaleLabel,
    TooMany,
    VersionNotFound,
)
from dakora_server.core.prompts import labels
from dakora_server.core.prompts.label_queries import LabelRecord
from dakora_server.core.prompts.records import decode_cursor, encode_cursor

router = APIRouter(
    prefix="/api/projects/{project_id}/prompts/{prompt_id}/labels",
    tags=["labels"],
    route_class=GuardedRoute,
    responses=problems(ProjectNotFound, PromptNotFound, InvalidRequest, DatabaseUnavailable),
)
LABEL = r"^[A-Za-z0-9._-]{1,64}$"
LabelName = Annotated[str, Path(pattern=LABEL, description="A label, e.g. `production`; `latest` is automatic.")]


class Label(BaseModel):
    """Where a label points."""

    label: str
    version_number: int
    version: str
    moved_by: UUID = Field(description="The user or API key that moved it last.")
    moved_at: datetime


class LabelMove(BaseModel):
    """A move of a label."""

    label: str
    from_version: int | None = Field(description="Null: the label was new.")
    to_version: int | None = Field(description="Null: the label was removed.")
    actor_kind: Literal["user", "key", "system"]
    actor_id: UUID
    message: str | None
    at: datetime


class LabelTarget(Strict):
    """Where to move a label."""

    version: int | str = Field(description="A version's number or semver.", union_mode="left_to_right")
    message: Note = None


def _shown(record: LabelRecord) -> Label:
    return Label(
        label=record.label,
        version_number=record.number,
        version=record.semver,
        moved_by=record.moved_by,
        moved_at=record.moved_at,
    )


def _answer(record: LabelRecord) -> Response:
    headers = {"etag": record.etag, "cache-control": "private, no-cache"}
    return Response(_shown(record).model_dump_json(), media_type="application/json", headers=headers)


@router.get("", response_model=list[Label])
async def list_labels(prompt_id: PromptId, project: ReadProject) -> list[Label]:
    """The labels of a prompt, in order of name. The automatic `latest` is not among them."""
    return [_shown(record) for record in await labels.list_labels(project, prompt_id)]


@router.get("/{label}", response_model=Label, responses=problems(LabelNotFound))
async def get_label(prompt_id: PromptId, label: LabelName, project: ReadProject) -> Response:
    """One label, with its ETag."""
    return _answer(await labels.show_label(project, prompt_id, label))


@router.get("/{label}/history", response_model=list[LabelMove])
async def list_label_moves(
    prompt_id: PromptId,
    label: LabelName,
    request: Request,
    project: ReadProject,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Every move of a label, newest first: from where, to where, by whom, when and why."""
    found = await labels.history(project, prompt_id, label, before=decode_cursor(cursor, int), limit=limit + 1)
    more = encode_cursor(found[limit - 1].id) if len(found) > limit else None
    moves = [
        {
            "label": move.label,
            "from_version": move.from_number,
            "to_version": move.to_number,
            "actor_kind": move.actor_kind,
            "actor_id": move.actor_id,
            "message": move.message,
            "at": move.at,
        }
        for move in found[:limit]
    ]
    return page(request, orjson.dumps(moves), next_cursor=more)


@router.put(
    "/{label}",
    response_model=Label,
    responses=problems(InvalidJson, VersionNotFound, LabelProtected, StaleLabel, TooMany, Busy),
)
async def put_label(
    prompt_id: PromptId, label: LabelName, body: LabelTarget, project: WriteProject, if_match: IfMatch = None
) -> Response:
    """Move a label to a version; a new label is made. Moving it to where it points changes nothing."""
    target = which(str(body.version), None)
    record = await labels.move(project, prompt_id, label, target, message=body.message, if_match=etags(if_match))
    return _answer(record)


@router.delete("/{label}", status_code=204, responses=problems(LabelNotFound, LabelProtected, StaleLabel, Busy))
async def delete_label(prompt_id: PromptId, label: LabelName, project: WriteProject, if_match: IfMatch = None) -> None:
    """Remove a label. Its history stays."""
    await labels.remove(project, prompt_id, label, if_match=etags(if_match))
