"""Provider keys at rest: sealed under a data key of their workspace, which a master key wraps (decision 27).

The master key is never in the database, and a data key only wrapped. Each sealed text is bound to its place, so a row
that is copied to another tenant does not open there.
"""

import os
from dataclasses import dataclass
from uuid import UUID

from dakora_server.core.crypto import Secret
from dakora_server.core.llm.records import Sealed
from dakora_server.core.run_exceptions import ProviderKeysUnavailable, ProviderKeyUnreadable

_WRAP, _SEAL = "workspace data keys", "provider keys"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed key stands: its workspace, and its row."""

    workspace_id: UUID
    project_id: UUID
    name: str

    @property
    def about(self) -> bytes:
        """What a sealed text is bound to."""
        return b"|".join((self.workspace_id.bytes, self.project_id.bytes, b"providers.sealed", self.name.encode()))


class Keyring:
    """Wraps and opens data keys. Without a master key nothing can be sealed, and the refusal says what to set."""

    def __init__(self, master: Secret | None) -> None:
        self._masters = [] if master is None else [master, *([master.previous] if master.previous else [])]

    def __repr__(self) -> str:
        return "Keyring(…)"

    @property
    def is_usable(self) -> bool:
        """Whether keys can be kept here at all."""
        return bool(self._masters)

    @property
    def master_id(self) -> str:
        """Tells master keys apart, and tells nothing about them. Raises ProviderKeysUnavailable."""
        return _name(self._master())

    def new_data_key(self, workspace_id: UUID, key_id: UUID) -> bytes:
        """A fresh data key, wrapped. Raises ProviderKeysUnavailable."""
        about = _about_key(workspace_id, key_id)
        return self._master().seal(_WRAP, os.urandom(_KEY_BYTES), about=about)

    def rewrapped(self, workspace_id: UUID, key_id: UUID, wrapped: bytes, master_id: str) -> bytes:
        """The same data key under today's master key. Raises ProviderKeysUnavailable, ProviderKeyUnreadable."""
        plain = self._unwrapped(workspace_id, key_id, wrapped, master_id)
        return self._master().seal(_WRAP, plain, about=_about_key(workspace_id, key_id))

    def seal(self, place: Place, text: str, *, key_id: UUID, wrapped: bytes, master_id: str) -> bytes:
        """An API key sealed under a data key. Raises ProviderKeysUnavailable, ProviderKeyUnreadable."""
        plain = self._unwrapped(place.workspace_id, key_id, wrapped, master_id)
        return Secret.of_key(plain).seal(_SEAL, text.encode(), about=place.about)

    def open(self, place: Place, sealed: Sealed) -> str:
        """The API key. Raises ProviderKeysUnavailable, and ProviderKeyUnreadable for one that is not of this place."""
        plain = self._unwrapped(place.workspace_id, sealed.key_id, sealed.wrapped, sealed.master_id)
        text = Secret.of_key(plain).open(_SEAL, sealed.text, about=place.about)
        if text is None:
            raise ProviderKeyUnreadable
        return text.decode()

    def _master(self) -> Secret:
        if not self._masters:
            raise ProviderKeysUnavailable
        return self._masters[0]

    def _unwrapped(self, workspace_id: UUID, key_id: UUID, wrapped: bytes, master_id: str) -> bytes:
        self._master()
        for master in self._masters:
            if _name(master) == master_id:
                plain = master.open(_WRAP, wrapped, about=_about_key(workspace_id, key_id))
                if plain is not None:
                    return plain
        raise ProviderKeyUnreadable


def _name(master: Secret) -> str:
    return master.mac("name of a master key", b"")[:8].hex()


def _about_key(workspace_id: UUID, key_id: UUID) -> bytes:
    return b"|".join((workspace_id.bytes, b"workspace_keys.wrapped", key_id.bytes))
