"""A request sent twice has one effect and one answer, for a day.

The answer is kept in the transaction of the effect, so that there is never the one without the other. It is encrypted
under the server's secret: an answer may hold a fresh API key, and the database must not.
"""

import hashlib
import hmac
from uuid import UUID

from dakora_server.core.crypto import Secret
from dakora_server.core.exceptions import IdempotencyInProgress, IdempotencyMismatch
from dakora_server.core.idempotency import queries
from dakora_server.core.storage.database import Transaction

_PURPOSE = "idempotency"


class Repeat:
    """One request that may be a repeat: whose it is, the key it carries, and what it asks for."""

    def __init__(self, secret: Secret, *, caller_id: UUID, key: str, method: str, path: str, body: bytes) -> None:
        self._secret = secret
        self._caller_id = caller_id
        self._key = key
        self._fingerprint = hashlib.sha256(f"{method} {path}\n".encode() + body).digest()

    async def recall(self, tx: Transaction) -> bytes | None:
        """The answer that the first such request got, or None: then this is the first, and others wait their turn.

        Raises IdempotencyInProgress while the first one runs, IdempotencyMismatch when it asked for something else.
        """
        tenant_id = tx.tenant.owner_id
        if not await queries.try_lock(tx, tenant_id, self._caller_id, self._key):
            raise IdempotencyInProgress
        found = await queries.find(tx, tenant_id, self._caller_id, self._key)
        if found is None:
            return None
        fingerprint, sealed = found
        if not hmac.compare_digest(fingerprint, self._fingerprint):
            raise IdempotencyMismatch
        answer = self._secret.open(_PURPOSE, sealed, about=self._about(tenant_id))
        if answer is None:
            # The server's secret has changed since: what was answered can no longer be told.
            raise IdempotencyMismatch("The first answer to this Idempotency-Key can no longer be read.")
        return answer

    async def keep(self, tx: Transaction, tenant_id: UUID, answer: bytes) -> None:
        """Keep the answer with the effect. `tenant_id` is whose transaction it was when it began."""
        sealed = self._secret.seal(_PURPOSE, answer, about=self._about(tenant_id))
        await queries.add(tx, tenant_id, self._caller_id, self._key, fingerprint=self._fingerprint, answer=sealed)

    def _about(self, tenant_id: UUID) -> bytes:
        return f"{tenant_id}\n{self._caller_id}\n{self._key}".encode()
