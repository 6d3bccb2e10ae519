"""What programs ask most, answered before the framework sets out: the newest version of a prompt, a render, a list.

The routes' own machinery (matching, parameters, dependencies, exit stacks) costs several times these answers. Nothing
is decided here: the guard says who may, where it knows at once, the services do what they do for the routes, and
whatever is not plainly one of these questions goes on to the route, which is the contract. A test holds the answers
equal.
"""

import re
from collections.abc import Callable
from typing import Any

import orjson
from pydantic import ValidationError

from dakora_server.api.asgi import App, Message, Receive, Scope, Send
from dakora_server.api.problems import send_problem
from dakora_server.api.rendering import RenderRequest, rendered_json
from dakora_server.api.shapes import PROMPT_ID, is_fresh, prompt_bytes, which
from dakora_server.api.warm_lists import WarmLists
from dakora_server.auth import Access
from dakora_server.core.exceptions import DakoraError, InvalidJson, RateLimited
from dakora_server.core.prompts import rendering
from dakora_server.core.prompts.records import LATEST, NEWEST, Selector, StoredPrompt
from dakora_server.core.scope import Grant, reading
from dakora_server.core.templates.strict_json import loads
from dakora_server.permissions import rule_for

_PATH = re.compile(r"/api/projects/([^/]+)/prompts(?:/(" + PROMPT_ID.strip("^$") + r")(/render)?)?\Z")
_LABEL = re.compile(rb"label=([A-Za-z0-9._-]{1,64})\Z")
_ROUTE = "/api/projects/{project_id}/prompts/{prompt_id}"
# A larger body is read by the route, which bounds it as it comes in.
_LARGEST_BODY = 64 * 1024
# A longer question is not worth keeping the answer of.
_LONGEST_QUERY = 1024
RawHeaders = list[tuple[bytes, bytes]]
_GET, _RENDER = rule_for("get_prompt"), rule_for("render_prompt")


class WarmAnswers:
    """The layer before the routes."""

    def __init__(self, app: App, *, access: Callable[[], Access]) -> None:
        self._app = app
        self._access = access
        self._lists = WarmLists(app, access=access)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        match = _PATH.match(scope["path"]) if scope["type"] == "http" else None
        if match is None:
            await self._app(scope, receive, send)
            return
        query, method = scope["query_string"], scope["method"]
        label = _LABEL.match(query) if query else None
        if match[2] is None:
            if method == "GET" and len(query) <= _LONGEST_QUERY:
                await self._lists(scope, receive, send, reference=match[1])
                return
        elif match[3] is None and method == "GET" and (label is not None or not query):
            selector = NEWEST if label is None else which(None, label[1].decode())
            await self._get(scope, receive, send, reference=match[1], prompt_id=match[2], selector=selector)
            return
        elif match[3] is not None and method == "POST" and not query and _is_small_json(scope):
            await self._render(scope, receive, send, reference=match[1], prompt_id=match[2])
            return
        await self._app(scope, receive, send)

    async def _get(
        self, scope: Scope, receive: Receive, send: Send, *, reference: str, prompt_id: str, selector: Selector
    ) -> None:
        scope["dakora.route"] = _ROUTE
        access = self._access()
        try:
            grant = access.admit_known(scope, reference, _GET)
        except RateLimited as error:
            await send_problem(error, scope, send)
            return
        prompt: StoredPrompt | None = None
        if grant is not None and _may_take(grant, selector):
            prompt = access.platform.pointers.get((grant.project_id, prompt_id), selector)
        if prompt is None:
            await self._app(scope, receive, send)
        elif _has_it_already(scope, prompt.record.etag):
            await _answer(send, 304, _headers(prompt, body=None), b"")
        else:
            body = prompt_bytes(prompt)
            await _answer(send, 200, _headers(prompt, body=body), body)

    async def _render(self, scope: Scope, receive: Receive, send: Send, *, reference: str, prompt_id: str) -> None:
        scope["dakora.route"] = _ROUTE + "/render"
        access = self._access()
        try:
            grant = access.admit_known(scope, reference, _RENDER)
        except RateLimited as error:
            await send_problem(error, scope, send)
            return
        if grant is None:
            await self._app(scope, receive, send)
            return
        message = await receive()
        try:
            if message.get("more_body"):
                raise InvalidJson
            wanted = RenderRequest.model_validate(loads(message.get("body", b"")))
            selected = which(None if wanted.version is None else str(wanted.version), wanted.label)
        except (DakoraError, ValidationError):
            # The route reads the same body again, and says what is wrong with it.
            await self._app(scope, _Again(message, receive), send)
            return
        try:
            async with reading(access.platform, grant) as project:
                result = await rendering.render(
                    project, prompt_id, wanted.inputs, which=selected, fill=not wanted.resolve_includes_only
                )
        except DakoraError as error:
            await send_problem(error, scope, send)
            return
        body = orjson.dumps(rendered_json(result))
        length = str(len(body)).encode()
        await _answer(send, 200, [(b"content-length", length), (b"content-type", b"application/json")], body)


def _may_take(grant: Grant, selector: Selector) -> bool:
    """Whether the caller is not limited to other labels; if it is, the route says so."""
    allowed = None if grant.actor.key is None else grant.actor.key.labels
    return allowed is None or (selector.label or LATEST) in allowed


class _Again:
    """A `receive` that begins with a message already taken."""

    def __init__(self, message: Message, receive: Receive) -> None:
        self._message: Message | None = message
        self._receive = receive

    async def __call__(self) -> Message:
        message, self._message = self._message, None
        return message if message is not None else await self._receive()


def _is_small_json(scope: Scope) -> bool:
    length = kind = b""
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = value
        elif name == b"content-type":
            kind = value
    return kind == b"application/json" and length.isdigit() and int(length[:8]) <= _LARGEST_BODY


def _has_it_already(scope: Scope, etag: str) -> bool:
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            return is_fresh(value.decode("latin-1"), etag)
    return False


async def _answer(send: Send, status: int, headers: RawHeaders, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


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
