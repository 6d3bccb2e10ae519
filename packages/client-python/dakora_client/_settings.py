"""What a client is made from: arguments first, then the environment. Nothing is read later."""

import os
import random
import time
from asyncio import sleep as async_sleep
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2

from dakora_client.errors import ConfigurationError

VERSION = "0.1.0"
LOCAL_ADDRESS = "http://localhost:54321"


@dataclass(frozen=True, slots=True)
class Hooks:
    """Time and chance, which tests bring themselves."""

    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random
    sleep: Callable[[float], None] = time.sleep
    async_sleep: Callable[[float], Awaitable[None]] = async_sleep


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings. `project` is None where the API key has to say which one it opens."""

    address: str
    project: str | None
    api_key: str | None = field(repr=False)
    timeout: float
    connect_timeout: float
    max_retries: int
    cache_size: int
    hooks: Hooks = field(repr=False)

    def headers(self) -> httpx2.Headers:
        """What every request carries."""
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": f"dakora-client-python/{VERSION}",
        }
        if self.api_key is not None:
            # Of the two headers the server takes, this is the one that loggers and error trackers know to hide.
            headers["Authorization"] = f"Bearer {self.api_key}"
        return httpx2.Headers(headers)


def settings(
    address: str | None,
    api_key: str | None,
    project: str | None,
    *,
    timeout: float,
    connect_timeout: float,
    max_retries: int,
    cache_size: int,
    hooks: Hooks | None,
) -> Settings:
    """The settings of a client. Raises ConfigurationError, whose text never holds the key."""
    key = _api_key(api_key if api_key is not None else os.environ.get("DAKORA_API_KEY"))
    chosen = (project if project is not None else os.environ.get("DAKORA_PROJECT", "")).strip()
    if timeout <= 0 or connect_timeout <= 0:
        raise ConfigurationError("A timeout is a number of seconds above 0.")
    if max_retries < 0 or cache_size < 0:
        raise ConfigurationError("max_retries and cache_size are 0 or more.")
    return Settings(
        address=_address(address if address is not None else os.environ.get("DAKORA_BASE_URL"), is_local=key is None),
        project=chosen or (None if key else "default"),
        api_key=key,
        timeout=timeout,
        connect_timeout=connect_timeout,
        max_retries=max_retries,
        cache_size=cache_size,
        hooks=hooks or Hooks(),
    )


def _address(given: str | None, *, is_local: bool) -> str:
    address = (given or "").strip()
    if not address and is_local:
        return LOCAL_ADDRESS
    if not address:
        # With a key there is a server that it belongs to; sending it to whatever listens here would be a guess.
        raise ConfigurationError(
            'There is no address: pass one, as in Dakora("http://localhost:54321"), or set DAKORA_BASE_URL.'
        )
    try:
        parts = urlsplit(address)
        # What was typed is not repeated below: an address with a password in it ends up here.
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError("The address must begin with http:// or https:// and name a host.")
        if parts.username is not None or parts.password is not None:
            raise ConfigurationError("The address must not hold a user name or password; pass the key as api_key.")
        if parts.query or parts.fragment:
            raise ConfigurationError("The address must end before any ? or #.")
        return str(httpx2.URL(address)).rstrip("/")
    except (ValueError, httpx2.InvalidURL):
        raise ConfigurationError("The address is not a valid URL.") from None


def _api_key(given: str | None) -> str | None:
    key = (given or "").strip()
    if not key:
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError("The API key holds characters that no key has: was it copied in full, and only it?")
    return key
