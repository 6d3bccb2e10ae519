"""Answers kept for repeated requests."""

import hashlib
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text

from dakora_server.core.storage.database import Transaction
from dakora_server.core.storage.tables import idempotency_keys

_KEPT = text("interval '24 hours'")
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:number)")


async def try_lock(tx: Transaction, tenant_id: UUID, caller_id: UUID, key: str) -> bool:
    """Be the only transaction that works on this key; False when another one does."""
    name = hashlib.sha256(f"idempotency\n{tenant_id}\n{caller_id}\n{key}".encode()).digest()
    number = int.from_bytes(name[:8], "big", signed=True)
    return bool((await tx.execute(_TRY_LOCK, {"number": number})).scalar_one())


async def find(tx: Transaction, tenant_id: UUID, caller_id: UUID, key: str) -> tuple[bytes, bytes] | None:
    """The fingerprint of the first request with this key, and its sealed answer."""
    table = idempotency_keys.c
    query = select(table.fingerprint, table.answer).where(
        table.tenant_id == tenant_id, table.caller_id == caller_id, table.key == key
    )
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else (row.fingerprint, row.answer)


async def add(
    tx: Transaction, tenant_id: UUID, caller_id: UUID, key: str, *, fingerprint: bytes, answer: bytes
) -> None:
    """Keep an answer."""
    values = {
        "tenant_id": tenant_id,
        "caller_id": caller_id,
        "key": key,
        "fingerprint": fingerprint,
        "answer": answer,
    }
    await tx.execute(insert(idempotency_keys), values)


async def forget_old(tx: Transaction) -> None:
    """Forget answers that are older than a day."""
    await tx.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < func.now() - _KEPT))
