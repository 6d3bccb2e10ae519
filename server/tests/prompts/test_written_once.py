"""What was written once stays: for SQL as the application's role, for every operation of the API, and for `fsck`."""

import uuid
from pathlib import Path

import psycopg
import pytest

from dakora_server.core.prompts.fsck import fsck
from dakora_server.core.storage.database import driver_url
from dakora_server.core.storage.registry.addresses import parse_place
from dakora_server.core.storage.tables import versions
from dakora_server.main import registry_of

INPUTS = {"who": {"type": "string", "required": False, "default": "you"}}


@pytest.fixture
async def told(project):
    """A prompt with three versions, and what the API says of each."""
    await project.create("p", "Hello {{ who }}", inputs=INPUTS, description="First", metadata={"tags": ["a", "b"]})
    await project.save("p", "Hello you", message="why")
    await project.save("p", "{% for x in xs %}{{ x }}{% for y in x %}{{ y }}{% endfor %}{% endfor %}")
    return await versions_of(project)


async def versions_of(project):
    listed = (await project.client.get(f"{project.prompts}/p/versions")).json()
    kept = ("content_hash", "template", "version", "message", "created_by", "description", "inputs", "metadata")
    whole = []
    for number in range(1, len(listed) + 1):
        one = (await project.client.get(f"{project.prompts}/p/versions/{number}")).json()
        whole.append({name: one[name] for name in (*kept, "portable")})
    return whole, listed


@pytest.fixture
def as_app(database_url, project):
    """A connection as the application has them, speaking for the project."""
    with psycopg.connect(driver_url(database_url)) as connection:
        connection.execute("SELECT set_config('dakora.project_id', %s, false)", [str(project.id)])
        connection.commit()
        yield connection


@pytest.fixture
def as_owner(owner_url):
    """A connection as somebody who may do everything."""
    with psycopg.connect(driver_url(owner_url), autocommit=True) as connection:
        yield connection


COLUMNS = [column.name for column in versions.c]


@pytest.mark.parametrize("column", COLUMNS)
async def test_no_column_of_a_version_is_changed_by_sql(told, as_app, column):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_app.execute(f"UPDATE versions SET {column} = {column}")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM versions",
        "TRUNCATE versions CASCADE",
        "DELETE FROM label_moves",
        "UPDATE label_moves SET to_number = 1",
        "UPDATE prompts SET prompt_id = 'other'",
        "UPDATE prompts SET id_key = 'other'",
        "UPDATE prompts SET project_id = gen_random_uuid()",
        "UPDATE prompts SET created_by = gen_random_uuid()",
        "UPDATE labels SET label = 'other'",
        "UPDATE labels SET prompt_id = 'other'",
        "UPDATE label_requests SET to_number = 3",
        "UPDATE label_requests SET requested_by = gen_random_uuid()",
        "INSERT INTO versions SELECT * FROM versions ON CONFLICT ON CONSTRAINT pk_versions DO UPDATE SET semver = '9'",
        "MERGE INTO versions v USING prompts p ON v.prompt_id = p.prompt_id WHEN MATCHED THEN DELETE",
        "SELECT * FROM versions FOR UPDATE",
        "CREATE TRIGGER t BEFORE INSERT ON versions EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "ALTER TABLE versions DROP CONSTRAINT pk_versions",
    ],
)
async def test_history_is_not_rewritten_by_sql(told, as_app, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_app.execute(statement)


async def test_a_version_is_not_written_over_by_sql(told, as_app):
    again = "INSERT INTO versions SELECT * FROM versions WHERE number = 1"
    with pytest.raises(psycopg.errors.UniqueViolation):
        as_app.execute(again)


async def test_a_prompt_in_use_is_not_removed_by_sql_and_takes_no_version_along(told, as_app, project):
    assert as_app.execute("DELETE FROM prompts").rowcount == 0
    as_app.commit()
    assert await versions_of(project) == told


async def test_no_operation_of_the_api_changes_a_version(told, project, app):
    """Everything that can be asked of a prompt, well and badly, and then each version again."""
    one, client = f"{project.prompts}/p", project.client
    changed = {"template": "x", "version_number": 1, "content_hash": "0" * 64, "message": "other", "number": 1}
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        for path in ("versions", "versions/1", "versions/1/message", "versions/2/diff/1"):
            answer = await client.request(method, f"{one}/{path}", json=changed)
            assert answer.status_code in {404, 405}, answer.text
    assert (await client.put(one, json=changed)).status_code == 422
    assert (await client.put(one, json={"template": "y", "version": "1.0.0"})).status_code == 422
    assert (await client.post(f"{one}/rollback", json={"version": 1, "message": "other"})).status_code == 200
    assert (await client.put(one, json={"template": "Hello you", "message": "said anew"})).status_code == 200
    assert (await client.put(one, json={"template": "Hello you", "message": "once more"})).status_code == 200
    assert (await client.put(f"{one}/labels/production", json={"version": 1, "message": "m"})).status_code == 200
    assert (await client.post(f"{one}/render", json={"inputs": {}, "version": 2})).status_code == 200
    assert (await client.delete(one)).status_code == 204
    assert (await client.post(f"{one}/restore")).status_code == 200
    whole, listed = await versions_of(project)
    assert whole[:3] == told[0]
    assert listed[-3:] == told[1]


def test_every_operation_on_versions_only_reads(app):
    for path, item in app.openapi()["paths"].items():
        if "/versions" in path:
            assert set(item) <= {"get", "parameters"}, path


@pytest.fixture
async def check(platform, settings):
    registry = registry_of(settings)

    async def run():
        return await fsck(platform.database, registry)

    yield run
    registry.close()


LOOP = "{% for x in xs %}{{ x }}{% for y in x %}{{ y }}{% endfor %}{% endfor %}"
OTHER = (
    "SELECT v.content_hash FROM versions v WHERE v.project_id = %(project)s AND prompt_id = %(prompt)s AND number = 3"
)
# What a superuser writes, into which version, and what `fsck` says of it.
FORGERIES = (
    ("description = 'Forged'", 1, "version 1: description is 'Forged' in the row and 'First' in the document"),
    ("tags = ARRAY['a']", 1, "version 1: tags is ['a'] in the row and ['a', 'b'] in the document"),
    ("tags = '{}'", 1, "version 1: tags is [] in the row"),
    ("inputs = '{}'", 1, "version 1: inputs is {} in the row"),
    ("""inputs = jsonb_set(inputs, '{who,type}', '"number"')""", 1, "version 1: inputs is"),
    ("portable = true", 3, "version 3: portable is True in the row and False in the document"),
    ("portable = false", 1, "version 1: portable is False in the row"),
    ("semver = '0.9.0'", 2, "version 2: 0.9.0 is not higher than 1.0.0 of version 1"),
    ("semver = '1.0.0+1'", 2, "version 2: 1.0.0+1 is not higher than 1.0.0 of version 1"),
    ("semver = '7.0.0'", 1, "version 2: 1.0.1 is not higher than 7.0.0 of version 1"),
    ("semver = 'one'", 2, "version 2: 'one' is no semver"),
    (f"content_hash = ({OTHER})", 1, "version 1: description is 'First' in the row and '' in the document"),
)


async def test_a_row_changed_by_a_superuser_is_named(project, as_owner, check):
    for place in range(len(FORGERIES)):
        fields = {"inputs": INPUTS, "description": "First", "metadata": {"tags": ["a", "b"]}}
        await project.create(f"p{place}", "Hello {{ who }}", **fields)
        await project.save(f"p{place}", "Hello you")
        await project.save(f"p{place}", LOOP)
    assert (await check()).is_clean
    kept = as_owner.execute("SELECT to_jsonb(v) FROM versions v WHERE project_id = %s", [project.id]).fetchall()
    for place, (change, number, _) in enumerate(FORGERIES):
        names = {"project": project.id, "prompt": f"p{place}", "number": number}
        where = "WHERE project_id = %(project)s AND prompt_id = %(prompt)s AND number = %(number)s"
        assert as_owner.execute(f"UPDATE versions SET {change} {where}", names).rowcount == 1
    report = await check()
    as_owner.execute("DELETE FROM versions WHERE project_id = %s", [project.id])
    as_owner.cursor().executemany(PUT, [[psycopg.types.json.Jsonb(row)] for (row,) in kept])
    lines = [line for line in report.contradictions if str(project.id) in line]
    for place, (_, _, said) in enumerate(FORGERIES):
        assert any(line.startswith(f"{project.id} p{place} {said}") for line in lines), (said, lines)
    assert {line.split()[1] for line in lines} == {f"p{place}" for place in range(len(FORGERIES))}
    assert not report.is_clean
    assert all(line in report.to_text() for line in lines)
    assert (await check()).is_clean


PUT = "INSERT INTO versions SELECT * FROM jsonb_populate_record(NULL::versions, %s)"


async def test_a_row_taken_away_or_put_in_by_a_superuser_is_named(told, project, as_owner, check):
    names = [project.id]
    row = as_owner.execute("SELECT to_jsonb(v) FROM versions v WHERE project_id = %s AND number = 2", names).fetchone()
    as_owner.execute("DELETE FROM versions WHERE project_id = %s AND number = 2", names)
    without = await check()
    as_owner.execute(PUT, [psycopg.types.json.Jsonb(row[0])])
    forged = {**row[0], "number": 4, "semver": "1.0.3", "content_hash": "0" * 64}
    as_owner.execute(PUT, [psycopg.types.json.Jsonb(forged)])
    more = await check()
    as_owner.execute("DELETE FROM versions WHERE project_id = %s AND number = 4", names)
    assert any(f"{project.id} p: head 3, 2 versions" in line for line in without.gaps)
    assert any(f"{project.id} p: head 3, 4 versions" in line for line in more.gaps)
    assert any(f"{project.id}/{'0' * 64}.yaml (p version 4)" in line for line in more.missing)
    assert (await check()).is_clean


DAMAGES = (
    lambda text: text + b"\n",
    lambda text: text.replace(b"Hello", b"Hallo"),
    lambda text: text[:-1],
    lambda text: b"",
    lambda text: b"\xff\xfe" + text,
    lambda text: b"\x00" * len(text),
    lambda text: text.upper(),
    lambda text: b"- not a prompt\n",
)


async def test_a_document_changed_on_the_disk_is_named(project, settings, check):
    folder = Path(parse_place(settings.registry_url).path) / str(project.id)
    kept = {}
    for place, damage in enumerate(DAMAGES):
        digest = (await project.create(f"p{place}", f"Hello {place}"))["content_hash"]
        path = folder / f"{digest}.yaml"
        kept[path] = path.read_bytes()
        path.write_bytes(damage(kept[path]))
    report = await check()
    for path, text in kept.items():
        path.write_bytes(text)
    assert sorted(line for line in report.corrupt if str(project.id) in line) == sorted(
        f"{project.id}/{path.name} (p{place} version 1)" for place, path in enumerate(kept)
    )
    assert (await check()).is_clean


async def test_two_documents_that_change_places_are_both_named(told, project, settings, check):
    folder = Path(parse_place(settings.registry_url).path) / str(project.id)
    first, second = (folder / f"{one['content_hash']}.yaml" for one in told[0][:2])
    spare = folder / f"spare-{uuid.uuid4().hex}"
    for path, target in ((first, spare), (second, first), (spare, second)):
        path.rename(target)
    try:
        report = await check()
    finally:
        for path, target in ((first, spare), (second, first), (spare, second)):
            path.rename(target)
    named = [line for line in report.corrupt if str(project.id) in line]
    assert sorted(line.split()[-1] for line in named) == ["1)", "2)"]
