"""Protected labels of a project, and requests to move them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from dakora_server.api.labels import LABEL, LabelName
from dakora_server.api.once import OnceOnly
from dakora_server.api.pages import Cursor, Limit, cursor_at, page, time_of_cursor
from dakora_server.api.problems import problems
from dakora_server.api.shapes import Note, PromptId, which
from dakora_server.api.strict import GuardedRoute
from dakora_server.api.tenancy_shapes import Strict
from dakora_server.api.versions import Change
from dakora_server.auth import ReadProject, WriteProject
from dakora_server.core.exceptions import (
    Busy,
    DatabaseUnavailable,
    IdempotencyInProgress,
    IdempotencyMismatch,
    InvalidJson,
    InvalidRequest,
    LabelNotFound,
    ProjectNotFound,
    PromptNotFound,
    RequestNotFound,
    RequestOver,
    StaleLabel,
    TooMany,
    VersionNotFound,
)
from dakora_server.core.prompts import labels
from dakora_server.core.prompts.label_queries import LabelRequest as RequestRecord

router = APIRouter(
    prefix="/api/projects/{project_id}",
    tags=["labels"],
    route_class=GuardedRoute,
    responses=problems(ProjectNotFound, InvalidRequest, DatabaseUnavailable),
)
RequestId = Annotated[UUID, Path(description="The request's id.")]
_ONE = "/label-requests/{request_id}"
_CREATING = (InvalidJson, IdempotencyInProgress, IdempotencyMismatch)


class ProtectedLabel(BaseModel):
    """A label that not everybody moves."""

    label: str
    needs_approval: bool = Field(description="A second person approves each move; if not, any admin moves it.")


class Protection(Strict):
    """How a label is protected."""

    needs_approval: bool = False


class NewLabelRequest(Strict):
    """A move to ask for."""

    label: str = Field(pattern=LABEL)
    version: int | str = Field(description="A version's number or semver.", union_mode="left_to_right")
    message: Note = None


class LabelRequest(BaseModel):
    """A move that somebody asks for."""

    id: UUID
    prompt_id: str
    label: str
    from_version: int | None = Field(description="Where the label stood when this was asked; null: nowhere.")
    to_version: int
    message: str | None
    status: Literal["open", "approved", "rejected", "withdrawn"]
    requested_by: UUID
    created_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None

    @classmethod
    def of(cls, record: RequestRecord) -> "LabelRequest":
        """From a record."""
        return cls(
            id=record.id,
            prompt_id=record.prompt_id,
            label=record.label,
            from_version=record.from_number,
            to_version=record.to_number,
            message=record.message,
            status=record.status,
            requested_by=record.requested_by,
            created_at=record.created_at,
            decided_by=record.decided_by,
            decided_at=record.decided_at,
        )


class LabelComment(BaseModel):
    """What somebody said about a request."""

    id: UUID
    text: str
    created_by: UUID
    created_at: datetime


class LabelRequestDetail(LabelRequest):
    """A request with what it would change, and what was said."""

    changes: list[Change] = Field(description="Field by field; empty where the label pointed nowhere.")
    comments: list[LabelComment]


class NewLabelComment(Strict):
    """Something to say."""

    text: str = Field(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")


@router.get("/protected-labels", response_model=list[ProtectedLabel])
async def list_protected_labels(project: ReadProject) -> list[ProtectedLabel]:
    """The protected labels of the project."""
    found = await labels.list_protected(project)
    return [ProtectedLabel(label=label, needs_approval=needs_approval) for label, needs_approval in found]


@router.put("/protected-labels/{label}", response_model=ProtectedLabel, responses=problems(InvalidJson))
async def protect_label(label: LabelName, body: Protection, project: WriteProject) -> ProtectedLabel:
    """Protect a label in the whole project."""
    await labels.protect(project, label, needs_approval=body.needs_approval)
    return ProtectedLabel(label=label, needs_approval=body.needs_approval)


@router.delete("/protected-labels/{label}", status_code=204, responses=problems(LabelNotFound))
async def unprotect_label(label: LabelName, project: WriteProject) -> None:
    """Protect a label no longer."""
    await labels.unprotect(project, label)


@router.get("/label-requests", response_model=list[LabelRequest])
async def list_label_requests(
    request: Request,
    project: ReadProject,
    status: Annotated[
        Literal["open", "approved", "rejected", "withdrawn"] | None, Query(description="Only these.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The project's requests, newest first."""
    found = await labels.list_requests(project, status=status, after=time_of_cursor(cursor), limit=limit + 1)
    more = cursor_at(found[limit - 1].created_at, found[limit - 1].id) if len(found) > limit else None
    items = [LabelRequest.of(record).model_dump(mode="json") for record in found[:limit]]
    return page(request, orjson.dumps(items), next_cursor=more)


@router.post(
    "/prompts/{prompt_id}/label-requests",
    response_model=LabelRequest,
    status_code=201,
    responses=problems(*_CREATING, PromptNotFound, VersionNotFound, Busy),
)
async def create_label_request(
    prompt_id: PromptId, body: NewLabelRequest, project: WriteProject, once: OnceOnly
) -> Response:
    """Ask for a move of a label, for a second person to approve."""
    target = which(str(body.version), None)

    async def make() -> Response:
        made = LabelRequest.of(await labels.ask(project, prompt_id, body.label, target, message=body.message))
        headers = {"location": f"/api/projects/{project.project_id}/label-requests/{made.id}"}
        return Response(made.model_dump_json(), status_code=201, media_type="application/json", headers=headers)

    return await once.answer(project.tx, make)


@router.get(_ONE, response_model=LabelRequestDetail, responses=problems(RequestNotFound))
async def get_label_request(request_id: RequestId, project: ReadProject) -> LabelRequestDetail:
    """One request, with the changes it would bring and the comments."""
    view = await labels.show_request(project, request_id)
    return LabelRequestDetail(
        **LabelRequest.of(view.request).model_dump(),
        changes=[Change.model_validate(change) for change in view.changes],
        comments=[LabelComment.model_validate(one, from_attributes=True) for one in view.comments],
    )


@router.post(
    f"{_ONE}/comments",
    response_model=LabelComment,
    status_code=201,
    responses=problems(*_CREATING, RequestNotFound, TooMany),
)
async def comment_label_request(
    request_id: RequestId, body: NewLabelComment, project: WriteProject, once: OnceOnly
) -> Response:
    """Say something about a request."""

    async def make() -> Response:
        said = LabelComment.model_validate(await labels.comment(project, request_id, body.text), from_attributes=True)
        return Response(said.model_dump_json(), status_code=201, media_type="application/json")

    return await once.answer(project.tx, make)


_DECISIONS = problems(RequestNotFound, RequestOver, StaleLabel, Busy)


@router.post(f"{_ONE}/approve", response_model=LabelRequest, responses=_DECISIONS)
async def approve_label_request(request_id: RequestId, project: WriteProject) -> LabelRequest:
    """Approve somebody else's request, and so move the label."""
    return LabelRequest.of(await labels.decide(project, request_id, "approved"))


@router.post(f"{_ONE}/reject", response_model=LabelRequest, responses=_DECISIONS)
async def reject_label_request(request_id: RequestId, project: WriteProject) -> LabelRequest:
    """Reject a request."""
    return LabelRequest.of(await labels.decide(project, request_id, "rejected"))


@router.post(f"{_ONE}/withdraw", response_model=LabelRequest, responses=_DECISIONS)
async def withdraw_label_request(request_id: RequestId, project: WriteProject) -> LabelRequest:
    """Withdraw one's own request."""
    return LabelRequest.of(await labels.decide(project, request_id, "withdrawn"))
