"""`dakora run`."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path

import click

from dakora_cli.model_options import (
    about,
    given_inputs,
    given_parameters,
    provider_and_model,
    run_options,
    say_afterwards,
)
from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.reach import ask
from dakora_cli.refusals import Exit
from dakora_cli.selection import prompt_id_argument, refuse_both, version_options
from dakora_client import Dakora, RunResult, RunText


@command("run", *REACHING, *SPEAKING)
@prompt_id_argument
@click.option("--model", "-m", metavar="PROVIDER/NAME", help="The model (default: the version's own).")
@run_options
@version_options
def run(
    call: Invocation,
    *,
    prompt_id: str,
    model: str | None,
    values: Sequence[str],
    inputs: Path | None,
    parameters: Sequence[str],
    user: str | None,
    timeout: float | None,
    version: str | None,
    label: str | None,
) -> int:
    """Run a prompt on a model and print the answer as it comes.

    The answer alone goes to stdout; what it took and cost is said on stderr. Ctrl-C cancels the run. With --json
    everything is printed at the end. Exit code 1 where the answer does not follow the prompt's schema.
    """
    refuse_both(version, label)
    given = given_inputs(call, values, inputs)
    provider, name = provider_and_model(model)
    wanted = {
        "version": version,
        "label": label,
        "provider": provider,
        "model": name,
        "parameters": given_parameters(parameters),
        "user": user,
        "timeout": timeout,
    }

    async def answer(dakora: Dakora) -> RunResult:
        if call.out.as_json:
            return await dakora.prompts.execute(prompt_id, given, **wanted)  # type: ignore[arg-type]  # as the client has them
        result: RunResult | None = None
        ends_a_line = True
        async with aclosing(dakora.prompts.stream(prompt_id, given, **wanted)) as events:  # type: ignore[arg-type,type-var]  # as above
            async for event in events:
                if isinstance(event, RunText):
                    call.out.write(event.text)
                    call.out.flush()
                    ends_a_line = event.text.endswith("\n")
                elif isinstance(event, RunResult):
                    result = event
        if call.out.to_terminal and not ends_a_line:
            call.out.write("\n")
        assert result is not None  # noqa: S101 - a stream without one raises
        return result

    result = ask(call, answer)
    if call.out.as_json:
        call.out.json(asdict(result))
    else:
        for tool in result.tool_calls:
            call.out.line(f"{tool.name}({tool.arguments})")
        call.out.say(about(result), "dim")
        say_afterwards(call, result)
    return Exit.NO if result.status == "invalid" else Exit.DONE
