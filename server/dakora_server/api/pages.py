"""Lists: how many, from where, and where the next page is."""

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

Limit = Annotated[int, Query(ge=1, le=200, description="How many to answer with.")]
Cursor = Annotated[str | None, Query(max_length=512, description="Where to go on: taken from the `Link` header.")]


def page(request: Request, items: bytes, *, next_cursor: str | None) -> Response:
    """An encoded list, with the next page's address in `Link` if there is one."""
    headers = {"cache-control": "no-store"}
    if next_cursor is not None:
        # Relative, so that it is right behind any proxy and never leads to another host.
        query = request.url.remove_query_params("cursor").include_query_params(cursor=next_cursor)
        headers["link"] = f'<{query.path}?{query.query}>; rel="next"'
    return Response(items, media_type="application/json", headers=headers)
