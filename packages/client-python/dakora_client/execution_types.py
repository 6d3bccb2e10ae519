"""What the client gives back of executions and their numbers. Like `types`: all is frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from dakora_client.part_types import PartUsed

Status = Literal["ok", "error", "timeout", "cancelled", "invalid"]
"""How a run ended. `invalid`: the answer did not follow the schema that was asked for."""

Keep = Literal["full", "redacted", "none"]
"""What a project keeps of the texts of its runs."""

GroupBy = Literal["day", "prompt", "version", "label", "provider", "model", "status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A recorded run. In a list `inputs`, `messages`, `output` and `tool_calls` are None: ask for the one.

    Times are in milliseconds, `cost_usd` in US dollars; None is what nobody told, or a price nobody knows.
    """

    id: str
    source: Literal["execute", "client", "otlp"]
    started_at: datetime
    recorded_at: datetime | None
    prompt_id: str | None
    version: str | None
    version_number: int | None
    label: str | None
    provider: str | None
    model: str | None
    status: Status
    error_type: str | None
    error_message: str | None
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    cost_usd: float | None
    latency_ms: float | None
    first_token_ms: float | None
    user: str | None
    session: str | None
    trace_id: str | None
    span_id: str | None
    metadata: Mapping[str, Any]
    parts: tuple[PartUsed, ...]
    inputs: Mapping[str, Any] | None
    messages: tuple[Any, ...] | None
    output: str | None
    tool_calls: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of records. `repeated` were there already; `expired` were past what the project keeps."""

    ids: tuple[str, ...]
    recorded: int
    repeated: int
    expired: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSettings:
    """What a project keeps of its runs, and for how many days (None: for ever)."""

    keep: Keep
    retention_days: int | None
    changed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Percentiles in milliseconds, off by 20 % at most."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What the runs of one group come to. What was not grouped by is None, and so is what the runs did not tell.

    `unpriced` counts the runs without a known cost, which `cost_usd` leaves out.
    """

    day: date | None
    prompt_id: str | None
    version_number: int | None
    label: str | None
    provider: str | None
    model: str | None
    status: str | None
    count: int
    errors: int
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    cost_usd: float
    unpriced: int
    latency_ms: Latency | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsComparison:
    """One version against another; `change` is the first over the second, of each run."""

    version: Stats
    against: Stats
    change: Mapping[str, float | None]
