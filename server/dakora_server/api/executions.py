"""Runs of prompts on models: recorded, listed, erased; and what a project keeps of them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Body, Path, Query, Request
from fastapi.responses import Response
from pydantic import BeforeValidator, Field

from dakora_server.api.execution_shapes import (
    Erased,
    Execution,
    ExecutionSettingsChange,
    ExecutionSettingsShown,
    ExecutionsRecorded,
    ExecutionSummary,
    NewExecution,
    UserToErase,
    execution_json,
    settings_shown,
)
from dakora_server.api.pages import Cursor, Limit, cursor_at, page, time_of_cursor
from dakora_server.api.problems import problems
from dakora_server.api.strict import GuardedRoute
from dakora_server.auth import AdminProject, ReadProject, WriteProject
from dakora_server.core.exceptions import (
    BodyTooLarge,
    Busy,
    DatabaseUnavailable,
    InvalidJson,
    InvalidRequest,
    ProjectNotFound,
    UnsupportedMediaType,
)
from dakora_server.core.executions import service
from dakora_server.core.executions.records import ExecutionFilter, Source, Status
from dakora_server.core.executions.service import Recorder
from dakora_server.core.run_exceptions import ExecutionNotFound

MOST_RECORDS = 1_000

router = APIRouter(
    prefix="/api/projects/{project_id}",
    tags=["executions"],
    route_class=GuardedRoute,
    responses=problems(ProjectNotFound, InvalidRequest, DatabaseUnavailable, Busy),
)
_BODY = (InvalidJson, BodyTooLarge, UnsupportedMediaType)

_BATCH = Field(min_length=1, max_length=MOST_RECORDS)
Given = Annotated[
    list[NewExecution],
    BeforeValidator(
        lambda given: given if isinstance(given, list) else [given],
        json_schema_input_type=NewExecution
        | Annotated[list[NewExecution], Field(min_length=1, max_length=MOST_RECORDS)],
    ),
    Field(min_length=1, max_length=MOST_RECORDS),
    Body(description=f"One run, or a list of up to {MOST_RECORDS}."),
]
ExecutionId = Annotated[UUID, Path(description="The execution's id.")]
_WORD = {"max_length": 200, "pattern": r"^[^\x00-\x1f\x7f]+$"}
PromptWanted = Annotated[str | None, Query(**_WORD, description="Only runs of this prompt.")]
LabelWanted = Annotated[str | None, Query(**_WORD, description="Only runs taken by this label.")]
ProviderWanted = Annotated[str | None, Query(**_WORD, description="Only this provider's.")]
ModelWanted = Annotated[str | None, Query(**_WORD, description="Only this model's.")]
StatusWanted = Annotated[Status | None, Query(description="Only runs that ended so.")]
VersionWanted = Annotated[
    str | None,
    Query(max_length=64, pattern=r"^[0-9A-Za-z.+-]+$", description="A version's number (`3`) or semver (`1.2.0`)."),
]


def _version(given: str | None) -> int | str | None:
    if given is None or not given.isdecimal():
        return given
    if len(given) > 9:
        raise InvalidRequest("A version's number has at most nine digits.")
    return int(given)


def _aware(at: datetime | None) -> datetime | None:
    if at is not None and at.tzinfo is None:
        raise InvalidRequest("A time needs an offset from UTC, e.g. `2026-11-26T08:00:00Z`.")
    return at


@router.post("/executions", status_code=201, response_model=ExecutionsRecorded, responses=problems(*_BODY))
async def record_executions(runs: Given, project: WriteProject, request: Request) -> Response:
    """Record runs, all or nothing. One that is there already changes nothing, so sending again is safe."""
    recorder: Recorder = request.app.state.recorder
    found = await recorder.record(project, [run.draft() for run in runs])
    answer = {name: getattr(found, name) for name in ("ids", "recorded", "repeated", "expired")}
    return Response(orjson.dumps(answer), status_code=201, media_type="application/json")


@router.get("/executions", response_model=list[ExecutionSummary])
async def list_executions(
    project: ReadProject,
    request: Request,
    *,
    prompt: PromptWanted = None,
    version: VersionWanted = None,
    label: LabelWanted = None,
    provider: ProviderWanted = None,
    model: ModelWanted = None,
    status: StatusWanted = None,
    user: Annotated[str | None, Query(**_WORD, description="Only this user's.")] = None,
    session: Annotated[str | None, Query(**_WORD, description="Only this session's.")] = None,
    source: Annotated[Source | None, Query(description="Only what came this way.")] = None,
    since: Annotated[datetime | None, Query(description="Began then or later.")] = None,
    until: Annotated[datetime | None, Query(description="Began before then.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Recorded runs without their texts, the latest beginning first."""
    wanted = ExecutionFilter(
        prompt, _version(version), label, provider, model, status, user, session, source, _aware(since), _aware(until)
    )
    found = await service.newest(project, wanted, before=time_of_cursor(cursor), limit=limit + 1)
    more = cursor_at(found[limit - 1].started_at, found[limit - 1].id) if len(found) > limit else None
    return page(request, _dumped([execution_json(one) for one in found[:limit]]), next_cursor=more)


@router.get("/executions/{execution_id}", response_model=Execution, responses=problems(ExecutionNotFound))
async def get_execution(execution_id: ExecutionId, project: ReadProject) -> Response:
    """One recorded run with its texts, as far as the project keeps them."""
    found = await service.get(project, execution_id)
    headers = {"cache-control": "no-store"}
    return Response(_dumped(execution_json(found)), media_type="application/json", headers=headers)


@router.post("/executions/erase", response_model=Erased, responses=problems(*_BODY))
async def erase_executions(body: UserToErase, project: AdminProject) -> Erased:
    """Erase a user: the texts of all their runs, and the reference to them. The numbers stay."""
    return Erased(erased=await service.erase(project, body.user))


@router.get("/execution-settings", response_model=ExecutionSettingsShown)
async def get_execution_settings(project: ReadProject) -> ExecutionSettingsShown:
    """What the project keeps of its runs, and for how long."""
    return settings_shown(await service.settings_of(project))


@router.put("/execution-settings", response_model=ExecutionSettingsShown, responses=problems(*_BODY))
async def change_execution_settings(body: ExecutionSettingsChange, project: AdminProject) -> ExecutionSettingsShown:
    """Keep more or less from now on. A shorter retention holds at once, for what is there too."""
    return settings_shown(await service.change_settings(project, body.keep, body.retention_days))


def _dumped(value: Any) -> bytes:
    return orjson.dumps(value)
