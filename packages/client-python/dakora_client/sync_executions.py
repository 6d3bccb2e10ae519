# Generated from executions.py by generate_sync.py: change that file, then run this one.

"""`dakora.executions`: runs of prompts on models, recorded and counted."""

import builtins
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

from dakora_client import _execution_operations
from dakora_client._execution_operations import MOST_RECORDS
from dakora_client._runs import Run, record_of
from dakora_client._senders import SyncSender
from dakora_client.execution_types import (
    Execution,
    ExecutionSettings,
    GroupBy,
    Keep,
    Recorded,
    Stats,
    StatsComparison,
    Status,
)
from dakora_client.types import Prompt, RenderResult


class ExecutionsSync:
    """Recorded runs of the client's project, and their numbers.

    `log` is for programs: it costs microseconds, waits for nothing and is sent in the background. Every other method
    takes `timeout`, the seconds it may take in all, in place of the client's own.
    """

    def __init__(self, sender: SyncSender) -> None:
        self._sender = sender

    def log(
        self,
        prompt: Prompt | RenderResult | str | None = None,
        *,
        version: int | str | None = None,
        label: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        status: Status = "ok",
        error: BaseException | str | None = None,
        finish_reason: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        messages: Sequence[Any] | None = None,
        output: str | None = None,
        tool_calls: Sequence[Any] | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cached_input_tokens: int | None = None,
        cost_usd: float | None = None,
        latency_ms: float | None = None,
        first_token_ms: float | None = None,
        started_at: datetime | None = None,
        user: str | None = None,
        session: str | None = None,
        trace_id: str | None = None,
        span_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        id: str | None = None,  # noqa: A002 - the API's own word
    ) -> bool:
        """Record a run of `prompt` (what `render` or `get` answered, or an id), without waiting for anything.

        What is logged is sent by a thread of its own, in batches, again and again while the server is away. It is
        dropped only when 10,000 records are waiting, when the server refuses it, or when the program ends before it
        could be sent: `dropped` counts them, and the first one is told in a warning. False if this one was dropped.

        A name of your user in `user` lets you erase their texts later. With an `error` the status is `error` unless you
        say otherwise.

        Raises:
            InvalidRequestError: a value is nothing that JSON can hold.
        """
        fields = {name: value for name, value in locals().items() if name not in {"self", "prompt", "version", "error"}}
        return self._sender.log_queue.put(record_of(prompt, version, error, fields))

    def start(
        self,
        prompt: Prompt | RenderResult | str | None = None,
        *,
        version: int | str | None = None,
        label: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        user: str | None = None,
        session: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Run:
        """A run to be measured and logged: `with dakora.executions.start(prompt, model="…") as run:`.

        Set `run.output`, `run.input_tokens` and the like inside the block. When it ends the run is logged with its
        latency, as an error if an exception ends it.
        """
        fields = {name: value for name, value in locals().items() if name not in {"self", "prompt", "version"}}
        return Run(self._sender.log_queue, prompt, version, fields)

    @property
    def dropped(self) -> int:
        """How many logged records were dropped."""
        return self._sender.log_queue.dropped

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until what was logged has been sent, at most `timeout` seconds; whether that is so."""
        return self._sender.flush(timeout)

    def record(self, records: Sequence[Mapping[str, Any]], *, timeout: float | None = None) -> Recorded:
        """Record runs now, up to 1,000, all or nothing; each is a mapping with the API's field names.

        Raises:
            InvalidRequestError: a record is not acceptable; `.errors` says which and why.
        """
        if not 1 <= len(records) <= MOST_RECORDS:
            raise ValueError(f"records are 1 to {MOST_RECORDS}.")
        call = _execution_operations.record_executions([_execution_operations.written(one) for one in records])
        return self._sender.send(call, timeout)

    def list(
        self,
        *,
        prompt: str | None = None,
        version: int | str | None = None,
        label: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        status: Status | None = None,
        user: str | None = None,
        session: str | None = None,
        source: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        timeout: float | None = None,
    ) -> builtins.list[Execution]:
        """The newest `limit` runs that fit, without their texts, newest first.

        Raises:
            ValueError: `limit` is below 1.
        """
        if limit < 1:
            raise ValueError("limit is 1 or more.")
        wanted = {name: value for name, value in locals().items() if name not in {"self", "limit", "timeout"}}
        page_at = partial(_execution_operations.list_executions, wanted, limit=limit)
        found: builtins.list[Execution] = []
        for execution in self._sender.iterate(page_at, timeout):
            found.append(execution)
            if len(found) == limit:
                break
        return found

    def iter(
        self,
        *,
        prompt: str | None = None,
        version: int | str | None = None,
        label: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        status: Status | None = None,
        user: str | None = None,
        session: str | None = None,
        source: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        timeout: float | None = None,
    ) -> Iterator[Execution]:
        """Every run that fits, newest first, one after the other; pages are fetched as they are needed."""
        wanted = {name: value for name, value in locals().items() if name not in {"self", "timeout"}}
        page_at = partial(_execution_operations.list_executions, wanted, limit=None)
        yield from self._sender.iterate(page_at, timeout)

    def get(self, execution_id: str, *, timeout: float | None = None) -> Execution:
        """One run with its texts, as far as the project keeps them.

        Raises:
            NotFoundError: there is no such run, or its time is over.
        """
        return self._sender.send(_execution_operations.get_execution(execution_id), timeout)

    def stats(
        self,
        *,
        group_by: Sequence[GroupBy] = ("day",),
        prompt: str | None = None,
        version: int | None = None,
        label: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        status: Status | None = None,
        since: date | None = None,
        until: date | None = None,
        timeout: float | None = None,
    ) -> builtins.list[Stats]:
        """Counts, errors, tokens, cost and latency of each group, of the last 30 days or between two days (UTC)."""
        wanted = {name: value for name, value in locals().items() if name not in {"self", "group_by", "timeout"}}
        return [*self._sender.send(_execution_operations.get_stats(group_by, wanted), timeout)]

    def compare_versions(
        self,
        prompt: str,
        version: int,
        against: int,
        *,
        since: date | None = None,
        until: date | None = None,
        timeout: float | None = None,
    ) -> StatsComparison:
        """One version of a prompt against another, by what was recorded."""
        call = _execution_operations.compare_stats(prompt, version, against, since=since, until=until)
        return self._sender.send(call, timeout)

    def erase(self, user: str, *, timeout: float | None = None) -> int:
        """Erase a user: the texts of all their runs and the reference to them. How many runs; their numbers stay.

        Raises:
            PermissionDenied: you are no admin of the workspace.
        """
        return self._sender.send(_execution_operations.erase_executions(user), timeout)

    def settings(self, *, timeout: float | None = None) -> ExecutionSettings:
        """What the project keeps of its runs, and for how long."""
        return self._sender.send(_execution_operations.get_execution_settings(), timeout)

    def change_settings(
        self, *, keep: Keep, retention_days: int | None, timeout: float | None = None
    ) -> ExecutionSettings:
        """Keep more or less of the texts from now on; keep records for so many days, or, with None, for ever.

        Raises:
            PermissionDenied: you are no admin of the workspace.
        """
        return self._sender.send(_execution_operations.change_execution_settings(keep, retention_days), timeout)
