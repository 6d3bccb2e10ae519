"""What the client gives back of runs on models, of providers and budgets. Like `types`: all is frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from dakora_client.errors import APIError
from dakora_client.execution_types import Status
from dakora_client.part_types import PartUsed
from dakora_client.types import Fault

ProviderKind = Literal["openai", "anthropic", "google", "azure", "mistral", "openai_compatible"]
"""Which interface a provider speaks."""

BudgetState = Literal["unlimited", "ok", "warning", "exceeded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChoice:
    """One of the runs to compare: a version and a model; what is None is the prompt's own, or the newest."""

    version: int | str | None = None
    label: str | None = None
    provider: str | None = None
    model: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call of a tool that the model asks for. `arguments` is JSON, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The first event of a stream: the provider has begun to answer."""

    execution_id: str
    prompt_id: str
    version: str
    version_number: int
    provider: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunText:
    """An event of a stream: more of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUsed:
    """How far the project's budget of the month is used."""

    state: BudgetState
    limit_usd: float
    spent_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A run of a prompt and its answer; also the last event of a stream.

    `status` is `invalid` where the answer does not follow the prompt's `response_schema`; `errors` say why. Times are
    in milliseconds, `cost_usd` in US dollars and None where the price is not known. `recorded` is False when the log of
    executions could not be written.
    """

    execution_id: str
    status: Status
    output: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None
    errors: tuple[Fault, ...]
    prompt_id: str
    version: str
    version_number: int
    content_hash: str
    parts: tuple[PartUsed, ...]
    provider: str
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    cost_usd: float | None
    started_at: datetime
    latency_ms: float
    first_token_ms: float | None
    recorded: bool
    budget: BudgetUsed | None


RunEvent = RunStarted | RunText | ToolCall | RunResult
"""What a stream gives: a start, texts and calls of tools, and the result at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRun:
    """One of several runs: its result, or the error that it ended with. Exactly one of the two is None."""

    result: RunResult | None
    error: APIError | None
    execution_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider that prompts can be run with. Its key is never shown; `key_hint` is the end of it."""

    name: str
    kind: ProviderKind
    base_url: str | None
    api_version: str | None
    models: tuple[str, ...]
    key_hint: str | None
    origin: Literal["project", "environment"]
    changed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPrice:
    """US dollars for a million tokens."""

    input: float
    output: float
    cached_input: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that prompts can be run on. `price` is None where it is not known, which is not the same as free."""

    provider: str
    name: str
    price: ModelPrice | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a project may spend on runs in a month (UTC), and what is used of it. `limit_usd` None is no limit.

    `held_usd` is the most that runs under way may still cost.
    """

    limit_usd: float | None
    warn_percent: int
    unpriced: Literal["refuse", "allow"]
    state: BudgetState
    month: date
    spent_usd: float
    held_usd: float
    changed_at: datetime | None
