"""The issuer's public keys: fetched once for many, kept through an outage, dropped when the issuer drops them."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx2
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm
from jwt.exceptions import InvalidKeyError
from pydantic import JsonValue

from dakora_server.core.exceptions import IdentityUnavailable, TokenInvalid
from dakora_server.core.tenancy.token_documents import (
    DOCUMENT_TIMEOUT,
    Discovery,
    DocumentUnavailable,
    fetch_object,
)

_log: Final = logging.getLogger(__name__)

_MOST_KEYS = 100
_KEY_BITS = range(2048, 8193)
_LONGEST_KID = 255


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: when the keys are fetched, and how long they count."""

    refresh: float = 240.0
    """Age at which known keys are fetched anew, while they go on to be served. With the time that a fetch may take
    and the longest wait after a failure this is below the 300 within which a removed key is to be refused."""
    again: float = 30.0
    """Between two fetches at least, while there are keys, whoever asks for unknown ones."""
    empty: float = 2.0
    """Between two fetches at least, while there is no key at all and every caller is turned away."""
    keep: float = 86_400.0
    """How long known keys outlive the last good fetch."""
    timeout: float = DOCUMENT_TIMEOUT
    """For one fetch of the keys altogether, with finding out where they are."""


class KeySet:
    """The keys at one address, or where the issuer's OpenID configuration says they are.

    The first key that is asked for starts it; from then on the keys are renewed without anybody asking, until
    `close`. Nobody who presents a known key ever waits for a fetch.
    """

    def __init__(
        self,
        client: httpx2.AsyncClient,
        source: str | Discovery,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        pace: Pace | None = None,
    ) -> None:
        self._client = client
        self._source = source
        self._monotonic = monotonic
        self._pace = pace or Pace()
        self._keys: dict[str, RSAPublicKey] = {}
        self._expires_at = 0.0  # when the keys stop counting, unless a fetch succeeds
        self._due_at = 0.0  # when known keys are to be fetched anew
        self._may_fetch_at = 0.0  # before that, unknown keys cause no fetch
        self._failed = True  # nothing is known until a fetch has succeeded
        self._fetching: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._closed = False

    def held(self, kid: str) -> RSAPublicKey | None:
        """The key, if it is known and still counts. Does not wait; sees to it that the keys are renewed in time."""
        now = self._monotonic()
        if not self._keys or now >= self._expires_at:
            return None
        if now >= self._due_at:
            # Without a running loop nothing can be fetched, and nothing needs to be: the next caller has one.
            with contextlib.suppress(RuntimeError):
                self._start(asyncio.get_running_loop())
        return self._keys.get(kid)

    async def find(self, kid: str) -> RSAPublicKey:
        """The key, fetched if need be; those who wait at the same time wait for the same fetch.

        Raises:
            TokenInvalid: the issuer has no such key, as of a fetch at most 30 seconds ago.
            IdentityUnavailable: the key is not known and the issuer could not be asked.
        """
        if (key := self.held(kid)) is not None:
            return key
        if self._fetching is not None or self._monotonic() >= self._may_fetch_at:
            task = self._start(asyncio.get_running_loop())
            if task is not None:
                # Unlike awaiting the task, this does not take the fetch from the others when one caller gives up.
                await asyncio.wait([task])
            if (key := self.held(kid)) is not None:
                return key
        if self._failed:
            raise IdentityUnavailable
        raise TokenInvalid("The session token is not signed with one of the issuer's keys.")

    async def close(self) -> None:
        """Fetch no more; keys that are not known cannot be found out any longer."""
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    def _start(self, loop: asyncio.AbstractEventLoop) -> asyncio.Task[None] | None:
        if self._fetching is None and not self._closed:
            self._fetching = loop.create_task(self._refresh())
        return self._fetching

    async def _refresh(self) -> None:
        """Fetches the keys once and says when next. A failure changes nothing about the keys that are known."""
        self._failed = True
        try:
            keys = await self._fetch()
            # A key that is unchanged stays the same object: verdicts are bound to it.
            self._keys = {kid: known if (known := self._keys.get(kid)) == key else key for kid, key in keys.items()}
            self._failed = False
        except DocumentUnavailable as failure:
            _log.warning("The identity provider's keys could not be fetched: %s.", failure)
            if isinstance(self._source, Discovery):
                self._source.forget()
        finally:
            self._fetching = None
            self._schedule()

    async def _fetch(self) -> dict[str, RSAPublicKey]:
        try:
            async with asyncio.timeout(self._pace.timeout):
                url = (await self._source.find()).jwks_url if isinstance(self._source, Discovery) else self._source
                return usable_keys(await fetch_object(self._client, url))
        except TimeoutError:
            raise DocumentUnavailable(f"no answer within {self._pace.timeout:g} s") from None

    def _schedule(self) -> None:
        now, pace = self._monotonic(), self._pace
        if not self._failed:
            self._expires_at = now + pace.keep
        counting = bool(self._keys) and now < self._expires_at
        self._may_fetch_at = now + (pace.again if counting or not self._failed else pace.empty)
        self._due_at = self._may_fetch_at if self._failed else now + pace.refresh
        if self._alarm is not None:
            self._alarm.cancel()
        if not self._closed:
            loop = asyncio.get_running_loop()
            # With nothing to renew, the next caller's question is soon enough.
            self._alarm = loop.call_later(self._due_at - now, self._start, loop) if counting else None


def usable_keys(document: dict[str, JsonValue]) -> dict[str, RSAPublicKey]:
    """The RSA signing keys of a JSON Web Key Set by `kid`; others are passed over, of two with one `kid` the second.

    Raises:
        DocumentUnavailable: it is no key set, or has more keys than any issuer needs.
    """
    found = document.get("keys")
    if not isinstance(found, list):
        raise DocumentUnavailable("not a key set")
    if len(found) > _MOST_KEYS:
        raise DocumentUnavailable(f"more than {_MOST_KEYS} keys")
    keys: dict[str, RSAPublicKey] = {}
    for entry in found:
        kid = entry.get("kid") if isinstance(entry, dict) else None
        if isinstance(entry, dict) and isinstance(kid, str) and 0 < len(kid) <= _LONGEST_KID:
            key = _rsa_signing_key(entry)
            if key is not None:
                keys.setdefault(kid, key)
    return keys


def _rsa_signing_key(entry: dict[str, JsonValue]) -> RSAPublicKey | None:
    if entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig" or entry.get("alg", "RS256") != "RS256":
        return None
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        key = RSAAlgorithm.from_jwk(entry)
    except (InvalidKeyError, ValueError, TypeError):
        return None
    # Somebody who publishes a private key lets everybody sign with it.
    return key if isinstance(key, RSAPublicKey) and key.key_size in _KEY_BITS else None
