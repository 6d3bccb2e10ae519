"""An issuer that signs whatever a test wants and publishes its keys over HTTP: well, badly, or not at all."""

import contextlib
import functools
import json
import threading
import uuid
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from dakora_server.core import clock

Behaviour = Literal["serve", "error", "hang", "drip", "garbage", "huge", "redirect", "compressed", "crowd"]


@functools.cache
def key_pair(number: int, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The run's RSA key of that number; making one takes a while, and nobody outside sees them."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def public_jwk(key: rsa.RSAPublicKey, kid: str, **members: Any) -> dict[str, Any]:
    """The key as an issuer publishes it."""
    found: dict[str, Any] = RSAAlgorithm.to_jwk(key, as_dict=True)
    return {**found, "kid": kid, "use": "sig", "alg": "RS256", **members}


class KeyServer:
    """A key set, an OpenID configuration and a userinfo endpoint on a free loopback port.

    What it does can be changed between two requests: `behaviour` for the key set, `configuration` and `userinfo` for
    the other two. `fetches` counts what was asked of the key set, `paths` is everything that was asked for.
    """

    def __init__(self) -> None:
        self.behaviour: Behaviour = "serve"
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.extra_jwks: list[Any] = []
        self.configuration: dict[str, Any] = {}
        self.userinfo: dict[str, Any] | None = None
        self.paths: list[str] = []
        self._made = 0
        self._ending = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self.jwks_url = f"{self.issuer}/.well-known/jwks.json"
        self.kid = self.rotate(keep=False)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def fetches(self) -> int:
        """How often the key set was asked for."""
        return self.paths.count("/.well-known/jwks.json")

    def rotate(self, *, keep: bool = True) -> str:
        """Sign with a new key from now on, whose `kid` this is; the others stay published with `keep`."""
        if not keep:
            self.keys.clear()
        self.kid = f"key-{self._made}"
        self.keys[self.kid] = key_pair(self._made)
        self._made += 1
        return self.kid

    def drop(self, kid: str) -> None:
        """Publish that key no longer."""
        del self.keys[kid]

    def sign(
        self,
        claims: Mapping[str, Any],
        headers: Mapping[str, Any] | None = None,
        *,
        key: rsa.RSAPrivateKey | None = None,
    ) -> str:
        """Exactly these claims as a token; `headers` are added to `alg`, `typ` and the newest key's `kid`."""
        named = {"kid": self.kid, **(headers or {})}
        signing = key or self.keys[named["kid"]]
        return jwt.encode(dict(claims), signing, algorithm="RS256", headers=named)

    def session(self, subject: str = "user_1", **claims: Any) -> str:
        """A session token as Clerk makes it, good for a minute; `claims` are added or, with None, left out."""
        return self.sign(self.session_claims(subject, **claims))

    def session_claims(self, subject: str = "user_1", *, now: float | None = None, **claims: Any) -> dict[str, Any]:
        """What such a token says."""
        issued = int(clock.unix() if now is None else now)
        usual = {
            "iss": self.issuer,
            "sub": subject,
            "sid": f"sess_{uuid.uuid4().hex}",
            "azp": "https://studio.dakora.test",
            "iat": issued,
            "nbf": issued - 10,
            "exp": issued + 60,
            "v": 2,
        }
        return {claim: value for claim, value in {**usual, **claims}.items() if value is not None}

    def key_set(self) -> bytes:
        """The key set as it is published."""
        published = [public_jwk(key.public_key(), kid) for kid, key in self.keys.items()]
        return json.dumps({"keys": [*self.extra_jwks, *published]}).encode()

    def _answer(self, path: str, authorization: str | None) -> tuple[int, dict[str, str], bytes]:
        if path == "/.well-known/openid-configuration":
            found = {"issuer": self.issuer, "jwks_uri": self.jwks_url, "userinfo_endpoint": f"{self.issuer}/userinfo"}
            return 200, {}, json.dumps({**found, **self.configuration}).encode()
        if path == "/userinfo":
            allowed = self.userinfo is not None and (authorization or "").startswith("Bearer ")
            return (200 if allowed else 401), {}, json.dumps(self.userinfo).encode()
        if path != "/.well-known/jwks.json":
            return 404, {}, b"{}"
        return self._answer_with_keys()

    def _answer_with_keys(self) -> tuple[int, dict[str, str], bytes]:
        match self.behaviour:
            case "serve":
                return 200, {}, self.key_set()
            case "error":
                return 500, {}, self.key_set()
            case "hang" | "drip":
                self._ending.wait()
                return 500, {}, b""
            case "garbage":
                return 200, {}, b"<html>We will be right back</html>"
            case "huge":
                return 200, {}, self.key_set().rstrip(b"}") + b',"padding":"' + b"x" * 300_000 + b'"}'
            case "redirect":
                return 302, {"location": f"{self.issuer}/elsewhere"}, b""
            case "compressed":
                return 200, {"content-encoding": "gzip"}, self.key_set()
            case "crowd":
                one = public_jwk(key_pair(0).public_key(), "crowd")
                return 200, {}, json.dumps({"keys": [{**one, "kid": f"crowd-{n}"} for n in range(101)]}).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.paths.append(self.path)
                if issuer.behaviour == "drip" and self.path == "/.well-known/jwks.json":
                    self.drip()
                    return
                status, headers, body = issuer._answer(self.path, self.headers.get("authorization"))
                with contextlib.suppress(ConnectionError):  # the caller lost patience
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def drip(self) -> None:
                """One byte at a time, so that no single wait is long and the answer never ends."""
                with contextlib.suppress(ConnectionError):
                    self.send_response(200)
                    self.send_header("content-length", "200000")
                    self.end_headers()
                    while not issuer._ending.wait(0.02):
                        self.wfile.write(b" ")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- http.server's own signature
                """Say nothing; tests look at `paths`."""

        return Handler
