"""API keys: shown once, good for what they say and no longer, and never more than ten."""

import asyncio
import string
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from dakora_server.core import clock
from dakora_server.core.api_keys import secret
from dakora_server.core.api_keys.secret import checksum, new_key, project_of
from dakora_server.core.exceptions import ApiKeyInvalid

VERSION = {"inputs": {}}


@pytest.fixture
async def team(world):
    """A team with a prompt of two versions."""
    team = await world.team("admin")
    prompts = f"{team.project}/prompts"
    await team.owner.made(prompts, {"id": "hello", "template": "Hello"})
    assert (await team.owner.put(f"{prompts}/hello", {"template": "Hello again"})).status_code == 200
    return team


def prompt(team):
    return f"{team.project}/prompts/hello"


def keys(team):
    return f"{team.project}/api-keys"


async def listed(team, key_id):
    found = (await team.owner.get(f"{keys(team)}?all=true&limit=100")).json()
    return next(one for one in found if one["id"] == key_id)


def test_a_key_has_its_project_26_random_characters_and_their_checksum():
    project_id = uuid.uuid4()
    made = {new_key(project_id) for _ in range(1000)}
    assert len(made) == 1000
    for key in made:
        assert key.startswith(f"dk_proj_{project_id}_")
        assert len(key.rpartition("_")[2]) == 32
        assert project_of(key) == project_id
    # Each of the 62 characters comes up at each of the places: the chance that one never does is below 1 in 10,000.
    assert {frozenset(key[45 + place] for key in made) for place in range(26)} == {frozenset(secret.ALPHABET)}


def test_every_single_mistake_in_a_key_is_noticed_without_asking_anybody():
    key = new_key(uuid.uuid4())
    for place in range(len(key)):
        for other in ("0", "Z", "z", "a", "-", " ", "é", "\x00"):
            wrong = key[:place] + other + key[place + 1 :]
            if wrong != key:
                with pytest.raises(ApiKeyInvalid):
                    project_of(wrong)
        with pytest.raises(ApiKeyInvalid):
            project_of(key[:place])
    for place in range(45, len(key) - 1):
        swapped = key[:place] + key[place + 1] + key[place] + key[place + 2 :]
        if swapped != key:
            with pytest.raises(ApiKeyInvalid):
                project_of(swapped)
    for wrong in (key + "\n", "\n" + key, key.upper(), key + "0", key[45:], ""):
        with pytest.raises(ApiKeyInvalid):
            project_of(wrong)


def test_the_checksum_is_crc_32_in_base_62():
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    # The check value of CRC-32 that every description of it names.
    assert sum(digits.index(one) * 62**power for power, one in enumerate(reversed(checksum("123456789")))) == 0xCBF43926
    assert checksum("") == "000000"


async def test_64_made_at_once_are_ten(world, owner, team):
    answers = await asyncio.gather(*(team.owner.post(keys(team), {"name": f"k{n}"}) for n in range(64)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 54
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"too_many"}
    found = await owner.execute("SELECT count(*) FROM api_keys WHERE project_id = %s", [team.project_id])
    assert (await found.fetchone())[0] == 10
    # One that is revoked makes room for one.
    first = next(answer.json() for answer in answers if answer.status_code == 201)
    assert (await team.owner.delete(f"{keys(team)}/{first['id']}")).status_code == 204
    answers = await asyncio.gather(*(team.owner.post(keys(team), {"name": f"l{n}"}) for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


async def test_a_key_ends_at_its_time_and_not_before(world, owner, team):
    caller, made = await world.key(team.project_id, team.owner, "read", expires_in_days=30)
    end, start = (datetime.fromisoformat(made[name]) for name in ("expires_at", "created_at"))
    assert end - start == timedelta(days=30)
    end = clock.now() + timedelta(seconds=1.5)
    await owner.execute("UPDATE api_keys SET expires_at = %s WHERE id = %s", [end, made["id"]])
    accepted = refused = 0
    while not refused:
        before = clock.now()
        answer = await caller.get(prompt(team))
        if answer.status_code == 200:
            accepted += 1
            assert before < end
        else:
            refused += 1
            assert clock.now() >= end
            assert (answer.status_code, answer.json()["code"]) == (401, "api_key_expired")
        await asyncio.sleep(0.002)
    assert accepted > 5
    assert (await listed(team, made["id"]))["status"] == "expired"


async def test_an_expired_key_makes_room(world, owner, team):
    made = [(await world.key(team.project_id, team.owner))[1] for _ in range(10)]
    assert (await team.owner.post(keys(team), {"name": "eleventh"})).status_code == 409
    await owner.execute("UPDATE api_keys SET expires_at = now() WHERE id = %s", [made[0]["id"]])
    assert (await team.owner.post(keys(team), {"name": "eleventh"})).status_code == 201


async def test_while_a_key_is_rotated_both_open_and_then_only_the_new_one(world, owner, team):
    old, made = await world.key(team.project_id, team.owner, "read", "render", labels=["latest"])
    fresh = await team.owner.made(f"{keys(team)}/{made['id']}/rotate", {"overlap_hours": 1})
    new = type(old)(world.client, {"x-api-key": fresh["key"]})
    for name in ("name", "scopes", "labels", "created_by"):
        assert fresh[name] == made[name]
    for caller in (old, new):
        assert (await caller.get(f"{prompt(team)}?label=latest")).status_code == 200
    row = await listed(team, made["id"])
    assert row["status"] == "rotated"
    over = datetime.fromisoformat(row["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < over <= timedelta(hours=1)
    again = await team.owner.post(f"{keys(team)}/{made['id']}/rotate", {"overlap_hours": 0})
    assert (again.status_code, again.json()["code"]) == (404, "api_key_not_found")
    await owner.execute("UPDATE api_keys SET expires_at = now() WHERE id = %s", [made["id"]])
    # Whoever was known keeps to what was read until word comes: rotating the other one sends it.
    last = await team.owner.made(f"{keys(team)}/{fresh['id']}/rotate", {"overlap_hours": 1})
    assert (await old.get(f"{prompt(team)}?label=latest")).json()["code"] == "api_key_expired"
    assert (await new.get(f"{prompt(team)}?label=latest")).status_code == 200
    assert last["id"] not in {made["id"], fresh["id"]}


async def test_rotation_without_overlap_ends_the_old_key_with_the_answer(world, team):
    old, made = await world.key(team.project_id, team.owner, "read")
    assert (await old.get(prompt(team))).status_code == 200
    await team.owner.made(f"{keys(team)}/{made['id']}/rotate", {"overlap_hours": 0})
    answer = await old.get(prompt(team))
    assert (answer.status_code, answer.json()["code"]) == (401, "api_key_expired")


async def test_a_rotated_key_takes_no_room_and_two_rotations_at_once_make_one(world, team):
    made = [(await world.key(team.project_id, team.owner))[1] for _ in range(9)]
    rotate = f"{keys(team)}/{made[0]['id']}/rotate"
    answers = await asyncio.gather(*(team.owner.post(rotate, {}) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [404] * 5
    await team.owner.made(keys(team), {"name": "tenth"})
    full = await team.owner.post(keys(team), {"name": "eleventh"})
    assert (full.status_code, full.json()["code"]) == (409, "too_many")
    assert len((await team.owner.get(keys(team))).json()) == 11


async def test_rotating_over_and_over_does_not_make_ever_more_keys_that_work(world, team):
    _, made = await world.key(team.project_id, team.owner)
    url, key_id = f"{team.project}/api-keys", made["id"]
    statuses = []
    for _ in range(22):
        answer = await team.owner.post(f"{url}/{key_id}/rotate", {"overlap_hours": 720})
        statuses.append(answer.status_code)
        key_id = answer.json().get("id", key_id)
    assert statuses == [201] * 19 + [409] * 3
    working = (await team.owner.get(f"{url}?limit=200")).json()
    assert len(working) == 20
    # And one that is revoked makes room.
    rotated = next(key["id"] for key in working if key["status"] == "rotated")
    assert (await team.owner.delete(f"{url}/{rotated}")).status_code == 204
    assert (await team.owner.post(f"{url}/{key_id}/rotate", {})).status_code == 201


async def test_what_opens_nothing_any_more_cannot_be_rotated(world, owner, team):
    _, revoked = await world.key(team.project_id, team.owner)
    await team.owner.delete(f"{keys(team)}/{revoked['id']}")
    _, expired = await world.key(team.project_id, team.owner)
    await owner.execute("UPDATE api_keys SET expires_at = now() WHERE id = %s", [expired["id"]])
    for key_id in (revoked["id"], expired["id"], str(uuid.uuid4())):
        answer = await team.owner.post(f"{keys(team)}/{key_id}/rotate", {})
        assert (answer.status_code, answer.json()["code"]) == (404, "api_key_not_found")


async def test_a_key_limited_to_the_newest_version_reads_and_renders_it_and_no_other(world, team):
    caller, _ = await world.key(team.project_id, team.owner, "read", "render", labels=["latest"])
    url = prompt(team)
    # Twice: the second time everything is in memory, and before the routes somebody might know the answer.
    for _ in range(2):
        for allowed in (url, f"{url}?label=latest"):
            answer = await caller.get(allowed)
            assert (answer.status_code, answer.json()["template"]) == (200, "Hello again")
        for body in (VERSION, {**VERSION, "label": "latest"}):
            assert (await caller.post(f"{url}/render", body)).json()["rendered"] == "Hello again"
        refused = [
            await caller.get(f"{url}?version=1"),
            await caller.get(f"{url}?version=2"),
            await caller.get(f"{url}?version=1.0.0"),
            await caller.get(f"{url}?label=production"),
            await caller.get(f"{url}/versions"),
            await caller.get(f"{url}/versions/2"),
            await caller.get(f"{url}/versions/1/diff/2"),
            await caller.post(f"{url}/render", {**VERSION, "version": 1}),
            await caller.post(f"{url}/render", {**VERSION, "version": 2}),
            await caller.post(f"{url}/render", {**VERSION, "label": "production"}),
        ]
        assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(403, "label_not_allowed")}


async def test_a_key_limited_to_another_label_sees_no_newest_version_warm_or_cold(world, team):
    caller, _ = await world.key(team.project_id, team.owner, "read", "render", labels=["production"])
    free, _ = await world.key(team.project_id, team.owner, "read", "render")
    url = prompt(team)
    for _ in range(3):
        refused = [
            await caller.get(url),
            await caller.get(f"{url}?label=latest"),
            await caller.post(f"{url}/render", VERSION),
            await caller.post(f"{url}/render", {**VERSION, "label": "latest"}),
            await caller.get(f"{team.project}/prompts"),
            await caller.get(f"{team.project}/prompts?label=latest"),
        ]
        assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(403, "label_not_allowed")}
        none = await caller.get(f"{url}?label=production")
        assert (none.status_code, none.json()["code"]) == (404, "label_not_found")
        # Somebody who may has it answered from memory next to the one who may not.
        assert (await free.get(url)).status_code == 200
        assert (await free.post(f"{url}/render", VERSION)).status_code == 200


async def test_a_key_limited_to_labels_cannot_write(world, team):
    body = {"name": "k", "scopes": ["read", "write"], "labels": ["latest"]}
    answer = await team.owner.post(keys(team), body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_the_last_use_shows_in_the_list(world, team):
    caller, made = await world.key(team.project_id, team.owner, "read")
    assert (await listed(team, made["id"]))["last_used_at"] is None
    # The second of these is answered before the routes, where a use within five seconds of another is not noted.
    for url in (f"{team.project}/prompts", prompt(team), f"{team.project}/prompts"):
        before = clock.now()
        assert (await caller.get(url)).status_code == 200
        await world.access._uses.write()
        used = datetime.fromisoformat((await listed(team, made["id"]))["last_used_at"])
        assert before <= used <= clock.now()
    # Nothing noted, nothing written.
    await world.access._uses.write()
    assert datetime.fromisoformat((await listed(team, made["id"]))["last_used_at"]) == used


async def test_a_use_noted_late_does_not_turn_the_time_back(world, world_with, team):
    caller, made = await world.key(team.project_id, team.owner, "read")
    async with world_with(database_pool_size=2) as other:
        assert (await caller.at(other.client).get(prompt(team))).status_code == 200
        later = clock.now()
        assert (await caller.get(prompt(team))).status_code == 200
        await world.access._uses.write()
        # Stopping writes what the other process had noted before.
    assert datetime.fromisoformat((await listed(team, made["id"]))["last_used_at"]) >= later


async def test_a_key_is_shown_once(world, team):
    caller, made = await world.key(team.project_id, team.owner, "read", "render", "write")
    text = made["key"]
    fresh = await team.owner.made(f"{keys(team)}/{made['id']}/rotate", {"overlap_hours": 1})
    later = [
        await team.owner.get(f"{keys(team)}?all=true"),
        await team.owner.get(f"{team.project}/audit?limit=100"),
        await team.owner.get(f"{team.url}/audit?limit=100"),
        await caller.get("/api/me"),
        await caller.get("/api/me/context"),
        await caller.get(team.project),
        await caller.get(f"{keys(team)}"),
        await caller.get("/api/workspaces"),
        await caller.get(f"/api/projects/{uuid.uuid4()}/prompts"),
        await caller.post(f"{prompt(team)}/render", {"inputs": 1}),
        await team.owner.delete(f"{keys(team)}/{made['id']}"),
        await caller.get(prompt(team)),
    ]
    assert [answer.status_code for answer in later] == [200] * 6 + [403, 403, 404, 422, 204, 401]
    for answer in later:
        for part in (text[45:71], fresh["key"][45:71]):
            assert part not in answer.text
            assert part not in str(answer.headers)
    assert text[-4:] in later[0].text
