"""The guard before everything, then bodies read strictly: only JSON, only so large, no duplicate keys."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from dakora_server.api.problems import Refused
from dakora_server.auth import access_of
from dakora_server.core.exceptions import BodyTooLarge, InvalidJson, UnsupportedMediaType
from dakora_server.core.templates.strict_json import loads
from dakora_server.permissions import rule_for


class StrictRequest(Request):
    """A request whose body is bounded, and JSON or nothing."""

    async def body(self) -> bytes:
        """The raw body. Raises Refused with BodyTooLarge or UnsupportedMediaType."""
        if not hasattr(self, "_body"):
            limit: int = self.scope.get("dakora.body_limit") or self.app.state.body_max_bytes
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


class GuardedRoute(APIRoute):
    """A route that lets nobody in whom the table of permissions does not, and reads its body through StrictRequest.

    The guard comes before the body: who may not is not read. A route that the table does not know cannot be made.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind the guard. Raises LookupError for an operation without a rule."""
        handler = super().get_route_handler()
        rule = rule_for(self.name)

        async def guarded(request: Request) -> Response:
            await access_of(request).admit(request.scope, rule)
            request.scope["dakora.body_limit"] = request.app.state.body_limits.get(self.name)
            return await handler(StrictRequest(request.scope, request.receive))

        return guarded
