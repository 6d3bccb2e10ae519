"""The newest version of a prompt, answered from memory before the framework sets out.

This is what programs ask most, and the route's own machinery (parameters, dependencies, exit stacks) costs several
times the answer. Nothing is decided here: the guard says whose project it is, the pointers whether the answer can be
trusted now, and whatever either cannot say at once goes on to the route, which is the contract. A test holds the two
answers equal.
"""

import re
from collections.abc import Callable
from typing import Any, Protocol

from dakora_server.api.asgi import App, Receive, Scope, Send
from dakora_server.api.shapes import PROMPT_ID, is_fresh, prompt_bytes
from dakora_server.core.prompts.records import NEWEST, StoredPrompt
from dakora_server.core.scope import Platform, ProjectId

_PATH = re.compile(r"/api/projects/([^/]+)/prompts/(" + PROMPT_ID.strip("^$") + r")\Z")
_ROUTE = "/api/projects/{project_id}/prompts/{prompt_id}"
RawHeaders = list[tuple[bytes, bytes]]


class Guard(Protocol):
    """What is asked of the guard."""

    platform: Platform

    def known_project(self, scope: Scope, reference: str) -> ProjectId | None:
        """The project, if this caller is known to be allowed to read it without asking anybody; else None."""


class WarmReads:
    """The layer before the routes."""

    def __init__(self, app: App, *, guard: Callable[[], Guard]) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at once, or pass on."""
        prompt = self._find(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        if prompt is None:
            await self._app(scope, receive, send)
            return
        scope["dakora.route"] = _ROUTE
        if _asks_for_change(scope, prompt.record.etag):
            await send({"type": "http.response.start", "status": 304, "headers": _headers(prompt, body=None)})
            await send({"type": "http.response.body", "body": b""})
        else:
            body = prompt_bytes(prompt)
            await send({"type": "http.response.start", "status": 200, "headers": _headers(prompt, body=body)})
            await send({"type": "http.response.body", "body": body})

    def _find(self, scope: Scope) -> StoredPrompt | None:
        match = None if scope["query_string"] else _PATH.match(scope["path"])
        if match is None:
            return None
        guard = self._guard()
        project_id = guard.known_project(scope, match[1])
        if project_id is None:
            return None
        found: StoredPrompt | None = guard.platform.pointers.get((project_id, match[2]), NEWEST)
        return found


def _asks_for_change(scope: Scope, etag: str) -> bool:
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            return is_fresh(value.decode("latin-1"), etag)
    return False


def _headers(prompt: StoredPrompt, *, body: bytes | None) -> RawHeaders:
    """The headers of the route's answer, made once a version."""
    kept: dict[str, Any] = prompt.wire
    key = "headers" if body is not None else "headers 304"
    headers: RawHeaders | None = kept.get(key)
    if headers is None:
        headers = [(b"etag", prompt.record.etag.encode()), (b"cache-control", b"private, no-cache")]
        if body is not None:
            headers += [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
        kept[key] = headers
    return headers
