"""How people get into the Studio: what its page is told about it, and which other hosts it may then speak to.

Without a login service of its own, a page speaks to this server alone.
"""

import asyncio
import html
import json
from dataclasses import dataclass
from typing import Protocol

import httpx2

from dakora_server.core.addresses import clerk_host
from dakora_server.core.tenancy.identity import TokenVerifier
from dakora_server.core.tenancy.token_documents import DocumentUnavailable

# Newer minor versions come by themselves, as Clerk asks for; a new major could want another policy.
_CLERK_SCRIPT = "/npm/@clerk/clerk-js@6/dist/clerk.browser.js"
_PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Page:
    """What one page of the Studio says about signing in."""

    told: dict[str, str]
    """For the Studio's own script; nothing in it is secret."""
    script: str = ""
    """HTML that loads the login service's script, if it has one."""
    script_hosts: tuple[str, ...] = ()
    connect_hosts: tuple[str, ...] = ()


class SignIn(Protocol):
    """Says what each page of the Studio is told."""

    async def page(self) -> Page:
        """What is told now. Never fails: a login service that is away is told as such."""


class Fixed:
    """A way in that stays as it is: none, API keys, or Clerk."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def page(self) -> Page:
        """The same each time."""
        return self._page


def without_login() -> SignIn:
    """Whoever reaches the server is in."""
    return Fixed(Page({"mode": "none"}))


def with_api_keys() -> SignIn:
    """A key is asked for, and kept by the open page only."""
    return Fixed(Page({"mode": "keys"}))


def with_clerk(publishable_key: str) -> SignIn:
    """Clerk's script, from Clerk's host, keeps the session; people sign in on Clerk's pages."""
    origin = f"https://{clerk_host(publishable_key)}"
    script = (
        f'<script async crossorigin="anonymous" src="{origin}{_CLERK_SCRIPT}" '
        f'data-clerk-publishable-key="{html.escape(publishable_key)}"></script>'
    )
    return Fixed(Page({"mode": "clerk"}, script, (origin,), (origin,)))


class WithOidc:
    """The authorization code flow with PKCE, with what the issuer's configuration says of its addresses."""

    def __init__(self, verifier: TokenVerifier, *, client_id: str, scope: str, resource: str | None) -> None:
        self._verifier = verifier
        self._told = {"mode": "oidc", "client_id": client_id, "scope": scope, "resource": resource or ""}

    async def page(self) -> Page:
        """The issuer's addresses, or that it cannot be reached."""
        try:
            async with asyncio.timeout(_PATIENCE):
                found = await self._verifier.configuration()
        except (TimeoutError, DocumentUnavailable):
            return Page(self._told)
        if found.authorization_url is None or found.token_url is None:
            return Page(self._told)
        told = {
            **self._told,
            "issuer": found.issuer,
            "authorization_endpoint": found.authorization_url,
            "token_endpoint": found.token_url,
            "end_session_endpoint": found.end_session_url or "",
        }
        return Page(told, connect_hosts=(_origin(found.token_url),))


def _origin(url: str) -> str:
    parts = httpx2.URL(url)
    return f"{parts.scheme}://{parts.netloc.decode('ascii')}"


def as_attribute(told: dict[str, str]) -> str:
    """What is told, for an attribute of the page."""
    return html.escape(json.dumps(told))
