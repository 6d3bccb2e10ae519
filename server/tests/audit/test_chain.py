"""Whatever an insider does to the trail, the verifier names the first event that is not as it was."""

import random
import uuid
from collections.abc import Awaitable, Callable

import psycopg
import pytest
from sqlalchemy import text

from dakora_server.core.audit import queries, service
from dakora_server.core.audit.events import ChainCheck, link
from dakora_server.core.crypto import Secret
from dakora_server.core.storage.database import driver_url
from dakora_server.core.storage.tables import audit_events
from dakora_server.core.storage.tenant import PLATFORM

LENGTH = 20
ATTEMPTS = 10_000
AT_ONCE = 500
# Another value for each column, whatever it holds now.
OTHER = {
    "id": "gen_random_uuid()",
    "workspace_id": "gen_random_uuid()",
    "project_id": "gen_random_uuid()",
    "at": "at + interval '1 microsecond'",
    "actor_kind": "CASE actor_kind WHEN 'user' THEN 'key' ELSE 'user' END",
    "actor_id": "gen_random_uuid()",
    "action": "action || 'x'",
    "subject": "upper(subject)",
    "before": "'{\"version\": -1}'",
    "after": "NULL",
    "address": "NULL",
    "request_id": "request_id || ' '",
}
OF = "(SELECT event_id FROM audit_seals WHERE seq = {})"
COLUMNS = ", ".join(column.name for column in audit_events.columns if column.name not in {"id", "workspace_id"})
TWIN = (
    f"INSERT INTO audit_events (id, workspace_id, {COLUMNS}) SELECT {{}}, gen_random_uuid(), {COLUMNS}"
    " FROM audit_events WHERE id = {}"
)
SEAL = "INSERT INTO audit_seals (seq, event_id, hash) VALUES ({}, '{}', '\\x{}')"


class Insider:
    """A superuser in a transaction, who tampers and answers with the number that must be named."""

    def __init__(self, tx, dice):
        self.tx = tx
        self.dice = dice

    async def run(self, *statements):
        for statement in statements:
            assert (await self.tx.execute(text(statement))).rowcount > 0, statement

    def any(self, last=LENGTH):
        return self.dice.randint(1, last)

    def two(self):
        return sorted(self.dice.sample(range(1, LENGTH + 1), 2))

    async def edits_an_event(self):
        seq = self.any()
        column = self.dice.choice(sorted(OTHER))
        await self.run(f"UPDATE audit_events SET {column} = {OTHER[column]} WHERE id = {OF.format(seq)}")
        return seq

    async def edits_a_seal(self):
        seq, byte = self.any(), self.dice.randrange(32)
        flipped = f"set_byte(hash, {byte}, get_byte(hash, {byte}) # {1 << self.dice.randrange(8)})"
        await self.run(f"UPDATE audit_seals SET hash = {flipped} WHERE seq = {seq}")
        return seq

    async def deletes_an_event(self):
        seq = self.any()
        await self.run(f"DELETE FROM audit_events WHERE id = {OF.format(seq)}")
        return seq

    async def deletes_a_seal(self):
        seq = self.any(LENGTH - 1)
        await self.run(f"DELETE FROM audit_seals WHERE seq = {seq}")
        return seq

    async def deletes_an_event_and_closes_the_gap(self):
        seq = self.any(LENGTH - 1)
        await self.run(
            f"DELETE FROM audit_events WHERE id = {OF.format(seq)}",
            f"DELETE FROM audit_seals WHERE seq = {seq}",
            f"UPDATE audit_seals SET seq = seq + 1000 WHERE seq > {seq}",
            "UPDATE audit_seals SET seq = seq - 1001 WHERE seq > 1000",
        )
        return seq

    async def swaps_two_seals(self):
        first, second = self.two()
        await self.run(
            f"UPDATE audit_seals SET seq = 1000 WHERE seq = {first}",
            f"UPDATE audit_seals SET seq = {first} WHERE seq = {second}",
            f"UPDATE audit_seals SET seq = {second} WHERE seq = 1000",
        )
        return first

    async def swaps_the_events_of_two_seals(self):
        first, second = self.two()
        ids = [(await self.tx.execute(text(OF.format(seq)[1:-1]))).scalar_one() for seq in (first, second)]
        await self.run(
            f"UPDATE audit_seals SET event_id = gen_random_uuid() WHERE seq = {first}",
            f"UPDATE audit_seals SET event_id = '{ids[0]}' WHERE seq = {second}",
            f"UPDATE audit_seals SET event_id = '{ids[1]}' WHERE seq = {first}",
        )
        return first

    async def exchanges_what_two_events_tell(self):
        first, second = self.two()
        theirs = "(SELECT subject FROM audit_events WHERE id = {})".format
        await self.run(
            f"UPDATE audit_events e SET subject = CASE WHEN id = {OF.format(first)} THEN {theirs(OF.format(second))}"
            f" ELSE {theirs(OF.format(first))} END WHERE id IN ({OF.format(first)}, {OF.format(second)})"
        )
        return first

    async def forges_a_second_event_with_the_same_id(self):
        seq = self.any()
        await self.run(TWIN.format(OF.format(seq), OF.format(seq)))
        return seq

    async def _forged(self):
        """A further event, which no sealer has seen."""
        forged = uuid.UUID(int=self.dice.getrandbits(128))
        await self.run(TWIN.format(f"'{forged}'", OF.format(self.any())))
        return forged

    async def inserts_a_seal_at_the_end(self):
        # Right behind the end, or further off.
        seq = LENGTH + 1 + self.dice.choice((0, 0, 1, 1000))
        await self.run(SEAL.format(seq, await self._forged(), self.dice.randbytes(32).hex()))
        return LENGTH + 1

    async def inserts_a_seal_before_the_beginning(self):
        # It would keep the event from being sealed, and so let it be changed at will.
        seq = self.dice.choice((0, -1, -1000, -(2**63)))
        await self.run(SEAL.format(seq, await self._forged(), self.dice.randbytes(32).hex()))
        return seq

    async def inserts_a_seal_between_others(self):
        seq = self.any()
        await self.run(
            f"UPDATE audit_seals SET seq = seq + 1001 WHERE seq >= {seq}",
            "UPDATE audit_seals SET seq = seq - 1000 WHERE seq > 1000",
            SEAL.format(seq, await self._forged(), self.dice.randbytes(32).hex()),
        )
        return seq

    async def inserts_an_event_that_fits_between_others(self):
        """The forged event is chained correctly to the one before; the one after it no longer is, nor the head."""
        seq = self.any()
        forged = await self._forged()
        found = await self.tx.execute(text(f"SELECT hash FROM audit_seals WHERE seq = {seq - 1}"))
        previous = found.scalar_one_or_none() or bytes(32)
        event = next(one for one in await queries.unsealed(self.tx, within=None, limit=10) if one.id == forged)
        await self.run(
            f"UPDATE audit_seals SET seq = seq + 1001 WHERE seq >= {seq}",
            "UPDATE audit_seals SET seq = seq - 1000 WHERE seq > 1000",
            SEAL.format(seq, forged, link(previous, event, seq).hex()),
        )
        return min(seq + 1, LENGTH)

    async def cuts_off_the_end(self):
        """Nobody finds this without a head kept elsewhere."""
        seq = self.any()
        if self.dice.random() < 0.5:
            await self.run(f"DELETE FROM audit_events e USING audit_seals s WHERE s.event_id = e.id AND s.seq >= {seq}")
        await self.run(f"DELETE FROM audit_seals WHERE seq >= {seq}")
        return seq


WAYS: tuple[Callable[[Insider], Awaitable[int]], ...] = (
    Insider.edits_an_event,
    Insider.edits_a_seal,
    Insider.deletes_an_event,
    Insider.deletes_a_seal,
    Insider.deletes_an_event_and_closes_the_gap,
    Insider.swaps_two_seals,
    Insider.swaps_the_events_of_two_seals,
    Insider.exchanges_what_two_events_tell,
    Insider.forges_a_second_event_with_the_same_id,
    Insider.inserts_a_seal_at_the_end,
    Insider.inserts_a_seal_before_the_beginning,
    Insider.inserts_a_seal_between_others,
    Insider.inserts_an_event_that_fits_between_others,
    Insider.cuts_off_the_end,
)


@pytest.fixture
async def chain(insider, happens):
    """A sealed chain, and its head."""
    await happens(insider, times=LENGTH)
    assert await service.seal(insider) == LENGTH
    async with insider.transaction(PLATFORM, read_only=True) as tx:
        return await queries.chain_head(tx)


@pytest.mark.timeout(900)
async def test_of_ten_thousand_tamperings_each_is_found_at_its_place(insider, chain):
    dice = random.Random(20240914)
    missed = []
    for _ in range(ATTEMPTS // AT_ONCE):
        async with insider.transaction(PLATFORM) as tx:
            for number in range(AT_ONCE):
                way = WAYS[number % len(WAYS)]
                await tx.execute(text("SAVEPOINT clean"))
                expected = await way(Insider(tx, dice))
                found = await service.walk(tx, ChainCheck(), dict([chain]))
                if found is None or found.seq != expected:
                    missed.append((way.__name__, expected, found))
                await tx.execute(text("ROLLBACK TO SAVEPOINT clean"))
            assert await service.walk(tx, ChainCheck(), dict([chain])) is None
    assert missed == []


@pytest.mark.parametrize("column", [column.name for column in audit_events.columns])
async def test_no_column_of_an_event_can_be_changed_unseen(insider, chain, column):
    async with insider.transaction(PLATFORM) as tx:
        await tx.execute(text(f"UPDATE audit_events SET {column} = {OTHER[column]} WHERE id = {OF.format(7)}"))
    broken = (await service.verify(insider)).broken
    assert broken is not None
    assert broken.seq == 7


async def test_what_was_written_anew_up_to_its_end_is_found_by_any_head_from_before(insider, chain, happens):
    secret = Secret("a secret of this server, which the insider has not")
    kept = str(await service.head(insider, secret))
    await happens(insider, times=3)
    await service.seal(insider)
    later = await service.head(insider, secret)
    async with insider.transaction(PLATFORM) as tx:
        await tx.execute(text(f"UPDATE audit_events SET subject = 'else' WHERE id = {OF.format(5)}"))
        await tx.execute(text("DELETE FROM audit_seals WHERE seq >= 5"))
    # The chain is no secret: whoever may write it can link everything after the change again.
    assert await service.seal(insider, everything=True) == later.seq - 4
    assert (await service.verify(insider)).broken is None
    found = await service.verify(insider, expected=kept, secret=secret)
    assert (found.broken.seq, found.events) == (LENGTH, LENGTH - 1)


async def test_a_chain_of_many_batches_is_walked_to_its_end(insider):
    async with insider.transaction(PLATFORM) as tx:
        filled = ", ".join(column.name for column in audit_events.columns if not column.nullable)
        await tx.execute(
            text(
                f"INSERT INTO audit_events ({filled}) SELECT gen_random_uuid(), gen_random_uuid(),"
                " now() + n * interval '1 microsecond', 'user', gen_random_uuid(), 'prompt.saved', 'p'"
                " FROM generate_series(1, 2500) n"
            )
        )
    assert [await service.seal(insider) for _ in range(4)] == [1000, 1000, 500, 0]
    assert (await service.verify(insider)).events == 2500
    async with insider.transaction(PLATFORM) as tx:
        await tx.execute(text(f"UPDATE audit_events SET subject = 'q' WHERE id = {OF.format(2400)}"))
        # On the last of a batch, with its twin, which would begin the next one.
        await tx.execute(text(TWIN.format(OF.format(2000), OF.format(2000))))
    assert (await service.verify(insider)).broken.seq == 2000


@pytest.mark.parametrize("table", ["audit_events", "audit_seals"])
async def test_the_applications_role_can_only_add_to_the_trail(world, owner_url, database_url, table):
    await world.user()
    column = "subject" if table == "audit_events" else "hash"
    with psycopg.connect(driver_url(owner_url)) as owner:
        count = owner.execute(f"SELECT count(*) FROM {table}").fetchone()
    for statement in (
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        f"CREATE OR REPLACE RULE none AS ON INSERT TO {table} DO INSTEAD NOTHING",
    ):
        with psycopg.connect(driver_url(database_url)) as connection:
            connection.execute("SELECT set_config('dakora.platform', 'on', true)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    with psycopg.connect(driver_url(owner_url)) as owner:
        assert owner.execute(f"SELECT count(*) FROM {table}").fetchone() >= count
