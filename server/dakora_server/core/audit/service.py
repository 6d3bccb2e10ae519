"""The audit trail: one event in the writer's own transaction, sealed into one chain shortly after."""

import hmac
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

from dakora_server.core import clock
from dakora_server.core.audit import queries
from dakora_server.core.audit.events import FIRST_HASH, AuditEvent, Break, ChainCheck, link
from dakora_server.core.crypto import Secret
from dakora_server.core.scope import Origin, Principal
from dakora_server.core.storage.database import Database, Transaction
from dakora_server.core.storage.tenant import PLATFORM

logger = logging.getLogger(__name__)

SYSTEM = UUID(int=0)
SEAL_SECONDS = 0.5
_HEAD_SECONDS = 3600.0
# An idle process looks this often whether another one left something.
_LOOK_SECONDS = 5.0
_BATCH = 1_000
# The walk begins below the first number: a seal down there would keep an event from ever being sealed.
_BELOW_ALL = -(2**63)
# Transactions end long before. What is older and unsealed is looked for at start, and once an hour.
_RECENT = timedelta(minutes=10)
_HEAD = "audit head"
_NOTHING_KEPT: Mapping[int, bytes] = MappingProxyType({})


class Place(Protocol):
    """Where something happened: a project or a workspace, with the transaction it happens in."""

    @property
    def workspace_id(self) -> UUID: ...
    @property
    def project_id(self) -> UUID | None: ...
    @property
    def actor(self) -> Principal: ...
    @property
    def origin(self) -> Origin: ...
    @property
    def tx(self) -> Transaction: ...


async def record(
    place: Place,
    action: str,
    subject: object,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Say what this transaction does; kept if and only if it commits. `before` and `after` take ids, not texts."""
    await queries.add_event(place.tx, _event(place, Happened(action, str(subject), before, after)))


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of many; the facts are those of `record`."""

    action: str
    subject: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


async def record_many(place: Place, happened: Sequence[Happened]) -> None:
    """`record` for many events of one transaction."""
    for start in range(0, len(happened), _BATCH):
        await queries.add_events(place.tx, [_event(place, one) for one in happened[start : start + _BATCH]])


def _event(place: Place, happened: Happened) -> AuditEvent:
    actor = place.actor
    kind = "key" if actor.key is not None else "system" if actor.user_id == SYSTEM else "user"
    return AuditEvent(
        id=uuid.uuid4(),
        workspace_id=place.workspace_id,
        project_id=place.project_id,
        at=clock.now(),
        actor_kind=kind,
        actor_id=actor.actor_id,
        action=happened.action,
        subject=happened.subject,
        before=_plain(happened.before),
        after=_plain(happened.after),
        address=place.origin.address,
        request_id=place.origin.request_id,
    )


def _plain(facts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Facts as JSON gives them back, so that an event read has the bytes of the event written."""
    if facts is None:
        return None
    return {name: str(value) if isinstance(value, UUID) else value for name, value in facts.items()}


async def seal(database: Database, *, everything: bool = False) -> int | None:
    """Chain the events that have no seal yet; how many there were, or None while another process seals.

    Raises DatabaseUnavailable, Busy.
    """
    async with database.transaction(PLATFORM) as tx:
        if not await queries.become_sealer(tx):
            return None
        events = await queries.unsealed(tx, within=None if everything else _RECENT, limit=_BATCH)
        if not events:
            return 0
        seq, digest = await queries.chain_head(tx)
        seals = []
        for event in events:
            seq += 1
            digest = link(digest, event, seq)
            seals.append((seq, event.id, digest))
        await queries.add_seals(tx, seals)
    return len(events)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain at some moment. Kept elsewhere, it proves that nothing before it was cut off."""

    seq: int
    hash: str
    signature: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}:{self.signature}"


def _sign(secret: Secret, seq: int, digest: str) -> str:
    return secret.mac(_HEAD, f"{seq}:{digest}".encode()).hex()


def is_signed(found: Head, secret: Secret) -> bool:
    """Whether a server with this secret, or the one before it, signed the head."""
    secrets = (secret, secret.previous) if secret.previous is not None else (secret,)
    return any(hmac.compare_digest(found.signature, _sign(one, found.seq, found.hash)) for one in secrets)


async def head(database: Database, secret: Secret) -> Head:
    """The chain's end, signed with the server's secret."""
    async with database.transaction(PLATFORM, read_only=True) as tx:
        seq, digest = await queries.chain_head(tx)
    return Head(seq, digest.hex(), _sign(secret, seq, digest.hex()))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along the chain found: how many events hold, and the first break.

    `waiting` counts the events that have no seal yet, which nothing protects; the oldest of them is from `oldest`.
    """

    events: int
    broken: Break | None
    waiting: int = 0
    oldest: datetime | None = None


async def verify(
    database: Database,
    *,
    expected: str | None = None,
    secret: Secret | None = None,
    kept: Mapping[int, bytes] = _NOTHING_KEPT,
) -> Verdict:
    """Walk the whole chain. `expected` is a head kept from earlier (`seq:hash` or `seq:hash:signature`), `kept` are
    hashes by number that it has to have as well.

    Raises ValueError when `expected` is not a head, or not one that this server signed.
    """
    wanted = dict(kept)
    if expected is not None:
        seq, digest = _read_head(expected, secret)
        wanted[seq] = digest
    check = ChainCheck()
    async with database.transaction(PLATFORM, read_only=True) as tx:
        broken = await walk(tx, check, wanted)
        waiting, oldest = await queries.count_unsealed(tx)
    return Verdict(check.seq if broken is None else max(0, broken.seq - 1), broken, waiting, oldest)


async def walk(tx: Transaction, check: ChainCheck, wanted: Mapping[int, bytes] = _NOTHING_KEPT) -> Break | None:
    """Follow the chain to its end, or to the first break: also a number `wanted` that has another hash, or none."""
    begin, more = _BELOW_ALL, True
    while more:
        seals = await queries.seals_from(tx, begin, limit=_BATCH)
        for one in seals:
            broken = check.follow([one])
            if broken is not None:
                return broken
            if wanted.get(check.seq, check.hash) != check.hash:
                return Break(check.seq, "it is not the event that was sealed under this number")
        begin, more = check.seq + 1, len(seals) >= _BATCH
    furthest = max(wanted, default=0)
    if furthest > check.seq:
        return Break(check.seq + 1, f"the chain ends here, and reached {furthest} before")
    return None


def _read_head(text: str, secret: Secret | None) -> tuple[int, bytes]:
    seq, _, rest = text.strip().partition(":")
    digest, _, signature = rest.partition(":")
    try:
        wanted = int(seq), bytes.fromhex(digest)
    except ValueError:
        wanted = -1, b""
    if wanted[0] < 0 or len(wanted[1]) != len(FIRST_HASH):
        raise ValueError("A head looks like SEQ:HASH or SEQ:HASH:SIGNATURE.")
    if signature and (secret is None or _sign(secret, wanted[0], digest) != signature):
        raise ValueError("This head was not signed with SECRET_KEY.")
    return wanted


class Sealer:
    """Seals turn by turn, and writes the signed head into the log once an hour.

    One a process; of several processes one at a time does the work. Where this process has written nothing since it
    found nothing to seal, it looks only now and then: for what another one wrote that did not live to seal it.
    """

    def __init__(self, database: Database, secret: Secret) -> None:
        self._database = database
        self._secret = secret
        self._everything = True
        self._told_at = time.monotonic()
        self._seen = -1
        self._look_at = 0.0

    async def turn(self) -> None:
        """Seal what waits. Raises DatabaseUnavailable, Busy."""
        if self._database.written == self._seen and time.monotonic() < self._look_at:
            return
        before = self._database.written
        while (sealed := await seal(self._database, everything=self._everything)) == _BATCH:
            pass  # an import writes thousands at once: they are sealed within the second all the same
        if sealed == 0:
            # Our own looking counts as one; whatever was written meanwhile makes it more.
            self._seen, self._look_at = before + 1, time.monotonic() + _LOOK_SECONDS
        # Not asked again only once it was really done: another process may have been sealing just then.
        self._everything = self._everything and sealed in {None, _BATCH}
        if time.monotonic() - self._told_at > _HEAD_SECONDS:
            self._told_at, self._everything = time.monotonic(), True
            logger.warning("audit head %s", await head(self._database, self._secret))
