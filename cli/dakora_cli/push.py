"""`dakora push`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import click

from dakora_cli.checks import check
from dakora_cli.folder import PromptFile, folder_option, read_folder
from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.output import counted
from dakora_cli.planning import Outcome, Plan, plan
from dakora_cli.progress import progress
from dakora_cli.reach import ask, at_once
from dakora_cli.refusals import Exit, Problem, Refusal
from dakora_cli.remote import heads_of
from dakora_cli.saving import Saved, Saver
from dakora_client import Dakora

_STYLES = {Outcome.CREATED: "green", Outcome.UPDATED: "cyan", Outcome.RESTORED: "green"}
_DID = {outcome: outcome.value for outcome in Outcome}
_WILL = _DID | {Outcome.CREATED: "to create", Outcome.UPDATED: "to update"}


@command("push", *REACHING, *SPEAKING)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@folder_option
@click.option("--check", "check_only", is_flag=True, help="Save nothing; exit 1 when something would change.")
@click.option("--dry-run", is_flag=True, help="Save nothing; say what would change.")
@click.option("--message", "-m", metavar="TEXT", help="Why, for the history.")
@click.option("--force", is_flag=True, help="Save also what began at an older version.")
def push(
    call: Invocation,
    *,
    paths: Sequence[Path],
    folder: Path,
    check_only: bool,
    dry_run: bool,
    message: str | None,
    force: bool,
) -> int:
    """Save the prompts of a folder on the server.

    PATHS are files and sub-folders, all unless given. Every file is checked before the first one is sent. What has
    not changed is left alone; a changed file that names the server's newest version becomes the next one, and its
    version line is rewritten; one that names an older version is refused, because somebody else has saved since.
    """
    reading = read_folder(call.world, folder, paths)
    if reading.problems:
        raise _unfit(reading.problems)
    heads = ask(call, partial(heads_of, ids=[file.spec.id for file in reading.files]))
    plans = [(file, plan(file, heads.get(file.spec.id), force=force)) for file in reading.files]
    faults = [fault for file, planned in plans if planned.is_sent for fault in check(file)[0]]
    if faults:
        raise _unfit(faults)
    foreseen = [_foreseen(file, planned) for file, planned in plans]
    if check_only or dry_run:
        _report(call, foreseen, words=_WILL)
        return Exit.NO if check_only and any(one.outcome is not Outcome.UNCHANGED for one in foreseen) else Exit.DONE
    untouched = [saved for saved, (_, planned) in zip(foreseen, plans, strict=True) if not planned.is_sent]
    sent = [(file, planned) for file, planned in plans if planned.is_sent]
    _save(call, sent, untouched, message=message, force=force)
    return Exit.DONE


def _save(
    call: Invocation,
    sent: Sequence[tuple[PromptFile, Plan]],
    untouched: Sequence[Saved],
    *,
    message: str | None,
    force: bool,
) -> None:
    results = list(untouched)

    async def send(dakora: Dakora) -> None:
        saver = Saver(dakora, message, force)

        async def one(file: PromptFile, planned: Plan) -> None:
            results.append(await saver.save(file, planned))

        await at_once([partial(one, file, planned) for file, planned in sent], done=step)

    try:
        with progress(call, "Saving", len(sent)) as step:
            ask(call, send)
    except Refusal as refusal:
        done = len(results) - len(untouched)
        refusal.message = f"Stopped after {done} of {counted(len(sent), 'prompt')}: {refusal.message}"
        _print(call, results, words=_DID)
        raise
    _report(call, results, words=_DID)


def _foreseen(file: PromptFile, planned: Plan) -> Saved:
    problems = () if planned.reason is None else (Problem(planned.reason, file.shown, type="behind"),)
    return Saved(file, planned.outcome, planned.version, problems)


def _unfit(problems: Sequence[Problem]) -> Refusal:
    return Refusal("Nothing was sent: mend the files first.", problems=problems)


def _report(call: Invocation, results: Sequence[Saved], *, words: Mapping[Outcome, str]) -> None:
    """Say what became of the files. Raises Refusal when not all is well."""
    _print(call, results, words=words)
    found = [problem for one in results for problem in one.problems]
    if found:
        count = sum(1 for one in results if one.problems)
        raise Refusal(f"{counted(count, 'file')} {'has' if count == 1 else 'have'} problems.", problems=found)


def _print(call: Invocation, results: Sequence[Saved], *, words: Mapping[Outcome, str]) -> None:
    out = call.out
    ordered = sorted(results, key=lambda one: one.file.shown)
    counts = Counter(one.outcome for one in ordered)
    if out.as_json:
        out.json({"prompts": [one.to_json() for one in ordered], "counts": counts})
        return
    for one in ordered:
        if one.outcome not in {Outcome.UNCHANGED, Outcome.REFUSED}:
            version = f" {one.version}" if one.version else ""
            out.line(f"{words[one.outcome]} {one.file.spec.id}{version} ({one.file.shown})", _STYLES[one.outcome])
    said = [f"{counts[outcome]} {words[outcome]}" for outcome in Outcome if counts[outcome]]
    out.say(", ".join(said) or "There are no prompts in this folder.")
