"""`tables.py` is the truth; migrations lead there, and back, and never two at once."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql

from dakora_server.core.prompts.finding import as_array, question
from dakora_server.core.prompts.records import PromptFilter
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


@pytest.fixture
def owned(postgres, owner_url):
    """The URL of an empty database whose owner is no superuser, as on a managed PostgreSQL: the walls hold for it."""
    name = "owned_" + str(id(object()))
    with psycopg.connect(driver_url(owner_url), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(sql.Identifier(name)))
    yield postgres.url(name, user=name)
    with psycopg.connect(driver_url(owner_url), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_prompts_of_an_older_release_can_be_searched_for_after_migrating(owned):
    migrate(owned, revision="0003")
    one = uuid.uuid4()
    with psycopg.connect(driver_url(owned)) as connection:
        for setting in ("user_id", "workspace_id", "project_id"):
            connection.execute("SELECT set_config(%s, %s, true)", (f"dakora.{setting}", str(one)))
        connection.execute("INSERT INTO users (id, name) VALUES (%s, 'U')", (one,))
        connection.execute("INSERT INTO workspaces (id, slug, name) VALUES (%s, 'w', 'W')", (one,))
        connection.execute("INSERT INTO projects (id, workspace_id, slug, name) VALUES (%s, %s, 'p', 'P')", (one, one))
        connection.execute(
            "INSERT INTO prompts (project_id, prompt_id, id_key, folder, head_number, revision, created_by)"
            " VALUES (%s, 'Old', 'old', 'a/b', 2, 1, %s)",
            (one, one),
        )
        for number, words in ((1, "First words"), (2, "Newest Words")):
            connection.execute(
                "INSERT INTO versions (project_id, prompt_id, number, semver, content_hash, description, tags, inputs,"
                " portable, created_by) VALUES (%s, 'Old', %s, %s, repeat('0', 64), %s, '{mail}', '{}', true, %s)",
                (one, number, f"1.0.{number}", words, one),
            )
    assert migrate(owned) == SCHEMA_REVISION
    with psycopg.connect(driver_url(owned)) as connection:
        walls = "SELECT count(*) FROM pg_class WHERE relname IN ('prompts', 'versions') AND relforcerowsecurity"
        assert connection.execute(walls).fetchone() == (2,)
        connection.execute("SELECT set_config('dakora.project_id', %s, true)", (str(one),))
        entered = connection.execute("SELECT id_key, words, folder, tags FROM prompt_search").fetchall()
        assert entered == [("old", "newest words", "a/b", ["mail"])]
        for wanted, found in ((PromptFilter(search="T WORD", tag="mail", folder="a"), 1), (PromptFilter(tag="x"), 0)):
            numbers = as_array(question(one, wanted))
            connection.execute("SELECT set_config('dakora.wanted', %s, true)", (numbers,))
            assert connection.execute("SELECT count(*) FROM prompt_numbers").fetchone() == (found,)


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
