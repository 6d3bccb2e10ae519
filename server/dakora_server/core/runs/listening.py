"""Listening to a model: what it has said so far, and when; asked again where that may help."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime

from dakora_server.core import clock
from dakora_server.core.exceptions import DakoraError
from dakora_server.core.llm.records import Call, Delta, Ended, OpenProvider, Piece, ToolCall
from dakora_server.core.llm.service import Models
from dakora_server.core.run_exceptions import ProviderFailed, ProviderRateLimited, ProviderUnreachable

_WORTH_ANOTHER_TRY = (ProviderRateLimited, ProviderFailed, ProviderUnreachable)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


@dataclass(slots=True)
class Heard:
    """What a run has heard. Times are milliseconds from when the model was asked."""

    started_at: datetime = field(default_factory=clock.now)
    texts: list[str] = field(default_factory=list)
    tool_calls: list[ToolCall] = field(default_factory=list)
    end: Ended | None = None
    opened: bool = False
    first_token_ms: float | None = None
    latency_ms: float = 0.0
    _asked: float = field(default_factory=time.perf_counter)

    @property
    def output(self) -> str:
        """The answer's text as far as it came."""
        return "".join(self.texts)

    def hear(self, piece: Piece) -> None:
        """Keep a piece."""
        match piece:
            case Delta():
                self._first()
                self.texts.append(piece.text)
            case ToolCall():
                self._first()
                self.tool_calls.append(piece)
            case Ended():
                self.end = piece

    def finish(self) -> None:
        """Stop the clock."""
        self.latency_ms = self._now()

    def _first(self) -> None:
        if self.first_token_ms is None:
            self.first_token_ms = self._now()

    def _now(self) -> float:
        return round((time.perf_counter() - self._asked) * 1000, 3)


async def listen(
    models: Models, opened: OpenProvider, call: Call, heard: Heard, *, retries: int
) -> AsyncGenerator[Piece | None]:
    """The answer's pieces, after None once the provider has begun to answer.

    Until then a refusal that may pass is met with another try, after the time that the provider asks for.
    Raises what `Models.ask` raises.
    """
    for attempt in range(retries + 1):
        try:
            async with models.ask(opened, call) as pieces:
                if not heard.opened:
                    heard.opened = True
                    yield None
                async with aclosing(pieces) as coming:
                    async for piece in coming:
                        heard.hear(piece)
                        yield piece
                return
        except _WORTH_ANOTHER_TRY as error:
            if heard.first_token_ms is not None or attempt == retries:
                raise
            await asyncio.sleep(_pause(error, attempt))


def _pause(error: DakoraError, attempt: int) -> float:
    """Seconds: what the provider asks for, or more with each try; never all callers at the same moment."""
    asked = error.retry_after if isinstance(error, ProviderRateLimited) and error.retry_after else 0
    usual = _FIRST_PAUSE * 2**attempt
    spread = random.uniform(0.8, 1.2)
    return float(min(_LONGEST_PAUSE, max(asked, usual)) * spread)
