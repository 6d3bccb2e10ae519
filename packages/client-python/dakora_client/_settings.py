"""What a client is made from: arguments first, then the environment. Nothing is read later."""

import os
import random
import time
from asyncio import sleep as async_sleep
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2

from dakora_client.errors import ConfigurationError

VERSION = "0.1.0"
LOCAL_ADDRESS = "http://localhost:54321"
Token = str | Callable[[], str]
_KEY_PREFIX = "dk_"


@dataclass(frozen=True, slots=True)
class Hooks:
    """Time and chance, which tests bring themselves."""

    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random
    sleep: Callable[[float], None] = time.sleep
    async_sleep: Callable[[float], Awaitable[None]] = async_sleep
    new_key: Callable[[], str] = lambda: str(uuid4())


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings. `project` is None where the API key or the token has to say which one is meant."""

    address: str
    project: str | None
    api_key: str | None = field(repr=False)
    token: Token | None = field(repr=False)
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
        if not self.token_changes and (self.api_key or self.token):
            # Of the two headers the server takes, this is the one that loggers and error trackers know to hide.
            headers["Authorization"] = self.authorization()
        return httpx2.Headers(headers)

    @property
    def token_changes(self) -> bool:
        """Whether every request has to ask for its token."""
        return callable(self.token)

    def authorization(self) -> str:
        """Whom a request that leaves now says it is from. Raises ConfigurationError for a token that is none."""
        if not callable(self.token):
            return f"Bearer {self.api_key or self.token}"
        token = _token(self.token())
        if token is None:
            raise ConfigurationError("The function passed as token gave no token.")
        return f"Bearer {token}"


def settings(
    address: str | None,
    api_key: str | None,
    project: str | None,
    *,
    token: Token | None,
    timeout: float,
    connect_timeout: float,
    max_retries: int,
    cache_size: int,
    hooks: Hooks | None,
) -> Settings:
    """The settings of a client. Raises ConfigurationError, whose text never holds the key or the token."""
    if api_key is None and token is None:
        # Whoever passes one of the two has said who they are: the other one is not looked up.
        api_key, token = os.environ.get("DAKORA_API_KEY"), os.environ.get("DAKORA_TOKEN")
    key, session = _api_key(api_key), token if callable(token) else _token(token)
    if key is not None and session is not None:
        raise ConfigurationError(
            "There is an API key and a session token: give one of them (DAKORA_API_KEY or DAKORA_TOKEN)."
        )
    is_somebody = key is not None or session is not None
    chosen = (project if project is not None else os.environ.get("DAKORA_PROJECT", "")).strip()
    if timeout <= 0 or connect_timeout <= 0:
        raise ConfigurationError("A timeout is a number of seconds above 0.")
    if max_retries < 0 or cache_size < 0:
        raise ConfigurationError("max_retries and cache_size are 0 or more.")
    return Settings(
        address=_address(
            address if address is not None else os.environ.get("DAKORA_BASE_URL"), is_local=not is_somebody
        ),
        project=chosen or (None if is_somebody else "default"),
        api_key=key,
        token=session,
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
        # A key or a token belongs to some server; sending it to whatever listens here would be a guess.
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
    if not _fits_a_header(key):
        raise ConfigurationError("The API key holds characters that no key has: was it copied in full, and only it?")
    if not key.startswith(_KEY_PREFIX):
        raise ConfigurationError("The API key is none: they begin with dk_proj_. Pass a session token as token.")
    return key


def _token(given: object) -> str | None:
    if given is not None and not isinstance(given, str):
        raise ConfigurationError("The token is not text: pass a str, or a function that returns one without await.")
    token = (given or "").strip()
    if not token:
        return None
    if not _fits_a_header(token):
        raise ConfigurationError("The token holds characters that no token has: was it copied in full, and only it?")
    if token.startswith(_KEY_PREFIX):
        raise ConfigurationError("The token is an API key: pass it as api_key.")
    return token


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
