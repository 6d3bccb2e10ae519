"""`tables.py` is the truth; migrations lead there, and back, and never two at once."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql

from dakora_server.core.storage.database import driver_url, engine_url
from dakora_server.core.storage.migrations import migrate, newest_revision
from dakora_server.core.storage.schema import SCHEMA_REVISION
from dakora_server.core.storage.tables import metadata


@pytest.fixture
def empty(postgres):
    """The URL of an empty database."""
    name = "empty_" + str(id(object()))
    with psycopg.connect(driver_url(postgres.url()), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield postgres.url(name)
    with psycopg.connect(driver_url(postgres.url()), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def shape(url):
    """Every column, constraint and index there is, in order."""
    with psycopg.connect(driver_url(url)) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
            " WHERE table_schema = 'public' ORDER BY 1, 2"
        ).fetchall()
        constraints = connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace ORDER BY 1"
        ).fetchall()
        indexes = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
    return columns, constraints, indexes


def test_the_migrations_lead_to_exactly_the_tables(empty):
    migrate(empty)
    engine = sqlalchemy.create_engine(engine_url(empty), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_release_expects_the_newest_migration():
    assert newest_revision() == SCHEMA_REVISION


def test_up_down_and_up_again_gives_the_same_schema(empty):
    migrate(empty)
    first = shape(empty)
    assert migrate(empty, revision="base") == ""
    assert migrate(empty) == SCHEMA_REVISION
    assert shape(empty) == first


def test_six_migrations_at_once_all_succeed(empty):
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(migrate, [empty] * 6)) == [SCHEMA_REVISION] * 6


def test_every_row_of_a_tenant_is_found_by_the_tenant_first():
    # What belongs to nobody, or is a tenant itself.
    others = {"users", "workspaces", "projects", "audit_seals", "changes"}
    tenants = {"project_id", "workspace_id", "tenant_id", "user_id"}
    for name, table in metadata.tables.items():
        first = next(iter(table.primary_key.columns)).name
        assert (first in tenants) == (name not in others), name


def test_every_index_of_prompts_begins_with_the_tenant():
    for name in ("prompts", "versions"):
        table = metadata.tables[name]
        assert next(iter(table.primary_key.columns)).name == "project_id"
        for index in table.indexes:
            assert next(iter(index.columns)).name == "project_id", index.name
        for constraint in table.foreign_key_constraints:
            if constraint.referred_table.name in {"prompts", "versions"}:
                assert constraint.column_keys[0] == "project_id"
