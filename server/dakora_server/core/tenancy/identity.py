"""Who is calling, by a session token of Clerk or of any OpenID Connect issuer."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256

import httpx2
from cachetools import LRUCache
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from dakora_server.core import clock
from dakora_server.core.addresses import require_safe_address
from dakora_server.core.tenancy.jwks import KeySet, Pace
from dakora_server.core.tenancy.token_documents import (
    Discovery,
    DocumentUnavailable,
    ProviderDocument,
    fetch_object,
    open_client,
)
from dakora_server.core.tenancy.token_rules import (
    LONGEST_TOKEN,
    Identity,
    Issuer,
    claims_of,
    email_in,
    identity_of,
    is_current,
    key_id,
    name_in,
)

__all__ = ["Identity", "Issuer", "Pace", "TokenVerifier"]

_MOST_VERDICTS = 10_000
_PROFILE_BYTES = 64 * 1024
_PROFILE_TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class _Verdict:
    identity: Identity
    kid: str
    key: RSAPublicKey


class TokenVerifier:
    """Tells from a session token who is calling; trusts one issuer.

    Keeps the issuer's keys and its own verdicts in memory, the latter under the token's hash, so that neither memory
    nor a dump of it holds a token.
    """

    def __init__(
        self,
        issuer: Issuer,
        *,
        now: Callable[[], float] = clock.unix,
        monotonic: Callable[[], float] = time.monotonic,
        transport: httpx2.AsyncBaseTransport | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Fetch nothing yet.

        Raises:
            ValueError: the keys' address, or the issuer's where the keys are to be found through it, is neither
                https nor on the loopback interface.
        """
        self._issuer = issuer
        self._now = now
        self._client = open_client(transport)
        self._discovery = Discovery(self._client, issuer.issuer, monotonic=monotonic)
        source = self._discovery if issuer.jwks_url is None else issuer.jwks_url
        require_safe_address(issuer.jwks_url or issuer.issuer)
        self._keys = KeySet(self._client, source, monotonic=monotonic, pace=pace)
        self._verdicts: LRUCache[bytes, _Verdict] = LRUCache(_MOST_VERDICTS)

    def known(self, token: str) -> Identity | None:
        """The caller, if this very token was verified before, has not expired, and its key is still the issuer's.

        Does not wait and does no I/O. None says nothing about the token: `verify` does.
        """
        if len(token) > LONGEST_TOKEN or not token.isascii():
            return None
        digest = sha256(token.encode()).digest()
        verdict = self._verdicts.get(digest)
        if verdict is None:
            return None
        held = self._keys.held(verdict.kid)
        if held is verdict.key and is_current(verdict.identity.expires_at, self._now()):
            return verdict.identity
        del self._verdicts[digest]
        return None

    async def verify(self, token: str) -> Identity:
        """The caller that the token proves.

        Raises:
            TokenInvalid: it is forged, misshapen, expired, not yet valid, or meant for somebody else.
            IdentityUnavailable: its key is not known, and the issuer cannot be asked.
        """
        if (known := self.known(token)) is not None:
            return known
        kid = key_id(token)
        key = await self._keys.find(kid)
        identity = identity_of(claims_of(token, key), self._issuer, self._now())
        self._verdicts[sha256(token.encode()).digest()] = _Verdict(identity, kid, key)
        return identity

    async def profile(self, token: str, identity: Identity) -> Identity:
        """The caller with address and name as the issuer's userinfo endpoint gives them, where the token had none.

        Best effort within two seconds: on any failure, and where the endpoint speaks of somebody else, the identity
        comes back as it was.
        """
        if identity.email is not None and identity.name is not None:
            return identity
        try:
            async with asyncio.timeout(_PROFILE_TIMEOUT):
                url = (await self._discovery.find()).userinfo_url
                if url is None:
                    return identity
                headers = {"authorization": f"Bearer {token}"}
                claims = await fetch_object(self._client, url, limit=_PROFILE_BYTES, headers=headers)
        except (TimeoutError, DocumentUnavailable):
            return identity
        if claims.get("sub") != identity.subject:
            return identity
        return replace(identity, email=identity.email or email_in(claims), name=identity.name or name_in(claims))

    async def configuration(self) -> ProviderDocument:
        """The issuer's addresses, as its OpenID configuration gives them.

        Raises:
            DocumentUnavailable: it cannot be had, or is not acceptable.
        """
        return await self._discovery.find()

    async def close(self) -> None:
        """Stop renewing the keys and let go of connections."""
        await self._keys.close()
        await self._client.aclose()
