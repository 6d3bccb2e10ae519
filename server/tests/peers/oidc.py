"""A real OpenID provider beside the tests, and people who sign in to it."""

import base64
import contextlib
import hashlib
import json
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx2

from peers.npm import install

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class OidcServer:
    """The provider as its clients know it."""

    issuer: str
    audience: str
    client_id: str
    redirect_uri: str

    def introduce(
        self,
        subject: str,
        email: str | None = None,
        name: str | None = None,
        *,
        email_verified: bool = True,
        in_token: bool = True,
    ) -> None:
        """Make somebody up; with `in_token`, access tokens carry the address and name as well as userinfo."""
        claims: dict[str, Any] = {}
        if email is not None:
            claims |= {"email": email, "email_verified": email_verified}
        if name is not None:
            claims |= {"name": name}
        with httpx2.Client(trust_env=False) as speaking:
            url = f"{self.issuer}/people/{quote(subject, safe='')}"
            speaking.put(url, json={**claims, "in_token": in_token}).raise_for_status()

    def token_for(
        self, subject: str, email: str | None = None, name: str | None = None, *, in_token: bool = True
    ) -> str:
        """Introduce somebody, sign them in with code and PKCE, and give their access token: a JWT for `audience`."""
        self.introduce(subject, email, name, in_token=in_token)
        token: str = self.sign_in(subject)["access_token"]
        return token

    def sign_in(self, subject: str, *, resource: bool = True) -> dict[str, Any]:
        """The token endpoint's answer. Without `resource` the access token is opaque and opens userinfo only."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        state = secrets.token_urlsafe(16)
        meant = {"resource": self.audience} if resource else {}
        asked = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "scope": "openid email profile",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "state": state,
            "login_hint": subject,
            **meant,
        }
        with httpx2.Client(base_url=self.issuer, trust_env=False) as browser:
            answer = browser.get("/auth", params=asked)
            for _ in range(10):
                location = answer.headers.get("location", "")
                if not location or location.startswith(self.redirect_uri):
                    break
                answer = browser.get(location)
            returned = parse_qs(urlsplit(answer.headers.get("location", "")).query)
            assert returned.get("state") == [state], f"The sign-in ended with {answer.status_code}: {answer.text}"
            form = {
                "grant_type": "authorization_code",
                "client_id": self.client_id,
                "code": returned["code"][0],
                "redirect_uri": self.redirect_uri,
                "code_verifier": verifier,
                **meant,
            }
            tokens = browser.post("/token", data=form)
            assert tokens.status_code == 200, tokens.text
            found: dict[str, Any] = tokens.json()
            return found


@contextlib.contextmanager
def start_oidc(
    log: Path, *, port: int = 0, audience: str | None = None, redirect_uris: Sequence[str] = ()
) -> Iterator[OidcServer]:
    """The provider in a process of its own, which ends with the block; what it says goes to `log`.

    The first run on a machine installs it with npm.
    """
    install()
    command = ["node", str(FOLDER / "oidc_server.mjs"), "--port", str(port)]
    command += ["--audience", audience] if audience else []
    for address in redirect_uris:
        command += ["--redirect-uri", address]
    with (
        log.open("wb") as said,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith(b'{"issuer"'):
                    yield OidcServer(**json.loads(line))
                    return
            raise AssertionError(f"The OpenID provider did not start:\n{log.read_text(encoding='utf-8')}")
        finally:
            process.kill()
