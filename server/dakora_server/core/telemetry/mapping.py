"""Spans of model calls as executions, after OpenTelemetry's GenAI conventions, today's (1.41) and those before (1.36).

Attributes are tried in order, the newest name first. A span that is no model call is nobody's fault and no execution.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from dakora_server.core.executions.records import ExecutionDraft, Source, Status
from dakora_server.core.telemetry.spans import Span

_NAMESPACE = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
# Operations of the conventions that call a model.
_CALLS = {"chat", "text_completion", "generate_content", "embeddings", "completion", "responses"}
_AHEAD, _AGO = timedelta(days=1), timedelta(days=3 * 366)
_LONGEST_WORD, _LONGEST_TEXT, _LONGEST_MESSAGE = 200, 1024 * 1024, 10_000
_MOST_METADATA, _MOST_TOKENS = 64, 10**12
_LONGEST_METADATA = 1_000

_PROVIDER = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system")
_MODEL = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "llm.request.model")
_INPUT_TOKENS = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
_OUTPUT_TOKENS = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")
_CACHED_TOKENS = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
)
_PROMPT = ("dakora.prompt.id", "gen_ai.prompt.name")
_VERSION = ("dakora.prompt.version", "gen_ai.prompt.version")
_LABEL = ("dakora.prompt.label", "dakora.label", "gen_ai.prompt.label")
_USER = ("dakora.user", "user.id", "enduser.id")
_SESSION = ("dakora.session", "gen_ai.conversation.id", "session.id")
_INPUT = ("gen_ai.input.messages",)
_OUTPUT = ("gen_ai.output.messages",)
_SYSTEM = ("gen_ai.system_instructions",)
_TEXTS = {"gen_ai.prompt", "gen_ai.completion", "input.value", "output.value", *_INPUT, *_OUTPUT, *_SYSTEM}
# Read into fields of their own, so not once more into the metadata.
_READ = {
    *_PROVIDER,
    *_MODEL,
    *_INPUT_TOKENS,
    *_OUTPUT_TOKENS,
    *_CACHED_TOKENS,
    *_PROMPT,
    *_VERSION,
    *_LABEL,
    *_USER,
    *_SESSION,
    *_TEXTS,
    "gen_ai.operation.name",
    "gen_ai.response.finish_reasons",
    "gen_ai.client.operation.time_to_first_chunk",
    "error.type",
    "error.message",
}
_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_DETAILS = "gen_ai.client.inference.operation.details"


class BadSpanError(Exception):
    """A model call that cannot be recorded; the message says why."""


def is_model_call(span: Span) -> bool:
    """Whether a span tells of a call of a model."""
    operation = span.attributes.get("gen_ai.operation.name")
    if isinstance(operation, str):
        return operation in _CALLS
    kind = span.attributes.get("openinference.span.kind")
    if isinstance(kind, str):
        return kind.upper() in {"LLM", "EMBEDDING"}
    return _first(span.attributes, ("gen_ai.request.model", "llm.request.model", "llm.model_name")) is not None


def draft_of(span: Span, *, now: datetime) -> ExecutionDraft:
    """The execution that a model call's span tells of. Raises BadSpanError."""
    if not _is_id(span.trace_id, 32) or not _is_id(span.span_id, 16):
        raise BadSpanError("its trace or span id is not valid")
    if not 0 < span.start < 2**63:
        raise BadSpanError("it does not say when it began")
    started_at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=span.start // 1000)
    if not now - _AGO < started_at < now + _AHEAD:
        raise BadSpanError("it began too far from now")
    attributes = {**_details(span), **span.attributes}
    status, error_type, message = _ending(span, attributes)
    number, semver = _version(_first(attributes, _VERSION))
    latency = (span.end - span.start) / 1e6 if span.end >= span.start else None
    first = attributes.get("gen_ai.client.operation.time_to_first_chunk")
    return ExecutionDraft(
        id=uuid.uuid5(_NAMESPACE, f"{span.trace_id}:{span.span_id}"),
        started_at=started_at,
        source=Source.otlp,
        status=status,
        prompt_id=_word(_first(attributes, _PROMPT)),
        version=semver,
        version_number=number,
        label=_word(_first(attributes, _LABEL)),
        provider=_word(_first(attributes, _PROVIDER)),
        model=_word(_first(attributes, _MODEL)),
        error_type=error_type,
        error_message=message,
        finish_reason=_finish(attributes.get("gen_ai.response.finish_reasons")),
        input_tokens=_tokens(_first(attributes, _INPUT_TOKENS)),
        output_tokens=_tokens(_first(attributes, _OUTPUT_TOKENS)),
        cached_input_tokens=_tokens(_first(attributes, _CACHED_TOKENS)),
        latency_ms=latency if latency is not None and latency <= 1e9 else None,
        first_token_ms=first * 1000 if isinstance(first, float) and 0 <= first <= 1e6 else None,
        user=_word(_first(attributes, _USER)),
        session=_word(_first(attributes, _SESSION)),
        trace_id=span.trace_id,
        span_id=span.span_id,
        messages=_messages(span, attributes),
        output=_output(span, attributes),
        metadata=_metadata(span),
    )


def _details(span: Span) -> Mapping[str, Any]:
    """The attributes of the event that carries texts, where they are not on the span itself."""
    return next((attributes for name, _, attributes in span.events if name == _DETAILS), {})


def _ending(span: Span, attributes: Mapping[str, Any]) -> tuple[Status, str | None, str | None]:
    kind = _word(attributes.get("error.type"))
    message = _text(span.status_message or attributes.get("error.message"), _LONGEST_MESSAGE)
    for name, _, found in span.events:
        if name == "exception":
            kind = kind or _word(found.get("exception.type"))
            message = message or _text(found.get("exception.message"), _LONGEST_MESSAGE)
    if not span.failed and attributes.get("error.type") is None:
        return Status.ok, None, None
    lowered = (kind or "").lower()
    if "timeout" in lowered or "timedout" in lowered:
        return Status.timeout, kind, message
    return (Status.cancelled if "cancel" in lowered else Status.error), kind, message


def _first(attributes: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)


def _is_id(text: str, length: int) -> bool:
    return len(text) == length and set(text) <= set("0123456789abcdef") and set(text) != {"0"}


def _clean(text: str) -> str:
    """Without what PostgreSQL cannot hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _text(value: Any, longest: int) -> str | None:
    return _clean(value)[:longest] or None if isinstance(value, str) else None


def _word(value: Any) -> str | None:
    """A name: one line, not too long."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    return "".join(sign for sign in _clean(value) if sign.isprintable())[:_LONGEST_WORD].strip() or None


def _tokens(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST_TOKENS:
        return None
    return int(value)


def _version(value: Any) -> tuple[int | None, str | None]:
    """A whole number is a version's number, anything else its semver."""
    word = _word(value)
    if word is None:
        return None, None
    is_number = word.isascii() and word.isdecimal() and len(word) <= 9 and int(word) > 0
    return (int(word), None) if is_number else (None, word)


def _finish(value: Any) -> str | None:
    if isinstance(value, list):
        return _word(", ".join(str(reason) for reason in value[:8]))
    return _word(value)


def _messages(span: Span, attributes: Mapping[str, Any]) -> list[Any] | None:
    given = _json(_first(attributes, _INPUT))
    if given is not None:
        system = _json(_first(attributes, _SYSTEM))
        messages = [{"role": "system", "parts": system}] if system is not None else []
        return _bounded([*messages, *(given if isinstance(given, list) else [given])])
    told = [
        {"role": _ROLES[name], **{key: found for key, found in attributes.items() if key in {"content", "tool_calls"}}}
        for name, _, attributes in span.events
        if name in _ROLES
    ]
    plain = _text(_first(attributes, ("gen_ai.prompt", "input.value")), _LONGEST_TEXT)
    return _bounded(told or ([{"role": "user", "content": plain}] if plain else None))


def _output(span: Span, attributes: Mapping[str, Any]) -> str | None:
    given = _json(_first(attributes, _OUTPUT))
    if given is not None:
        texts = [part for message in (given if isinstance(given, list) else [given]) for part in _parts(message)]
        return _text("\n".join(texts), _LONGEST_TEXT)
    for name, _, found in span.events:
        if name == "gen_ai.choice":
            message = _json(found.get("message"))
            content = message.get("content") if isinstance(message, dict) else found.get("content")
            return _text(content, _LONGEST_TEXT)
    return _text(_first(attributes, ("gen_ai.completion", "output.value")), _LONGEST_TEXT)


def _parts(message: Any) -> list[str]:
    """The texts in a message: `parts` as the conventions have them, or one `content`."""
    if not isinstance(message, dict):
        return []
    if isinstance(message.get("content"), str):
        return [message["content"]]
    parts = message.get("parts")
    found = parts if isinstance(parts, list) else []
    return [part["content"] for part in found if isinstance(part, dict) and isinstance(part.get("content"), str)]


def _json(value: Any) -> Any:
    """What was sent as a JSON text, or as it is."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return [{"content": value}]


def _bounded(messages: list[Any] | None) -> list[Any] | None:
    """Messages that can be stored; what is larger than a record's texts may be is left out."""
    if messages is None:
        return None
    kept = plain_json(messages[: _MOST_METADATA * 16])
    return kept if len(orjson.dumps(kept)) <= _LONGEST_TEXT else [{"role": "system", "content": "(too large to keep)"}]


def plain_json(value: Any, levels: int = 32) -> Any:
    """A value as JSON can hold it and PostgreSQL store it: no NUL, no endless depth, whole numbers of 64 bits."""
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124 - NaN is not itself
    if levels <= 0:
        return None
    if isinstance(value, Mapping):
        return {_clean(str(key)): plain_json(member, levels - 1) for key, member in list(value.items())[:256]}
    if isinstance(value, Sequence):
        return [plain_json(member, levels - 1) for member in value]
    return None


def _metadata(span: Span) -> dict[str, Any] | None:
    """What has no field of its own: the service, the span's name, and the attributes that are left."""
    found: dict[str, Any] = {}
    for name in ("service.name", "service.version", "deployment.environment.name"):
        if isinstance(span.resource.get(name), str):
            found[name] = span.resource[name]
    if span.name:
        found["span.name"] = span.name
    found |= {name: value for name, value in span.attributes.items() if name not in _READ}
    kept: dict[str, Any] = {}
    for name, value in found.items():
        plain = plain_json(value, 4)
        key = _word(name)
        if key and len(kept) < _MOST_METADATA and len(orjson.dumps(plain)) <= _LONGEST_METADATA:
            kept[key] = plain
    return kept or None
