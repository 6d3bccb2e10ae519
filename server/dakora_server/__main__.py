"""The operator's door: `python -m dakora_server` and a command."""

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import NoReturn

from dakora_server import logs, operator_audit, operator_keys, operator_providers, operator_registry
from dakora_server.config import Settings, UnsafeSettings, load_settings
from dakora_server.core.exceptions import DakoraError
from dakora_server.core.prompts.fsck import Report, fsck
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.embedded import EmbeddedError
from dakora_server.core.storage.walls import UnsafeDatabase
from dakora_server.dev import run_dev
from dakora_server.main import VERSION, SchemaMismatch, create_app, registry_of
from dakora_server.operator_access import DATA_DIR, Misuse, open_database, reachable
from dakora_server.promptvault import ProjectFileInvalid
from dakora_server.serving import AddressInUse, serve

_DATABASE = "postgresql://unset"
_REFUSALS = (
    Misuse,
    UnsafeSettings,
    ProjectFileInvalid,
    UnsafeDatabase,
    SchemaMismatch,
    EmbeddedError,
    AddressInUse,
)
# What HTTP calls the server's own fault: the database does not answer.
_OURS = 500


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 0 when it did what it should."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except _REFUSALS as refusal:
        print(f"dakora: {refusal}", file=sys.stderr)
        return 2
    except DakoraError as refusal:
        print(f"dakora: {refusal.detail}", file=sys.stderr)
        return 3 if refusal.status >= _OURS else 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dakora_server", description="Run and look after a Dakora server.")
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("serve", help="serve the API with the database at DATABASE_URL")
    command.set_defaults(run=_serve)

    command = commands.add_parser("dev", help="the whole platform with a PostgreSQL of its own")
    command.add_argument("--host", default=None, help="address to listen on (default 127.0.0.1)")
    command.add_argument("--port", type=int, default=None, help="port to listen on (default 54321, 0 takes a free one)")
    command.add_argument("--data-dir", type=Path, default=DATA_DIR, help="where data lies (default .dakora)")
    command.add_argument("--prompts", type=Path, default=None, help="keep this folder and the project in step")
    command.set_defaults(run=_dev)

    command = commands.add_parser("migrate", help="bring the database to this release's schema")
    command.add_argument("--revision", default="head", help="schema to go to (default: the newest)")
    command.set_defaults(run=_migrate)

    command = commands.add_parser("wait-for-db", help="wait until the database answers")
    command.add_argument("--timeout", type=float, default=60, help="seconds to wait at most (default 60)")
    command.set_defaults(run=_wait_for_db)

    command = commands.add_parser("openapi", help="print the API's description")
    command.set_defaults(run=_openapi)

    command = commands.add_parser("fsck", help="check that every row has its document and every document its hash")
    command.add_argument("--sweep", action="store_true", help="remove documents that no version names any more")
    command.add_argument("--grace", type=float, default=24, help="hours a document is left alone (default 24)")
    command.add_argument("--data-dir", type=Path, default=DATA_DIR, help="the folder of `dakora dev`")
    command.add_argument("--json", action="store_true", help="print the report as JSON")
    command.set_defaults(run=_fsck)

    operator_audit.add_commands(commands)
    operator_keys.add_commands(commands)
    operator_providers.add_commands(commands)
    operator_registry.add_commands(commands)
    return parser


def _serve(_: argparse.Namespace) -> int:
    settings = load_settings()
    logs.configure(level=settings.log_level, style=settings.log_format)
    return serve(create_app(settings), settings.host, settings.port)


def _dev(options: argparse.Namespace) -> int:
    given = {name: getattr(options, name) for name in ("host", "port") if getattr(options, name) is not None}
    return run_dev(given, data_dir=options.data_dir, prompts=options.prompts)


def _migrate(options: argparse.Namespace) -> None:
    # Alembic takes a third of a second to load, and only this command always needs it.
    from dakora_server.core.storage.migrations import migrate  # noqa: PLC0415 - see above

    settings = load_settings()
    owner_url = settings.database_owner_url or _database_url(settings)
    print(f"schema {migrate(owner_url, revision=options.revision, app_url=settings.database_url) or 'none'}")


def _wait_for_db(options: argparse.Namespace) -> int:
    settings = load_settings()
    return asyncio.run(_answers_within(_database_url(settings), options.timeout))


async def _answers_within(database_url: str, seconds: float) -> int:
    database = Database(database_url, pool_size=1)
    give_up = time.monotonic() + seconds
    try:
        while True:
            try:
                await database.check()
            except DakoraError:
                if time.monotonic() > give_up:
                    print(f"dakora: the database did not answer within {seconds:g} s.", file=sys.stderr)
                    return 3
                await asyncio.sleep(0.2)
            else:
                return 0
    finally:
        await database.close()


def _openapi(_: argparse.Namespace) -> None:
    # The description does not depend on any setting, and must not depend on this machine's.
    app = create_app(Settings(_env_file=None, database_url=_DATABASE))
    print(json.dumps(app.openapi(), indent=2, ensure_ascii=False))


def _fsck(options: argparse.Namespace) -> int:
    with reachable(options.data_dir) as settings:
        report = asyncio.run(_check(settings, options))
    print(json.dumps(report.to_json(), indent=2) if options.json else report.to_text())
    return 0 if report.is_clean else 1


async def _check(settings: Settings, options: argparse.Namespace) -> Report:
    registry = registry_of(settings)
    try:
        async with open_database(settings) as database:
            return await fsck(database, registry, grace_hours=options.grace, sweep=options.sweep)
    finally:
        registry.close()


def _database_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise UnsafeSettings("DATABASE_URL is not set: name the PostgreSQL to use.")
    return settings.database_url


def _leave(code: int) -> NoReturn:
    """End the process; where a cloud's library was used, at once.

    Its threads may still be about to call Python for credentials, and abort the process when Python is being taken
    down under them.
    """
    if "obstore" in sys.modules:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    _leave(main())
