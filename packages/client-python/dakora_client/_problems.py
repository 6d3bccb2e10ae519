"""From an error on the wire to the class that says it."""

import json
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from dakora_client._answers import faults
from dakora_client._request import Answer
from dakora_client.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    BudgetExceeded,
    ConflictError,
    InvalidInputsError,
    InvalidRequestError,
    NotFoundError,
    PermissionDenied,
    PreconditionFailed,
    ProviderError,
    RateLimited,
    RenderError,
    ServerError,
    TemplateInvalidError,
    Unavailable,
)
from dakora_client.types import Fault

_BY_CODE: dict[str, type[APIError]] = {
    "invalid_inputs": InvalidInputsError,
    "template_invalid": TemplateInvalidError,
    "version_not_higher": TemplateInvalidError,
    "render_failed": RenderError,
    "render_limit_exceeded": RenderError,
}
_BY_STATUS: dict[int, type[APIError]] = {
    401: AuthenticationError,
    402: BudgetExceeded,
    403: PermissionDenied,
    404: NotFoundError,
    409: ConflictError,
    412: PreconditionFailed,
    422: InvalidRequestError,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def problem(answer: Answer) -> APIError:
    """The error that an answer with a status of 400 or above stands for. Never fails, whoever answered."""
    data = _problem_json(answer.body)
    code = _text(data.get("code"))
    kind = _BY_STATUS.get(answer.status, ServerError if answer.status >= 500 else BadRequestError)
    if answer.status == 422:
        kind = _BY_CODE.get(code or "", kind)
    elif kind is Unavailable and (code or "").startswith("provider_"):
        kind = ProviderError
    return kind(
        _text(data.get("detail")) or _text(data.get("title")) or f"The server answered {_phrase(answer.status)}.",
        status=answer.status,
        code=code,
        errors=_faults(data.get("errors")),
        request_id=_text(data.get("request_id")) or answer.headers.get("x-request-id"),
        retry_after=retry_after(answer),
    )


def retry_after(answer: Answer) -> float | None:
    """How many seconds the server asks to wait, None where it does not say."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        # A date is compared with the server's own, so our clock does not matter.
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(answer.headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return max(wait, timedelta(0)).total_seconds()


def _problem_json(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _faults(entries: Any) -> tuple[Fault, ...]:
    try:
        return faults(entries or ())
    except (AttributeError, KeyError, TypeError):
        return ()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
