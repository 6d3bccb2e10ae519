"""`dakora import`."""

import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import click

from dakora_cli.options import REACHING, SPEAKING, Invocation, command
from dakora_cli.output import counted
from dakora_cli.progress import waiting
from dakora_cli.reach import ask
from dakora_cli.refusals import Problem, Refusal, WrongUse, field_at
from dakora_client import Dakora, Fault, ImportReport, InvalidRequestError
from dakora_client.archive_types import ImportOutcome
from dakora_server.core.sync.names import is_hidden, is_yaml

_STYLES = {"created": "green", "updated": "cyan", "restored": "green"}
_CODES = {"import_refused", "archive_invalid"}


@command("import", *REACHING, *SPEAKING)
@click.argument("source", metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Save nothing; say what would become of each file.")
@click.option("--partial", is_flag=True, help="Save what can be saved, though the rest cannot.")
@click.option("--message", "-m", metavar="TEXT", help="Why, for the history.")
def import_(call: Invocation, *, source: str, dry_run: bool, partial: bool, message: str | None) -> None:
    """Save the prompts and parts of an archive on the server.

    FILE is what `dakora export` wrote, a zipped folder of prompts, or a folder itself, whose own folder `parts` has the
    parts; `-` reads a zip from standard input. Everything is saved or nothing, and doing it twice changes nothing.
    """
    archive, prefix = _archive(call, source)

    async def send(dakora: Dakora) -> ImportReport:
        try:
            return await dakora.projects.import_(archive, dry_run=dry_run, partial=partial, message=message)
        except InvalidRequestError as error:
            if error.code not in _CODES:
                raise
            problems = [_problem(fault, prefix) for fault in error.errors]
            sentence = "Nothing was saved: mend these files first." if problems else error.detail
            facts = {"status": error.status, "code": error.code, "request_id": error.request_id}
            raise Refusal(sentence, problems=problems, facts=facts) from None

    with waiting(call, "Importing"):
        report = ask(call, send)
    _print(call, report)
    refused = [one for one in (*report.parts, *report.prompts) if one.outcome == "refused"]
    problems = [_problem(fault, prefix) for one in refused for fault in one.errors]
    if problems:
        raise Refusal(f"{counted(len(refused), 'file')} cannot be saved.", problems=problems)


def _archive(call: Invocation, source: str) -> tuple[bytes, str]:
    """The zip to send, and what its paths are put behind where they are shown. Raises WrongUse."""
    if source == "-":
        stream = getattr(call.world.stdin, "buffer", None)
        if stream is None:
            raise WrongUse("There is no archive on standard input.")
        return stream.read(), ""
    path = call.world.cwd / source
    if path.is_dir():
        return _packed(path), f"{source.rstrip('/')}/"
    try:
        return path.read_bytes(), ""
    except FileNotFoundError:
        raise WrongUse(f"There is no file {source}.") from None


def _packed(folder: Path) -> bytes:
    """The folder's prompt files as a zip. Raises WrongUse when there are none."""
    packed, count = io.BytesIO(), 0
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as packing:
        for path in _prompt_files(folder):
            packing.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix()), path.read_bytes())
            count += 1
    if not count:
        raise WrongUse(f"There are no YAML files in {folder.name}.")
    return packed.getvalue()


def _prompt_files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield from (Path(root, name) for name in sorted(names) if is_yaml(name))


def _problem(fault: Fault, prefix: str) -> Problem:
    """A fault of the server, whose first step is the file."""
    path, inside = (f"{prefix}{fault.loc[0]}", fault.loc[1:]) if fault.loc else (None, ())
    return Problem(fault.message, path, fault.line, fault.column, field=field_at(inside), type=fault.type)


def _print(call: Invocation, report: ImportReport) -> None:
    out = call.out
    if out.as_json:
        out.json(asdict(report))
        return
    for one in (*report.parts, *report.prompts):
        if one.outcome in _STYLES:
            will = "would be " if report.dry_run else ""
            out.line(f"{will}{one.outcome} {one.id} {one.version} ({one.path})", _STYLES[one.outcome])
    for label in report.labels:
        if label.outcome == "skipped":
            out.warn(f"the label {label.label} of {label.prompt} was left where it is. {label.reason}")
    parts = _said(report.part_counts)
    said = [_said(report.counts), f"parts: {parts}" if parts else ""]
    out.say("; ".join(filter(None, said)) or "There are no prompts in this archive.")


def _said(counts: Mapping[ImportOutcome, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
