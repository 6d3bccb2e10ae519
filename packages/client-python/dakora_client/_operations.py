"""Every operation of the API as a pure function: arguments in, `Call` out. Nothing is sent here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dakora_client import _answers
from dakora_client._answers import Page
from dakora_client._request import Call, encode, entity_tag, once, query, refused, segment
from dakora_client.diff_types import Diff
from dakora_client.part_types import Part
from dakora_client.types import (
    Context,
    Health,
    InputSpec,
    Me,
    Message,
    Prompt,
    PromptSummary,
    PromptVersion,
    RenderResult,
    ValidationReport,
)

PROMPTS = "/prompts"
_PAGE_SIZE = 200
_read_summaries = _answers.page(_answers.summary)
_read_versions = _answers.page(_answers.version)


def prompt_path(prompt_id: str) -> str:
    return f"{PROMPTS}/{segment(prompt_id)}"


def list_prompts(
    *, search: str | None, tag: str | None, folder: str | None, label: str | None, cursor: str | None
) -> Call[Page[PromptSummary]]:
    """GET /api/projects/{project_id}/prompts."""
    wanted = query(search=search, tag=tag, folder=folder, label=label, limit=_PAGE_SIZE, cursor=cursor)
    return Call("GET", PROMPTS + wanted, _read_summaries, repeatable=True)


def get_prompt(prompt_id: str, *, version: int | str | None, label: str | None) -> Call[Prompt]:
    """GET /api/projects/{project_id}/prompts/{prompt_id}."""
    path = prompt_path(prompt_id) + query(version=version, label=label)
    return Call("GET", path, _answers.prompt, repeatable=True, cached=True)


def create_prompt(prompt_id: str, fields: Mapping[str, Any], *, idempotency_key: str | None) -> Call[Prompt]:
    """POST /api/projects/{project_id}/prompts."""
    body = encode({"id": prompt_id, **given(fields)})
    return Call("POST", PROMPTS, _answers.prompt, body, creates=True, idempotency_key=once(idempotency_key))


def save_prompt(prompt_id: str, fields: Mapping[str, Any], *, if_match: Prompt | str | None) -> Call[Prompt]:
    """PUT /api/projects/{project_id}/prompts/{prompt_id}.

    Safe to repeat only with `if_match`: else a repeat could undo what somebody saved in between.
    """
    tag = None if if_match is None else tag_of(if_match)
    body = encode(given(fields))
    return Call("PUT", prompt_path(prompt_id), _answers.prompt, body, if_match=tag, repeatable=tag is not None)


def delete_prompt(prompt_id: str, *, if_match: Prompt | str | None = None) -> Call[None]:
    """DELETE /api/projects/{project_id}/prompts/{prompt_id}."""
    tag = None if if_match is None else tag_of(if_match)
    return Call("DELETE", prompt_path(prompt_id), _answers.nothing, if_match=tag)


def restore_prompt(prompt_id: str) -> Call[Prompt]:
    """POST /api/projects/{project_id}/prompts/{prompt_id}/restore."""
    return Call("POST", f"{prompt_path(prompt_id)}/restore", _answers.prompt)


def render_prompt(
    prompt_id: str,
    inputs: Mapping[str, object] | None,
    *,
    version: int | str | None,
    label: str | None,
    resolve_includes_only: bool,
) -> Call[RenderResult]:
    """POST /api/projects/{project_id}/prompts/{prompt_id}/render."""
    only = resolve_includes_only or None
    fields = {"inputs": inputs or {}, "version": version, "label": label, "resolve_includes_only": only}
    path = f"{prompt_path(prompt_id)}/render"
    return Call("POST", path, _answers.rendered, encode(given(fields)), repeatable=True)


def validate_template(
    template: str | None,
    *,
    messages: Sequence[Message] | None,
    declared_variables: Mapping[str, InputSpec] | Iterable[str] | None,
    inputs: Mapping[str, object] | None = None,
) -> Call[ValidationReport]:
    """POST /api/projects/{project_id}/prompts/validate."""
    declared: object = declared_variables
    if declared_variables is not None and not isinstance(declared_variables, Mapping):
        declared = list(declared_variables)
    fields = {"template": template, "messages": messages, "declared_variables": declared, "inputs": inputs}
    return Call("POST", f"{PROMPTS}/validate", _answers.report, encode(given(fields)), repeatable=True)


def list_versions(prompt_id: str, *, cursor: str | None) -> Call[Page[PromptVersion]]:
    """GET /api/projects/{project_id}/prompts/{prompt_id}/versions."""
    path = f"{prompt_path(prompt_id)}/versions{query(limit=_PAGE_SIZE, cursor=cursor)}"
    return Call("GET", path, _read_versions, repeatable=True)


def diff_versions(prompt_id: str, older: int, newer: int) -> Call[Diff]:
    """GET /api/projects/{project_id}/prompts/{prompt_id}/versions/{number}/diff/{other}."""
    path = f"{prompt_path(prompt_id)}/versions/{segment(str(older))}/diff/{segment(str(newer))}"
    return Call("GET", path, _answers.diff, repeatable=True)


def rollback_prompt(prompt_id: str, version: int | str, *, message: str | None) -> Call[Prompt]:
    """POST /api/projects/{project_id}/prompts/{prompt_id}/rollback."""
    body = encode(given({"version": version, "message": message}))
    return Call("POST", f"{prompt_path(prompt_id)}/rollback", _answers.prompt, body)


def move_prompt(prompt_id: str, project_id: str) -> Call[Prompt]:
    """POST /api/projects/{project_id}/prompts/{prompt_id}/move."""
    return Call("POST", f"{prompt_path(prompt_id)}/move", _answers.prompt, encode({"project_id": project_id}))


def me() -> Call[Me]:
    """GET /api/me."""
    return Call("GET", "/api/me", _answers.me, repeatable=True, in_project=False)


def context() -> Call[Context]:
    """GET /api/me/context."""
    return Call("GET", "/api/me/context", _answers.context, repeatable=True, in_project=False)


def health() -> Call[Health]:
    """GET /api/health."""
    return Call("GET", "/api/health", _answers.health, repeatable=True, in_project=False)


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def tag_of(if_match: Prompt | Part | str) -> str:
    """The ETag in what was read. Raises InvalidRequestError where it has none."""
    tag = if_match if isinstance(if_match, str) else if_match.etag
    if tag is None:
        noun = type(if_match).__name__.lower()
        raise refused(f"The call was not sent: this {noun} carries no ETag; read it again first.", "invalid_request")
    return entity_tag(tag)
