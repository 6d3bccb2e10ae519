"""Which addresses we talk to: nobody on the way may be able to change what they answer."""

import base64
import binascii
import ipaddress
import re

import httpx2

_PORTS = range(1, 65536)
_CLERK_KEY = re.compile(r"pk_(?:live|test)_([A-Za-z0-9+/]{4,400})={0,2}")
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?")
_UNSAFE = "The address must be https, or http on the loopback interface."


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_safe_address(url: str) -> str:
    """The address, if nobody on the way can change what it answers: https, or http that stays on this machine.

    Raises ValueError for another kind of address.
    """
    # Read by the parser that will also connect, so that the two cannot differ about the host.
    try:
        parts = httpx2.URL(url)
    except httpx2.InvalidURL:
        raise ValueError(_UNSAFE) from None
    private = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.host))
    possible = parts.host and (parts.port is None or parts.port in _PORTS)
    if not private or not possible or parts.userinfo:
        raise ValueError(_UNSAFE)
    return url


def clerk_host(publishable_key: str) -> str:
    """The host of Clerk's Frontend API that a publishable key holds, e.g. `clerk.example.com`.

    The key is `pk_live_` or `pk_test_` and the host with a `$` behind it, in Base64.

    Raises:
        ValueError: it is no such key.
    """
    match = _CLERK_KEY.fullmatch(publishable_key)
    try:
        text = base64.b64decode(match[1] + "==").decode("ascii") if match else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    host = text.removesuffix("$")
    if host == text or not _HOST.fullmatch(host):
        raise ValueError("not a publishable key of Clerk's")
    return host
