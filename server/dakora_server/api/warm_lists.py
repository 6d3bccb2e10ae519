"""A project's lists, answered from memory as the route answered them last, as long as nothing in the project changed.

What is kept is the route's own answer, under everything that it depends on: the project, the address with its query,
and the labels that the caller is limited to. So there is nothing here that could answer otherwise than the route.
"""

from collections.abc import Callable

from dakora_server.api.asgi import App, Message, Receive, Scope, Send
from dakora_server.api.problems import send_problem
from dakora_server.auth import Access
from dakora_server.core.exceptions import RateLimited
from dakora_server.core.storage.pages import Flight, Page, PageKey, Pages
from dakora_server.permissions import rule_for

_ROUTE = "/api/projects/{project_id}/prompts"
_LIST = rule_for("list_prompts")
# What others make may come to nothing: it failed, or something changed meanwhile. Then one reads for oneself.
_MOST_WAITS = 3


class WarmLists:
    """One question of the layer before the routes."""

    def __init__(self, app: App, *, access: Callable[[], Access]) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send, *, reference: str) -> None:
        """Answer, or let the route answer and keep what it says."""
        scope["dakora.route"] = _ROUTE
        access = self._access()
        try:
            grant = access.admit_known(scope, reference, _LIST)
        except RateLimited as error:
            await send_problem(error, scope, send)
            return
        if grant is None:
            await self._app(scope, receive, send)
            return
        limited = None if grant.actor.key is None else grant.actor.key.labels
        key = PageKey(grant.project_id, (scope["path"], scope["query_string"], limited))
        pages = access.platform.pages
        page = pages.get(key)
        for _ in range(_MOST_WAITS):
            flight = pages.under_way(key) if page is None else None
            if flight is None:
                break
            # Many ask for the same at once, above all after a change: one of them reads, the others wait for it.
            await flight.landed.wait()
            page = pages.get(key)
        if page is None:
            await _answer_and_keep(pages, pages.begin(key), self._app, scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": page.headers})
        await send({"type": "http.response.body", "body": page.body})


async def _answer_and_keep(pages: Pages, flight: Flight, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    started: Message | None = None
    page: Page | None = None

    async def overhear(message: Message) -> None:
        nonlocal started, page
        if message["type"] == "http.response.start":
            # A copy: the layer outside adds to the headers what belongs to this request alone.
            started = {**message, "headers": tuple(message["headers"])}
        elif started is not None and started["status"] == 200 and not message.get("more_body"):
            page = Page(started["headers"], message["body"])
        if page is not None:
            # Before the last byte leaves: whoever has the answer finds it kept.
            pages.end(flight, page)
        await send(message)

    try:
        await app(scope, receive, overhear)
    finally:
        if page is None:
            pages.end(flight, None)
