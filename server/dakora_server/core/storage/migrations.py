"""Bring the schema to the newest revision, once, whoever else tries at the same time."""

import contextlib
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, text

from dakora_server.core.storage.database import engine_url
from dakora_server.core.storage.schema import APP_ROLE, SCHEMA_REVISION

_SCRIPTS = Path(__file__).resolve().parents[2] / "alembic"
# Any constant will do, as long as every release uses the same one.
_MIGRATION_LOCK = 0x64616B6F7261


def migrate(database_url: str, *, revision: str = "head", app_url: str | None = None) -> str:
    """Upgrade the database to `revision` under an advisory lock and return the revision it then has.

    `database_url` is the owner's. The role in `app_url`, if it is another one, is made and given what the application
    may do. Raises sqlalchemy.exc.OperationalError when the database cannot be reached.
    """
    engine = sqlalchemy.create_engine(engine_url(database_url), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
        try:
            connection.commit()
            _run(connection, revision)
            if app_url is not None and revision == "head":
                _admit(connection, app_url)
            return current_revision(connection)
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATION_LOCK})
            connection.commit()


def _run(connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    # A migration that cannot get its lock soon gives up, rather than make every request queue behind it.
    connection.execute(text("SET lock_timeout = '2s'"))
    connection.commit()
    if revision != "head" and _is_older(connection, revision):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)
    connection.commit()


def _admit(connection: Connection, app_url: str) -> None:
    """Let the role of `app_url` do what the application does. An existing role keeps its password."""
    url = sqlalchemy.make_url(engine_url(app_url))
    owner = connection.execute(text("SELECT session_user")).scalar_one()
    if url.username is None or url.username == owner:
        return
    name = sql.Identifier(url.username)
    driver: psycopg.Connection[Any] = connection.connection.dbapi_connection  # type: ignore[assignment]  # it is psycopg's
    found = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": url.username})
    if found.scalar_one_or_none() is None:
        password = sql.SQL(" PASSWORD {}").format(sql.Literal(url.password)) if url.password else sql.SQL("")
        with contextlib.suppress(psycopg.errors.DuplicateObject):
            driver.execute(sql.SQL("CREATE ROLE {} LOGIN{}").format(name, password))
    if url.username != APP_ROLE:
        driver.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(APP_ROLE), name))
    else:
        driver.execute(sql.SQL("ALTER ROLE {} LOGIN").format(name))
        if url.password:
            driver.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(url.password)))
    connection.commit()


def _is_older(connection: Connection, revision: str) -> bool:
    if revision == "base":
        return True
    known = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]
    current = current_revision(connection)
    return bool(current) and known.index(revision) > known.index(current)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("path_separator", "os")
    return config


def current_revision(connection: Connection) -> str:
    """The revision the database has; empty before the first migration."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def newest_revision() -> str:
    """The revision this release expects, from the scripts themselves (`SCHEMA_REVISION` must say the same)."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    return head or SCHEMA_REVISION
