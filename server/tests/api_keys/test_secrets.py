"""Keys that are none open nothing and cost the database nothing; keys that are some are found nowhere."""

import asyncio
import base64
import gc
import hashlib
import inspect
import logging
import random
import types
import uuid
import zlib

import pytest
from psycopg import sql
from sqlalchemy import event

from dakora_server.core.api_keys.secret import ALPHABET, PREFIX, new_key

MIB = 1024 * 1024
# Parts of the program, and of the run around it: what they refer to is not what the server keeps.
_NOT_KEPT = (type, types.ModuleType, types.BuiltinFunctionType, types.CodeType, asyncio.AbstractEventLoop)


@pytest.fixture
def statements(world):
    """Every SQL statement that the server runs while the test does."""
    seen = []

    def note(connection, cursor, statement, *rest):
        seen.append(statement)

    engine = world.platform.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def mistyped(rng, good):
    """A key that its checksum gives away, in one of many ways."""
    kind = rng.randrange(6)
    if kind == 0:
        return "".join(rng.choices(ALPHABET, k=rng.randrange(1, 120))).encode()
    if kind == 1:
        return good[: rng.randrange(len(good))]
    if kind == 2:
        place = rng.randrange(len(good))
        return good[:place] + bytes([good[place] ^ 1 << rng.randrange(8)]) + good[place + 1 :]
    if kind == 3:
        return rng.randbytes(rng.randrange(1, 100))
    body = PREFIX.encode() + str(uuid.UUID(int=rng.getrandbits(128))).encode()
    rest = "".join(rng.choices(ALPHABET, k=32)).encode()
    return body + b"_" + rest if kind == 4 else good + rest[: rng.randrange(1, 32)]


async def test_100_000_keys_that_are_none_are_refused_without_asking_the_database(world, ask, statements):
    rng = random.Random(20)
    team = await world.team()
    _, made = await world.key(team.project_id, team.owner)
    good = made["key"].encode()
    path = f"{team.project}/prompts/hello"
    statements.clear()
    statuses = {}
    for number in range(100_000):
        key = mistyped(rng, good)
        headers = {"x-api-key": key} if number % 2 else {"authorization": b"Bearer " + key}
        answer = await ask(world.app, "GET", path, headers)
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        if number % 1000 == 0:
            # The application never waits for anything here: without this its other tasks would not get to run.
            await asyncio.sleep(0)
            assert answer.code in {"api_key_invalid", "token_invalid", "unauthenticated"}
    assert statuses == {401: 100_000}
    for key in (b"x" * MIB, good * (MIB // len(good)), good + b" " * MIB + b"x", PREFIX.encode() + b"\xff" * MIB):
        for headers in ({"x-api-key": key}, {"authorization": b"Bearer " + key}):
            assert (await ask(world.app, "GET", path, headers)).status == 401
    asked = [statement for statement in statements if "api_keys" in statement and "UPDATE" not in statement]
    assert asked == []


async def test_a_key_that_could_be_one_is_asked_for_once_and_refused(world, ask, statements):
    team = await world.team()
    path = f"{team.project}/prompts/hello"
    statements.clear()
    for project in (uuid.UUID(team.project_id), uuid.uuid4()):
        for _ in range(50):
            answer = await ask(world.app, "GET", path, {"x-api-key": new_key(project)})
            assert (answer.status, answer.code) == (401, "api_key_invalid")
    assert len([statement for statement in statements if "FROM api_keys" in statement]) == 100


def kept_by(*roots):
    """Every text and every bytes that can be reached from these objects."""
    seen, waiting, found = {id(root) for root in roots}, list(roots), []
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one.encode("utf-8", "surrogatepass"))
        elif isinstance(one, bytes | bytearray | memoryview):
            found.append(bytes(one))
        referents = gc.get_referents(one)
        if isinstance(one, types.FunctionType):
            referents = [cell.cell_contents for cell in one.__closure__ or () if cell != types.CellType()]
        for other in referents:
            if id(other) not in seen and not isinstance(other, _NOT_KEPT) and not inspect.isframe(other):
                seen.add(id(other))
                waiting.append(other)
    return found


async def test_after_10_000_authentications_no_key_and_no_token_is_in_memory(world, ask):
    secrets, callers = [], []
    for _ in range(5):
        team = await world.team()
        await team.owner.made(f"{team.project}/prompts", {"id": "hello", "template": "Hello"})
        for _ in range(10):
            caller, made = await world.key(team.project_id, team.owner)
            callers.append((caller.headers, f"{team.project}/prompts/hello"))
            secrets.append(made["key"][45:71].encode())
        callers.append((team.owner.headers, f"{team.project}/prompts/hello"))
        secrets.append(team.owner.token.rpartition(".")[2].encode())
    for number in range(10_000):
        headers, path = callers[number % len(callers)]
        assert (await ask(world.app, "GET", path, headers)).status == 200
    gc.collect()
    access = world.access
    texts = kept_by(access, access.platform, world.app.state)
    assert len(texts) > 1000
    everything = b"\n".join(texts)
    assert [secret for secret in secrets if secret in everything] == []
    # The search does find what is kept: the MAC that the key is known by, and a secret once it is put there.
    mac = access.secret.mac("api key", callers[0][0]["x-api-key"].encode())
    assert mac in everything
    access._ids[secrets[0].decode()] = uuid.uuid4()
    try:
        assert secrets[0] in b"\n".join(kept_by(access))
    finally:
        del access._ids[secrets[0].decode()]


async def everything_in(owner):
    """All that the database holds, a text of each row of each table."""
    found = await owner.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    rows = []
    for (table,) in await found.fetchall():
        cursor = await owner.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
        rows += [(table, value) for row in await cursor.fetchall() for value in row if value is not None]
    return [(table, value if isinstance(value, bytes) else str(value).encode()) for table, value in rows]


def disguises(secret):
    """A secret, and how it would look in the usual encodings and plain hashes."""
    raw = secret.encode()
    return {
        raw,
        raw.hex().encode(),
        base64.b64encode(raw),
        base64.b64encode(raw).rstrip(b"="),
        zlib.compress(raw),
        hashlib.sha256(raw).digest(),
        hashlib.sha256(raw).hexdigest().encode(),
        hashlib.md5(raw).digest(),
        hashlib.sha1(raw).digest(),
    }


async def test_a_dump_of_the_database_holds_no_secret(world, owner):
    team = await world.team()
    secrets = [team.owner.token]
    for number in range(5):
        headers = {"idempotency-key": f"dump-{number}-{uuid.uuid4().hex}"}
        body = {"name": f"k{number}", "scopes": ["read"]}
        made = await team.owner.made(f"{team.project}/api-keys", body, headers=headers)
        fresh = await team.owner.made(
            f"{team.project}/api-keys/{made['id']}/rotate", {}, headers={"idempotency-key": uuid.uuid4().hex}
        )
        invited = await team.owner.made(
            f"{team.url}/invitations",
            {"email": f"x{number}@example.test"},
            headers={"idempotency-key": uuid.uuid4().hex},
        )
        token = invited["link"].partition("#")[2]
        for key in (made["key"], fresh["key"]):
            caller = type(world.nobody)(world.client, {"x-api-key": key})
            assert (await caller.get(f"{team.project}/prompts")).status_code == 200
            secrets += [key, key[45:71], key[45:]]
        secrets += [token, token[32:]]
    await world.access._uses.write()
    dump = await everything_in(owner)
    tables = {table for table, _ in dump}
    assert {"api_keys", "invitations", "idempotency_keys", "audit_events"} <= tables
    everything = b"\n".join(value for _, value in dump)
    for secret in secrets:
        assert [disguise for disguise in disguises(secret) if disguise in everything] == []
    # Four characters tell a key from another, and are all that is there of it.
    assert any(table == "api_keys" and value == secrets[1][-4:].encode() for table, value in dump)


async def test_logs_at_debug_level_and_errors_hold_no_key_no_token_and_no_address(world, world_with, capsys, caplog):
    canary = f"canary{uuid.uuid4().hex}"
    caplog.set_level(logging.DEBUG)
    secrets = []
    async with world_with(log_level="debug", database_pool_size=4) as loud:
        user = await loud.user("Ada", email=f"{canary}@example.test")
        workspace = await user.made("/api/workspaces", {"name": f"w{uuid.uuid4().hex[:8]}"})
        url = f"/api/workspaces/{workspace['id']}"
        project = (await user.made(f"{url}/projects", {"name": "P"}))["id"]
        made = await user.made(f"/api/projects/{project}/api-keys", {"name": "k", "scopes": ["read"]})
        invited = await user.made(f"{url}/invitations", {"email": f"{canary}@x.test"})
        token = invited["link"].partition("#")[2]
        key = type(user.at(loud.client))(loud.client, {"x-api-key": made["key"]})
        secrets += [made["key"][45:71], token[32:], canary, user.token.rpartition(".")[2]]
        unknown, random_part = new_key(uuid.UUID(project)), uuid.uuid4().hex
        wrong = type(key)(loud.client, {"x-api-key": unknown})
        spoilt = type(key)(loud.client, {"x-api-key": made["key"][:-1] + "!"})
        forged = type(key)(loud.client, {"authorization": f"Bearer {user.token[:-4]}AAAA"})
        secrets += [unknown[45:71], random_part]
        answers = [
            await key.get(f"/api/projects/{project}/api-keys"),
            await key.get(f"/api/projects/{uuid.uuid4()}/prompts"),
            await wrong.get(f"/api/projects/{project}/prompts"),
            await spoilt.get(f"/api/projects/{project}/prompts"),
            await forged.get("/api/me"),
            await user.post("/api/invitations/accept", {"token": random_part + token[32:]}),
            await user.post("/api/invitations/accept", {"token": f"{token}!"}),
            await user.post(f"{url}/invitations", {"email": f"{canary}@x.test", "role": made["key"]}),
            await user.post(f"{url}/invitations", {"email": f"{canary} no address"}),
            await user.post(f"/api/projects/{project}/api-keys", {"name": "k", "key": made["key"], "scopes": [token]}),
            await user.post(
                f"{url}/invitations", {"email": f"{canary}@x.test"}, headers={"idempotency-key": made["key"] + "\t."}
            ),
        ]
        await user.delete(f"/api/projects/{project}/api-keys/{made['id']}")
        answers.append(await key.get(f"/api/projects/{project}/prompts"))
        await asyncio.sleep(0.3)
    assert [answer.status_code for answer in answers] == [403, 404, 401, 401, 401, 404, 422, 422, 422, 422, 422, 401]
    printed = capsys.readouterr()
    lines = [record.getMessage() + str(record.exc_info) for record in caplog.records]
    logged = "\n".join([printed.out, printed.err, *lines])
    assert "/api/projects/{project_id}/api-keys" in logged
    for secret in secrets:
        assert secret not in logged
        for answer in answers:
            assert secret not in answer.text
            assert secret not in str(answer.headers)
