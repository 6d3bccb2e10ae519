"""A whole project as one archive: out, and in again."""

import tempfile
from collections.abc import AsyncIterator
from typing import IO, Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from dakora_server.api.problems import ProblemFault, fault_json, problems
from dakora_server.api.shapes import Note
from dakora_server.api.strict import GuardedRoute
from dakora_server.auth import ReadProject, WriteProject
from dakora_server.core.archives.exporting import write_archive
from dakora_server.core.archives.importing import Report, import_archive
from dakora_server.core.archives.layout import layout_of
from dakora_server.core.archives.results import Imported, Wanted
from dakora_server.core.archives.zips import ArchiveLimits, open_archive
from dakora_server.core.exceptions import (
    ArchiveInvalid,
    BodyTooLarge,
    Busy,
    DatabaseUnavailable,
    DocumentCorrupt,
    ImportRefused,
    InvalidRequest,
    LabelNotAllowed,
    ProjectNotFound,
    RegistryFull,
    RegistryUnavailable,
    TooMany,
    UnsupportedMediaType,
)
from dakora_server.core.outcome import Outcome
from dakora_server.core.prompts.bulk_labels import LabelFate, LabelOutcome

_MEDIA_TYPE = "application/zip"
# What browsers and archivers call a zip besides.
_ZIP = {_MEDIA_TYPE, "application/x-zip-compressed", "application/octet-stream"}
_BINARY = {_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
# Up to here an archive is kept in memory, beyond in a file without a name.
_IN_MEMORY = 1024 * 1024
_CHUNK = 256 * 1024

router = APIRouter(
    prefix="/api/projects/{project_id}",
    tags=["archives"],
    route_class=GuardedRoute,
    responses=problems(ProjectNotFound, InvalidRequest, DatabaseUnavailable, RegistryUnavailable, Busy),
)


class ImportedFile(BaseModel):
    """What became of one file of the archive."""

    path: str = Field(description="The file in the archive.")
    id: str | None = Field(description="The prompt or part in it; null where it could not be read.")
    outcome: Outcome
    version: str | None = Field(description="Its newest version now; null where it was refused.")
    version_number: int | None
    errors: list[ProblemFault] | None = Field(None, description="Why it was refused; `loc` begins with the file.")


class ImportedLabel(BaseModel):
    """What became of a label of the archive."""

    prompt: str
    label: str
    outcome: LabelOutcome
    version_number: int | None = Field(description="Where it points now; null where it was skipped.")
    reason: str | None = Field(None, description="Why it was skipped.")


class ImportReport(BaseModel):
    """What became of everything in the archive."""

    dry_run: bool
    counts: dict[Outcome, int] = Field(description="How many prompts had each outcome.")
    prompts: list[ImportedFile] = Field(description="In order of path.")
    part_counts: dict[Outcome, int] = Field(description="How many parts had each outcome.")
    parts: list[ImportedFile] = Field(description="In order of path.")
    labels: list[ImportedLabel]


@router.get(
    "/export",
    response_class=Response,
    responses=problems(LabelNotAllowed, TooMany, DocumentCorrupt)
    | {200: {"description": "A zip of YAML files; the same content is the same bytes.", "content": _BINARY}},
)
async def export_project(
    project: ReadProject,
    history: Annotated[bool, Query(description="Every version, so that the project can be rebuilt elsewhere.")] = False,
) -> Response:
    """Every live prompt of the project with its labels, and every part, as one archive of YAML files."""
    file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed once sent
    try:
        await write_archive(project, file, history=history)
    except BaseException:  # whatever went wrong, the file goes
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    headers = {
        "content-disposition": 'attachment; filename="dakora-export.zip"',
        "content-length": str(size),
        "cache-control": "no-store",
    }
    return StreamingResponse(_chunks(file), media_type=_MEDIA_TYPE, headers=headers)


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while chunk := await run_in_threadpool(file.read, _CHUNK):
            yield chunk


@router.post(
    "/import",
    response_model=ImportReport,
    responses=problems(ArchiveInvalid, ImportRefused, BodyTooLarge, UnsupportedMediaType, RegistryFull),
    openapi_extra={"requestBody": {"required": True, "content": _BINARY}},
)
async def import_project(
    request: Request,
    project: WriteProject,
    dry_run: Annotated[bool, Query(description="Save nothing; say what would become of each prompt.")] = False,
    partial: Annotated[bool, Query(description="Save what can be saved, and refuse the rest one by one.")] = False,
    message: Annotated[Note, Query(description="For the history of every prompt that changes.")] = None,
) -> Response:
    """Save the prompts and parts of an archive: one of `export`, or a zipped folder. Doing it twice changes nothing.

    Everything is saved or nothing, unless `partial`.
    """
    limits: ArchiveLimits = request.app.state.archive_limits
    _refuse_other_types(request)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        await _receive(request, file, limits)
        archive = await run_in_threadpool(open_archive, file, limits)
        layout = await run_in_threadpool(layout_of, archive)
        report = await import_archive(project, archive, layout, Wanted(dry_run, partial, message))
    return Response(orjson.dumps(_report_json(report)), media_type="application/json")


def _refuse_other_types(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _ZIP:
        raise UnsupportedMediaType(f"Send the archive as {_MEDIA_TYPE}.")


async def _receive(request: Request, file: Any, limits: ArchiveLimits) -> None:
    """The body, into the file. Raises BodyTooLarge."""
    refusal = BodyTooLarge(f"An archive may have {limits.bytes} bytes.")
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limits.bytes:
        raise refusal
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limits.bytes:
            raise refusal
        file.write(chunk)


def _report_json(report: Report) -> dict[str, Any]:
    return {
        "dry_run": report.dry_run,
        "counts": report.counts,
        "prompts": [_file_json(one) for one in report.prompts],
        "part_counts": report.part_counts,
        "parts": [_file_json(one) for one in report.parts],
        "labels": [_label_json(one) for one in report.labels],
    }


def _file_json(one: Imported) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "path": one.path,
        "id": one.id,
        "outcome": one.outcome,
        "version": one.version,
        "version_number": one.number,
    }
    return entry if not one.faults else entry | {"errors": [fault_json(fault) for fault in one.faults]}


def _label_json(one: LabelFate) -> dict[str, Any]:
    entry = {"prompt": one.prompt_id, "label": one.label, "outcome": one.outcome, "version_number": one.number}
    return entry if one.reason is None else entry | {"reason": one.reason}
