"""The shapes of runs and budgets on the wire."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue

from dakora_server.api.execution_shapes import Word
from dakora_server.api.problems import Problem, ProblemFault, fault_json
from dakora_server.api.shapes import PartUsed, used_json, which
from dakora_server.api.tenancy_shapes import Strict
from dakora_server.core.exceptions import DakoraError
from dakora_server.core.executions.records import Status
from dakora_server.core.llm.records import ToolCall
from dakora_server.core.runs.budget_records import Standing, State, Unpriced
from dakora_server.core.runs.records import Failed, Order, Result

MOST_COMPARED = 10
Amount = Annotated[Decimal, Field(ge=0, le=10**9, max_digits=18, decimal_places=6)]
_SECONDS = Field(None, gt=0, le=3600, description="How long it may take; the server's own limit holds too.")


class ModelChoice(Strict):
    """Another model than the version's own; what is left out is the version's."""

    provider: str | None = Field(None, min_length=1, max_length=64)
    name: str | None = Field(None, min_length=1, max_length=200)
    parameters: dict[str, JsonValue] = Field(
        default_factory=dict, max_length=100, description="On top of the version's; null takes one away."
    )


class Which(Strict):
    """A version, and a model to run it on."""

    version: int | str | None = Field(None, description="A number or a semver.", union_mode="left_to_right")
    label: str | None = Field(None, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")
    model: ModelChoice | None = None

    def order(self, prompt_id: str, asked: "Asked") -> Order:
        """What to run. Raises InvalidRequest for a version and a label."""
        choice = self.model or ModelChoice()
        return Order(
            prompt_id=prompt_id,
            inputs=asked.inputs,
            which=which(None if self.version is None else str(self.version), self.label),
            provider=choice.provider,
            model=choice.name,
            parameters=choice.parameters,
            seconds=asked.timeout_seconds,
            user=asked.user,
            session=asked.session,
            metadata=asked.metadata,
        )


class Asked(Strict):
    """What is the same for every run of a request."""

    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    timeout_seconds: float | None = _SECONDS
    user: Word | None = Field(None, description="Your reference to the user; texts are erased by it.")
    session: Word | None = None
    metadata: dict[str, JsonValue] | None = Field(None, max_length=64)


class ExecuteRequest(Asked, Which):
    """What to run, with which inputs, on which model."""


class CompareRequest(Asked):
    """One prompt with the same inputs, on several models or in several versions."""

    runs: list[Which] = Field(min_length=1, max_length=MOST_COMPARED)


class ToolCallShown(BaseModel):
    """A call of a tool that the model asks for."""

    id: str
    name: str
    arguments: str = Field(description="JSON, as the model wrote it.")


class Usage(BaseModel):
    """Tokens, as the provider counted them; null where it did not say."""

    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None


class BudgetUsed(BaseModel):
    """How far the month's budget is used, where there is one."""

    state: State
    limit_usd: float
    spent_usd: float


class RunResult(BaseModel):
    """A run and its answer."""

    execution_id: UUID
    status: Status = Field(description="`invalid`: the answer does not follow the prompt's `response_schema`.")
    output: str
    tool_calls: list[ToolCallShown]
    finish_reason: str | None
    errors: list[ProblemFault] = Field(description="Where the answer does not follow the schema.")
    prompt_id: str
    version: str
    version_number: int
    content_hash: str
    parts: list[PartUsed]
    provider: str
    model: str
    usage: Usage
    cost_usd: float | None = Field(description="US dollars; null where the price is not known.")
    started_at: datetime
    latency_ms: float
    first_token_ms: float | None
    recorded: bool = Field(description="False: the log of executions could not be written.")
    budget: BudgetUsed | None = Field(description="Null: the project has no limit.")


class ComparedRun(BaseModel):
    """One of the runs: its result, or why there is none."""

    result: RunResult | None
    error: Problem | None
    execution_id: UUID | None = Field(description="Null: it did not come as far as to be recorded.")


class Comparison(BaseModel):
    """The runs, in the order in which they were asked for."""

    runs: list[ComparedRun]


class BudgetChange(Strict):
    """What a project may spend on runs in a calendar month (UTC)."""

    limit_usd: Amount | None = Field(description="US dollars; null: no limit.")
    warn_percent: int = Field(80, ge=1, le=100, description="From this much of it on, answers say `warning`.")
    unpriced: Unpriced = Field(Unpriced.refuse, description="What becomes of runs whose price is not known.")


class BudgetShown(BaseModel):
    """A budget, and what is used of it this month."""

    limit_usd: float | None
    warn_percent: int
    unpriced: Unpriced
    state: State
    month: date = Field(description="Its first day.")
    spent_usd: float
    held_usd: float = Field(description="The most that runs under way may still cost.")
    changed_at: datetime | None


def tool_call_json(call: ToolCall) -> dict[str, Any]:
    """A call of a tool on the wire."""
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


def result_json(result: Result) -> dict[str, Any]:
    """A run on the wire."""
    record, standing = result.prompt, result.budget
    budget = None
    if standing is not None and standing.budget.limit_usd is not None:
        budget = {
            "state": standing.state,
            "limit_usd": float(standing.budget.limit_usd),
            "spent_usd": float(standing.spent_usd),
        }
    return {
        "execution_id": result.id,
        "status": result.status,
        "output": result.output,
        "tool_calls": [tool_call_json(call) for call in result.tool_calls],
        "finish_reason": result.finish_reason,
        "errors": [fault_json(fault) for fault in result.faults],
        "prompt_id": record.prompt_id,
        "version": record.semver,
        "version_number": record.number,
        "content_hash": record.content_hash,
        "parts": used_json(record.includes),
        "provider": result.provider,
        "model": result.model,
        "usage": {
            "input_tokens": result.input_tokens,
            "output_tokens": result.output_tokens,
            "cached_input_tokens": result.cached_input_tokens,
        },
        "cost_usd": None if result.cost_usd is None else float(result.cost_usd),
        "started_at": result.started_at,
        "latency_ms": result.latency_ms,
        "first_token_ms": result.first_token_ms,
        "recorded": result.recorded,
        "budget": budget,
    }


def compared_json(ended: Result | Failed, problem: dict[str, Any] | None) -> dict[str, Any]:
    """One run of several on the wire."""
    return {
        "result": result_json(ended) if isinstance(ended, Result) else None,
        "error": problem,
        "execution_id": ended.id,
    }


def budget_shown(standing: Standing) -> BudgetShown:
    """A budget on the wire."""
    budget = standing.budget
    return BudgetShown(
        limit_usd=None if budget.limit_usd is None else float(budget.limit_usd),
        warn_percent=budget.warn_percent,
        unpriced=budget.unpriced,
        state=standing.state,
        month=standing.month,
        spent_usd=float(standing.spent_usd),
        held_usd=float(standing.held_usd),
        changed_at=budget.changed_at,
    )


def error_of(ended: Result | Failed) -> DakoraError | None:
    """Why a run has no result."""
    return ended.error if isinstance(ended, Failed) else None
