"""API keys of a project."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from dakora_server.api.once import OnceOnly
from dakora_server.api.pages import Cursor, Limit, cursor_at, page, time_of_cursor
from dakora_server.api.problems import problems
from dakora_server.api.strict import GuardedRoute
from dakora_server.api.tenancy_shapes import ApiKey, ApiKeyWithSecret, KeyStatus, NewApiKey, Rotation
from dakora_server.auth import AdminProject, ReviewProject, access_of
from dakora_server.core import clock
from dakora_server.core.api_keys import service
from dakora_server.core.api_keys.records import ApiKeyRecord, FreshKey
from dakora_server.core.exceptions import (
    ApiKeyNotFound,
    DatabaseUnavailable,
    IdempotencyInProgress,
    IdempotencyMismatch,
    InvalidJson,
    InvalidRequest,
    ProjectNotFound,
    TooMany,
)

_ALWAYS = (
    ProjectNotFound,
    InvalidRequest,
    DatabaseUnavailable,
)
_ONCE = (InvalidJson, IdempotencyInProgress, IdempotencyMismatch)
router = APIRouter(
    prefix="/api/projects/{project_id}/api-keys",
    tags=["api keys"],
    route_class=GuardedRoute,
    responses=problems(*_ALWAYS),
)
KeyId = Annotated[UUID, Path(description="The key's id.")]


def _status(record: ApiKeyRecord, now: datetime) -> KeyStatus:
    if record.revoked_at is not None:
        return "revoked"
    if not record.is_live(now):
        return "expired"
    return "live" if record.replaced_by is None else "rotated"


def shown(record: ApiKeyRecord) -> ApiKey:
    """A key as it is shown: without the key."""
    return ApiKey(
        id=record.id,
        name=record.name,
        key_hint=f"dk_proj_…{record.hint}",
        scopes=list(record.scopes),
        labels=None if record.labels is None else list(record.labels),
        status=_status(record, clock.now()),
        created_by=record.created_by,
        created_at=record.created_at,
        expires_at=record.expires_at,
        revoked_at=record.revoked_at,
        last_used_at=record.last_used_at,
    )


def _once_shown(fresh: FreshKey) -> Response:
    body = ApiKeyWithSecret(**shown(fresh.record).model_dump(), key=fresh.text)
    headers = {"cache-control": "no-store"}
    return Response(body.model_dump_json(), status_code=201, media_type="application/json", headers=headers)


@router.get("", response_model=list[ApiKey])
async def list_api_keys(
    project: ReviewProject,
    request: Request,
    everything: Annotated[bool, Query(alias="all", description="Revoked and expired keys too.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The project's keys, newest first, without the keys themselves."""
    after = time_of_cursor(cursor)
    found = await service.list_keys(project, after=after, limit=limit + 1, everything=everything)
    more = cursor_at(found[limit - 1].created_at, found[limit - 1].id) if len(found) > limit else None
    items = [shown(record).model_dump(mode="json") for record in found[:limit]]
    return page(request, orjson.dumps(items), next_cursor=more)


@router.post("", response_model=ApiKeyWithSecret, status_code=201, responses=problems(*_ONCE, TooMany))
async def create_api_key(body: NewApiKey, project: AdminProject, request: Request, once: OnceOnly) -> Response:
    """Make a key. The answer is the only place where it is ever shown."""

    async def make() -> Response:
        fresh = await service.create(
            project,
            access_of(request).secret,
            name=body.name,
            scopes=body.scopes,
            labels=body.labels,
            expires_in_days=body.expires_in_days,
        )
        return _once_shown(fresh)

    return await once.answer(project.tx, make)


@router.post(
    "/{key_id}/rotate",
    response_model=ApiKeyWithSecret,
    status_code=201,
    responses=problems(*_ONCE, ApiKeyNotFound),
)
async def rotate_api_key(
    key_id: KeyId, project: AdminProject, request: Request, once: OnceOnly, body: Rotation | None = None
) -> Response:
    """Make a key with the same rights; the old one works on for a while, so that programs can change over."""
    overlap = timedelta(hours=(body or Rotation(overlap_hours=24)).overlap_hours)

    async def make() -> Response:
        return _once_shown(await service.rotate(project, access_of(request).secret, key_id, overlap=overlap))

    return await once.answer(project.tx, make)


@router.delete("/{key_id}", status_code=204, responses=problems(ApiKeyNotFound))
async def revoke_api_key(key_id: KeyId, project: AdminProject) -> None:
    """Revoke a key. It opens nothing from the next request on."""
    await service.revoke(project, key_id)
