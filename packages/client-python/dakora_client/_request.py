"""A call, before it is sent: plain values, made by pure functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import JSONEncoder
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from dakora_client.errors import InvalidRequestError

T = TypeVar("T")


class Answer(NamedTuple):
    """What came back, read in full."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One operation with its arguments, and how to read its answer.

    `path` lies below the project where `in_project`, else below the address. `repeatable` calls may be sent again
    when it is not known what became of them. `cached` answers are kept with their ETag. `creates` calls carry an
    Idempotency-Key, this one or a fresh one, the same in every attempt: the server does them once, so they may be
    repeated too.
    """

    method: str
    path: str
    parse: Callable[[Answer], T]
    body: bytes | None = None
    if_match: str | None = None
    repeatable: bool = False
    in_project: bool = True
    cached: bool = False
    creates: bool = False
    idempotency_key: str | None = None
    media_type: str = "application/json"


def segment(text: str) -> str:
    """`text` as exactly one segment of a path, whatever is in it.

    Servers undo one level of escaping before they look for slashes and dots, so a text that could become more than one
    segment, or none, is escaped twice. No id has a percent sign in it, so such a text names nothing, and the
    server says so.
    """
    escaped = quote(text, safe="", errors="replace")
    if "/" in text or "\\" in text or text.strip(".") == "":
        return quote(escaped.replace(".", "%2E") or "%", safe="")
    return escaped


def query(**values: object) -> str:
    """The query string of those values that are not None, with its question mark."""
    given = {name: value for name, value in values.items() if value is not None}
    return f"?{urlencode(given, quote_via=quote, errors='replace')}" if given else ""


def refused(detail: str, code: str) -> InvalidRequestError:
    """The error for a call that cannot even be written down, in the shape the server would have used."""
    return InvalidRequestError(detail, status=422, code=code)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a JSON type")


_encode = JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode


def encode(body: Mapping[str, Any]) -> bytes:
    """`body` as JSON. Raises InvalidRequestError for what JSON cannot hold: NaN, dates, lone surrogates, cycles."""
    try:
        return _encode(body).encode()
    except UnicodeEncodeError as error:
        raise refused("The call was not sent: a text holds a lone surrogate.", "invalid_json") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise refused(f"The call was not sent: {error}.", "invalid_json") from error


def entity_tag(tag: str) -> str:
    """`tag` as `If-Match` wants it, quoted. Raises InvalidRequestError for what no tag can hold."""
    if not tag or not tag.isascii() or not tag.isprintable():
        raise refused("The call was not sent: if_match is not an ETag.", "invalid_request")
    return tag if tag == "*" or tag.endswith('"') else f'"{tag}"'


def once(key: str | None) -> str | None:
    """`key` as `Idempotency-Key` takes it. Raises InvalidRequestError for what it cannot hold."""
    if key is not None and not (0 < len(key) <= 255 and key.isascii() and key.isprintable() and " " not in key):
        raise refused("The call was not sent: idempotency_key is 1 to 255 visible ASCII characters.", "invalid_request")
    return key
