"""The server's secret, and the keys made from it: one for each purpose, so that none can stand in for another."""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class Secret:
    """A root secret. It is never written anywhere; what is made from it opens nothing without it.

    `previous` is the secret that this one replaced: what was hashed with it is still recognised.
    """

    def __init__(self, root: str, *, previous: str | None = None) -> None:
        self._root = root.encode()
        self.previous = None if previous is None else Secret(previous)

    @classmethod
    def of_key(cls, key: bytes) -> "Secret":
        """A secret of random bytes that were made beforehand."""
        return cls(key.hex())

    def __repr__(self) -> str:
        return "Secret(…)"

    def key(self, purpose: str) -> bytes:
        """The 32 bytes for one purpose."""
        return hmac.digest(self._root, f"dakora:{purpose}".encode(), hashlib.sha256)

    def mac(self, purpose: str, value: bytes) -> bytes:
        """HMAC-SHA256 of a value under the purpose's key, 32 bytes."""
        return hmac.digest(self.key(purpose), value, hashlib.sha256)

    @staticmethod
    def mac_with(key: bytes, value: bytes) -> bytes:
        """As `mac`, with the purpose's key made beforehand: for what is asked on every request."""
        return hmac.digest(key, value, "sha256")

    def seal(self, purpose: str, value: bytes, *, about: bytes) -> bytes:
        """`value` encrypted (AES-256-GCM, a fresh nonce first), to be opened only for the same purpose and `about`."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self.key(purpose)).encrypt(nonce, value, about)

    def open(self, purpose: str, sealed: bytes, *, about: bytes) -> bytes | None:
        """What was sealed, or None when it was not sealed with this secret, for this purpose and about this."""
        try:
            return AESGCM(self.key(purpose)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about)
        except (InvalidTag, ValueError):
            return None
