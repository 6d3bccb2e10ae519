"""What is forgotten after a while: kept answers, heard webhooks, executions past their time."""

from dakora_server.core.executions.upkeep import expire
from dakora_server.core.idempotency import queries as idempotency
from dakora_server.core.onboarding import queries as onboarding
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.tenant import PLATFORM

TIDY_SECONDS = 3600.0


async def tidy(database: Database) -> None:
    """Remove what is past its time. Raises DatabaseUnavailable, Busy."""
    async with database.transaction(PLATFORM) as tx:
        await idempotency.forget_old(tx)
        await onboarding.forget_old(tx)
    await expire(database)
