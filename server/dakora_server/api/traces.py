"""OTLP over HTTP: spans of model calls become executions. For exporters of OpenTelemetry, as its protocol has it."""

import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dakora_server.api.problems import problems
from dakora_server.api.strict import GuardedRoute
from dakora_server.auth import WriteOwnProject
from dakora_server.core import clock
from dakora_server.core.exceptions import (
    BodyTooLarge,
    Busy,
    DatabaseUnavailable,
    InvalidRequest,
    ProjectNotFound,
    UnsupportedMediaType,
)
from dakora_server.core.executions.records import ExecutionDraft
from dakora_server.core.executions.service import Recorder
from dakora_server.core.run_exceptions import TracesInvalid
from dakora_server.core.telemetry.mapping import BadSpanError, draft_of, is_model_call
from dakora_server.core.telemetry.spans import Span, UndecodableError, read_json, read_protobuf

_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_BINARY = {_PROTOBUF: {"schema": {"type": "string", "format": "binary"}}}
_ANSWER = {"type": "object", "properties": {"partialSuccess": {"type": "object"}}}
# One message may name so many faults.
_MOST_NAMED = 5
# Exporters send some hundred at a time.
_MOST_SPANS = 10_000
_BATCH = 1_000

router = APIRouter(prefix="/api/v1", tags=["telemetry"], route_class=GuardedRoute)


@router.post(
    "/traces",
    response_class=Response,
    responses=problems(
        ProjectNotFound,
        InvalidRequest,
        TracesInvalid,
        BodyTooLarge,
        UnsupportedMediaType,
        DatabaseUnavailable,
        Busy,
    )
    | {200: {"description": "What was not taken, if anything.", "content": {**_BINARY, _JSON: {"schema": _ANSWER}}}},
    openapi_extra={"requestBody": {"required": True, "content": {**_BINARY, _JSON: {"schema": {"type": "object"}}}}},
)
async def export_traces(
    request: Request,
    project: WriteOwnProject,
    content_type: Annotated[str, Header(include_in_schema=False)] = "",
    content_encoding: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """Record the model calls among these spans. Others are taken and left aside; a bad one does not refuse the rest.

    The project is the API key's; without login the default one. Signed in, name it in the header `X-Dakora-Project`.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in {_PROTOBUF, _JSON}:
        raise UnsupportedMediaType(f"Send spans as {_PROTOBUF} or {_JSON}.")
    body = await _receive(request, content_encoding.strip().lower())
    drafts, faults = await run_in_threadpool(_read, kind, body)
    recorder: Recorder = request.app.state.recorder
    for start in range(0, len(drafts), _BATCH):
        await recorder.record(project, drafts[start : start + _BATCH])
    answer = _protobuf_answer(faults) if kind == _PROTOBUF else _json_answer(faults)
    return Response(answer, media_type=kind)


async def _receive(request: Request, encoding: str) -> bytes:
    """The body, unpacked. Raises BodyTooLarge, UnsupportedMediaType, TracesInvalid."""
    limit: int = request.app.state.body_limits["export_traces"]
    if encoding not in {"", "identity", "gzip", "deflate"}:
        raise UnsupportedMediaType("A body may be packed with gzip.")
    refusal = BodyTooLarge(f"Spans may have {limit} bytes, unpacked.")
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limit:
        raise refusal
    unpack = None if encoding in {"", "identity"} else zlib.decompressobj(31 if encoding == "gzip" else 15)
    body = bytearray()
    try:
        async for chunk in request.stream():
            # Never more than what is still allowed, and one byte: a small body may unpack to a huge one.
            body += chunk if unpack is None else unpack.decompress(chunk, limit - len(body) + 1)
            if len(body) > limit or (unpack is not None and unpack.unconsumed_tail):
                raise refusal
    except zlib.error:
        raise TracesInvalid("The body is not packed as it says.") from None
    if unpack is not None and not unpack.eof:
        raise TracesInvalid("The packed body is cut off.")
    return bytes(body)


def _read(kind: str, body: bytes) -> tuple[list[ExecutionDraft], list[str]]:
    """Executions, and what is wrong with the spans that are none. Raises TracesInvalid."""
    try:
        spans = list(islice(read_protobuf(body) if kind == _PROTOBUF else read_json(body), _MOST_SPANS + 1))
    except UndecodableError as error:
        raise TracesInvalid(str(error)) from None
    if len(spans) > _MOST_SPANS:
        raise TracesInvalid(f"One request may have {_MOST_SPANS} spans.")
    drafts: list[ExecutionDraft] = []
    faults: list[str] = []
    for found in _drafts(spans):
        if isinstance(found, str):
            faults.append(found)
        else:
            drafts.append(found)
    return drafts, faults


def _drafts(spans: Iterable[Span]) -> Iterator[ExecutionDraft | str]:
    now = clock.now()
    for span in spans:
        if is_model_call(span):
            try:
                yield draft_of(span, now=now)
            except BadSpanError as bad:
                yield f"the span {span.span_id[:16] or 'without id'}: {bad}"


def _sentence(faults: list[str]) -> str:
    more = len(faults) - _MOST_NAMED
    return "; ".join(faults[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")


def _json_answer(faults: list[str]) -> bytes:
    answer: dict[str, Any] = {}
    if faults:
        answer = {"partialSuccess": {"rejectedSpans": str(len(faults)), "errorMessage": _sentence(faults)}}
    return orjson.dumps(answer)


def _protobuf_answer(faults: list[str]) -> bytes:
    """ExportTraceServiceResponse { partial_success = 1 { rejected_spans = 1, error_message = 2 } }, or nothing."""
    if not faults:
        return b""
    message = _sentence(faults).encode()
    inner = b"\x08" + _varint(len(faults)) + b"\x12" + _varint(len(message)) + message
    return b"\x0a" + _varint(len(inner)) + inner


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(found) + bytes([number])
