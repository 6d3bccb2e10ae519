"""What surrounds every request: an id, safe headers, a line in the log, and no failure that escapes."""

import asyncio
import contextlib
import logging
import re
import secrets
import time

from dakora_server.api.asgi import App, Message, Receive, Scope, Send
from dakora_server.api.problems import send_problem
from dakora_server.core.exceptions import DakoraError, UntrustedHost
from dakora_server.logs import RequestLog

logger = logging.getLogger(__name__)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}\Z")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


_BODY_UNREAD = frozenset({413, 415})
_DRAIN_SECONDS = 5.0
_DRAIN_BYTES = 64 * 1024 * 1024


class _Body:
    """A request's body as it is read, and what to do with a rest that nobody wants."""

    __slots__ = ("_ended", "_receive", "_scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self._ended = False

    async def receive(self) -> Message:
        """The next message, noted if it is the last."""
        message = await self._receive()
        if not message.get("more_body", False):
            self._ended = True
        return message

    async def drain(self) -> None:
        """Take what still comes and keep none of it, if the request said how much that is: no other need ever end."""
        declared = dict(self._scope["headers"]).get(b"content-length", b"")
        if not declared.isdigit() or int(declared) > _DRAIN_BYTES:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self._ended:
                    await self.receive()


class Envelope:
    """The outermost ASGI layer."""

    def __init__(self, app: App, *, log: RequestLog, hosts: frozenset[bytes] | None) -> None:
        """`hosts` are the names answered to (None: any). Without login only loopback names are: a page on the web
        could otherwise reach a laptop's server by pointing its own name at 127.0.0.1.
        """
        self._app = app
        self._log = log
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        host, request_id = self._read_headers(scope)
        scope["dakora.request_id"] = request_id
        status = 0
        body = _Body(scope, receive)

        async def send_sealed(message: Message) -> None:
            nonlocal status
            if status in _BODY_UNREAD and message["type"] == "http.response.body":
                # Closed with bytes unread, the connection is reset, and the answer can be lost on its way.
                await send({**message, "more_body": True})
                await body.drain()
                message = {"type": "http.response.body", "body": b""}
            elif message["type"] == "http.response.start":
                status = message["status"]
                more = scope.get("dakora.headers", ())
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode()), *_HEADERS, *more]
            await send(message)

        try:
            if self._hosts is not None and host not in self._hosts:
                await send_problem(UntrustedHost(), scope, send_sealed)
            else:
                await self._app(scope, body.receive, send_sealed)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if status == 0:
                logger.error("unexpected failure", exc_info=error)
                await send_problem(DakoraError(), scope, send_sealed)
        finally:
            self._log.add(scope, status, request_id, time.perf_counter() - started)

    @staticmethod
    def _read_headers(scope: Scope) -> tuple[bytes, str]:
        host, given = b"", b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"x-request-id":
                given = value
        name, _, _port = host.rpartition(b":") if not host.endswith(b"]") and b":" in host else (host, b"", b"")
        request_id = given.decode() if given and _REQUEST_ID.match(given) else secrets.token_hex(8)
        return name.lower(), request_id
