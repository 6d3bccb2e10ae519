"""Errors on the wire: `application/problem+json` (RFC 9457), and nothing of our insides in it."""

import logging
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from dakora_server.api.asgi import Scope, Send
from dakora_server.core.exceptions import (
    DakoraError,
    Fault,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
)
from dakora_server.core.templates.spec_faults import request_faults

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
# `type` names the error's page; a relative reference, so that no answer points to another origin.
_TYPE_PREFIX = "/docs/errors#"


class ProblemFault(BaseModel):
    """One thing that is wrong, and where."""

    loc: list[str | int] = Field(description="Path in the request or document.")
    message: str
    line: int | None = Field(None, description="From 1, in the text that was sent.")
    column: int | None = Field(None, description="From 1, in the text that was sent.")
    type: str | None = Field(None, description="Stable word for programs.")


class Problem(BaseModel):
    """Every error looks like this."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable word for programs; see the list of errors.")
    request_id: str = Field(description="Name it when you ask for help.")
    errors: list[ProblemFault] | None = None


class Refused(HTTPException):
    """A DakoraError found while FastAPI reads the body, where only HTTPException passes through unchanged."""

    def __init__(self, error: DakoraError) -> None:
        super().__init__(error.status, error.title)
        self.error = error


def problems(*errors: type[DakoraError]) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entry for the errors a route can answer with."""
    documented: dict[int | str, dict[str, Any]] = {}
    for status in sorted({error.status for error in errors}):
        codes = [error.code for error in errors if error.status == status]
        documented[status] = {
            "model": Problem,
            "description": "Codes: " + ", ".join(f"`{code}`" for code in codes),
            "content": {MEDIA_TYPE: {}},
        }
    return documented


def fault_json(fault: Fault) -> dict[str, Any]:
    """A fault on the wire, without what is unknown."""
    entry: dict[str, Any] = {"loc": list(fault.loc), "message": fault.message}
    for name in ("line", "column", "type"):
        value = getattr(fault, name)
        if value is not None:
            entry[name] = value
    return entry


def problem_body(error: DakoraError, request_id: str) -> bytes:
    """The answer's bytes."""
    body: dict[str, Any] = {
        "type": _TYPE_PREFIX + error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
    }
    if error.errors:
        body["errors"] = [fault_json(fault) for fault in error.errors]
    return orjson.dumps(body)


def _problem_headers(error: DakoraError) -> dict[str, str]:
    headers = {"cache-control": "no-store"}
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    if error.status == 401:
        headers["www-authenticate"] = 'Bearer realm="dakora"'
    if error.status in {413, 415}:
        # The rest of the body is not looked at, so the connection cannot be used again.
        headers["connection"] = "close"
    return headers


def problem_response(request: Request, error: DakoraError) -> Response:
    """The whole answer, `Retry-After` included where waiting helps."""
    body = problem_body(error, request.scope.get("dakora.request_id", ""))
    return Response(body, status_code=error.status, media_type=MEDIA_TYPE, headers=_problem_headers(error))


async def send_problem(error: DakoraError, scope: Scope, send: Send) -> None:
    """The same answer for the layers that speak ASGI themselves."""
    _note(error)
    body = problem_body(error, scope.get("dakora.request_id", ""))
    headers = {**_problem_headers(error), "content-length": str(len(body)), "content-type": MEDIA_TYPE}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _note(error: DakoraError) -> None:
    if error.status >= 500:
        logger.warning("answered %s", error.code, exc_info=error.__cause__)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, DakoraError)  # noqa: S101 - FastAPI calls this handler for nothing else
    _note(error)
    return problem_response(request, error)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    return problem_response(request, InvalidRequest(errors=request_faults(error.errors())))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    if isinstance(error, Refused):
        return problem_response(request, error.error)
    status = error.status_code if isinstance(error, HTTPException) else 500
    known: dict[int, DakoraError] = {404: NotFound(), 405: MethodNotAllowed()}
    answer = problem_response(request, known.get(status) or InvalidRequest())
    if status == 405 and isinstance(error, HTTPException):
        answer.headers.update({name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"})
    return answer


async def _on_bug(request: Request, error: Exception) -> Response:
    # Whatever went wrong, the caller is told that it did and nothing else; the log has the rest.
    logger.error("unexpected failure", exc_info=error)
    return problem_response(request, DakoraError())


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    app.add_exception_handler(DakoraError, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_bug)
