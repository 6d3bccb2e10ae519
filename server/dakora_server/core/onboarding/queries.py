"""Which webhook messages were heard already."""

from uuid import UUID

from sqlalchemy import delete, func, text
from sqlalchemy.dialects.postgresql import insert

from dakora_server.core.storage.database import Transaction
from dakora_server.core.storage.tables import webhook_events

_KEPT = text("interval '7 days'")


async def is_first(tx: Transaction, user_id: UUID, event_id: str, kind: str) -> bool:
    """Take note of a message; whether nobody did before. Whoever else has it under way is waited for."""
    statement = insert(webhook_events).values(user_id=user_id, id=event_id, type=kind)
    found = await tx.execute(statement.on_conflict_do_nothing().returning(webhook_events.c.id))
    return found.scalar_one_or_none() is not None


async def forget_old(tx: Transaction) -> None:
    """Forget messages that are too old to come again."""
    await tx.execute(delete(webhook_events).where(webhook_events.c.received_at < func.now() - _KEPT))
