"""API keys that were checked a moment ago, laid ready: what a warm request needs, found with one look.

An entry is made of what the guard has kept, and is dropped with everything else here whenever anybody's rights change
or a change may have been missed. Bounded, and keyed by a MAC, never by the key.
"""

import hashlib
import os
import time
from uuid import UUID

from dakora_server.core import clock
from dakora_server.core.scope import ACCESS, KEYS, Grant
from dakora_server.core.storage.changes import ChangeFeed

_MOST = 20_000
_NOTE_SECONDS = 5.0


class WarmKey:
    """A key, and what is asked of it on every request."""

    __slots__ = ("caller", "ends_at", "grant", "noted_at", "project", "workspace")

    def __init__(self, grant: Grant, ends_at: float | None) -> None:
        self.grant = grant
        self.project = str(grant.project_id)
        self.caller = str(grant.actor.actor_id)
        self.workspace = str(grant.workspace_id)
        # Unix seconds; None for a key that does not expire.
        self.ends_at = ends_at
        self.noted_at = float("-inf")

    def is_due(self, now: float) -> bool:
        """Whether its use is to be noted once more: not on each of a thousand requests a second."""
        if now - self.noted_at < _NOTE_SECONDS:
            return False
        self.noted_at = now
        return True


class WarmKeys:
    """One a process."""

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed
        # A keyed hash that costs a third of an HMAC. It never leaves this process; the database knows the HMAC.
        self._key = os.urandom(32)
        self._entries: dict[bytes, WarmKey] = {}
        feed.subscribe(self._on_change, on_gap=self._entries.clear)

    def get(self, raw: bytes) -> WarmKey | None:
        """The key's entry, if nothing can have changed since it was made."""
        entry = self._entries.get(hashlib.blake2b(raw, digest_size=16, key=self._key).digest())
        if entry is None or not self._feed.live:
            return None
        if entry.ends_at is not None and entry.ends_at <= clock.unix():
            return None
        return entry

    def put(self, raw: bytes, grant: Grant) -> WarmKey:
        """Lay a key ready. What `grant` says must be true now: nothing may be awaited in between."""
        rights = grant.actor.key
        ends_at = None if rights is None or rights.expires_at is None else rights.expires_at.timestamp()
        entry = WarmKey(grant, ends_at)
        if len(self._entries) >= _MOST:
            self._entries.clear()
        self._entries[hashlib.blake2b(raw, digest_size=16, key=self._key).digest()] = entry
        return entry

    def is_due(self, entry: WarmKey) -> bool:
        """Whether the key's use is to be noted once more."""
        return entry.is_due(time.monotonic())

    def _on_change(self, _: UUID, subject: str) -> None:
        if subject in {KEYS, ACCESS}:
            self._entries.clear()
