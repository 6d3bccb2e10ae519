"""What is revoked opens nothing any more: in this process from the next request on, in every other within a second."""

import asyncio
import contextlib
import itertools
import time
import uuid
from collections.abc import AsyncIterator

import pytest

from dakora_server.core import clock
from dakora_server.core.onboarding import service as onboarding
from dakora_server.core.scope import NOWHERE

GENEROUS_SECONDS = 3.0
ROUNDS = 10
_KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dakora changes'"


@pytest.fixture(scope="module")
async def replicas(world, world_with) -> AsyncIterator[list]:
    """Three processes' worth of platform on one database."""
    async with world_with(database_pool_size=8) as second, world_with(database_pool_size=8) as third:
        yield [world, second, third]


class Case:
    """A caller that may do one thing, and what takes that from it."""

    def __init__(self, caller, method, url, body, revoke) -> None:
        self.caller, self.method, self.url, self.body, self.revoke = caller, method, url, body, revoke

    async def ask(self, replica) -> bool:
        """Whether the caller gets in."""
        answer = await self.caller.at(replica.client).request(self.method, self.url, json=self.body)
        assert answer.status_code in {200, 401, 403, 404}, answer.text
        return answer.status_code == 200


async def hello(team, project):
    await team.owner.made(f"/api/projects/{project}/prompts", {"id": "hello", "template": "Hello"})
    return f"/api/projects/{project}/prompts/hello"


async def done(answer):
    answer = await answer
    assert answer.status_code == 204, answer.text


async def key_revoked(world):
    team = await world.team()
    url = await hello(team, team.project_id)
    caller, made = await world.key(team.project_id, team.owner)
    return Case(caller, "GET", url, None, lambda: done(team.owner.delete(f"{team.project}/api-keys/{made['id']}")))


async def keys_maker_removed(world):
    team = await world.team("admin")
    url = await hello(team, team.project_id)
    maker = team.members["admin"]
    caller, _ = await world.key(team.project_id, maker)
    return Case(
        caller,
        "POST",
        f"{url}/render",
        {"inputs": {}},
        lambda: done(team.owner.delete(f"{team.url}/members/{maker.id}")),
    )


async def project_archived(world):
    team = await world.team()
    url = await hello(team, team.project_id)
    caller, _ = await world.key(team.project_id, team.owner)
    return Case(caller, "GET", url, None, lambda: done(team.owner.delete(team.project)))


async def role_lowered(world):
    team = await world.team("editor")
    await hello(team, team.project_id)
    member = team.members["editor"]
    return Case(
        member,
        "PUT",
        f"{team.project}/prompts/hello",
        {"template": "Hello"},
        lambda: done(team.owner.patch(f"{team.url}/members/{member.id}", {"role": "viewer"})),
    )


async def member_removed(world):
    team = await world.team("viewer")
    url = await hello(team, team.project_id)
    member = team.members["viewer"]
    return Case(member, "GET", url, None, lambda: done(team.owner.delete(f"{team.url}/members/{member.id}")))


async def workspace_archived(world):
    team = await world.team()
    url = await hello(team, team.project_id)
    caller, _ = await world.key(team.project_id, team.owner)
    return Case(caller, "GET", url, None, lambda: done(team.owner.delete(team.url)))


async def user_deleted(world):
    user = await world.user()
    person = onboarding.Person(world.key_server.issuer, user.subject)
    news = onboarding.News(f"msg_{uuid.uuid4().hex}", "user.deleted", person, clock.now())
    return Case(user, "GET", "/api/me", None, lambda: onboarding.hear(world.platform, news, NOWHERE))


KINDS = (
    key_revoked,
    keys_maker_removed,
    project_archived,
    role_lowered,
    member_removed,
    workspace_archived,
    user_deleted,
)


async def watched(case, replicas):
    """Revoke under load; how many seconds each replica went on letting in. The first has to stop at once."""
    for replica in replicas:
        assert await case.ask(replica)
    refused_at = {}
    accepted_after = []
    over, refused_everywhere = asyncio.Event(), asyncio.Event()

    async def load(number):
        while not over.is_set():
            asked_at = time.monotonic()
            if not await case.ask(replicas[number]):
                refused_at.setdefault(number, time.monotonic())
            elif asked_at > refused_at.get(number, asked_at):
                # What had been let in before and is answered now does not count.
                accepted_after.append(number)
            if len(refused_at) == len(replicas):
                refused_everywhere.set()
            await asyncio.sleep(0.005)

    loads = [asyncio.create_task(load(number)) for number in range(len(replicas)) for _ in range(2)]
    await asyncio.sleep(0.02)
    assert not refused_at
    await case.revoke()
    revoked_at = time.monotonic()
    assert not await case.ask(replicas[0]), "let in by the process that revoked"
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(refused_everywhere.wait(), GENEROUS_SECONDS)
    # Long enough for a heartbeat of the feed to bring anything back that would come back.
    await asyncio.sleep(0.1)
    over.set()
    await asyncio.gather(*loads)
    assert len(refused_at) == len(replicas), "still let in elsewhere"
    assert not accepted_after, "let in again after it was refused"
    return [max(0.0, refused_at[number] - revoked_at) for number in range(1, len(replicas))]


async def revoke_many(world, replicas, kinds):
    cases = await asyncio.gather(*(kind(world) for kind in kinds))
    seconds = sorted(itertools.chain.from_iterable(await asyncio.gather(*(watched(case, replicas) for case in cases))))
    print(f"{len(cases)} revocations, refused elsewhere after at most {1000 * seconds[-1]:.0f} ms")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_what_is_revoked_is_refused_everywhere_and_stays_refused(world, replicas, kind):
    # Seven kinds of 25 make 175; the two tests below add 28.
    for size in (9, 8, 8):
        await revoke_many(world, replicas, [kind] * size)


async def test_also_while_the_feed_is_cut_off_again_and_again(world, replicas, owner):
    over = asyncio.Event()
    killed = 0

    async def cut():
        nonlocal killed
        while not over.is_set():
            killed += len(await (await owner.execute(_KILL)).fetchall())
            await asyncio.sleep(0.3)

    async with asyncio.TaskGroup() as group:
        group.create_task(cut())
        for _ in range(2):
            await revoke_many(world, replicas, KINDS)
        over.set()
    assert killed >= len(replicas)


async def test_also_right_after_the_feed_was_cut_off_and_when_it_is_back(world, replicas, owner):
    await (await owner.execute(_KILL)).fetchall()
    await revoke_many(world, replicas, KINDS)
    async with asyncio.timeout(GENEROUS_SECONDS * 2):
        while not all(replica.platform.feed.live for replica in replicas):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
    await revoke_many(world, replicas, KINDS)


async def test_a_key_asked_for_while_its_maker_is_removed_does_not_outlive_the_removal(world, owner):
    for _ in range(ROUNDS):
        team = await world.team("admin")
        admin = team.members["admin"]
        url = await hello(team, team.project_id)
        made, _ = await asyncio.gather(
            asyncio.gather(*(admin.post(f"{team.project}/api-keys", {"name": "last"}) for _ in range(4))),
            done(team.owner.delete(f"{team.url}/members/{admin.id}")),
        )
        for answer in made:
            assert answer.status_code in {201, 404}
            if answer.status_code == 201:
                key = type(world.nobody)(world.client, {"x-api-key": answer.json()["key"]})
                assert (await key.get(url)).status_code == 401
        found = await owner.execute(
            "SELECT count(*) FROM api_keys WHERE created_by = %s AND revoked_at IS NULL", [admin.id]
        )
        assert (await found.fetchone())[0] == 0


@pytest.mark.parametrize("what", ["project", "workspace"])
async def test_a_key_asked_for_while_its_place_is_closed_opens_nothing_ever(world, owner, what):
    for _ in range(ROUNDS):
        team = await world.team()
        ending = team.project if what == "project" else team.url
        made, _ = await asyncio.gather(
            asyncio.gather(*(team.owner.post(f"{team.project}/api-keys", {"name": "last"}) for _ in range(4))),
            done(team.owner.delete(ending)),
        )
        assert {answer.status_code for answer in made} <= {201, 404}
        found = await owner.execute(
            "SELECT count(*) FROM api_keys WHERE project_id = %s AND revoked_at IS NULL", [team.project_id]
        )
        assert (await found.fetchone())[0] == 0
