"""Executions: recorded runs of a prompt version on a model, as they come in and as they are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID


class Status(StrEnum):
    """How a run ended. All but `ok` count as errors."""

    ok = "ok"
    error = "error"
    timeout = "timeout"
    cancelled = "cancelled"
    invalid = "invalid"  # the answer does not follow the schema that was asked for


class Source(StrEnum):
    """Who told of a run."""

    execute = "execute"
    client = "client"
    otlp = "otlp"


class Keep(StrEnum):
    """What a project keeps of what went into its runs and came out."""

    full = "full"
    redacted = "redacted"
    none = "none"


# Not frozen, though nobody changes one: making a frozen one takes three times as long.
@dataclass(slots=True)
class ExecutionDraft:
    """A run to record. `started_at` is aware; `cost_usd` None is computed from prices, and stays None if unknown.

    The same `id` again changes nothing: a record is written once.
    """

    id: UUID
    started_at: datetime
    source: Source
    status: Status = Status.ok
    prompt_id: str | None = None
    version: str | None = None
    version_number: int | None = None
    label: str | None = None
    provider: str | None = None
    model: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cost_usd: Decimal | None = None
    latency_ms: float | None = None
    first_token_ms: float | None = None
    user: str | None = None
    session: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    inputs: Mapping[str, Any] | None = None
    messages: Sequence[Any] | None = None
    output: str | None = None
    tool_calls: Sequence[Any] | None = None
    metadata: Mapping[str, Any] | None = None
    parts: Sequence[Mapping[str, Any]] | None = None


@dataclass(slots=True)
class Execution(ExecutionDraft):
    """A run as it is kept. `has_texts`: whether the row was read with its texts."""

    recorded_at: datetime | None = None
    has_texts: bool = True


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the records that were sent. `expired` were past the project's retention, and not kept."""

    ids: tuple[UUID, ...]
    recorded: int
    repeated: int
    expired: int


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """What a list of executions, or numbers of them, are narrowed to; None is everything. `until` is exclusive."""

    prompt_id: str | None = None
    version: int | str | None = None
    label: str | None = None
    provider: str | None = None
    model: str | None = None
    status: str | None = None
    user: str | None = None
    session: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None


FOR_EVER_DAYS = 36_525
"""What retention without a limit stands for: a hundred years."""


@dataclass(frozen=True, slots=True)
class Period:
    """From when on records were kept for how many days (None: for ever)."""

    since: datetime
    days: int | None


@dataclass(frozen=True, slots=True)
class ExecutionSettings:
    """What a project keeps, and for how long."""

    keep: Keep = Keep.full
    retention_days: int | None = None
    periods: tuple[Period, ...] = field(default=(), repr=False)
    changed_at: datetime | None = None

    def days_for(self, started_at: datetime) -> int:
        """For how many days a run that began then is kept.

        By what held at that time, whatever holds now: a repeat of a record must find the first one.
        """
        days: int | None = None
        for period in self.periods:
            if period.since <= started_at:
                days = period.days
        return FOR_EVER_DAYS if days is None else days


UNTOUCHED = ExecutionSettings()
