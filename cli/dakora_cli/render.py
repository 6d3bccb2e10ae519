"""`dakora render`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.reach import ask
from dakora_cli.refusals import WrongUse
from dakora_cli.selection import prompt_id_argument, refuse_both, version_options
from dakora_cli.world import World
from dakora_client import RenderResult


@command("render", *REACHING, *SPEAKING)
@prompt_id_argument
@click.option(
    "--input",
    "-i",
    "values",
    multiple=True,
    metavar="NAME=TEXT",
    help="An input: name=text, or name:=json. Repeatable.",
)
@click.option(
    "--inputs", type=click.Path(path_type=Path), metavar="FILE", help="A JSON file with inputs; `-` reads stdin."
)
@version_options
def render(
    call: Invocation,
    *,
    prompt_id: str,
    values: Sequence[str],
    inputs: Path | None,
    version: str | None,
    label: str | None,
) -> None:
    """Fill a prompt with inputs and print the text.

    Values are text (-i name=Alice); with := they are JSON (-i count:=3 -i tags:='["a"]'). What -i says wins over the
    file. Of a chat prompt every message is printed under its role; --json prints everything.
    """
    if call.flags.api_key == "-" and str(inputs) == "-":
        raise WrongUse("Standard input can hold the key or the inputs, not both.")
    refuse_both(version, label)
    given = read_inputs(call.world, inputs) | dict(map(parse_input, values))
    result = ask(call, lambda dakora: dakora.prompts.render(prompt_id, given, version=version, label=label))
    if call.out.as_json:
        call.out.json(_json(result))
    else:
        _print(call, result)


def parse_input(word: str) -> tuple[str, Any]:
    """`name=text` or `name:=json`. Raises WrongUse."""
    name, equals, text = word.partition("=")
    is_json = name.endswith(":")
    name = name.removesuffix(":")
    if not equals or not name:
        raise WrongUse(f"-i takes name=text or name:=json, not {word!r}.")
    if not is_json:
        return name, text
    try:
        return name, json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise WrongUse(f"The value of {name} is not JSON ({error}); for text write {name}=text.") from None


def read_inputs(world: World, source: Path | None) -> dict[str, Any]:
    """The inputs in a JSON file. Raises WrongUse."""
    if source is None:
        return {}
    is_stdin = str(source) == "-"
    name = "standard input" if is_stdin else str(source)
    try:
        text = world.stdin.read() if is_stdin else (world.cwd / source).read_text(encoding="utf-8")
        found = json.loads(text, parse_constant=_no_constant)
    except OSError as error:
        raise WrongUse(f"{name} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise WrongUse(f"{name} is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise WrongUse(f"{name} must hold an object: names and their values.")
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON value")


def _print(call: Invocation, result: RenderResult) -> None:
    out = call.out
    if result.messages is None:
        out.write(result.text)
        # A terminal's next prompt begins on a line of its own; a file gets the text and nothing else.
        if out.to_terminal and not result.text.endswith("\n"):
            out.write("\n")
        return
    for index, message in enumerate(result.messages):
        if index:
            out.line("")
        out.line(f"[{message['role']}]", "bold")
        out.line(message["content"])


def _json(result: RenderResult) -> dict[str, Any]:
    """The result under the names that it has in the API."""
    answer: dict[str, Any] = {"rendered": result.text}
    if result.messages is not None:
        answer["messages"] = result.messages
    return answer | {
        "inputs_used": result.inputs,
        "prompt_id": result.prompt_id,
        "version": result.version,
        "version_number": result.version_number,
        "content_hash": result.content_hash,
        "parts": [{"id": part.id, "version_number": part.version_number} for part in result.parts],
    }
