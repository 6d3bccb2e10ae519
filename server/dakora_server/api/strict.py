"""Bodies read strictly: only JSON, only so large, no duplicate keys, before anything else looks at them."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from dakora_server.api.problems import Refused
from dakora_server.core.exceptions import BodyTooLarge, InvalidJson, UnsupportedMediaType
from dakora_server.core.templates.strict_json import loads


class StrictRequest(Request):
    """A request whose body is bounded, and JSON or nothing."""

    async def body(self) -> bytes:
        """The raw body. Raises Refused with BodyTooLarge or UnsupportedMediaType."""
        if not hasattr(self, "_body"):
            limit: int = self.app.state.body_max_bytes
            declared = self.headers.get("content-length", "0")
            if not declared.isdecimal() or int(declared) > limit:
                raise Refused(_too_large(limit))
            chunks: list[bytes] = []
            size = 0
            async for chunk in self.stream():
                size += len(chunk)
                if size > limit:
                    raise Refused(_too_large(limit))
                chunks.append(chunk)
            self._body = b"".join(chunks)
            if self._body and not _is_json(self.headers.get("content-type", "")):
                raise Refused(UnsupportedMediaType())
        return self._body

    async def json(self) -> Any:
        """The decoded body. Raises Refused with InvalidJson."""
        try:
            return loads(await self.body())
        except InvalidJson as error:
            raise Refused(error) from None


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"A body may have {limit} bytes.")


class StrictRoute(APIRoute):
    """A route that reads its body through StrictRequest."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, given the strict request."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strict
