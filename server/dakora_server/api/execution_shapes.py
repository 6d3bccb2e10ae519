"""The shapes of executions on the wire, and how our records become them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, JsonValue

from dakora_server.api.tenancy_shapes import Strict
from dakora_server.core import clock
from dakora_server.core.executions.records import Execution as Record
from dakora_server.core.executions.records import ExecutionDraft, ExecutionSettings, Keep, Source, Status
from dakora_server.core.ids import uuid7

_NAME = r"^[^\x00-\x1f\x7f]*$"
_MOST_TOKENS = 10**12
_MOST_MS = 10**9
_TEXT = 1024 * 1024
# Clocks of others may be ahead; what began tomorrow is a mistake. What began long ago is no record of a run.
_AHEAD, _AGO = timedelta(days=1), timedelta(days=3 * 366)

Word = Annotated[str, Field(min_length=1, max_length=200, pattern=_NAME)]
Tokens = Annotated[int, Field(ge=0, le=_MOST_TOKENS)]
Milliseconds = Annotated[float, Field(ge=0, le=_MOST_MS, allow_inf_nan=False)]
Dollars = Annotated[Decimal, Field(ge=0, le=10**9, max_digits=24, decimal_places=15)]


def _plausible(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("needs an offset from UTC")
    now = clock.now()
    if not now - _AGO < at < now + _AHEAD:
        raise ValueError("is too far from now")
    return at if at.tzinfo is UTC else at.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_plausible)]


class ExecutionError(BaseModel):
    """Why a run failed."""

    type: str | None = Field(None, max_length=200, description="A stable word, e.g. `rate_limited`.")
    message: str | None = Field(None, max_length=10_000)


class ErrorGiven(Strict, ExecutionError):
    """Why a run failed, as it is told."""


class PartGiven(Strict):
    """A part that the prompt used."""

    id: str = Field(max_length=300)
    version_number: int = Field(ge=1, le=999_999_999)


class NewExecution(Strict):
    """A run to record."""

    id: UUID | None = Field(None, description="Yours, so that sending it twice counts once; else we make one.")
    started_at: Moment | None = Field(None, description="When it began; now, if you do not say.")
    prompt_id: Word | None = Field(None, description="What was run.", examples=["greeting"])
    version: Word | None = Field(None, description="Semver. Number and semver complete each other.")
    version_number: int | None = Field(None, ge=1, le=999_999_999)
    label: Word | None = Field(None, description="The label by which the version was taken.")
    provider: Word | None = Field(None, description="As in OpenTelemetry's GenAI conventions.", examples=["openai"])
    model: Word | None = Field(None, examples=["gpt-4o-mini"])
    status: Status = Field(Status.ok, description="All but `ok` count as errors.")
    error: ErrorGiven | None = None
    finish_reason: Word | None = None
    inputs: dict[str, JsonValue] | None = Field(None, description="The prompt's inputs.")
    messages: list[JsonValue] | None = Field(None, max_length=1_000, description="What was sent to the model.")
    output: str | None = Field(None, max_length=_TEXT, description="What the model answered.")
    tool_calls: list[JsonValue] | None = Field(None, max_length=1_000)
    input_tokens: Tokens | None = Field(None, description="All of the input, cached tokens included.")
    output_tokens: Tokens | None = None
    cached_input_tokens: Tokens | None = None
    cost_usd: Dollars | None = Field(None, description="If you know better than the price list.")
    latency_ms: Milliseconds | None = None
    first_token_ms: Milliseconds | None = None
    user: Word | None = Field(None, description="Your reference to the user; texts are erased by it.")
    session: Word | None = None
    trace_id: str | None = Field(None, pattern=r"^[0-9a-f]{32}$")
    span_id: str | None = Field(None, pattern=r"^[0-9a-f]{16}$")
    metadata: dict[str, JsonValue] | None = Field(None, max_length=64)
    parts: list[PartGiven] | None = Field(None, max_length=64)

    def draft(self) -> ExecutionDraft:
        """The record to write."""
        known = {name: getattr(self, name) for name in _SAME}
        return ExecutionDraft(
            **known,
            id=self.id or uuid7(),
            started_at=self.started_at or clock.now(),
            source=Source.client,
            error_type=None if self.error is None else self.error.type,
            error_message=None if self.error is None else self.error.message,
            parts=None if self.parts is None else [part.model_dump() for part in self.parts],
        )


# What has the same name and value on the wire, in a draft and in a record.
_SAME = (
    "prompt_id",
    "version",
    "version_number",
    "label",
    "provider",
    "model",
    "status",
    "finish_reason",
    "inputs",
    "messages",
    "output",
    "tool_calls",
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
    "metadata",
)
_TEXTS = ("inputs", "messages", "output", "tool_calls")


class ExecutionSummary(BaseModel):
    """A recorded run, without its texts."""

    id: UUID
    source: Source
    started_at: datetime
    recorded_at: datetime
    prompt_id: str | None
    version: str | None
    version_number: int | None
    label: str | None
    provider: str | None
    model: str | None
    status: Status
    error: ExecutionError | None
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    cost_usd: float | None = Field(description="US dollars; null where the price is not known.")
    latency_ms: float | None
    first_token_ms: float | None
    user: str | None
    session: str | None
    trace_id: str | None
    span_id: str | None
    metadata: dict[str, JsonValue] | None
    parts: list[PartGiven] | None


class Execution(ExecutionSummary):
    """A recorded run. Its texts are null where the project does not keep them."""

    inputs: dict[str, JsonValue] | None
    messages: list[JsonValue] | None
    output: str | None
    tool_calls: list[JsonValue] | None


class ExecutionsRecorded(BaseModel):
    """What became of what was sent."""

    ids: list[UUID] = Field(description="One for each record, in the order sent.")
    recorded: int
    repeated: int = Field(description="Were there already, and changed nothing.")
    expired: int = Field(description="Began too long ago for the project's retention, and were not kept.")


class ExecutionSettingsChange(Strict):
    """What a project keeps of its runs."""

    keep: Keep = Field(description="`full`; `redacted`, without what looks personal or secret; or `none`, no texts.")
    retention_days: int | None = Field(None, ge=1, le=3650, description="Null: for ever.")


class ExecutionSettingsShown(BaseModel):
    """What a project keeps of its runs, and for how long."""

    keep: Keep
    retention_days: int | None = Field(description="Null: for ever.")
    changed_at: datetime | None = Field(description="Null: never changed.")


class UserToErase(Strict):
    """Whose texts to erase."""

    user: Word


class Erased(BaseModel):
    """What was erased."""

    erased: int = Field(description="Records whose texts are gone.")


def settings_shown(settings: ExecutionSettings) -> ExecutionSettingsShown:
    """Settings on the wire."""
    return ExecutionSettingsShown(
        keep=settings.keep, retention_days=settings.retention_days, changed_at=settings.changed_at
    )


def execution_json(record: Record) -> dict[str, Any]:
    """A record on the wire; without texts where it was read without them."""
    entry: dict[str, Any] = {name: getattr(record, name) for name in _SAME}
    if not record.has_texts:
        for name in _TEXTS:
            del entry[name]
    has_error = record.error_type is not None or record.error_message is not None
    return entry | {
        "id": record.id,
        "source": record.source,
        "started_at": record.started_at,
        "recorded_at": record.recorded_at,
        "error": {"type": record.error_type, "message": record.error_message} if has_error else None,
        "cost_usd": None if record.cost_usd is None else float(record.cost_usd),
        "parts": record.parts,
    }
