"""A prompt's history: versions, what changed between two, and back again."""

from typing import Any, Literal

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from dakora_server.api.pages import Cursor, Limit, page
from dakora_server.api.problems import problems
from dakora_server.api.shapes import (
    IfMatch,
    Prompt,
    PromptId,
    PromptVersion,
    VersionNumber,
    etags,
    prompt_response,
    version_json,
    which,
)
from dakora_server.api.strict import GuardedRoute
from dakora_server.auth import ReadProject, WriteProject
from dakora_server.core.exceptions import (
    Busy,
    DatabaseUnavailable,
    InvalidJson,
    InvalidRequest,
    ProjectNotFound,
    PromptNotFound,
    StaleVersion,
    TemplateInvalid,
    VersionNotFound,
)
from dakora_server.core.prompts import rendering, service
from dakora_server.core.prompts.records import decode_cursor, encode_cursor

router = APIRouter(
    prefix="/api/projects/{project_id}/prompts/{prompt_id}",
    tags=["versions"],
    route_class=GuardedRoute,
    responses=problems(ProjectNotFound, PromptNotFound, InvalidRequest, DatabaseUnavailable),
)


class Word(BaseModel):
    """A stretch of a line that was kept, put in or taken out."""

    op: Literal["equal", "insert", "delete"]
    text: str


class Line(BaseModel):
    """A line of text that was kept, added or removed."""

    op: str = Field(description="` `, `+` or `-`.")
    text: str
    words: list[Word] | None = Field(
        None,
        description="For a line that became another one much like it: its words. A removed line's are kept or taken "
        "out, an added line's kept or put in; together they are the text.",
    )


class Change(BaseModel):
    """One field that differs."""

    field: str = Field(description="E.g. `template`, `messages[0].content`, `inputs.name.type`.")
    op: str = Field(description="`added`, `removed` or `changed`.")
    before: JsonValue = None
    after: JsonValue = None
    lines: list[Line] | None = Field(None, description="For texts of several lines.")
    words: list[Word] | None = Field(None, description="For texts of a single line that have words in common.")


class Diff(BaseModel):
    """What changed from one version to another."""

    model_config = ConfigDict(populate_by_name=True)

    from_: int = Field(alias="from")
    to: int
    changes: list[Change]


class Rollback(BaseModel):
    """Which version to go back to."""

    model_config = ConfigDict(extra="forbid")

    version: int | str = Field(description="A version's number or semver.", union_mode="left_to_right")
    message: str | None = Field(None, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$")


@router.get("/versions", response_model=list[PromptVersion])
async def list_versions(
    prompt_id: PromptId, request: Request, project: ReadProject, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """A prompt's versions, newest first."""
    found = await service.history(project, prompt_id, before=decode_cursor(cursor, int), limit=limit + 1)
    more = encode_cursor(found[limit - 1].number) if len(found) > limit else None
    return page(request, orjson.dumps([version_json(version) for version in found[:limit]]), next_cursor=more)


@router.get("/versions/{number}", response_model=Prompt, responses=problems(VersionNotFound))
async def get_version(prompt_id: PromptId, number: VersionNumber, project: ReadProject) -> Response:
    """One version by its number."""
    return prompt_response(await service.get(project, prompt_id, which(str(number), None)))


@router.get("/versions/{number}/diff/{other}", response_model=Diff, responses=problems(VersionNotFound))
async def diff_versions(
    prompt_id: PromptId, number: VersionNumber, other: VersionNumber, project: ReadProject
) -> Response:
    """What changed from version `number` to version `other`, field by field."""
    changes = await rendering.diff(project, prompt_id, number, other)
    body: dict[str, Any] = {"from": number, "to": other, "changes": changes}
    return Response(orjson.dumps(body), media_type="application/json")


@router.post(
    "/rollback",
    response_model=Prompt,
    responses=problems(InvalidJson, VersionNotFound, StaleVersion, Busy, TemplateInvalid),
)
async def rollback_prompt(
    prompt_id: PromptId, body: Rollback, project: WriteProject, if_match: IfMatch = None
) -> Response:
    """Make a new version with the content of an older one."""
    target = which(str(body.version), None)
    prompt = await service.rollback(project, prompt_id, target, message=body.message, if_match=etags(if_match))
    return prompt_response(prompt)
