"""An audit event, its canonical bytes, and the chain that runs through all of them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

FIRST_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Who did what, when, from where. `before` and `after` hold ids and names, never text or secrets."""

    id: UUID
    workspace_id: UUID
    project_id: UUID | None
    at: datetime
    actor_kind: str
    actor_id: UUID
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    address: str | None
    request_id: str | None

    def canonical(self, seq: int) -> bytes:
        """The same bytes for the same event, for ever: JSON, keys sorted, times in UTC with microseconds."""
        return orjson.dumps(
            {
                "seq": seq,
                "id": str(self.id),
                "workspace_id": str(self.workspace_id),
                "project_id": None if self.project_id is None else str(self.project_id),
                "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
                "actor_kind": self.actor_kind,
                "actor_id": str(self.actor_id),
                "action": self.action,
                "subject": self.subject,
                "before": self.before,
                "after": self.after,
                "address": self.address,
                "request_id": self.request_id,
            },
            option=orjson.OPT_SORT_KEYS,
        )


@dataclass(frozen=True, slots=True)
class Seal:
    """One link of the chain, with the event it seals; None when that event is gone."""

    seq: int
    hash: bytes
    event: AuditEvent | None


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the chain does not hold."""

    seq: int
    reason: str


def link(previous: bytes, event: AuditEvent, seq: int) -> bytes:
    """The hash of the chain after this event."""
    return hashlib.sha256(previous + event.canonical(seq)).digest()


class ChainCheck:
    """Walks the chain from its beginning, seal by seal, and stops at the first break."""

    def __init__(self) -> None:
        self.seq = 0
        self.hash = FIRST_HASH

    def follow(self, seals: Iterable[Seal]) -> Break | None:
        """Take the next seals, in order of `seq`; the first break, if there is one."""
        for seal in seals:
            expected = self.seq + 1
            if seal.seq < 1:
                return Break(seal.seq, "no seal has such a number")
            if seal.seq < expected:
                return Break(seal.seq, "a second event has the same id")
            if seal.seq > expected:
                return Break(expected, "the seal is missing")
            if seal.event is None:
                return Break(seal.seq, "the event is missing")
            if link(self.hash, seal.event, seal.seq) != seal.hash:
                return Break(seal.seq, "the event or its seal was changed")
            self.seq, self.hash = seal.seq, seal.hash
        return None
