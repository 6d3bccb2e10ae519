"""Work that goes on beside the requests: the same again after a pause, until the process ends."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from dakora_server.core.exceptions import DakoraError

logger = logging.getLogger(__name__)


class Repeated:
    """`work`, every so many seconds; with `at_the_end` once more when it is stopped. No failure ends it.

    `what` is told in the log when it fails, as in "audit events wait for their seal".
    """

    def __init__(
        self, work: Callable[[], Awaitable[Any]], *, every: float, what: str, at_the_end: bool = False
    ) -> None:
        self._work = work
        self._every = every
        self._what = what
        self._at_the_end = at_the_end
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin, with the first turn at once."""
        self._task = asyncio.create_task(self._repeat())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            if self._at_the_end:
                await self._turn()

    async def _repeat(self) -> None:
        while True:
            await self._turn()
            await asyncio.sleep(self._every)

    async def _turn(self) -> None:
        try:
            await self._work()
        except DakoraError as error:
            logger.warning("%s: %s", self._what, error.code)
        except Exception as error:  # noqa: BLE001 - one bad turn must not end, unnoticed, all that would follow
            logger.error("%s: %s", self._what, type(error).__name__)
