"""`dakora compare`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from dakora_cli.logs import WIDE, dollars, milliseconds, tokens
from dakora_cli.model_options import given_inputs, given_parameters, provider_and_model, run_options, say_afterwards
from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.reach import ask
from dakora_cli.refusals import Exit, WrongUse
from dakora_cli.screen import console, show_rows
from dakora_cli.selection import prompt_id_argument
from dakora_client import ComparedRun, RunChoice

_COLUMNS = ("run", "model", "version", "status", "tokens", "cost", "latency", "first token", "id")
_MOST = 10


@command("compare", *REACHING, *SPEAKING)
@prompt_id_argument
@click.option("--model", "-m", "models", multiple=True, metavar="PROVIDER/NAME", help="A model; repeatable.")
@click.option("--version", "-v", "versions", multiple=True, metavar="VERSION", help="A version; repeatable.")
@click.option("--label", "labels", multiple=True, metavar="LABEL", help="The version of a label; repeatable.")
@run_options
def compare(
    call: Invocation,
    *,
    prompt_id: str,
    models: Sequence[str],
    versions: Sequence[str],
    labels: Sequence[str],
    values: Sequence[str],
    inputs: Path | None,
    parameters: Sequence[str],
    user: str | None,
    timeout: float | None,
) -> int:
    """Run a prompt on several models, or in several versions, and show the answers below each other.

    Every version is run on every model, up to 10 runs at once. Exit code 1 where one of them fails.
    """
    given = given_inputs(call, values, inputs)
    settings = given_parameters(parameters)
    which: list[dict[str, Any]] = [*({"version": one} for one in versions), *({"label": one} for one in labels)]
    pairs = [provider_and_model(one) for one in models]
    choices = [
        RunChoice(**picked, provider=provider, model=name, parameters=settings)
        for picked in which or [{}]
        for provider, name in pairs or [(None, None)]
    ]
    if len(choices) < 2:
        raise WrongUse("Name at least two models or versions to compare: --model, --version or --label, repeated.")
    if len(choices) > _MOST:
        raise WrongUse(f"These are {len(choices)} runs; at most {_MOST} are compared.")
    found = ask(call, lambda dakora: dakora.prompts.compare(prompt_id, given, runs=choices, user=user, timeout=timeout))
    if call.out.as_json:
        call.out.json([_facts(one) for one in found])
    else:
        _print(call, choices, found)
    return Exit.DONE if all(one.error is None for one in found) else Exit.NO


def _print(call: Invocation, choices: Sequence[RunChoice], found: Sequence[ComparedRun]) -> None:
    rows = [_row(number, *pair) for number, pair in enumerate(zip(choices, found, strict=True), start=1)]
    if call.out.to_terminal and console(call).width < WIDE:
        # As in `dakora logs`: an id takes as much room as half of the others.
        show_rows(call, _COLUMNS[:-2], [row[:-2] for row in rows], gives_way="model")
    else:
        show_rows(call, _COLUMNS, rows, gives_way="model")
    for number, (choice, one) in enumerate(zip(choices, found, strict=True), start=1):
        call.out.line("")
        call.out.line(f"[{number}] {_model(choice, one)}", "bold")
        if one.result is None:
            call.out.line(str(one.error), "red")
            continue
        call.out.line(one.result.output)
        for tool in one.result.tool_calls:
            call.out.line(f"{tool.name}({tool.arguments})")
        say_afterwards(call, one.result)


def _model(choice: RunChoice, one: ComparedRun) -> str:
    if one.result is not None:
        return f"{one.result.provider}/{one.result.model}, version {one.result.version_number}"
    named = "/".join(filter(None, (choice.provider, choice.model))) or "the version's own model"
    which = choice.label or choice.version
    return named if which is None else f"{named}, version {which}"


def _row(number: int, choice: RunChoice, one: ComparedRun) -> tuple[str, ...]:
    result = one.result
    if result is None:
        named = "/".join(filter(None, (choice.provider, choice.model))) or "-"
        which = choice.label or choice.version
        code = one.error.code if one.error is not None else None
        return (str(number), named, str(which or "-"), code or "error", "-", "-", "-", "-", one.execution_id or "-")
    return (
        str(number),
        f"{result.provider}/{result.model}",
        str(result.version_number),
        result.status,
        tokens(result.input_tokens, result.output_tokens),
        dollars(result.cost_usd),
        milliseconds(result.latency_ms),
        milliseconds(result.first_token_ms),
        result.execution_id,
    )


def _facts(one: ComparedRun) -> dict[str, Any]:
    error = one.error
    return {
        "execution_id": one.execution_id,
        "result": None if one.result is None else asdict(one.result),
        "error": None if error is None else {"code": error.code, "status": error.status, "detail": error.detail},
    }
