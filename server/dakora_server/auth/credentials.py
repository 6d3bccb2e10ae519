"""What a request shows to be let in, and where it came from."""

from collections.abc import MutableMapping
from typing import Any, NamedTuple

from dakora_server.core.api_keys.secret import PREFIX
from dakora_server.core.exceptions import Unauthenticated
from dakora_server.core.scope import Origin

_LONGEST = 16 * 1024
_KEY_PREFIX = PREFIX.encode()


class Credential(NamedTuple):
    """An API key or a session token, as it was sent."""

    is_key: bool
    raw: bytes


def credential_of(scope: MutableMapping[str, Any]) -> Credential | None:
    """What the request shows: `X-API-Key` before `Authorization`; None when it shows nothing.

    Raises Unauthenticated for an `Authorization` that is neither a key nor a token.
    """
    bearer = None
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            return Credential(is_key=True, raw=value.strip()[:_LONGEST])
        if name == b"authorization" and bearer is None:
            bearer = value
    if bearer is None:
        return None
    kind, _, rest = bearer.partition(b" ")
    token = rest.strip()
    if kind.lower() != b"bearer" or not token:
        raise Unauthenticated("Send `Authorization: Bearer …` with an API key or a session token.")
    return Credential(is_key=token.startswith(_KEY_PREFIX), raw=token[: _LONGEST + 1])


def origin_of(scope: MutableMapping[str, Any], *, trusted_proxies: int) -> Origin:
    """Where a request came from. An address in `X-Forwarded-For` counts only as far as our own proxies wrote it."""
    client = scope.get("client")
    address = client[0] if client else None
    if trusted_proxies:
        forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
        hops = [hop.strip() for hop in forwarded.decode("latin-1").split(",") if hop.strip()]
        if len(hops) >= trusted_proxies:
            address = hops[-trusted_proxies]
    return Origin(None if address is None else address[:64], scope.get("dakora.request_id"))
