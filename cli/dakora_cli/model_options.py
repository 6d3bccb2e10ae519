"""What commands that run prompts share: inputs, models, parameters, and how a run is told of."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from dakora_cli.logs import dollars, milliseconds, tokens
from dakora_cli.options import Invocation
from dakora_cli.refusals import WrongUse
from dakora_cli.render import parse_input, read_inputs
from dakora_client import RunResult


def run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--input`, `--inputs`, `--param`, `--user` and `--timeout`."""
    options = (
        click.option(
            "--input",
            "-i",
            "values",
            multiple=True,
            metavar="NAME=TEXT",
            help="An input: name=text, or name:=json. Repeatable.",
        ),
        click.option(
            "--inputs",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="A JSON file with inputs; `-` reads stdin.",
        ),
        click.option(
            "--param",
            "-p",
            "parameters",
            multiple=True,
            metavar="NAME=VALUE",
            help="A parameter of the model: max_tokens=200, or name:=json. Repeatable.",
        ),
        click.option("--user", metavar="USER", help="Your reference to a user, kept with the run."),
        click.option(
            "--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="How long it may take."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def given_inputs(call: Invocation, values: Sequence[str], inputs: Path | None) -> dict[str, Any]:
    """The inputs of a file, with those of `-i` on top. Raises WrongUse."""
    if call.flags.api_key == "-" and str(inputs) == "-":
        raise WrongUse("Standard input can hold the key or the inputs, not both.")
    return read_inputs(call.world, inputs) | dict(map(parse_input, values))


def given_parameters(words: Sequence[str]) -> dict[str, Any]:
    """`temperature=0.2` and the like: a number where it reads as one. Raises WrongUse."""
    found: dict[str, Any] = {}
    for word in words:
        if "=" not in word:
            raise WrongUse(f"-p takes name=value or name:=json, not {word!r}.")
        name, value = parse_input(word)
        found[name] = _number(value) if isinstance(value, str) else value
    return found


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)


def provider_and_model(word: str | None) -> tuple[str | None, str | None]:
    """`openai/gpt-4o-mini`, or the name alone, for the version's own provider."""
    if word is None:
        return None, None
    provider, slash, name = word.partition("/")
    if slash and not (provider and name):
        raise WrongUse(f"--model takes PROVIDER/NAME or NAME, not {word!r}.")
    return (provider, name) if slash else (None, word)


def about(result: RunResult) -> str:
    """A run in one line."""
    first = "" if result.first_token_ms is None else f", first token after {milliseconds(result.first_token_ms)}"
    cost = "price not known" if result.cost_usd is None else dollars(result.cost_usd)
    used = tokens(result.input_tokens, result.output_tokens)
    return (
        f"{result.provider}/{result.model}, version {result.version_number}: {used} tokens, {cost},"
        f" {milliseconds(result.latency_ms)}{first}"
    )


def say_afterwards(call: Invocation, result: RunResult) -> None:
    """What a user should know of a run besides its answer."""
    for fault in result.errors:
        call.out.warn(f"the answer does not follow the prompt's schema: {fault.message}")
    if result.budget is not None and result.budget.state != "ok":
        spent, limit = dollars(result.budget.spent_usd), dollars(result.budget.limit_usd)
        call.out.warn(f"{spent} of this month's budget of {limit} are spent.")
    if not result.recorded:
        call.out.warn("the run could not be recorded.")
