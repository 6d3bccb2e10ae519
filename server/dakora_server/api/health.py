"""Is it alive, can it serve."""

import asyncio
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from dakora_server.api.strict import GuardedRoute
from dakora_server.auth import access_of
from dakora_server.core.exceptions import DakoraError

router = APIRouter(tags=["health"], route_class=GuardedRoute)
# Longer than a healthy dependency ever takes, shorter than any probe's patience.
_CHECK_SECONDS = 2.5


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]
    version: str


class Readiness(BaseModel):
    """Whether reads can be served, dependency by dependency: `ok`, or the code of what is wrong."""

    status: Literal["ready", "unavailable"]
    dependencies: dict[str, str]


@router.get("/api/health", response_model=Health)
async def health(request: Request) -> Health:
    """Liveness: touches nothing."""
    return Health(status="ok", version=request.app.version)


@router.get("/api/ready", response_model=Readiness, responses={503: {"model": Readiness}})
async def ready(request: Request) -> Response:
    """Readiness: asks every dependency; 503 when reads cannot be served."""
    platform = access_of(request).platform
    names = ("database", "registry", "renderer")
    checks = (platform.database.check(), platform.vault.check(), platform.renderer.check())
    verdicts = await asyncio.gather(*(_verdict(check) for check in checks))
    well = all(verdict == "ok" for verdict in verdicts)
    told = dict(zip(names, verdicts, strict=True))
    limits = access_of(request).limits
    if limits.is_shared:
        # Without Redis each process counts alone: worth knowing, and no reason to send nobody here.
        told["redis"] = "ok" if await limits.check() else "unavailable"
    body = Readiness(status="ready" if well else "unavailable", dependencies=told)
    headers = {"cache-control": "no-store"} if well else {"cache-control": "no-store", "retry-after": "2"}
    return JSONResponse(body.model_dump(), status_code=200 if well else 503, headers=headers)


async def _verdict(check: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check
    except TimeoutError:
        return "timeout"
    except DakoraError as error:
        return error.code
    return "ok"
