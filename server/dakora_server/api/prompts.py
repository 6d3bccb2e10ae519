"""Prompts: list, read, save, archive."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dakora_server.api.once import OnceOnly
from dakora_server.api.pages import Cursor, Limit, page
from dakora_server.api.problems import problems
from dakora_server.api.shapes import (
    FOLDER,
    IfMatch,
    IfNoneMatch,
    Label,
    NewPrompt,
    Prompt,
    PromptChange,
    PromptId,
    PromptSummary,
    Version,
    etags,
    is_fresh,
    prompt_response,
    summary_json,
    which,
)
from dakora_server.api.strict import GuardedRoute
from dakora_server.auth import ReadProject, WriteProject
from dakora_server.core.exceptions import (
    BodyTooLarge,
    Busy,
    DatabaseUnavailable,
    DocumentCorrupt,
    IdempotencyInProgress,
    IdempotencyMismatch,
    InvalidJson,
    InvalidRequest,
    LabelNotFound,
    ProjectNotFound,
    PromptArchived,
    PromptExists,
    PromptNotFound,
    RegistryFull,
    RegistryUnavailable,
    StaleVersion,
    TemplateInvalid,
    UnsupportedMediaType,
    VersionNotFound,
    VersionNotHigher,
)
from dakora_server.core.prompts import service
from dakora_server.core.prompts.records import PromptFilter, decode_cursor, encode_cursor

_READS = (ProjectNotFound, PromptNotFound, InvalidRequest, DatabaseUnavailable, RegistryUnavailable, DocumentCorrupt)
_WRITES = (*_READS, InvalidJson, BodyTooLarge, UnsupportedMediaType, TemplateInvalid, RegistryFull, Busy)
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The ETag is still the one in `If-None-Match`."}}

router = APIRouter(prefix="/api/projects/{project_id}/prompts", tags=["prompts"], route_class=GuardedRoute)


@router.get(
    "/{prompt_id}",
    response_model=Prompt,
    responses=problems(*_READS, VersionNotFound, LabelNotFound) | _NOT_MODIFIED,
)
async def get_prompt(
    prompt_id: PromptId,
    project: ReadProject,
    version: Version = None,
    label: Label = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One version of a prompt; the newest unless `version` or `label` says otherwise."""
    prompt = await service.get(project, prompt_id, which(version, label))
    if is_fresh(if_none_match, prompt.record.etag):
        return Response(status_code=304, headers={"etag": prompt.record.etag, "cache-control": "private, no-cache"})
    return prompt_response(prompt)


@router.get(
    "", response_model=list[PromptSummary], responses=problems(ProjectNotFound, InvalidRequest, DatabaseUnavailable)
)
async def list_prompts(
    request: Request,
    project: ReadProject,
    search: Annotated[
        str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Part of an id or description.")
    ] = None,
    tag: Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]*$")] = None,
    folder: Annotated[
        str | None, Query(max_length=512, pattern=FOLDER, description="This folder and those below it.")
    ] = None,
    label: Label = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Prompts at their newest version, in order of id."""
    wanted = PromptFilter(search=search, tag=tag, folder=folder, label=label)
    records = await service.list_prompts(project, wanted, after=decode_cursor(cursor, str), limit=limit + 1)
    more = encode_cursor(records[limit - 1].prompt_id.lower()) if len(records) > limit else None
    shown = records[:limit]
    labels = await service.labels_of(project, [record.prompt_id for record in shown])
    body = orjson.dumps([summary_json(record, labels.get(record.prompt_id, {})) for record in shown])
    return page(request, body, next_cursor=more)


@router.post(
    "",
    response_model=Prompt,
    status_code=201,
    responses=problems(*_WRITES, PromptExists, PromptArchived, IdempotencyInProgress, IdempotencyMismatch),
)
async def create_prompt(draft: NewPrompt, request: Request, project: WriteProject, once: OnceOnly) -> Response:
    """Save the first version of a prompt."""

    async def make() -> Response:
        prompt = await service.create(project, draft.spec(), folder=draft.folder or "", message=draft.message)
        return prompt_response(prompt, status=201, location=f"{request.url.path}/{prompt.record.prompt_id}")

    return await once.answer(project.tx, make)


@router.put("/{prompt_id}", response_model=Prompt, responses=problems(*_WRITES, StaleVersion, VersionNotHigher))
async def save_prompt(
    prompt_id: PromptId, draft: PromptChange, project: WriteProject, if_match: IfMatch = None
) -> Response:
    """Save a new version. Sending the same content again changes nothing."""
    spec = draft.change(prompt_id)
    prompt = await service.update(project, spec, folder=draft.folder, message=draft.message, if_match=etags(if_match))
    return prompt_response(prompt)


@router.delete("/{prompt_id}", status_code=204, responses=problems(*_READS, StaleVersion, Busy))
async def delete_prompt(prompt_id: PromptId, project: WriteProject, if_match: IfMatch = None) -> None:
    """Archive a prompt. It can be restored for 30 days."""
    await service.archive(project, prompt_id, if_match=etags(if_match))


@router.post("/{prompt_id}/restore", response_model=Prompt, responses=problems(*_READS, Busy))
async def restore_prompt(prompt_id: PromptId, project: WriteProject) -> Response:
    """Bring an archived prompt back as it was."""
    return prompt_response(await service.restore(project, prompt_id))
