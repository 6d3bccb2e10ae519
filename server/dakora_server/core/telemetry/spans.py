"""Spans as OTLP carries them, read into plain values, whichever encoding they came in.

JSON is read as the protocol has it: names in lowerCamelCase, ids in hexadecimal, 64-bit numbers as text or as numbers,
unknown fields ignored. Protobuf is read by OpenTelemetry's own classes.
"""

import base64
import binascii
import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

MAX_DEPTH = 32
_MOST_ATTRIBUTES = 1_000


class UndecodableError(Exception):
    """The body is no export request; the message says why."""


@dataclass(frozen=True, slots=True)
class Span:
    """What we read of a span. Times are nanoseconds since 1970; 0 is unknown. `events` are names with attributes."""

    trace_id: str
    span_id: str
    name: str
    start: int
    end: int
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    events: Sequence[tuple[str, int, Mapping[str, Any]]] = field(default_factory=tuple)
    failed: bool = False
    status_message: str = ""


def read_protobuf(body: bytes) -> Iterator[Span]:
    """The spans of an ExportTraceServiceRequest. Raises UndecodableError."""
    # Loaded with the first request: a tenth of a second, which nobody pays who sends no spans.
    service = importlib.import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    message = importlib.import_module("google.protobuf.message")
    request = service.ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except message.DecodeError:
        raise UndecodableError("The body is no ExportTraceServiceRequest.") from None
    return _of_message(request)


def _of_message(request: Any) -> Iterator[Span]:
    for group in request.resource_spans:
        resource = _attributes(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Span(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    name=span.name,
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    attributes=_attributes(span.attributes),
                    resource=resource,
                    events=[
                        (event.name, event.time_unix_nano, _attributes(event.attributes))
                        for event in span.events[:_MOST_ATTRIBUTES]
                    ],
                    failed=span.status.code == 2,
                    status_message=span.status.message,
                )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value, MAX_DEPTH) for pair in pairs[:_MOST_ATTRIBUTES]}


def _value(value: Any, levels: int) -> Any:
    kind = value.WhichOneof("value")
    if kind is None or levels <= 0:
        return None
    found = getattr(value, kind)
    if kind == "array_value":
        return [_value(member, levels - 1) for member in found.values]
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value, levels - 1) for pair in found.values}
    return base64.b64encode(found).decode() if kind == "bytes_value" else found


def read_json(body: bytes) -> Iterator[Span]:
    """The same of a JSON body. Raises UndecodableError."""
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UndecodableError("The body is not valid JSON.") from None
    if not isinstance(request, dict):
        raise UndecodableError("The body is no ExportTraceServiceRequest.")
    return _of_json(request)


def _of_json(request: Mapping[str, Any]) -> Iterator[Span]:
    for group in _objects(request.get("resourceSpans")):
        resource = _json_attributes(_object(group.get("resource")).get("attributes"))
        for scope in _objects(group.get("scopeSpans")):
            for span in _objects(scope.get("spans")):
                yield _json_span(span, resource)


def _json_span(span: Mapping[str, Any], resource: Mapping[str, Any]) -> Span:
    status = _object(span.get("status"))
    return Span(
        trace_id=_hex(span.get("traceId")),
        span_id=_hex(span.get("spanId")),
        name=_text(span.get("name")),
        start=_number(span.get("startTimeUnixNano")),
        end=_number(span.get("endTimeUnixNano")),
        attributes=_json_attributes(span.get("attributes")),
        resource=resource,
        events=[
            (_text(event.get("name")), _number(event.get("timeUnixNano")), _json_attributes(event.get("attributes")))
            for event in _objects(span.get("events"))[:_MOST_ATTRIBUTES]
        ],
        failed=status.get("code") in {2, "STATUS_CODE_ERROR"},
        status_message=_text(status.get("message")),
    )


def _json_attributes(pairs: Any) -> dict[str, Any]:
    return {
        pair["key"]: _json_value(pair.get("value"), MAX_DEPTH)
        for pair in _objects(pairs)[:_MOST_ATTRIBUTES]
        if isinstance(pair.get("key"), str)
    }


def _json_value(value: Any, levels: int) -> Any:
    given = _object(value)
    if levels <= 0:
        return None
    for name, found in given.items():
        if name == "stringValue":
            return _text(found)
        if name == "boolValue":
            return bool(found)
        if name == "intValue":
            return _number(found)
        if name == "doubleValue":
            return float(found) if isinstance(found, int | float) else None
        if name == "bytesValue":
            return _text(found)
        if name == "arrayValue":
            return [_json_value(member, levels - 1) for member in _list(_object(found).get("values"))]
        if name == "kvlistValue":
            pairs = _objects(_object(found).get("values"))
            return {_text(pair.get("key")): _json_value(pair.get("value"), levels - 1) for pair in pairs}
    return None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: Any) -> list[dict[str, Any]]:
    return [member for member in _list(value) if isinstance(member, dict)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    """A 64-bit number, which JSON may carry as text; 0 for anything else."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and len(value) <= 20 and value.lstrip("-").isdecimal() else 0


def _hex(value: Any) -> str:
    """An id. Some exporters write base64, as protobuf's general JSON has it."""
    text = _text(value)
    if len(text) in {16, 32}:
        return text.lower()
    try:
        return base64.b64decode(text, validate=True).hex()
    except binascii.Error:
        return text
