"""When to send a call again, and after how long. Pure."""

from collections.abc import Callable

import httpx2

from dakora_client.errors import APIError

# The request may never have reached the server, or its answer got lost; an answer that came too late is not here.
LOST = (httpx2.NetworkError, httpx2.ConnectTimeout, httpx2.ProxyError, httpx2.RemoteProtocolError)
_BUSY = frozenset({429, 502, 503, 504})
_FIRST_WAIT = 0.2
_LONGEST_WAIT = 5.0
_LONGEST_ASKED = 30.0


def may_pass(failure: Exception) -> bool:
    """Whether the same call may go through if sent again."""
    if isinstance(failure, APIError):
        # Under way is an earlier attempt of ours, whose answer got lost: the next one gets that answer.
        return failure.status in _BUSY or failure.code == "idempotency_in_progress"
    return isinstance(failure, LOST)


def pause(attempt: int, asked: float | None, random: Callable[[], float]) -> float | None:
    """Seconds to wait after failed attempt number `attempt` (from 0); None where waiting is pointless.

    Full jitter, so that callers who failed together do not come back together. A `Retry-After` is a floor, never cut
    short: the server knows best, and if it asks for too long the caller should decide.
    """
    spread = random() * min(_LONGEST_WAIT, _FIRST_WAIT * 2.0**attempt)
    if asked is None:
        return spread
    return None if asked > _LONGEST_ASKED else asked + spread
