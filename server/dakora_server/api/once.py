"""`Idempotency-Key`: a creating POST that is sent again is answered again, and done once."""

import base64
from collections.abc import Awaitable, Callable
from typing import Annotated

import orjson
from fastapi import Depends, Header, Request
from fastapi.responses import Response

from dakora_server.auth import Caller, access_of
from dakora_server.core.idempotency.service import Repeat
from dakora_server.core.storage.database import Transaction

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text of your choice. The same key with the same request within a day: done once, same answer.",
    ),
]
_KEPT_HEADERS = ("etag", "location", "cache-control", "content-type")


class Once:
    """Does a request's work, unless a request with the same key did it before."""

    def __init__(self, repeat: Repeat | None) -> None:
        self._repeat = repeat

    async def answer(self, tx: Transaction, work: Callable[[], Awaitable[Response]]) -> Response:
        """The answer of `work`, or the one it gave the first time. Everything happens inside `tx`.

        Raises IdempotencyInProgress, IdempotencyMismatch.
        """
        if self._repeat is None:
            return await work()
        tenant_id = tx.tenant.owner_id
        kept = await self._repeat.recall(tx)
        if kept is not None:
            return _unpack(kept)
        response = await work()
        await self._repeat.keep(tx, tenant_id, _pack(response))
        return response


def _pack(response: Response) -> bytes:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    body = base64.b64encode(bytes(response.body)).decode()
    return orjson.dumps({"status": response.status_code, "headers": headers, "body": body})


def _unpack(kept: bytes) -> Response:
    answer = orjson.loads(kept)
    headers = {**answer["headers"], "idempotent-replayed": "true"}
    return Response(base64.b64decode(answer["body"]), status_code=answer["status"], headers=headers)


async def _once(request: Request, caller: Caller, idempotency_key: IdempotencyKey = None) -> Once:
    if idempotency_key is None:
        return Once(None)
    repeat = Repeat(
        access_of(request).secret,
        caller_id=caller.actor_id,
        key=idempotency_key,
        method=request.method,
        path=request.url.path,
        body=await request.body(),
    )
    return Once(repeat)


OnceOnly = Annotated[Once, Depends(_once)]
