"""The walls themselves, by SQL as the application's role, table by table from the catalogue."""

import asyncio
import contextlib
import uuid

import psycopg
import pytest
from isolation_suite.rows import NOBODYS
from psycopg import sql

from dakora_server.core.storage.database import Database, driver_url
from dakora_server.core.storage.schema import APP_ROLE
from dakora_server.core.storage.tables import metadata
from dakora_server.core.storage.walls import UnsafeDatabase, check_walls

SETTINGS = ("user_id", "workspace_id", "project_id")
TABLES = [table.name for table in metadata.sorted_tables]
WRITTEN_ONCE = (
    "versions",
    "part_versions",
    "prompt_uses",
    "part_uses",
    "label_moves",
    "label_comments",
    "audit_events",
    "audit_seals",
)

GIVEN_AWAY = (
    "workspaces",
    "memberships",
    "projects",
    "prompts",
    "parts",
    "labels",
    "protected_labels",
    "label_requests",
    "api_keys",
    "invitations",
)


@pytest.fixture(autouse=True)
def _entries(scene):
    """Numbers that wait to be folded: those of the scene's own runs are folded by now."""
    with psycopg.connect(driver_url(scene.database.owner_url)) as connection:
        for side in scene.tenants.sides.values():
            for spot in side.spots:
                connection.execute(
                    "INSERT INTO stat_entries (project_id, groups) SELECT %s, json_build_array(json_build_object("
                    "'day', now()::date, 'prompt_id', '', 'version_number', 0, 'label', '', 'provider', '', 'model',"
                    " %s::text, 'status', 'ok', 'bucket', 1, 'runs', 1, 'input_tokens', 0, 'output_tokens', 0,"
                    " 'cached_input_tokens', 0, 'cost_usd', 0, 'unpriced', 0))",
                    (spot.id, f"model-{spot.canary}"),
                )
                connection.execute(
                    "INSERT INTO budget_holds (project_id, id, month, amount_usd, until)"
                    " SELECT project_id, gen_random_uuid(), month, 1, now() + interval '1 hour' FROM budget_months"
                    " WHERE project_id = %s",
                    (spot.id,),
                )


@pytest.fixture
def app(scene):
    """A connection as the application has them."""
    with psycopg.connect(driver_url(scene.database.app_url)) as connection:
        yield connection


def speak_for(connection, **names):
    connection.rollback()
    for setting in (*SETTINGS, "platform"):
        connection.execute("SELECT set_config(%s, %s, true)", [f"dakora.{setting}", names.get(setting, "")])


def tenants_of(scene, side):
    """Every way to speak for a workspace, and which labels may then be seen."""
    one = scene.tenants.sides[side]
    first, second = one.spots
    return (
        ({"workspace_id": one.id}, {side, first.label, second.label}),
        ({"project_id": first.id}, {side, first.label}),
        ({"project_id": second.id}, {side, second.label}),
        ({"workspace_id": one.id, "project_id": first.id}, {side, first.label, second.label}),
        ({"user_id": one.users["owner"]}, {side, first.label, second.label, f"{side}:owner"}),
        ({"user_id": one.users["loner"]}, {side, f"{side}:loner"}),
    )


def seen_by(connection, table):
    found = connection.execute(sql.SQL("SELECT to_jsonb(t) FROM {} t").format(sql.Identifier(table))).fetchall()
    return [row for (row,) in found]


@pytest.mark.parametrize("table", TABLES)
def test_without_a_tenant_no_row_is_seen(app, table):
    assert seen_by(app, table) == []
    speak_for(app)
    assert seen_by(app, table) == []


@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_sees_its_own_rows_only(scene, app, table):
    rows = scene.rows()
    for side in ("A", "B", "C"):
        for names, labels in tenants_of(scene, side):
            speak_for(app, **names)
            for row in seen_by(app, table):
                assert table not in NOBODYS
                # The bridge is in two workspaces, and seen from both.
                assert rows.whose(scene.tenants, table, row) & labels, (names, row)


def test_something_is_seen_where_it_should_be(scene, app):
    seen = set()
    for names, _ in tenants_of(scene, "A"):
        speak_for(app, **names)
        seen |= {table for table in TABLES if seen_by(app, table)}
    assert seen >= set(TABLES) - NOBODYS - {"webhook_events"}


@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_writes_no_row_of_anothers(scene, app, table):
    """Each row of B, put in anew, changed and deleted by everybody of A: refused, or nothing there to do it to."""
    rows = scene.rows()
    if table in NOBODYS:
        speak_for(app, workspace_id=scene.tenants.sides["A"].id)
        assert changed(app, sql.SQL("DELETE FROM {}").format(sql.Identifier(table))) == 0
        return
    name, count = sql.Identifier(table), 0
    # With the numbers that PostgreSQL gives out: without, it would refuse them before it asks whose the row is.
    again = sql.SQL(
        "INSERT INTO {0} OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_record(NULL::{0}, %s)"
    ).format(name)
    foreign = [row for row in rows.rows[table] if is_of(rows.whose(scene.tenants, table, row), "B")][:40]
    for names, _ in tenants_of(scene, "A"):
        for row in foreign:
            speak_for(app, **names)
            assert changed(app, again, [psycopg.types.json.Jsonb(row)]) == 0, (names, row)
            count += 1
        speak_for(app, **names)
        where, values = exactly(table, foreign)
        column = sql.Identifier(next(iter(metadata.tables[table].c)).name)
        assert changed(app, sql.SQL("UPDATE {0} SET {1} = {1} WHERE {2}").format(name, column, where), values) == 0
        assert changed(app, sql.SQL("DELETE FROM {} WHERE {}").format(name, where), values) == 0
    assert count > 0 or table == "webhook_events"


def is_of(labels, side):
    return all(label[0] == side for label in labels) and bool(labels)


def exactly(table, rows):
    """A condition that these rows meet, by their keys."""
    keys = [column.name for column in metadata.tables[table].primary_key]
    one = sql.SQL("(") + sql.SQL(" AND ").join(sql.SQL("{}::text = %s").format(sql.Identifier(key)) for key in keys)
    conditions = [one + sql.SQL(")") for _ in rows] or [sql.SQL("false")]
    return sql.SQL(" OR ").join(conditions), [str(row[key]) for row in rows for key in keys]


def changed(connection, statement, values=()):
    """How many rows a statement changed; none where it is refused."""
    try:
        with connection.transaction():
            return connection.execute(statement, values).rowcount
    except psycopg.errors.InsufficientPrivilege:
        return 0


@pytest.mark.parametrize("table", GIVEN_AWAY)
def test_a_tenant_gives_none_of_its_rows_away(scene, app, table):
    """A row of one's own cannot be made another's."""
    here, there = scene.tenants.sides["A"], scene.tenants.sides["B"]
    keys = {column.name for column in metadata.tables[table].c} & {"workspace_id", "project_id"}
    for key in keys or {"id"}:
        target = there.spots[0].id if key == "project_id" else there.id
        speak_for(app, workspace_id=here.id, project_id=here.spots[0].id, user_id=here.users["owner"])
        own = here.spots[0].id if key == "project_id" else here.id
        move = sql.SQL("UPDATE {0} SET {1} = %s WHERE {1} = %s").format(sql.Identifier(table), sql.Identifier(key))
        # By the policy, or because a foreign key carries the workspace along.
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ForeignKeyViolation)):
            app.execute(move, [target, own])


def test_an_event_is_written_into_the_trail_of_ones_own_workspace_only(scene, app):
    one, other = scene.tenants.sides["A"], scene.tenants.sides["B"]
    project, foreign = one.spots[0].id, other.spots[0].id
    write = (
        "INSERT INTO audit_events (workspace_id, id, project_id, at, actor_kind, actor_id, action, subject)"
        " VALUES (%s, gen_random_uuid(), %s, now(), 'user', %s, 'forged', 'x')"
    )
    for names, workspace_id, project_id in (
        ({"project_id": project}, other.id, project),
        ({"project_id": project}, other.id, None),
        ({"project_id": project}, one.id, foreign),
        ({"workspace_id": one.id}, one.id, foreign),
        ({"workspace_id": one.id}, other.id, None),
        ({"user_id": one.users["owner"]}, one.id, None),
    ):
        speak_for(app, **names)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(write, [workspace_id, project_id, one.users["owner"]])
    for names in ({"project_id": project}, {"workspace_id": one.id}):
        speak_for(app, **names)
        app.execute(write, [one.id, project, one.users["owner"]])
    app.rollback()


@pytest.mark.parametrize("table", WRITTEN_ONCE)
def test_what_is_written_once_is_neither_changed_nor_deleted(scene, app, table):
    name = sql.Identifier(table)
    column = sql.Identifier(next(iter(metadata.tables[table].c)).name)
    for statement in ("UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0}"):
        speak_for(app, workspace_id=scene.tenants.sides["A"].id, platform="on")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            app.execute(sql.SQL(statement).format(name, column))


def test_the_role_is_nobody_in_particular(scene, app):
    row = app.execute(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,"
        " (SELECT count(*) FROM pg_class WHERE relowner = r.oid),"
        " (SELECT count(*) FROM pg_auth_members WHERE member = r.oid)"
        " FROM pg_roles r WHERE rolname = current_user"
    ).fetchone()
    assert row == (False, False, False, False, False, 0, 0)
    owner = app.execute(
        "SELECT r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE relname = 'prompts'"
    ).fetchone()[0]
    for statement in (
        f'SET ROLE "{owner}"',
        f'SET SESSION AUTHORIZATION "{owner}"',
        "CREATE TABLE public.mine (id int)",
        "ALTER TABLE prompts DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant_all ON prompts",
        "CREATE OR REPLACE FUNCTION dakora_project() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'",
        "SELECT * FROM pg_authid",
    ):
        app.rollback()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(statement)
    app.rollback()
    app.execute("SET row_security = off")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        app.execute("SELECT * FROM prompts")


def test_every_table_has_the_wall_enabled_and_forced(app):
    found = app.execute(
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    ).fetchall()
    assert {name for name, _ in found} == {*TABLES, "alembic_version"}
    assert {name for name, held in found if not held} == {"alembic_version"}


@contextlib.contextmanager
def owner_of(scene):
    with psycopg.connect(driver_url(scene.database.owner_url), autocommit=True) as connection:
        yield connection


def as_owner(scene, statement):
    with owner_of(scene) as owner:
        owner.execute(statement)


async def refusal(url):
    """What the start-up check says of a URL; None when it lets it pass."""
    database = Database(url, pool_size=1)
    try:
        await check_walls(database)
    except UnsafeDatabase as error:
        return str(error)
    finally:
        await database.close()
    return None


@pytest.fixture
def other_role(scene, postgres):
    """A role that may use the tables, to be given what it should not have."""
    name = f"role_{uuid.uuid4().hex[:10]}"
    with owner_of(scene) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE {}").format(sql.Identifier(name), sql.Identifier(APP_ROLE)))
        yield name, postgres.url(scene.database.name, user=name), owner
        owner.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(sql.Identifier(name)))
        owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.mark.parametrize(
    ("gift", "said"),
    [
        ("ALTER ROLE {} SUPERUSER", "is a superuser"),
        ("ALTER ROLE {} BYPASSRLS", "bypasses row-level security"),
        ("ALTER TABLE public.prompts OWNER TO {}", "owns the tables"),
    ],
)
async def test_the_start_refuses_a_role_that_no_wall_stops(other_role, gift, said):
    name, url, owner = other_role
    assert await refusal(url) is None
    await asyncio.to_thread(owner.execute, sql.SQL(gift).format(sql.Identifier(name)))
    answer = await refusal(url)
    assert answer is not None
    assert said in answer
    assert name in answer
    assert_one_sentence(answer)


async def test_the_start_refuses_the_owner(scene):
    assert "superuser" in await refusal(scene.database.owner_url)
    assert await refusal(scene.database.app_url) is None


@pytest.mark.parametrize("statement", ["DISABLE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY"])
@pytest.mark.parametrize("table", TABLES)
async def test_the_start_refuses_a_table_without_its_wall(scene, table, statement):
    change = sql.SQL("ALTER TABLE {} " + statement).format(sql.Identifier(table))
    back = sql.SQL("ALTER TABLE {0} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY").format(sql.Identifier(table))
    # On a thread: a transaction of this event loop may hold the table.
    await asyncio.to_thread(as_owner, scene, change)
    try:
        answer = await refusal(scene.database.app_url)
    finally:
        await asyncio.to_thread(as_owner, scene, back)
    assert answer is not None
    assert table in answer
    assert_one_sentence(answer)


def assert_one_sentence(text):
    assert "\n" not in text
    assert text.endswith(".")
    assert text.count(". ") == 0
