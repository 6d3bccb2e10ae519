"""A run of a prompt on a model: what is ordered, what happens, and what comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from dakora_server.core.exceptions import DakoraError, Fault
from dakora_server.core.executions.records import Status
from dakora_server.core.llm.records import Delta, ToolCall
from dakora_server.core.prompts.records import NEWEST, PromptRecord, Selector
from dakora_server.core.runs.budget_records import Standing


@dataclass(frozen=True, slots=True)
class Order:
    """What to run. What is None of the model is the version's; parameters come on top of the version's."""

    prompt_id: str
    inputs: Mapping[str, Any]
    which: Selector = NEWEST
    provider: str | None = None
    model: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    user: str | None = None
    session: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The provider has begun to answer."""

    id: UUID
    prompt: PromptRecord
    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class Result:
    """A run that has ended with an answer. `faults` say why the answer does not follow the prompt's schema."""

    id: UUID
    prompt: PromptRecord
    provider: str
    model: str
    status: Status
    started_at: datetime
    output: str
    tool_calls: Sequence[ToolCall]
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    cost_usd: Decimal | None
    latency_ms: float
    first_token_ms: float | None
    faults: Sequence[Fault]
    recorded: bool
    budget: Standing | None


@dataclass(frozen=True, slots=True)
class Failed:
    """A run that has ended without one. `id` names its record, if it came as far as to have one."""

    error: DakoraError
    id: UUID | None = None


Event = Started | Delta | ToolCall | Result | Failed
