"""`registry copy`: all documents from one store to another."""

import argparse
import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from dotenv import dotenv_values

from dakora_server.config import Settings, load_settings
from dakora_server.core.exceptions import DakoraError
from dakora_server.core.storage.registry.addresses import Place, parse_place
from dakora_server.core.storage.registry.base import Registry
from dakora_server.core.storage.registry.copying import AT_ONCE, CopyReport, copy
from dakora_server.main import registry_of
from dakora_server.operator_access import Misuse, answer, answer_json, remark

_VENDORS = ("AWS_", "AZURE_", "GOOGLE_", "STORAGE_EMULATOR_HOST")
_BAR = 30
_TELL_SECONDS = 0.1


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`registry` and what stands below it."""
    verbs = commands.add_parser("registry", help="look after the document store")
    verb = verbs.add_subparsers(required=True, metavar="VERB").add_parser(
        "copy", help="copy every document to another store, proved by hash; started again, it goes on"
    )
    verb.add_argument("source", metavar="FROM", help="a folder, az://container/…, s3://bucket/… or gs://bucket/…")
    verb.add_argument("target", metavar="TO", help="the same; made where it is a folder")
    verb.add_argument("--from-env", type=Path, metavar="FILE", help="credentials of FROM, instead of the environment's")
    verb.add_argument("--to-env", type=Path, metavar="FILE", help="credentials of TO, instead of the environment's")
    verb.add_argument("--jobs", type=int, default=AT_ONCE, help=f"documents under way together (default {AT_ONCE})")
    verb.add_argument("--trust-size", action="store_true", help="do not read again what is there in the right size")
    verb.add_argument("--json", action="store_true", help="print the report as JSON")
    verb.set_defaults(run=_copy)


def _copy(options: argparse.Namespace) -> int:
    if options.jobs < 1:
        raise Misuse("--jobs must be at least 1.")
    source_settings = _settings(options.source, options.from_env)
    target_settings = _settings(options.target, options.to_env)
    place = parse_place(source_settings.registry_url)
    if place.kind == "file" and not Path(place.path).is_dir():
        raise Misuse(f"There is no folder {place.path} to copy from.")
    if options.from_env == options.to_env and _same(place, parse_place(target_settings.registry_url)):
        raise Misuse("FROM and TO are the same store.")
    source = _opened(source_settings, options.from_env)
    target = _opened(target_settings, options.to_env)
    report = CopyReport()
    try:
        asyncio.run(_run(source, target, report, options))
    except (DakoraError, KeyboardInterrupt):
        remark(f"stopped at {report.done} of {report.documents} documents; the same command goes on from there")
        raise
    finally:
        source.close()
        target.close()
    if options.json:
        answer_json({"whole": report.is_whole, **asdict(report)})
    else:
        _print(report)
    return 0 if report.is_whole else 1


async def _run(source: Registry, target: Registry, report: CopyReport, options: argparse.Namespace) -> None:
    progress = _Progress(report, shown=sys.stderr.isatty())
    try:
        await copy(source, target, report, at_once=options.jobs, trust_size=options.trust_size, tell=progress.tell)
    finally:
        progress.end()


def _settings(url: str, env_file: Path | None) -> Settings:
    with _environment(env_file):
        return load_settings(registry_url=url, **_without_dotenv(env_file))


def _opened(settings: Settings, env_file: Path | None) -> Registry:
    # Once more: the vendors' library looks into the environment itself for what it was not given.
    with _environment(env_file):
        return registry_of(settings)


def _without_dotenv(env_file: Path | None) -> dict[str, None]:
    return {} if env_file is None else {"_env_file": None}


@contextlib.contextmanager
def _environment(env_file: Path | None) -> Iterator[None]:
    """The environment with one store's credentials only: those in the file. Two stores of a kind would mix theirs."""
    if env_file is None:
        yield
        return
    if not env_file.is_file():
        raise Misuse(f"There is no file {env_file}.")
    before = {name: value for name, value in os.environ.items() if name.startswith(_VENDORS)}
    given = {name: value for name, value in dotenv_values(env_file).items() if name.startswith(_VENDORS) and value}
    _replace(before, given)
    try:
        yield
    finally:
        _replace(given, before)


def _replace(old: dict[str, str], new: dict[str, str]) -> None:
    for name in old:
        os.environ.pop(name, None)
    os.environ.update(new)


def _same(one: Place, other: Place) -> bool:
    if one.kind == other.kind == "file":
        return Path(one.path).resolve() == Path(other.path).resolve()
    return one == other


def _print(report: CopyReport) -> None:
    for name in report.corrupt:
        answer(f"corrupt  {name} (left out)")
    for name in report.failed:
        answer(f"failed   {name} (the target gives other bytes)")
    answer(
        f"{report.documents} documents: {report.copied} copied ({_size(report.bytes)}), "
        f"{report.present} there already, {len(report.corrupt)} corrupt, {len(report.failed)} failed"
    )


def _size(count: int) -> str:
    return f"{count / 1024**2:.1f} MiB" if count >= 1024**2 else f"{count / 1024:.1f} KiB"


class _Progress:
    """One line on a terminal that is written over, a few times a second; nothing where nobody looks."""

    def __init__(self, report: CopyReport, *, shown: bool) -> None:
        self._report = report
        self._shown = shown
        self._told_at = 0.0

    def tell(self) -> None:
        now = time.monotonic()
        if self._shown and now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            self._write()

    def end(self) -> None:
        if self._shown:
            self._write()
            sys.stderr.write("\n")

    def _write(self) -> None:
        done, total = self._report.done, self._report.documents
        full = _BAR * done // total if total else _BAR
        bar = "█" * full + "░" * (_BAR - full)
        bad = len(self._report.corrupt) + len(self._report.failed)
        sys.stderr.write(f"\r{bar} {done}/{total} {_size(self._report.bytes)}" + (f", {bad} bad" if bad else ""))
        sys.stderr.flush()
