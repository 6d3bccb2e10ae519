"""Runs on their way to the log: what is known of the prompt, how long it took, how it ended."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from dakora_client._execution_operations import written
from dakora_client._log_queue import LogQueue
from dakora_client.types import Prompt, RenderResult

_LONGEST_MESSAGE = 2_000


def record_of(
    prompt: Prompt | RenderResult | str | None,
    version: int | str | None,
    error: BaseException | str | None,
    fields: Mapping[str, Any],
) -> bytes:
    """A record as it is sent: `fields`, and what the prompt and the error tell. Raises InvalidRequestError."""
    known = {**_facts(prompt), **{name: value for name, value in fields.items() if value is not None}}
    if version is not None:
        known.pop("version", None)
        known.pop("version_number", None)
        known["version_number" if isinstance(version, int) else "version"] = version
    if error is not None:
        known["error"] = _told(error)
        if known.get("status", "ok") == "ok":
            known["status"] = "error"
    known.setdefault("started_at", datetime.now(UTC))
    return written(known)


def _facts(prompt: Prompt | RenderResult | str | None) -> dict[str, Any]:
    if prompt is None:
        return {}
    if isinstance(prompt, str):
        return {"prompt_id": prompt}
    facts: dict[str, Any] = {"version": prompt.version, "version_number": prompt.version_number}
    if isinstance(prompt, Prompt):
        facts["prompt_id"] = prompt.id
    else:
        facts |= {"prompt_id": prompt.prompt_id, "inputs": prompt.inputs}
        if prompt.messages is not None:
            facts["messages"] = list(prompt.messages)
        else:
            facts["messages"] = [{"role": "user", "content": prompt.text}]
    if prompt.parts:
        facts["parts"] = [{"id": part.id, "version_number": part.version_number} for part in prompt.parts]
    return facts


def _told(error: BaseException | str) -> dict[str, str]:
    if isinstance(error, str):
        return {"message": error[:_LONGEST_MESSAGE]}
    return {"type": type(error).__name__[:200], "message": str(error)[:_LONGEST_MESSAGE]}


class Run:
    """A run that is being measured; made by `executions.start`. Set what you know of it while it goes on."""

    provider: str | None
    model: str | None

    def __init__(
        self,
        queue: LogQueue,
        prompt: Prompt | RenderResult | str | None,
        version: int | str | None,
        fields: Mapping[str, Any],
    ) -> None:
        self._queue = queue
        self._prompt = prompt
        self._version = version
        self._fields = {name: value for name, value in fields.items() if name not in {"provider", "model"}}
        self.provider = fields.get("provider")
        self.model = fields.get("model")
        self.status: str | None = None
        self.error: BaseException | str | None = None
        self.finish_reason: str | None = None
        self.inputs: Mapping[str, Any] | None = None
        self.messages: list[Any] | None = None
        self.output: str | None = None
        self.tool_calls: list[Any] | None = None
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.cached_input_tokens: int | None = None
        self.cost_usd: float | None = None
        self.first_token_ms: float | None = None
        self._started = 0.0

    def first_token(self) -> None:
        """The first token has come: note how long that took. Later calls change nothing."""
        if self.first_token_ms is None:
            self.first_token_ms = self._elapsed()

    def _elapsed(self) -> float:
        return round((time.perf_counter() - self._started) * 1000, 3)

    def __enter__(self) -> Self:
        self._fields["started_at"] = datetime.now(UTC)
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        told = {name: value for name, value in vars(self).items() if not name.startswith("_") and name != "error"}
        record = {**self._fields, **told, "latency_ms": self._elapsed()}
        if isinstance(error, Exception) or error is None:
            self._queue.put(record_of(self._prompt, self._version, self.error or error, record))
            return
        # Cancelled, interrupted, or ended by whoever runs it: no failure of the model's.
        self._queue.put(record_of(self._prompt, self._version, self.error, {**record, "status": "cancelled"}))
