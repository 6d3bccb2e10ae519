"""The operations on runs, providers, models and budgets: pure functions, like `_operations`."""

from collections.abc import Mapping, Sequence
from typing import Any

from dakora_client import _answers, _run_answers
from dakora_client._operations import given
from dakora_client._request import Call, encode, segment
from dakora_client.run_types import Budget, ComparedRun, Model, Provider, RunChoice, RunResult

MOST_SECONDS = 130.0
"""What a run may take where nobody says: longer than the server's usual limit, whose error says more."""

_read_result = _answers.one(_run_answers.result)
_read_provider = _answers.one(_run_answers.provider)
_read_budget = _answers.one(_run_answers.budget)


def _asked(
    inputs: Mapping[str, object] | None,
    user: str | None,
    session: str | None,
    metadata: Mapping[str, Any] | None,
    timeout: float | None,
) -> dict[str, Any]:
    known = {"user": user, "session": session, "metadata": metadata, "timeout_seconds": timeout}
    return {"inputs": dict(inputs or {}), **given(known)}


def _chosen(choice: RunChoice) -> dict[str, Any]:
    model = given({"provider": choice.provider, "name": choice.model})
    if choice.parameters:
        model["parameters"] = dict(choice.parameters)
    return given({"version": choice.version, "label": choice.label, "model": model or None})


def execute_prompt(
    prompt_id: str,
    inputs: Mapping[str, object] | None,
    choice: RunChoice,
    *,
    stream: bool = False,
    user: str | None = None,
    session: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    timeout: float | None = None,
) -> Call[RunResult]:
    """POST /api/projects/{project_id}/prompts/{prompt_id}/execute. It costs money: never repeated by itself."""
    body = encode({**_asked(inputs, user, session, metadata, timeout), **_chosen(choice)})
    streamed = "?stream=true" if stream else ""
    return Call("POST", f"/prompts/{segment(prompt_id)}/execute{streamed}", _read_result, body)


def compare_prompt(
    prompt_id: str,
    inputs: Mapping[str, object] | None,
    choices: Sequence[RunChoice],
    *,
    user: str | None = None,
    session: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    timeout: float | None = None,
) -> Call[tuple[ComparedRun, ...]]:
    """POST /api/projects/{project_id}/prompts/{prompt_id}/compare. It costs money: never repeated by itself."""
    asked = _asked(inputs, user, session, metadata, timeout)
    body = encode({**asked, "runs": [_chosen(choice) for choice in choices]})
    return Call("POST", f"/prompts/{segment(prompt_id)}/compare", _run_answers.compared, body)


def list_providers() -> Call[tuple[Provider, ...]]:
    """GET /api/projects/{project_id}/providers."""
    return Call("GET", "/providers", _run_answers.providers, repeatable=True)


def set_provider(name: str, fields: Mapping[str, Any]) -> Call[Provider]:
    """PUT /api/projects/{project_id}/providers/{provider}."""
    return Call("PUT", f"/providers/{segment(name)}", _read_provider, encode(given(fields)), repeatable=True)


def delete_provider(name: str) -> Call[None]:
    """DELETE /api/projects/{project_id}/providers/{provider}."""
    return Call("DELETE", f"/providers/{segment(name)}", lambda _: None)


def list_models() -> Call[tuple[Model, ...]]:
    """GET /api/projects/{project_id}/models."""
    return Call("GET", "/models", _run_answers.models, repeatable=True)


def get_budget() -> Call[Budget]:
    """GET /api/projects/{project_id}/budget."""
    return Call("GET", "/budget", _read_budget, repeatable=True)


def change_budget(limit_usd: float | None, warn_percent: int, unpriced: str) -> Call[Budget]:
    """PUT /api/projects/{project_id}/budget."""
    body = encode({"limit_usd": limit_usd, "warn_percent": warn_percent, "unpriced": unpriced})
    return Call("PUT", "/budget", _read_budget, body, repeatable=True)
