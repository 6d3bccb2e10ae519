"""Prompts run on models: one, as its answer comes or at its end; several beside each other; and the budget."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dakora_server.api.event_stream import EventStream, event_bytes, unless_gone
from dakora_server.api.problems import problem_body, problems
from dakora_server.api.run_shapes import (
    BudgetChange,
    BudgetShown,
    CompareRequest,
    Comparison,
    ExecuteRequest,
    RunResult,
    budget_shown,
    compared_json,
    error_of,
    result_json,
    tool_call_json,
)
from dakora_server.api.shapes import PromptId
from dakora_server.api.strict import GuardedRoute
from dakora_server.auth import AdminProject, ReadProject, RunProject
from dakora_server.core.exceptions import (
    BodyTooLarge,
    Busy,
    DakoraError,
    DatabaseUnavailable,
    DocumentCorrupt,
    InvalidInputs,
    InvalidJson,
    InvalidRequest,
    LabelNotFound,
    ProjectNotFound,
    PromptNotFound,
    RegistryUnavailable,
    RendererUnavailable,
    RenderFailed,
    RenderLimitExceeded,
    UnsupportedMediaType,
    VersionNotFound,
)
from dakora_server.core.llm.records import Delta, ToolCall
from dakora_server.core.run_exceptions import (
    AnswerRefused,
    BudgetExceeded,
    MessagesNotRunnable,
    ModelNotFound,
    ModelRequired,
    ModelUnpriced,
    ProviderAddressRefused,
    ProviderFailed,
    ProviderInterrupted,
    ProviderKeyRefused,
    ProviderKeysUnavailable,
    ProviderKeyUnreadable,
    ProviderNotConfigured,
    ProviderQuotaExceeded,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnreachable,
)
from dakora_server.core.runs import budgets
from dakora_server.core.runs.records import Failed, Result, Started
from dakora_server.core.runs.service import Runner

router = APIRouter(
    prefix="/api/projects/{project_id}",
    tags=["runs"],
    route_class=GuardedRoute,
    responses=problems(ProjectNotFound, InvalidRequest, DatabaseUnavailable, Busy),
)
_BODY = (InvalidJson, BodyTooLarge, UnsupportedMediaType)
_RENDER = (
    PromptNotFound,
    VersionNotFound,
    LabelNotFound,
    InvalidInputs,
    RenderFailed,
    RenderLimitExceeded,
    RendererUnavailable,
    RegistryUnavailable,
    DocumentCorrupt,
)
_RUN = (
    ModelRequired,
    MessagesNotRunnable,
    ModelNotFound,
    ModelUnpriced,
    BudgetExceeded,
    AnswerRefused,
    ProviderNotConfigured,
    ProviderKeysUnavailable,
    ProviderKeyUnreadable,
    ProviderAddressRefused,
    ProviderRejected,
    ProviderKeyRefused,
    ProviderQuotaExceeded,
    ProviderFailed,
    ProviderUnreachable,
    ProviderInterrupted,
    ProviderRateLimited,
    ProviderTimeout,
)
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The result; with `stream=true` events `start`, `delta`, `tool_call`, then `done` or `error`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.post(
    "/prompts/{prompt_id}/execute",
    response_model=RunResult,
    responses=_STREAM | problems(*_BODY, *_RENDER, *_RUN, InvalidRequest, Busy, DatabaseUnavailable, ProjectNotFound),
)
async def execute_prompt(
    prompt_id: PromptId,
    body: ExecuteRequest,
    project: RunProject,
    request: Request,
    *,
    stream: Annotated[bool, Query(description="Answer with server-sent events, as the model writes.")] = False,
) -> Response:
    """Render a prompt and run it on a model. The run is recorded; who goes away before its end cancels it."""
    runner: Runner = request.app.state.runner
    order = body.order(prompt_id, body)
    if not stream:
        ended = await unless_gone(request, runner.run(project, order))
        return _gone() if ended is None else _answered(ended)
    run = runner.start(project, order)
    events = run.events()
    first = await unless_gone(request, anext(events))
    if first is None or isinstance(first, Failed):
        await run.cancel()
        return _gone() if first is None else _answered(first)
    request_id = request.scope.get("dakora.request_id", "")
    return EventStream(_on_the_wire(first, events, request_id), run.cancel)


@router.post(
    "/prompts/{prompt_id}/compare",
    response_model=Comparison,
    responses=problems(*_BODY, InvalidRequest, Busy, PromptNotFound, ProjectNotFound),
)
async def compare_prompt(prompt_id: PromptId, body: CompareRequest, project: RunProject, request: Request) -> Response:
    """Run a prompt on several models, or in several versions, at once. Each ends for itself."""
    runner: Runner = request.app.state.runner
    orders = [which.order(prompt_id, body) for which in body.runs]
    ended = await unless_gone(request, runner.compare(project, orders))
    if ended is None:
        return _gone()
    request_id = request.scope.get("dakora.request_id", "")
    runs = [compared_json(one, _problem(error_of(one), request_id)) for one in ended]
    return Response(orjson.dumps({"runs": runs}), media_type="application/json")


@router.get("/budget", response_model=BudgetShown)
async def get_budget(project: ReadProject) -> BudgetShown:
    """What the project may spend on runs in a month, and what is used of it."""
    return budget_shown(await budgets.standing(project))


@router.put("/budget", response_model=BudgetShown, responses=problems(*_BODY))
async def change_budget(body: BudgetChange, project: AdminProject) -> BudgetShown:
    """Decide what may be spent. It holds from the next run on; what was spent this month counts."""
    return budget_shown(await budgets.change(project, body.limit_usd, body.warn_percent, body.unpriced))


def _answered(ended: Result | Failed) -> Response:
    """The result. Raises the DakoraError of a run that has none."""
    if isinstance(ended, Failed):
        raise ended.error
    headers = {"cache-control": "no-store"}
    return Response(orjson.dumps(result_json(ended)), media_type="application/json", headers=headers)


def _gone() -> Response:
    """Nobody reads it."""
    return Response(status_code=204)


async def _on_the_wire(first: object, events: AsyncIterator[object], request_id: str) -> AsyncIterator[bytes]:
    event = first
    while True:
        match event:
            case Started():
                facts = {
                    "execution_id": event.id,
                    "prompt_id": event.prompt.prompt_id,
                    "version": event.prompt.semver,
                    "version_number": event.prompt.number,
                    "provider": event.provider,
                    "model": event.model,
                }
                yield event_bytes("start", facts)
            case Delta():
                yield event_bytes("delta", {"text": event.text})
            case ToolCall():
                yield event_bytes("tool_call", tool_call_json(event))
            case Result():
                yield event_bytes("done", result_json(event))
                return
            case Failed():
                yield event_bytes("error", {**(_problem(event.error, request_id) or {}), "execution_id": event.id})
                return
            case _:
                pass
        event = await anext(events)


def _problem(error: DakoraError | None, request_id: str) -> dict[str, Any] | None:
    if error is None:
        return None
    problem: dict[str, Any] = orjson.loads(problem_body(error, request_id))
    return problem
