"""Lists: how many, from where, and where the next page is."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import Response

from dakora_server.core.exceptions import InvalidRequest
from dakora_server.core.prompts.records import decode_cursor, encode_cursor

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


def cursor_at(at: datetime, item_id: UUID) -> str:
    """Where a page ended in a list that is ordered by time."""
    return encode_cursor(f"{at.isoformat()} {item_id}")


def time_of_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The place in a list ordered by time. Raises InvalidRequest for a cursor that we did not make."""
    position = decode_cursor(cursor, str)
    if position is None:
        return None
    at, _, item_id = position.partition(" ")
    try:
        return _aware(datetime.fromisoformat(at)), UUID(item_id)
    except ValueError:
        raise InvalidRequest("The cursor is not one of ours.") from None


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(at)
    return at


def id_of_cursor(cursor: str | None) -> UUID | None:
    """The place in a list ordered by id. Raises InvalidRequest for a cursor that we did not make."""
    position = decode_cursor(cursor, str)
    if position is None:
        return None
    try:
        return UUID(position)
    except ValueError:
        raise InvalidRequest("The cursor is not one of ours.") from None
