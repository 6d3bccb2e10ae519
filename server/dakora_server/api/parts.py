"""Parts: list, read, save, delete, and who uses them."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dakora_server.api.once import OnceOnly
from dakora_server.api.pages import Cursor, Limit, page
from dakora_server.api.part_shapes import (
    Category,
    NewPart,
    Part,
    PartChange,
    PartList,
    PartName,
    PartUsage,
    PartVersionLine,
    part_response,
    summary_json,
    usage_json,
    version_json,
)
from dakora_server.api.problems import problems
from dakora_server.api.shapes import (
    PROMPT_ID,
    IfMatch,
    IfNoneMatch,
    Version,
    VersionNumber,
    etags,
    is_fresh,
    which,
)
from dakora_server.api.strict import GuardedRoute
from dakora_server.api.versions import Diff, Rollback
from dakora_server.auth import ReadProject, WriteProject
from dakora_server.core.exceptions import (
    BodyTooLarge,
    Busy,
    DatabaseUnavailable,
    DocumentCorrupt,
    IdempotencyInProgress,
    IdempotencyMismatch,
    IncludeCycle,
    InvalidJson,
    InvalidRequest,
    PartArchived,
    PartExists,
    PartInUse,
    PartNotFound,
    ProjectNotFound,
    RegistryFull,
    RegistryUnavailable,
    StaleVersion,
    TemplateInvalid,
    UnsupportedMediaType,
    VersionNotFound,
    VersionNotHigher,
)
from dakora_server.core.parts import service
from dakora_server.core.prompts import part_changes, rendering
from dakora_server.core.selection import decode_cursor, encode_cursor

_READS = (ProjectNotFound, InvalidRequest, DatabaseUnavailable, RegistryUnavailable, DocumentCorrupt)
_BODY = (InvalidJson, BodyTooLarge, UnsupportedMediaType, RegistryFull, Busy)
_SAVES = (*_BODY, TemplateInvalid, IncludeCycle)
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The ETag is still the one in `If-None-Match`."}}

router = APIRouter(
    prefix="/api/projects/{project_id}/parts",
    tags=["parts"],
    route_class=GuardedRoute,
    responses=problems(*_READS),
)


@router.get("", response_model=PartList)
async def list_parts(
    request: Request,
    project: ReadProject,
    category: Annotated[str | None, Query(pattern=PROMPT_ID, description="Only this category.")] = None,
    search: Annotated[
        str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Part of an id or description.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Parts at their newest version, in order of id; a category may go on on the next page."""
    after = decode_cursor(cursor, str)
    records = await service.list_parts(project, category=category, search=search, after=after, limit=limit + 1)
    more = encode_cursor(records[limit - 1].part_id.lower()) if len(records) > limit else None
    by_category: dict[str, list[dict[str, Any]]] = {}
    for record in records[:limit]:
        by_category.setdefault(record.category, []).append(summary_json(record))
    return page(request, orjson.dumps({"by_category": by_category}), next_cursor=more)


@router.post(
    "",
    response_model=Part,
    status_code=201,
    responses=problems(*_SAVES, PartExists, PartArchived, IdempotencyInProgress, IdempotencyMismatch),
)
async def create_part(draft: NewPart, request: Request, project: WriteProject, once: OnceOnly) -> Response:
    """Save the first version of a part."""

    async def make() -> Response:
        part = await part_changes.create(project, draft.spec(), message=draft.message)
        return part_response(part, status=201, location=f"{request.url.path}/{part.record.part_id}")

    return await once.answer(project.tx, make)


@router.get(
    "/{category}/{part_id}", response_model=Part, responses=problems(PartNotFound, VersionNotFound) | _NOT_MODIFIED
)
async def get_part(
    category: Category,
    part_id: PartName,
    project: ReadProject,
    version: Version = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One version of a part; the newest unless `version` says otherwise."""
    part = await service.get(project, f"{category}/{part_id}", which(version, None))
    if is_fresh(if_none_match, part.record.etag):
        return Response(status_code=304, headers={"etag": part.record.etag, "cache-control": "private, no-cache"})
    return part_response(part)


@router.put(
    "/{category}/{part_id}",
    response_model=Part,
    responses=problems(*_SAVES, PartNotFound, StaleVersion, VersionNotHigher),
)
async def save_part(
    category: Category, part_id: PartName, draft: PartChange, project: WriteProject, if_match: IfMatch = None
) -> Response:
    """Save a new version; prompts and parts that follow this part get a new version too.

    Sending the same content again changes nothing.
    """
    spec = draft.change(f"{category}/{part_id}")
    return part_response(await part_changes.update(project, spec, message=draft.message, if_match=etags(if_match)))


@router.delete(
    "/{category}/{part_id}", status_code=204, responses=problems(PartNotFound, PartInUse, StaleVersion, Busy)
)
async def delete_part(
    category: Category,
    part_id: PartName,
    project: WriteProject,
    force: Annotated[bool, Query(description="Delete it although it is in use.")] = False,
    if_match: IfMatch = None,
) -> None:
    """Delete a part. What was saved with it renders on; it can be restored."""
    await part_changes.delete(project, f"{category}/{part_id}", force=force, if_match=etags(if_match))


@router.post("/{category}/{part_id}/restore", response_model=Part, responses=problems(PartNotFound, Busy))
async def restore_part(category: Category, part_id: PartName, project: WriteProject) -> Response:
    """Bring a deleted part back as it was."""
    return part_response(await service.restore(project, f"{category}/{part_id}"))


@router.post(
    "/{category}/{part_id}/rollback",
    response_model=Part,
    responses=problems(*_SAVES, PartNotFound, VersionNotFound, StaleVersion),
)
async def rollback_part(
    category: Category, part_id: PartName, body: Rollback, project: WriteProject, if_match: IfMatch = None
) -> Response:
    """Make a new version with the text of an older one."""
    target = which(str(body.version), None)
    part = await part_changes.rollback(
        project, f"{category}/{part_id}", target, message=body.message, if_match=etags(if_match)
    )
    return part_response(part)


@router.get("/{category}/{part_id}/usages", response_model=list[PartUsage], responses=problems(PartNotFound))
async def list_part_usages(category: Category, part_id: PartName, request: Request, project: ReadProject) -> Response:
    """Who uses the part: parts and prompts at their newest version, prompts at labelled ones too."""
    found = await part_changes.usages(project, f"{category}/{part_id}")
    return page(request, orjson.dumps([usage_json(usage) for usage in found]), next_cursor=None)


@router.get("/{category}/{part_id}/versions", response_model=list[PartVersionLine], responses=problems(PartNotFound))
async def list_part_versions(
    category: Category,
    part_id: PartName,
    request: Request,
    project: ReadProject,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """A part's versions, newest first."""
    before = decode_cursor(cursor, int)
    found = await service.history(project, f"{category}/{part_id}", before=before, limit=limit + 1)
    more = encode_cursor(found[limit - 1].number) if len(found) > limit else None
    return page(request, orjson.dumps([version_json(version) for version in found[:limit]]), next_cursor=more)


@router.get(
    "/{category}/{part_id}/versions/{number}/diff/{other}",
    response_model=Diff,
    responses=problems(PartNotFound, VersionNotFound),
)
async def diff_part_versions(
    category: Category, part_id: PartName, number: VersionNumber, other: VersionNumber, project: ReadProject
) -> Response:
    """What changed from version `number` to version `other`, field by field."""
    changes = await rendering.diff_parts(project, f"{category}/{part_id}", number, other)
    return Response(orjson.dumps({"from": number, "to": other, "changes": changes}), media_type="application/json")
