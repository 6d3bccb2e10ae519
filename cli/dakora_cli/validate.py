"""`dakora validate`."""

from collections.abc import Sequence
from pathlib import Path

import click

from dakora_cli.checks import check
from dakora_cli.folder import Reading, find_files, folder_at, prompt_dir, read_files
from dakora_cli.options import SPEAKING, Invocation, command
from dakora_cli.output import counted
from dakora_cli.refusals import Exit, Problem, WrongUse


@command("validate", *SPEAKING)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
def validate(call: Invocation, *, paths: Sequence[Path]) -> int:
    """Check files with prompts and parts without a server.

    PATHS are files and folders, `prompts` (or what promptvault.yaml says) unless given. Prints file:line:column and
    what is wrong there; exits 1 when anything is. Warnings, about inputs that are used and not declared or the other
    way round, change nothing about the exit code.
    """
    reading = Reading()
    for path in paths or [prompt_dir(call.world)]:
        reading += _read(call, path)
    errors, warnings = list(reading.problems), list[Problem]()
    for file in reading.files:
        wrong, doubtful = check(file)
        errors += wrong
        warnings += doubtful
    _report(
        call,
        sorted(errors, key=_place),
        sorted(warnings, key=_place),
        count=len({*(file.shown for file in reading.files), *(problem.path for problem in reading.problems)}),
        parts=sum(file.is_part for file in reading.files),
    )
    return Exit.NO if errors else Exit.DONE


def _read(call: Invocation, path: Path) -> Reading:
    start = folder_at(call.world, path)
    if not start.exists():
        raise WrongUse(f"There is no {path}.")
    whole = folder_at(call.world, prompt_dir(call.world))
    own = start if start.is_dir() else start.parent
    # From the whole folder, so that a file in it is known for a part by its place.
    base = whole if start.is_relative_to(whole) else own
    return read_files(call.world, base, find_files(call.world, base, [start]))


def _place(problem: Problem) -> tuple[str, int, int]:
    return problem.path or "", problem.line or 0, problem.column or 0


def _report(call: Invocation, errors: list[Problem], warnings: list[Problem], *, count: int, parts: int) -> None:
    out = call.out
    if out.as_json:
        out.json(
            {
                "ok": not errors,
                "files": count,
                "errors": [problem.to_json() for problem in errors],
                "warnings": [problem.to_json() for problem in warnings],
            }
        )
        return
    for problem in errors:
        out.line(f"{problem.place}: {problem.message}", "red")
    for problem in warnings:
        out.line(f"{problem.place}: warning: {problem.message}", "yellow")
    read = counted(count - parts, "prompt") + (f", {counted(parts, 'part')}" if parts else "")
    out.say(f"{read}, {counted(len(errors), 'error')}, {counted(len(warnings), 'warning')}")
