"""Running prompts on models: one, as its answer comes, or several beside each other; each recorded once."""

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import orjson

from dakora_server.core.exceptions import Busy, DakoraError, DatabaseUnavailable, Fault, PromptNotFound
from dakora_server.core.executions.records import ExecutionDraft, Source, Status
from dakora_server.core.executions.service import Recorder
from dakora_server.core.ids import uuid7
from dakora_server.core.llm.catalogue import priced_as
from dakora_server.core.llm.records import Call, Ended
from dakora_server.core.llm.service import Models
from dakora_server.core.prices import Price
from dakora_server.core.run_exceptions import ProviderTimeout
from dakora_server.core.runs import budgets
from dakora_server.core.runs.budget_records import Standing
from dakora_server.core.runs.listening import Heard, listen
from dakora_server.core.runs.preparing import Prepared, hold, most_it_costs, prepare
from dakora_server.core.runs.records import Event, Failed, Order, Result, Started
from dakora_server.core.scope import ProjectRunner

logger = logging.getLogger(__name__)
# Pieces that a slow reader may leave waiting before the model's stream has to wait too.
_AHEAD = 256
_T = TypeVar("_T")
_RECORD_PAUSES = (0.1, 0.5, 2.0)


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How long runs may take, how often they are tried again, how many go on at once."""

    seconds: float = 120.0
    retries: int = 2
    at_once: int = 200

    @property
    def at_once_in_workspace(self) -> int:
        """A workspace alone cannot take every place."""
        return max(1, self.at_once // 2)


class Runner:
    """Runs prompts; one a process. `close` ends what is under way, and records it."""

    def __init__(self, models: Models, recorder: Recorder, limits: RunLimits) -> None:
        self.models = models
        self.recorder = recorder
        self.limits = limits
        self._tasks: set[asyncio.Task[None]] = set()
        self._by_workspace: Counter[UUID] = Counter()

    def start(self, project: ProjectRunner, order: Order) -> "Run":
        """Begin a run in a task of its own. Raises Busy."""
        workspace_id = project.workspace_id
        if len(self._tasks) >= self.limits.at_once:
            raise Busy("Too many prompts are being run.")
        if self._by_workspace[workspace_id] >= self.limits.at_once_in_workspace:
            raise Busy("Too many prompts of this workspace are being run.")
        run = Run(self, project, order)
        self._tasks.add(run.task)
        self._by_workspace[workspace_id] += 1

        def ended(task: "asyncio.Task[None]") -> None:
            self._tasks.discard(task)
            self._by_workspace[workspace_id] -= 1
            if not self._by_workspace[workspace_id]:
                del self._by_workspace[workspace_id]

        run.task.add_done_callback(ended)
        return run

    async def run(self, project: ProjectRunner, order: Order) -> Result | Failed:
        """Run to the end; cancelled with its caller. Raises Busy."""
        run = self.start(project, order)
        try:
            async with aclosing(run.events()) as events:
                async for event in events:
                    if isinstance(event, Result | Failed):
                        return event
        finally:
            await run.cancel()
        raise AssertionError("a run's events end with a result or a failure")

    async def compare(self, project: ProjectRunner, orders: Sequence[Order]) -> list[Result | Failed]:
        """Run all at once; each ends for itself. Raises PromptNotFound where there is nothing to run."""

        async def one(order: Order) -> Result | Failed:
            try:
                return await self.run(project, order)
            except Busy as error:
                return Failed(error)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(order)) for order in orders]
        ended = [task.result() for task in tasks]
        for end in ended:
            if isinstance(end, Failed) and isinstance(end.error, PromptNotFound):
                raise end.error
        return ended

    async def close(self) -> None:
        """Cancel every run, and wait until each is recorded."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.models.close()


class Run:
    """One run under way. Its events end with a Result or a Failed; `cancel` ends it early, and it is recorded so."""

    def __init__(self, runner: Runner, project: ProjectRunner, order: Order) -> None:
        self.id = uuid7()
        self._runner = runner
        self._project = project
        self._order = order
        self._events: asyncio.Queue[Event] = asyncio.Queue(_AHEAD)
        self._seconds = min(order.seconds or runner.limits.seconds, runner.limits.seconds)
        self.task = asyncio.create_task(self._go())

    async def events(self) -> AsyncGenerator[Event]:
        """What happens, as it happens."""
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, Result | Failed):
                return

    async def cancel(self) -> None:
        """End the run, if it goes on, and wait until it is recorded."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _go(self) -> None:
        last: Result | Failed
        try:
            last = await self._run()
        except DakoraError as error:
            last = Failed(error)
        except Exception as error:  # noqa: BLE001 - whoever waits for the end must hear of it, whatever it was
            last = Failed(_unexpected(error))
        await self._events.put(last)

    async def _run(self) -> Result | Failed:
        runner = self._runner
        prepared = await prepare(self._project, runner.models, self._order)
        prices = runner.recorder.prices
        if not prices.is_loaded:
            await asyncio.to_thread(prices.load)
        price = prices.price_of(priced_as(prepared.opened.provider), prepared.call.model)
        call, month = await self._hold(prepared, price)
        heard, cancelled = Heard(), False
        error: DakoraError | None = None
        try:
            async with asyncio.timeout(self._seconds):
                await self._listen(prepared, call, heard)
        except TimeoutError:
            error = ProviderTimeout(f"The answer did not come within {self._seconds:g} seconds.")
        except DakoraError as refusal:
            error = refusal
        except asyncio.CancelledError:
            cancelled = True
        except Exception as failure:  # noqa: BLE001 - it may have cost something: what comes below must not be skipped
            error = _unexpected(failure)
        heard.finish()
        faults = [] if error or cancelled else await _faults(prepared, heard)
        cost = self._cost(prepared, heard)
        spent = cost or Decimal(0)
        if cost is None and price is not None and month is not None and heard.opened:
            # Nobody told what it came to. The most that it can be is counted.
            spent = most_it_costs(call, price)
        status = _status(error, faults, cancelled=cancelled)
        draft = self._draft(prepared, call, heard, status, error, cost)
        recorded, standing = await _surely(
            self._record(draft, month or budgets.this_month(), spent, held=month is not None)
        )
        if cancelled:
            raise asyncio.CancelledError
        if error is not None:
            return Failed(error, self.id if recorded else None)
        return self._result(prepared, call, heard, status, cost, faults, recorded=recorded, standing=standing)

    async def _hold(self, prepared: Prepared, price: Price | None) -> tuple[Call, date | None]:
        """`hold`, and if we are cancelled meanwhile, nothing stays held. Raises what `hold` raises."""
        holding = asyncio.create_task(hold(self._project, prepared, price, self.id, seconds=self._seconds))
        try:
            return await asyncio.shield(holding)
        except asyncio.CancelledError:
            await asyncio.wait({holding})
            month = None if holding.exception() else holding.result()[1]
            if month is not None:
                async with self._project.writing() as writer:
                    await budgets.settle(writer, self.id, month, Decimal(0), held=True)
            raise

    async def _listen(self, prepared: Prepared, call: Call, heard: Heard) -> None:
        runner = self._runner
        pieces = listen(runner.models, prepared.opened, call, heard, retries=runner.limits.retries)
        async with aclosing(pieces) as coming:
            async for piece in coming:
                if piece is None:
                    record, name = prepared.rendered.prompt.record, prepared.opened.provider.name
                    await self._events.put(Started(self.id, record, name, call.model))
                elif not isinstance(piece, Ended):
                    await self._events.put(piece)

    def _cost(self, prepared: Prepared, heard: Heard) -> Decimal | None:
        if heard.end is None:
            return None
        return self._runner.recorder.prices.cost(
            priced_as(prepared.opened.provider),
            prepared.call.model,
            input_tokens=heard.end.input_tokens,
            output_tokens=heard.end.output_tokens,
            cached_input_tokens=heard.end.cached_input_tokens,
        )

    def _draft(
        self,
        prepared: Prepared,
        call: Call,
        heard: Heard,
        status: Status,
        error: DakoraError | None,
        cost: Decimal | None,
    ) -> ExecutionDraft:
        order, record, end = self._order, prepared.rendered.prompt.record, heard.end
        return ExecutionDraft(
            id=self.id,
            started_at=heard.started_at,
            source=Source.execute,
            status=status,
            prompt_id=record.prompt_id,
            version=record.semver,
            version_number=record.number,
            label=order.which.label,
            provider=prepared.opened.provider.name,
            model=call.model,
            error_type=None if error is None else error.code,
            error_message=None if error is None else error.detail,
            finish_reason=None if end is None else end.finish_reason,
            input_tokens=None if end is None else end.input_tokens,
            output_tokens=None if end is None else end.output_tokens,
            cached_input_tokens=None if end is None else end.cached_input_tokens,
            cost_usd=cost,
            latency_ms=heard.latency_ms,
            first_token_ms=heard.first_token_ms,
            user=order.user,
            session=order.session,
            inputs=prepared.rendered.inputs,
            messages=[{"role": message.role, "content": message.content} for message in call.messages],
            output=heard.output or None,
            tool_calls=[{"id": one.id, "name": one.name, "arguments": one.arguments} for one in heard.tool_calls]
            or None,
            metadata=order.metadata,
            parts=[{"id": part.id, "version_number": part.number} for part in record.includes.used] or None,
        )

    async def _record(
        self, draft: ExecutionDraft, month: date, spent: Decimal, *, held: bool
    ) -> tuple[bool, Standing | None]:
        """Record the run and count its cost, together. What was answered is not lost with a record that fails."""
        for pause in (*_RECORD_PAUSES, None):
            try:
                async with self._project.writing() as writer:
                    await self._runner.recorder.record(writer, [draft])
                    await budgets.settle(writer, self.id, month, spent, held=held)
                    standing = await budgets.standing(writer)
            except (DatabaseUnavailable, Busy) as error:
                if pause is None:
                    logger.error("a run was not recorded: %s", error.code)
                    return False, None
                await asyncio.sleep(pause)
            else:
                return True, standing
        return False, None

    def _result(
        self,
        prepared: Prepared,
        call: Call,
        heard: Heard,
        status: Status,
        cost: Decimal | None,
        faults: Sequence[Fault],
        *,
        recorded: bool,
        standing: Standing | None,
    ) -> Result:
        end = heard.end
        return Result(
            id=self.id,
            prompt=prepared.rendered.prompt.record,
            provider=prepared.opened.provider.name,
            model=call.model,
            status=status,
            started_at=heard.started_at,
            output=heard.output,
            tool_calls=heard.tool_calls,
            finish_reason=None if end is None else end.finish_reason,
            input_tokens=None if end is None else end.input_tokens,
            output_tokens=None if end is None else end.output_tokens,
            cached_input_tokens=None if end is None else end.cached_input_tokens,
            cost_usd=cost,
            latency_ms=heard.latency_ms,
            first_token_ms=heard.first_token_ms,
            faults=faults,
            recorded=recorded,
            budget=standing,
        )


def _unexpected(error: Exception) -> DakoraError:
    """What the caller is told; the log learns where it was, and not what it says.

    Libraries quote what they were given, and that is somebody's text.
    """
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("a run failed unexpectedly: %s\n%s", type(error).__name__, where)
    return DakoraError()


def _status(error: DakoraError | None, faults: Sequence[Fault], *, cancelled: bool) -> Status:
    if cancelled:
        return Status.cancelled
    if error is not None:
        return Status.timeout if isinstance(error, ProviderTimeout) else Status.error
    return Status.invalid if faults else Status.ok


async def _faults(prepared: Prepared, heard: Heard) -> list[Fault]:
    """Why the answer does not follow the prompt's schema. One that calls a tool is no answer yet."""
    schema = prepared.call.response_schema
    if schema is None or heard.tool_calls:
        return []
    try:
        value = orjson.loads(heard.output)
    except ValueError:
        return [Fault("The answer is not JSON.", loc=("output",), type="not_json")]
    try:
        return await prepared.renderer.check_schemas([(("output",), schema, value)])
    except DakoraError as error:
        return [Fault(f"The answer could not be checked: {error.title}.", loc=("output",), type="not_checked")]


async def _surely(work: Coroutine[Any, Any, _T]) -> _T:
    """Do it to the end, also when whoever waits is cancelled meanwhile; that is told afterwards."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
