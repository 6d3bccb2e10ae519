"""Fill a prompt with inputs; check a template that may never be saved."""

from typing import Any

import orjson
from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from dakora_server.api.problems import ProblemFault, fault_json, problems
from dakora_server.api.shapes import PartUsed, PromptId, TemplateToCheck, used_json, which
from dakora_server.api.strict import GuardedRoute
from dakora_server.auth import ReadProject
from dakora_server.core.exceptions import (
    BodyTooLarge,
    Busy,
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
    TemplateInvalid,
    UnsupportedMediaType,
    VersionNotFound,
)
from dakora_server.core.prompts import rendering
from dakora_server.core.prompts.preview import Preview as PreviewMade
from dakora_server.core.prompts.preview import preview

_BODY = (InvalidJson, InvalidRequest, BodyTooLarge, UnsupportedMediaType, Busy, RendererUnavailable, ProjectNotFound)

router = APIRouter(prefix="/api/projects/{project_id}/prompts", tags=["rendering"], route_class=GuardedRoute)


class RenderRequest(BaseModel):
    """What to fill in, and which version."""

    model_config = ConfigDict(extra="forbid")

    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    version: int | str | None = Field(None, description="A number or a semver.", union_mode="left_to_right")
    label: str | None = Field(None, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")
    resolve_includes_only: bool = Field(False, description="Expand includes and leave every other tag as it stands.")


class RenderedMessage(BaseModel):
    """A chat message, filled in."""

    role: str
    content: str


class Rendered(BaseModel):
    """The text, and exactly what it was made of."""

    rendered: str = Field(description="The text; for chat the messages' contents joined by a blank line.")
    messages: list[RenderedMessage] | None = Field(None, description="For chat.")
    inputs_used: dict[str, JsonValue] = Field(description="The inputs after coercion, defaults included.")
    prompt_id: str
    version: str
    version_number: int
    content_hash: str
    parts: list[PartUsed]


class Preview(BaseModel):
    """What a template renders to that nobody has saved yet."""

    rendered: str | None = Field(description="The text, as `render` answers it; null where it cannot be rendered.")
    messages: list[RenderedMessage] | None = Field(None, description="For chat.")
    errors: list[ProblemFault] = Field(description="Why it cannot be rendered.")


class Validation(BaseModel):
    """What is right and wrong with a template."""

    ok: bool
    variables_used: list[str]
    variables_missing: list[str] = Field(description="Used, but not declared.")
    variables_unused: list[str] = Field(description="Declared, but not used.")
    includes: list[str]
    errors: list[ProblemFault]
    warnings: list[ProblemFault]
    preview: Preview | None = Field(description="Where `inputs` were given and the template is right.")


@router.post(
    "/{prompt_id}/render",
    response_model=Rendered,
    responses=problems(
        *_BODY,
        PromptNotFound,
        VersionNotFound,
        LabelNotFound,
        InvalidInputs,
        RenderFailed,
        RenderLimitExceeded,
        DatabaseUnavailable,
        RegistryUnavailable,
        DocumentCorrupt,
    ),
)
async def render_prompt(prompt_id: PromptId, body: RenderRequest, project: ReadProject) -> Response:
    """Fill a prompt with inputs and answer with the text."""
    version = None if body.version is None else str(body.version)
    result = await rendering.render(
        project, prompt_id, body.inputs, which=which(version, body.label), fill=not body.resolve_includes_only
    )
    return Response(orjson.dumps(rendered_json(result)), media_type="application/json")


def rendered_json(result: rendering.Rendered) -> dict[str, Any]:
    """A render on the wire."""
    record, spec = result.prompt.record, result.prompt.document.spec
    answer: dict[str, Any] = {"rendered": "\n\n".join(result.texts)}
    if spec.messages is not None:
        answer["messages"] = [
            {"role": message.role, "content": text} for message, text in zip(spec.messages, result.texts, strict=True)
        ]
    return answer | {
        "inputs_used": result.inputs,
        "prompt_id": record.prompt_id,
        "version": record.semver,
        "version_number": record.number,
        "content_hash": record.content_hash,
        "parts": used_json(record.includes),
    }


@router.post(
    "/validate",
    response_model=Validation,
    responses=problems(*_BODY, TemplateInvalid, DatabaseUnavailable, RegistryUnavailable, DocumentCorrupt),
)
async def validate_template(body: TemplateToCheck, project: ReadProject) -> Response:
    """Check a template: syntax, limits, its variables against the declared ones, and what it renders to."""
    found = await rendering.validate(project, body.sources(), body.declared())
    answer = {
        "ok": not found.faults and not found.missing,
        "variables_used": found.used,
        "variables_missing": found.missing,
        "variables_unused": found.unused,
        "includes": found.analysis.includes,
        "errors": [fault_json(fault) for fault in found.faults],
        "warnings": [fault_json(fault) for fault in found.warnings],
        "preview": None,
    }
    if body.inputs is not None and not found.faults:
        answer["preview"] = _preview_json(body, await preview(project, body.spec(), found.includes, body.inputs))
    return Response(orjson.dumps(answer), media_type="application/json")


def _preview_json(body: TemplateToCheck, made: PreviewMade) -> dict[str, Any]:
    texts, messages = made.texts, None
    if body.messages is not None and texts is not None:
        pairs = zip(body.messages, texts, strict=True)
        messages = [{"role": message.role, "content": text} for message, text in pairs]
    return {
        "rendered": None if texts is None else "\n\n".join(texts),
        "messages": messages,
        "errors": [fault_json(fault) for fault in made.faults],
    }
