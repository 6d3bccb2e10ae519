"""Providers of models: set up once, their keys written and never read back; and the models that can be run."""

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from dakora_server.api.problems import problems
from dakora_server.api.provider_shapes import (
    ModelShown,
    ProviderName,
    ProviderSetUp,
    ProviderShown,
    model_json,
    provider_shown,
)
from dakora_server.api.strict import GuardedRoute
from dakora_server.auth import AdminProject, ReadProject
from dakora_server.core.exceptions import (
    BodyTooLarge,
    Busy,
    DatabaseUnavailable,
    InvalidJson,
    InvalidRequest,
    ProjectNotFound,
    TooMany,
    UnsupportedMediaType,
)
from dakora_server.core.llm import service
from dakora_server.core.llm.catalogue import runnable
from dakora_server.core.run_exceptions import (
    ProviderAddressRefused,
    ProviderKeysUnavailable,
    ProviderKeyUnreadable,
    ProviderNotFound,
)
from dakora_server.core.runs.service import Runner

router = APIRouter(
    prefix="/api/projects/{project_id}",
    tags=["models"],
    route_class=GuardedRoute,
    responses=problems(ProjectNotFound, InvalidRequest, DatabaseUnavailable, Busy),
)
_SET = (InvalidJson, BodyTooLarge, UnsupportedMediaType, TooMany, ProviderKeysUnavailable, ProviderKeyUnreadable)


@router.get("/providers", response_model=list[ProviderShown])
async def list_providers(project: ReadProject, request: Request) -> list[ProviderShown]:
    """The providers that prompts of this project can be run with. None: no key was set up yet."""
    runner: Runner = request.app.state.runner
    return [provider_shown(one) for one in await service.providers_of(project, runner.models)]


@router.put("/providers/{provider}", response_model=ProviderShown, responses=problems(*_SET, ProviderAddressRefused))
async def set_provider(
    provider: ProviderName, body: ProviderSetUp, project: AdminProject, request: Request
) -> ProviderShown:
    """Set up a provider, or change it. Its key is kept encrypted, and no answer ever holds it."""
    runner: Runner = request.app.state.runner
    return provider_shown(await service.set_up(project, runner.models, body.wanted(provider)))


@router.delete("/providers/{provider}", status_code=204, responses=problems(ProviderNotFound))
async def delete_provider(provider: ProviderName, project: AdminProject) -> None:
    """Forget a provider and its key."""
    await service.remove(project, provider)


@router.get("/models", response_model=list[ModelShown])
async def list_models(project: ReadProject, request: Request) -> Response:
    """The models that `execute` can run, with prices. Empty where no provider is set up."""
    runner: Runner = request.app.state.runner
    found = await runnable(project, runner.models, runner.recorder.prices)
    return Response(orjson.dumps([model_json(one) for one in found]), media_type="application/json")
