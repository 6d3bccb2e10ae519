"""What the operator's commands share: a database to speak to, and as whom."""

import argparse
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from dakora_server.config import Settings, UnsafeSettings, load_settings
from dakora_server.core.scope import Platform
from dakora_server.core.storage.changes import ChangeFeed
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.schema import APP_ROLE
from dakora_server.core.storage.walls import check_walls
from dakora_server.core.templates.rendering import Renderer
from dakora_server.core.templates.worker import RenderPool
from dakora_server.core.tenancy.provisioning import seed_local_tenant
from dakora_server.dev import embedded_postgres, registry_below
from dakora_server.main import assemble, check_schema, limits_of, registry_of

Shape = TypeVar("Shape", bound=BaseModel)
DATA_DIR = Path(".dakora")
# A walk along everything takes longer than any request may.
_STATEMENT_SECONDS = 600


class Misuse(Exception):
    """The command cannot do what it was asked for; the message is one sentence that says why."""


def data_dir_option(command: argparse.ArgumentParser) -> None:
    """The option of every command that works on the data of `dakora dev` too."""
    text = "the folder of `dakora dev`, where DATABASE_URL is not set (default .dakora)"
    command.add_argument("--data-dir", type=Path, default=DATA_DIR, help=text)


@contextmanager
def reachable(data_dir: Path) -> Iterator[Settings]:
    """Settings with a database that answers for as long as the block lasts: DATABASE_URL's, or the data folder's own.

    Raises UnsafeSettings where there is neither, EmbeddedError while `dakora dev` uses the folder.
    """
    settings = load_settings()
    if settings.database_url is not None:
        yield settings
        return
    if not (data_dir / "postgres").is_dir():
        raise UnsafeSettings(
            f"DATABASE_URL is not set, and {data_dir} holds no data of `dakora dev`: set it, or give --data-dir."
        )
    with embedded_postgres(data_dir) as postgres:
        # As `dakora dev` does: documents lie in the data folder, unless somebody says otherwise.
        beside = {} if "registry_url" in settings.model_fields_set else {"registry_url": registry_below(data_dir)}
        yield load_settings(database_url=postgres.url(user=APP_ROLE), **beside)


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """The database, if it has this release's schema. Raises SchemaMismatch, DatabaseUnavailable."""
    database = Database(settings.database_url or "", pool_size=2, statement_timeout=_STATEMENT_SECONDS)
    try:
        await check_schema(database)
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_rows(settings: Settings) -> AsyncIterator[Platform]:
    """A platform for changing rows: nothing of it is started, so whoever asks it to render is told that it cannot.

    What changes is announced in the same transaction, and so heard by every server. Raises what `open_database`
    raises, and UnsafeDatabase.
    """
    async with open_database(settings) as database:
        await check_walls(database)
        if settings.mode in {"none", "keys"}:
            await seed_local_tenant(database)
        registry = registry_of(settings)
        limits = limits_of(settings)
        renderer = Renderer(RenderPool(workers=settings.worker_count, limits=limits), limits)
        try:
            yield assemble(settings, database, registry, renderer, ChangeFeed(database.url))
        finally:
            registry.close()


def checked(shape: type[Shape], **values: Any) -> Shape:
    """The values as the API takes them. Raises Misuse with the first thing that is wrong."""
    try:
        return shape.model_validate({name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-") if first["loc"] else "a value"
        raise Misuse(f"{option}: {first['msg'].removeprefix('Value error, ')}.") from None


def answer(text: str) -> None:
    """What was asked for, on standard output."""
    sys.stdout.write(f"{text}\n")


def remark(text: str) -> None:
    """A word to whoever sits there, on standard error: it does not get into a pipe."""
    sys.stderr.write(f"{text}\n")


def answer_json(found: Any) -> None:
    """What was asked for, for programs."""
    answer(json.dumps(found, indent=2, ensure_ascii=False))


def answer_rows(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """What was asked for, for people: aligned, with a heading."""
    lines = [columns, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        answer("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
