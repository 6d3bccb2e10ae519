"""What the API says of executions: pure functions, like `_answers`."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from dakora_client._answers import moment, parts_used
from dakora_client._frozen import freeze
from dakora_client._request import Answer
from dakora_client.execution_types import Execution, ExecutionSettings, Latency, Recorded, Stats, StatsComparison

_PLAIN = (
    "id",
    "source",
    "prompt_id",
    "version",
    "version_number",
    "label",
    "provider",
    "model",
    "status",
    "finish_reason",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cost_usd",
    "latency_ms",
    "first_token_ms",
    "user",
    "session",
    "trace_id",
    "span_id",
    "output",
)


def execution(data: Mapping[str, Any]) -> Execution:
    """A recorded run, with its texts or without."""
    error = data.get("error") or {}
    known: dict[str, Any] = {name: data.get(name) for name in _PLAIN}
    began: Any = moment(data["started_at"])
    return Execution(
        **known,
        started_at=began,
        recorded_at=moment(data.get("recorded_at")),
        error_type=error.get("type"),
        error_message=error.get("message"),
        metadata=freeze(data.get("metadata") or {}),
        parts=parts_used({"parts": data.get("parts") or ()}),
        inputs=freeze(data.get("inputs")),
        messages=_several(data.get("messages")),
        tool_calls=_several(data.get("tool_calls")),
    )


def _several(values: Any) -> tuple[Any, ...] | None:
    return None if values is None else tuple(freeze(value) for value in values)


def recorded(data: Mapping[str, Any]) -> Recorded:
    """What became of records."""
    return Recorded(
        ids=tuple(data["ids"]),
        recorded=data["recorded"],
        repeated=data["repeated"],
        expired=data.get("expired") or 0,
    )


def settings(data: Mapping[str, Any]) -> ExecutionSettings:
    """What the project keeps."""
    return ExecutionSettings(
        keep=data["keep"], retention_days=data.get("retention_days"), changed_at=moment(data.get("changed_at"))
    )


def erased(data: Mapping[str, Any]) -> int:
    """How many records were emptied."""
    return int(data["erased"])


def stats(data: Mapping[str, Any]) -> Stats:
    """The numbers of one group."""
    day, latency = data.get("day"), data.get("latency_ms")
    return Stats(
        day=None if day is None else date.fromisoformat(day),
        prompt_id=data.get("prompt_id"),
        version_number=data.get("version_number"),
        label=data.get("label"),
        provider=data.get("provider"),
        model=data.get("model"),
        status=data.get("status"),
        count=data["count"],
        errors=data["errors"],
        input_tokens=data["input_tokens"],
        output_tokens=data["output_tokens"],
        cached_input_tokens=data.get("cached_input_tokens") or 0,
        cost_usd=data["cost_usd"],
        unpriced=data.get("unpriced") or 0,
        latency_ms=None if latency is None else Latency(p50=latency["p50"], p95=latency["p95"], p99=latency["p99"]),
    )


def all_stats(answer: Answer) -> tuple[Stats, ...]:
    """The numbers of all groups."""
    return tuple(map(stats, json.loads(answer.body)))


def comparison(data: Mapping[str, Any]) -> StatsComparison:
    """One version against another."""
    return StatsComparison(
        version=stats(data["version"]), against=stats(data["against"]), change=freeze(data["change"])
    )
