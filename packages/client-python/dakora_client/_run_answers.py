"""What the API says of runs, providers and budgets: pure functions, like `_answers`."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from dakora_client import _problems
from dakora_client._answers import faults, moment, parts_used
from dakora_client._request import Answer
from dakora_client.errors import UnexpectedAnswer
from dakora_client.run_types import (
    Budget,
    BudgetUsed,
    ComparedRun,
    Model,
    ModelPrice,
    Provider,
    RunEvent,
    RunResult,
    RunStarted,
    RunText,
    ToolCall,
)

_SAME = (
    "execution_id",
    "status",
    "output",
    "finish_reason",
    "prompt_id",
    "version",
    "version_number",
    "content_hash",
    "provider",
    "model",
    "cost_usd",
    "latency_ms",
    "first_token_ms",
    "recorded",
)


def result(data: Mapping[str, Any]) -> RunResult:
    """A run and its answer."""
    known: dict[str, Any] = {name: data.get(name) for name in _SAME}
    usage, budget = data.get("usage") or {}, data.get("budget")
    began: Any = moment(data["started_at"])
    return RunResult(
        **known,
        tool_calls=tuple(tool_call(one) for one in data.get("tool_calls") or ()),
        errors=faults(data.get("errors") or ()),
        parts=parts_used(data),
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
        cached_input_tokens=usage.get("cached_input_tokens"),
        started_at=began,
        budget=None
        if budget is None
        else BudgetUsed(state=budget["state"], limit_usd=budget["limit_usd"], spent_usd=budget["spent_usd"]),
    )


def tool_call(data: Mapping[str, Any]) -> ToolCall:
    """A call of a tool."""
    return ToolCall(id=data["id"], name=data["name"], arguments=data["arguments"])


def compared(answer: Answer) -> tuple[ComparedRun, ...]:
    """Several runs."""
    return tuple(
        ComparedRun(
            result=None if one["result"] is None else result(one["result"]),
            error=None if one["error"] is None else _error(one["error"]),
            execution_id=one["execution_id"],
        )
        for one in json.loads(answer.body)["runs"]
    )


def _error(data: Mapping[str, Any]) -> Any:
    return _problems.problem(Answer(data["status"], {}, json.dumps(data).encode()))


class EventReader:
    """Reads a stream line by line, whoever brings the lines."""

    def __init__(self) -> None:
        self._name = ""
        self._is_done = False

    def read(self, line: str) -> RunEvent | None:
        """The event that the line completes, if it does. Raises APIError for one that ends in an error."""
        if line.startswith("event: "):
            self._name = line[len("event: ") :]
        elif line.startswith("data: "):
            data = json.loads(line[len("data: ") :])
            match self._name:
                case "start":
                    return RunStarted(**{name: data[name] for name in RunStarted.__dataclass_fields__})
                case "delta":
                    return RunText(text=data["text"])
                case "tool_call":
                    return tool_call(data)
                case "done":
                    self._is_done = True
                    return result(data)
                case "error":
                    raise _error(data)
        return None

    def finish(self) -> None:
        """Raises UnexpectedAnswer where the stream ended without a result."""
        if not self._is_done:
            raise UnexpectedAnswer("The stream ended before the run did: the connection was cut, or a proxy was.")


def provider(data: Mapping[str, Any]) -> Provider:
    """A provider."""
    return Provider(
        name=data["name"],
        kind=data["kind"],
        base_url=data["base_url"],
        api_version=data["api_version"],
        models=tuple(data["models"]),
        key_hint=data["key_hint"],
        origin=data["origin"],
        changed_at=moment(data.get("changed_at")),
    )


def providers(answer: Answer) -> tuple[Provider, ...]:
    """The providers of a project."""
    return tuple(provider(one) for one in json.loads(answer.body))


def models(answer: Answer) -> tuple[Model, ...]:
    """The models that can be run."""
    return tuple(
        Model(
            provider=one["provider"],
            name=one["name"],
            price=None if one["price"] is None else ModelPrice(**one["price"]),
        )
        for one in json.loads(answer.body)
    )


def budget(data: Mapping[str, Any]) -> Budget:
    """A budget, and what is used of it."""
    return Budget(
        limit_usd=data["limit_usd"],
        warn_percent=data["warn_percent"],
        unpriced=data["unpriced"],
        state=data["state"],
        month=date.fromisoformat(data["month"]),
        spent_usd=data["spent_usd"],
        held_usd=data["held_usd"],
        changed_at=moment(data.get("changed_at")),
    )
