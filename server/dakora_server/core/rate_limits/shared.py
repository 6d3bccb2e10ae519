"""The windows that all processes share, in Redis."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from limits.aio.storage import RedisStorage
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from dakora_server.core.rate_limits.buckets import Bucket

_PREFIX: Final = "dakora:rate"
_CONNECTIONS: Final = 8
_MILLISECOND: Final = 1_000_000
# Redis counts in milliseconds and lets a key live through the last of them.
_SLACK: Final = 2 * _MILLISECOND

# What says that Redis is not there: an error of its own, a broken connection, or no answer in time (an OSError too).
UNREACHABLE: Final = (RedisError, OSError)


class SharedWindows:
    """A counter a window in Redis, by `limits`' atomic count-and-expire.

    A window begins with the first chunk that anybody takes and ends when Redis forgets its counter, so no clock but
    Redis's decides, and replicas need not agree on the time.

    Raises ValueError when the address is not one of Redis.
    """

    def __init__(self, redis_url: str, *, patience: float, now: Callable[[], int]) -> None:
        self._pool = BlockingConnectionPool.from_url(
            redis_url,
            max_connections=_CONNECTIONS,
            timeout=patience,
            socket_timeout=patience,
            socket_connect_timeout=patience,
        )
        self._redis = Redis(connection_pool=self._pool)
        options: dict[str, Any] = {"connection_pool": self._pool}
        self._storage = RedisStorage("redis://", implementation="redispy", key_prefix=_PREFIX, **options)
        self._patience = patience
        self._now = now

    async def fill(self, bucket: Bucket) -> None:
        """Give the bucket its next chunk of the window, or tell it that the window is empty and until when.

        The counter may be raised past the limit, by the last who ask; what lies beyond is granted to nobody.

        Raises one of UNREACHABLE when Redis does not answer in time.
        """
        rate = bucket.rate
        if self._now() >= bucket.ends:
            bucket.turn()
        key = rate.item.key_for(rate.name, bucket.subject)
        async with asyncio.timeout(self._patience):
            count = await self._storage.incr(key, rate.window, amount=rate.chunk)
            granted = max(0, min(rate.chunk, rate.amount - (count - rate.chunk)))
            if not (granted and bucket.told):
                await self._learn_end(bucket, key, empty=granted == 0)
        bucket.fill(granted, elsewhere=max(0, rate.amount - count))

    async def _learn_end(self, bucket: Bucket, key: str, *, empty: bool) -> None:
        """Ask Redis how long the window lasts, and err to the safe side of the time that the question took.

        A chunk must be spent before the window ends; a refusal must not end before it does.
        """
        asked_at = self._now()
        remaining: int = await self._redis.pttl(f"{_PREFIX}:{key}")
        lasts = max(0, remaining) * _MILLISECOND
        bucket.ends = self._now() + lasts + _SLACK if empty else asked_at + lasts
        bucket.told = True

    async def answers(self) -> bool:
        """Whether Redis counts within the time that a request would wait for it.

        It counts for real: one that is full, or a replica that takes no writes, answers a PING as if nothing were.
        """
        try:
            async with asyncio.timeout(self._patience):
                await self._storage.incr("probe", 1)
        except UNREACHABLE:
            return False
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.disconnect()
