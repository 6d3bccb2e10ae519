# Generated from prompt_runs.py by generate_sync.py: change that file, then run this one.

"""What `dakora.prompts` can do with a model: run a prompt, as its answer comes or at its end, and compare runs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from dakora_client import _run_operations
from dakora_client._run_answers import EventReader
from dakora_client._run_operations import MOST_SECONDS
from dakora_client._senders import SyncSender
from dakora_client.run_types import ComparedRun, RunChoice, RunEvent, RunResult


class PromptRunsSync:
    """Runs of prompts on models. They cost money, so none is ever sent a second time by itself."""

    def __init__(self, sender: SyncSender) -> None:
        self._sender = sender

    def execute(
        self,
        prompt_id: str,
        inputs: Mapping[str, object] | None = None,
        *,
        version: int | str | None = None,
        label: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        user: str | None = None,
        session: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> RunResult:
        """Run a prompt on a model, and give back its answer; the run is recorded in the project's executions.

        What is not given of `provider`, `model` and `parameters` is the version's own. `user` lets you erase the texts
        of your user's runs later. `timeout` is 130 seconds unless given.

        Raises:
            NotFoundError: there is no such prompt, version or label.
            InvalidInputsError: inputs are missing, unknown or of the wrong type; `.errors` names them all.
            InvalidRequestError: there is no model, or the provider refuses the request.
            BudgetExceeded: the project's budget of the month does not allow the run.
            ConflictError: the provider is not set up in this project.
            ProviderError: the provider failed, was busy or out of reach, or took too long.
        """
        choice = RunChoice(version=version, label=label, provider=provider, model=model, parameters=parameters or {})
        call = _run_operations.execute_prompt(
            prompt_id, inputs, choice, user=user, session=session, metadata=metadata, timeout=timeout
        )
        return self._sender.send(call, timeout or MOST_SECONDS)

    def stream(
        self,
        prompt_id: str,
        inputs: Mapping[str, object] | None = None,
        *,
        version: int | str | None = None,
        label: str | None = None,
        provider: str | None = None,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        user: str | None = None,
        session: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Iterator[RunEvent]:
        """Run a prompt on a model, and give its answer as it comes: a `RunStarted`, then `RunText` and `ToolCall`,
        and the `RunResult` at the end.

        Whoever stops listening cancels the run: close the iterator, or leave it to the end of the program. Arguments
        and errors are those of `execute`; an error may also come after the first texts.
        """
        choice = RunChoice(version=version, label=label, provider=provider, model=model, parameters=parameters or {})
        call = _run_operations.execute_prompt(
            prompt_id, inputs, choice, stream=True, user=user, session=session, metadata=metadata, timeout=timeout
        )
        reader = EventReader()
        with closing(self._sender.lines(call, timeout or MOST_SECONDS)) as lines:
            for line in lines:
                event = reader.read(line)
                if event is not None:
                    yield event
        reader.finish()

    def compare(
        self,
        prompt_id: str,
        inputs: Mapping[str, object] | None = None,
        *,
        runs: Sequence[RunChoice],
        user: str | None = None,
        session: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> tuple[ComparedRun, ...]:
        """Run a prompt on several models, or in several versions, at once: up to 10, in the order of `runs`.

        Each ends for itself: one that fails has its error where its result would be.
        """
        call = _run_operations.compare_prompt(
            prompt_id, inputs, runs, user=user, session=session, metadata=metadata, timeout=timeout
        )
        return self._sender.send(call, timeout or MOST_SECONDS)
