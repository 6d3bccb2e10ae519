"""What is forgotten after a while: kept answers, heard webhooks. Once an hour, by any process."""

import asyncio
import contextlib
import logging

from dakora_server.core.exceptions import DakoraError
from dakora_server.core.idempotency import queries as idempotency
from dakora_server.core.onboarding import queries as onboarding
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.tenant import PLATFORM

logger = logging.getLogger(__name__)
_PAUSE_SECONDS = 3600.0


async def tidy(database: Database) -> None:
    """Remove what is past its time. Raises DatabaseUnavailable, Busy."""
    async with database.transaction(PLATFORM) as tx:
        await idempotency.forget_old(tx)
        await onboarding.forget_old(tx)


class Housekeeping:
    """Tidies at start, and then once an hour."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._tidy_for_ever())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _tidy_for_ever(self) -> None:
        while True:
            try:
                await tidy(self._database)
            except DakoraError as error:
                logger.warning("tidying waits: %s", error.code)
            await asyncio.sleep(_PAUSE_SECONDS)
