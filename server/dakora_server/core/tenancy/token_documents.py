"""JSON documents of the identity provider, fetched so that no answer of its can hurt: bounded, and nowhere else."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx2
from pydantic import JsonValue

from dakora_server.core.addresses import require_safe_address
from dakora_server.core.exceptions import InvalidJson
from dakora_server.core.templates.strict_json import loads

DOCUMENT_TIMEOUT = 5.0
"""Seconds that each step of fetching a document may take: to connect, to send, to hear anything again."""

_DOCUMENT_BYTES = 256 * 1024
_REDISCOVER = 3600.0


class DocumentUnavailable(Exception):
    """The provider did not answer with an acceptable document; the text says how, without quoting it."""


@dataclass(frozen=True, slots=True)
class ProviderDocument:
    """What we read of an OpenID provider's configuration."""

    issuer: str
    jwks_url: str
    userinfo_url: str | None
    authorization_url: str | None
    token_url: str | None
    end_session_url: str | None


def open_client(transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    """A client that follows no redirect and takes neither proxy nor credentials from the environment."""
    return httpx2.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=DOCUMENT_TIMEOUT,
        headers={"accept": "application/json", "accept-encoding": "identity"},
    )


async def fetch_object(
    client: httpx2.AsyncClient,
    url: str,
    *,
    limit: int = _DOCUMENT_BYTES,
    headers: Mapping[str, str] | None = None,
) -> dict[str, JsonValue]:
    """The JSON object at `url`, of at most `limit` bytes.

    Every single step is limited in time, but not their sum, which an answer in drops could stretch: the caller's
    `asyncio.timeout` does that.

    Raises:
        DocumentUnavailable: anything else came, or nothing.
    """
    try:
        async with client.stream("GET", url, headers=headers) as answer:
            body = await _read(answer, limit)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise DocumentUnavailable(type(error).__name__) from error
    try:
        document = loads(body)
    except InvalidJson:
        raise DocumentUnavailable("not acceptable JSON") from None
    if not isinstance(document, dict):
        raise DocumentUnavailable("not a JSON object")
    return document


class Discovery:
    """An OpenID provider's configuration, asked for once and again every hour."""

    def __init__(
        self, client: httpx2.AsyncClient, issuer: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._issuer = issuer
        self._monotonic = monotonic
        self._found: ProviderDocument | None = None
        self._found_at = 0.0
        self._asking = asyncio.Lock()

    async def find(self) -> ProviderDocument:
        """The configuration; one that speaks for another issuer counts as none.

        Raises:
            DocumentUnavailable: it cannot be had, or is not acceptable.
        """
        async with self._asking:
            if self._found is None or self._monotonic() - self._found_at >= _REDISCOVER:
                url = _safe(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
                self._found = _read_configuration(await fetch_object(self._client, url), self._issuer)
                self._found_at = self._monotonic()
            return self._found

    def forget(self) -> None:
        """Ask again next time: what it named does not answer."""
        self._found = None


async def _read(answer: httpx2.Response, limit: int) -> bytes:
    if answer.status_code != 200:
        raise DocumentUnavailable(f"status {answer.status_code}")
    # Compressed, a few bytes could become any number before they can be counted; we asked for none of that.
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise DocumentUnavailable("compressed though not asked for")
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise DocumentUnavailable(f"more than {limit} bytes")
    return bytes(body)


def _read_configuration(document: dict[str, JsonValue], issuer: str) -> ProviderDocument:
    if document.get("issuer") != issuer:
        raise DocumentUnavailable("the configuration names another issuer")
    jwks_url = document.get("jwks_uri")
    if not isinstance(jwks_url, str):
        raise DocumentUnavailable("the configuration names no keys")
    return ProviderDocument(
        issuer,
        _safe(jwks_url),
        userinfo_url=_address(document, "userinfo_endpoint"),
        authorization_url=_address(document, "authorization_endpoint"),
        token_url=_address(document, "token_endpoint"),
        end_session_url=_address(document, "end_session_endpoint"),
    )


def _address(document: dict[str, JsonValue], name: str) -> str | None:
    url = document.get(name)
    return _safe(url) if isinstance(url, str) else None


def _safe(url: str) -> str:
    try:
        return require_safe_address(url)
    except ValueError:
        raise DocumentUnavailable("the address is neither https nor on the loopback interface") from None
