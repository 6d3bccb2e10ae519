"""Every event gets its place in the one chain, whoever commits and seals at the same time."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from dakora_server.core.audit import queries, service
from dakora_server.core.audit.events import AuditEvent
from dakora_server.core.audit.service import SEAL_SECONDS, Sealer
from dakora_server.core.crypto import Secret
from dakora_server.core.repeated import Repeated
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.tenant import PLATFORM

SECRET = Secret("a secret of this server, for the tests")


async def numbers(database):
    async with database.transaction(PLATFORM, read_only=True) as tx:
        return list((await tx.execute(text("SELECT seq FROM audit_seals ORDER BY seq"))).scalars())


async def until(condition):
    """Wait for what must come, and come long before this gives up."""
    for _ in range(300):
        if await condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not come")


def event(**fields):
    values = {
        "id": uuid.uuid4(),
        "workspace_id": uuid.uuid4(),
        "project_id": None,
        "at": datetime.now(UTC),
        "actor_kind": "user",
        "actor_id": uuid.uuid4(),
        "action": "prompt.saved",
        "subject": "p",
        "before": None,
        "after": None,
        "address": None,
        "request_id": None,
    }
    return AuditEvent(**{**values, **fields})


def sealing(database):
    """A sealer at work, as every server has one."""
    return Repeated(Sealer(database, SECRET).turn, every=SEAL_SECONDS, what="events wait")


async def test_two_sealers_at_once_make_one_chain_without_a_gap(insider, happens):
    other = Database(insider.url, pool_size=4)
    writing = asyncio.gather(*(happens(insider, times=50) for _ in range(4)))

    async def seal_all_the_while(database):
        turns = []
        while not writing.done():
            turns.append(await service.seal(database))
        return turns

    try:
        sealers = (insider, other, insider, other)
        turns = await asyncio.gather(*(seal_all_the_while(database) for database in sealers))
        await writing
        while await service.seal(insider, everything=True):
            pass
    finally:
        await asyncio.wait([writing])
        await other.close()
    # They did meet: some were turned away while another sealed.
    assert any(turn is None for one in turns for turn in one)
    assert await numbers(insider) == list(range(1, 201))
    verdict = await service.verify(insider)
    assert (verdict.events, verdict.broken, verdict.waiting) == (200, None, 0)


async def test_events_that_commit_in_another_order_than_they_happened_are_all_sealed(insider):
    async with insider.transaction() as late:
        await queries.add_event(late, event(subject="first"))
        async with insider.transaction() as early:
            await queries.add_event(early, event(subject="second"))
        assert await service.seal(insider) == 1
    assert await service.seal(insider) == 1
    verdict = await service.verify(insider)
    assert (verdict.events, verdict.broken, verdict.waiting) == (2, None, 0)


async def test_what_is_rolled_back_was_never_in_the_trail(insider):
    async def fail():
        async with insider.transaction() as tx:
            await queries.add_event(tx, event())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await service.seal(insider, everything=True) == 0


async def test_what_a_killed_server_left_unsealed_the_next_one_seals(insider):
    long_ago = datetime.now(UTC) - timedelta(days=3)
    async with insider.transaction() as tx:
        await queries.add_event(tx, event(at=long_ago))
    verdict = await service.verify(insider)
    assert (verdict.events, verdict.waiting, verdict.oldest) == (0, 1, long_ago)
    sealer = sealing(insider)
    await sealer.start()
    try:

        async def sealed():
            return await numbers(insider) == [1]

        await until(sealed)
    finally:
        await sealer.stop()


async def test_a_server_that_finds_another_one_sealing_looks_for_old_events_later(insider):
    async with insider.transaction() as tx:
        await queries.add_event(tx, event(at=datetime.now(UTC) - timedelta(days=3)))
    sealer = sealing(insider)
    async with insider.transaction(PLATFORM) as other:
        assert await queries.become_sealer(other)
        await sealer.start()
        await asyncio.sleep(1.5)
        assert await numbers(insider) == []
    try:

        async def sealed():
            return await numbers(insider) == [1]

        await until(sealed)
    finally:
        await sealer.stop()


async def test_damage_to_the_chain_does_not_end_the_sealing_of_what_comes_after(insider, happens):
    async with insider.transaction(PLATFORM) as tx:
        # No number comes after this one.
        await queries.add_seals(tx, [(2**63 - 1, uuid.uuid4(), bytes(32))])
    await happens(insider)
    sealer = sealing(insider)
    await sealer.start()
    try:
        await asyncio.sleep(1.5)
        async with insider.transaction(PLATFORM) as tx:
            await tx.execute(text("DELETE FROM audit_seals"))

        async def sealed():
            return await numbers(insider) == [1]

        await until(sealed)
    finally:
        await sealer.stop()


async def test_a_running_platform_seals_what_its_users_do(world, events_of):
    user = await world.user()
    answer = await user.post(f"/api/projects/{user.project_id}/prompts", {"id": "sealed", "template": "x"})
    (made,) = await events_of(request_id=answer.headers["x-request-id"])
    database = world.platform.database

    async def sealed():
        async with database.transaction(PLATFORM, read_only=True) as tx:
            query = text("SELECT count(*) FROM audit_seals WHERE event_id = :id")
            return (await tx.execute(query, {"id": made["id"]})).scalar_one() == 1

    await until(sealed)


async def test_a_sealer_with_nothing_to_do_asks_nothing_and_still_finds_what_others_left(insider, happens):
    other = Database(insider.url, pool_size=2)
    try:
        sealer = Sealer(insider, SECRET)
        await sealer.turn()
        await sealer.turn()
        asked = insider.written
        await sealer.turn()
        assert insider.written == asked

        await happens(insider, times=1)
        await sealer.turn()
        assert await numbers(insider) == [1]

        # Another process writes, and ends before it has sealed.
        await happens(other, times=1)

        async def is_sealed():
            await sealer.turn()
            return await numbers(insider) == [1, 2]

        await until(is_sealed)
    finally:
        await other.close()
