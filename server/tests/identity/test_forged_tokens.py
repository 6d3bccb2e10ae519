"""Every token that is not exactly what the issuer made for us, and still good, opens nothing."""

import base64
import hashlib
import hmac
import json
import re

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dakora_server.core.exceptions import TokenInvalid
from dakora_server.core.tenancy.identity import Issuer

AUDIENCE = "https://dakora.test/api"
STUDIO = "https://studio.dakora.test"
_LEFT_OUT = object()


def encoded(part):
    if isinstance(part, dict):
        part = json.dumps(part)
    if isinstance(part, str):
        part = part.encode()
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


class Forger:
    """Knows everything the issuer publishes and every real token, but not its private key.

    Except for `signed`: what the issuer itself might sign for somebody or something else.
    """

    def __init__(self, key_server, peer_module, clock) -> None:
        self.server = key_server
        self.now = clock.unix()
        self.own = peer_module.key_pair(100)
        self.own_jwk = peer_module.public_jwk(self.own.public_key(), key_server.kid)
        self.private = key_server.keys[key_server.kid]
        self.public = self.private.public_key()
        self.public_jwk = peer_module.public_jwk(self.public, key_server.kid)

    def claims(self, **changes):
        usual = {**self.server.session_claims("user_1", now=self.now), "aud": AUDIENCE, **changes}
        return {name: value for name, value in usual.items() if value is not _LEFT_OUT}

    def header(self, **changes):
        usual = {"alg": "RS256", "typ": "JWT", "kid": self.server.kid, **changes}
        return {name: value for name, value in usual.items() if value is not _LEFT_OUT}

    def signed(self, *, header=None, payload=None, **changes):
        """Signed by the real key over exactly this header and payload, objects or text."""
        first = encoded(self.header() if header is None else header)
        second = encoded(self.claims(**changes) if payload is None else payload)
        return f"{first}.{second}.{encoded(self._rs256(self.private, f'{first}.{second}'))}"

    def own_signed(self, **header):
        first, second = encoded(self.header(**header)), encoded(self.claims())
        return f"{first}.{second}.{encoded(self._rs256(self.own, f'{first}.{second}'))}"

    def unsigned(self, algorithm, signature=""):
        return f"{encoded(self.header(alg=algorithm))}.{encoded(self.claims())}.{signature}"

    def hs256(self, secret, algorithm="HS256", digest=hashlib.sha256):
        text = f"{encoded(self.header(alg=algorithm))}.{encoded(self.claims())}"
        return f"{text}.{encoded(hmac.new(secret, text.encode(), digest).digest())}"

    def public_as(self, encoding, form):
        return self.public.public_bytes(encoding, form)

    def with_algorithm(self, algorithm, key=None):
        return jwt.encode(self.claims(), key or self.private, algorithm=algorithm, headers={"kid": self.server.kid})

    def bent(self, change):
        """A real token with its three segments changed."""
        return ".".join(change(*self.signed().split(".")))

    @staticmethod
    def _rs256(key, text):
        return jwt.get_algorithm_by_name("RS256").sign(text.encode(), key)


PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
SPKI, PKCS1 = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1


def flipped(segment, index, bit=1):
    raw = bytearray(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    raw[index] ^= bit
    return encoded(bytes(raw))


def doubled(claims, name, value):
    """The object with that key a second time, at its end."""
    return f"{json.dumps(claims)[:-1]},{json.dumps(name)}:{json.dumps(value)}}}"


def same_bits(signature):
    """The same bytes, written with other unused bits at the end."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return signature[:-1] + alphabet[alphabet.index(signature[-1]) ^ 1]


FORGERIES = {
    # No signature at all
    "alg none": lambda f: f.unsigned("none"),
    "alg None": lambda f: f.unsigned("None"),
    "alg NONE": lambda f: f.unsigned("NONE"),
    "alg nOnE": lambda f: f.unsigned("nOnE"),
    "alg none with a space": lambda f: f.unsigned("none "),
    "alg none with a signature": lambda f: f.unsigned("none", "AAAA"),
    "alg empty": lambda f: f.unsigned("", "AAAA"),
    "alg null": lambda f: f.unsigned(None, "AAAA"),
    "alg missing": lambda f: f.signed(header=f.header(alg=_LEFT_OUT)),
    "alg a list": lambda f: f.signed(header=f.header(alg=["RS256"])),
    "alg in small letters": lambda f: f.signed(header=f.header(alg="rs256")),
    "RS256 without a signature": lambda f: f.unsigned("RS256"),
    # The public key as a shared secret
    "HS256 with the PEM": lambda f: f.hs256(f.public_as(PEM, SPKI)),
    "HS256 with the PEM, trimmed": lambda f: f.hs256(f.public_as(PEM, SPKI).strip()),
    "HS256 with the PKCS1 PEM": lambda f: f.hs256(f.public_as(PEM, PKCS1)),
    "HS256 with the DER": lambda f: f.hs256(f.public_as(DER, SPKI)),
    "HS256 with the PKCS1 DER": lambda f: f.hs256(f.public_as(DER, PKCS1)),
    "HS256 with the JWK": lambda f: f.hs256(json.dumps(f.public_jwk).encode()),
    "HS256 with the modulus": lambda f: f.hs256(f.public_jwk["n"].encode()),
    "HS256 with nothing": lambda f: f.hs256(b""),
    "HS512 with the PEM": lambda f: f.hs256(f.public_as(PEM, SPKI), "HS512", hashlib.sha512),
    "RS256 by name, an HMAC in truth": lambda f: f.hs256(f.public_as(PEM, SPKI), "RS256"),
    # A key that the token brings along
    "jku": lambda f: f.own_signed(jku=f"{f.server.issuer}/attacker/jwks.json"),
    "jku and an unknown kid": lambda f: f.own_signed(jku=f"{f.server.issuer}/attacker/jwks.json", kid="attacker"),
    "x5u": lambda f: f.own_signed(x5u=f"{f.server.issuer}/attacker/cert.pem"),
    "jwk": lambda f: f.own_signed(jwk=f.own_jwk),
    "jwk and no kid": lambda f: f.own_signed(jwk=f.own_jwk, kid=_LEFT_OUT),
    "x5c": lambda f: f.own_signed(x5c=[base64.b64encode(f.own.public_key().public_bytes(DER, SPKI)).decode()]),
    "another key's signature": lambda f: f.own_signed(),
    # The key's name
    "kid unknown": lambda f: f.signed(header=f.header(kid="key-999")),
    "kid missing": lambda f: f.signed(header=f.header(kid=_LEFT_OUT)),
    "kid empty": lambda f: f.signed(header=f.header(kid="")),
    "kid a number": lambda f: f.signed(header=f.header(kid=0)),
    "kid a list": lambda f: f.signed(header=f.header(kid=[f.server.kid])),
    "kid a path": lambda f: f.signed(header=f.header(kid="../../dev/null")),
    "kid with NUL": lambda f: f.signed(header=f.header(kid=f"{f.server.kid}\0")),
    "kid of 8 KiB": lambda f: f.signed(header=f.header(kid="k" * 8192)),
    # Other algorithms, with the right key where it can
    "RS384": lambda f: f.with_algorithm("RS384"),
    "RS512": lambda f: f.with_algorithm("RS512"),
    "PS256": lambda f: f.with_algorithm("PS256"),
    "ES256": lambda f: f.with_algorithm("ES256", ec.generate_private_key(ec.SECP256R1())),
    "RS256 by name, RS512 in truth": lambda f: ".".join(
        [encoded(f.header()), *f.with_algorithm("RS512").split(".")[1:]]
    ),
    # Extensions and other kinds of token
    "crit": lambda f: f.signed(header=f.header(crit=["exp"])),
    "crit empty": lambda f: f.signed(header=f.header(crit=[])),
    "crit b64": lambda f: f.signed(header=f.header(crit=["b64"], b64=True)),
    "crit b64 false": lambda f: f.signed(header=f.header(crit=["b64"], b64=False)),
    "a logout token": lambda f: f.signed(header=f.header(typ="logout+jwt")),
    "typ a number": lambda f: f.signed(header=f.header(typ=1)),
    # Whose it is, and for whom
    "iss wrong": lambda f: f.signed(iss="https://evil.example"),
    "iss with a slash more": lambda f: f.signed(iss=f"{f.server.issuer}/"),
    "iss in capitals": lambda f: f.signed(iss=f.server.issuer.upper()),
    "iss a list": lambda f: f.signed(iss=[f.server.issuer]),
    "iss missing": lambda f: f.signed(iss=_LEFT_OUT),
    "azp wrong": lambda f: f.signed(azp="https://evil.example"),
    "azp longer": lambda f: f.signed(azp=f"{STUDIO}.evil.example"),
    "azp missing": lambda f: f.signed(azp=_LEFT_OUT),
    "azp a list": lambda f: f.signed(azp=[STUDIO]),
    "sid missing": lambda f: f.signed(sid=_LEFT_OUT),
    "sid empty": lambda f: f.signed(sid=""),
    "sid a number": lambda f: f.signed(sid=7),
    "aud wrong": lambda f: f.signed(aud="https://other.test/api"),
    "aud missing": lambda f: f.signed(aud=_LEFT_OUT),
    "aud null": lambda f: f.signed(aud=None),
    "aud a list without us": lambda f: f.signed(aud=["a", "b"]),
    "aud an empty list": lambda f: f.signed(aud=[]),
    "aud longer": lambda f: f.signed(aud=f"{AUDIENCE}/v2"),
    "aud an object": lambda f: f.signed(aud={AUDIENCE: True}),
    "aud a list with a number": lambda f: f.signed(aud=[AUDIENCE, 1]),
    "aud a list in a list": lambda f: f.signed(aud=[[AUDIENCE]]),
    "sub missing": lambda f: f.signed(sub=_LEFT_OUT),
    "sub empty": lambda f: f.signed(sub=""),
    "sub null": lambda f: f.signed(sub=None),
    "sub a number": lambda f: f.signed(sub=42),
    "sub a list": lambda f: f.signed(sub=["user_1"]),
    "sub with NUL": lambda f: f.signed(sub="user_1\0"),
    "sub with a line break": lambda f: f.signed(sub="user_1\nuser_2"),
    "sub with 256 characters": lambda f: f.signed(sub="u" * 256),
    # When
    "expired": lambda f: f.signed(exp=int(f.now) - 6),
    "expired long ago": lambda f: f.signed(exp=1),
    "exp missing": lambda f: f.signed(exp=_LEFT_OUT),
    "exp null": lambda f: f.signed(exp=None),
    "exp text": lambda f: f.signed(exp=str(int(f.now) + 60)),
    "exp true": lambda f: f.signed(exp=True),
    "exp a list": lambda f: f.signed(exp=[int(f.now) + 60]),
    "exp negative": lambda f: f.signed(exp=-1),
    "exp zero": lambda f: f.signed(exp=0),
    "exp in milliseconds": lambda f: f.signed(exp=(int(f.now) + 60) * 1000),
    "exp huge": lambda f: f.signed(exp=10**400),
    "exp a huge float": lambda f: f.signed(payload=json.dumps(f.claims(exp=0)).replace('"exp": 0', '"exp": 1e308')),
    "exp infinite": lambda f: f.signed(exp=float("inf")),
    "exp not a number": lambda f: f.signed(exp=float("nan")),
    "nbf in the future": lambda f: f.signed(nbf=int(f.now) + 6),
    "nbf text": lambda f: f.signed(nbf="soon"),
    "nbf null": lambda f: f.signed(nbf=None),
    "nbf true": lambda f: f.signed(nbf=True),
    # Shape
    "empty": lambda f: "",
    "one segment": lambda f: "abc",
    "two segments": lambda f: f.signed().rpartition(".")[0],
    "four segments": lambda f: f.signed() + ".AAAA",
    "five segments, as encrypted ones have": lambda f: f.signed() + ".AAAA.AAAA",
    "dots": lambda f: "..",
    "a space before": lambda f: " " + f.signed(),
    "a line break after": lambda f: f.signed() + "\n",
    "NUL after": lambda f: f.signed() + "\0",
    "NUL between": lambda f: f.signed().replace(".", ".\0", 1),
    "padding": lambda f: f.signed() + "==",
    "not ASCII": lambda f: f.signed()[:-1] + "é",
    "half a surrogate pair": lambda f: f.signed()[:-1] + "\ud800",
    "standard base64": lambda f: f.bent(lambda h, p, s: (h, p, s[:-1] + "+")),
    "garbage base64": lambda f: "!!!.???.###",
    "a segment no base64 has": lambda f: f"a.{f.signed().partition('.')[2]}",
    "64 KiB": lambda f: f.signed(note="x" * 49_152),
    "one character too many": lambda f: "a." + "b" * (16 * 1024 - 3) + ".c",
    "header a list": lambda f: f.signed(header="[]"),
    "header text": lambda f: f.signed(header='"RS256"'),
    "header no JSON": lambda f: f.signed(header="alg: RS256"),
    "header not UTF-8": lambda f: f.signed(header=b'{"alg":"RS256","kid":"\xff"}'),
    "header nested a thousand times": lambda f: f.signed(header='{"alg":' + "[" * 1000 + "]" * 1000 + "}"),
    "payload a list": lambda f: f.signed(payload="[]"),
    "payload null": lambda f: f.signed(payload="null"),
    "payload no JSON": lambda f: f.signed(payload="sub=user_1"),
    "payload nested a thousand times": lambda f: f.signed(payload='{"sub":' + "[" * 1000 + "]" * 1000 + "}"),
    "alg twice": lambda f: f.signed(header=doubled(f.header(alg="none"), "alg", "RS256")),
    "kid twice": lambda f: f.signed(header=doubled(f.header(kid="other"), "kid", f.server.kid)),
    "sub twice": lambda f: f.signed(payload=doubled(f.claims(sub="admin"), "sub", "user_1")),
    "exp twice": lambda f: f.signed(payload=doubled(f.claims(exp=1), "exp", int(f.now) + 60)),
    "sub twice, once escaped": lambda f: f.signed(
        payload=doubled(f.claims(sub="admin"), "sub", "user_1").replace(',"sub"', ',"\\u0073ub"')
    ),
    # A real token, bent
    "signature cut": lambda f: f.bent(lambda h, p, s: (h, p, s[:-4])),
    "signature of one byte": lambda f: f.bent(lambda h, p, s: (h, p, "AA")),
    "signature longer": lambda f: f.bent(lambda h, p, s: (h, p, encoded(b"\0" * 257))),
    "signature zero": lambda f: f.bent(lambda h, p, s: (h, p, encoded(b"\0" * 256))),
    "signature's first bit": lambda f: f.bent(lambda h, p, s: (h, p, flipped(s, 0, 128))),
    "signature's last bit": lambda f: f.bent(lambda h, p, s: (h, p, flipped(s, -1))),
    "signature spelled otherwise": lambda f: f.bent(lambda h, p, s: (h, p, same_bits(s))),
    "payload's bit": lambda f: f.bent(lambda h, p, s: (h, flipped(p, 20), s)),
    "payload exchanged": lambda f: f.bent(lambda h, p, s: (h, encoded(f.claims(sub="admin")), s)),
    "header exchanged": lambda f: f.bent(lambda h, p, s: (encoded(f.header(typ="at+jwt")), p, s)),
}


@pytest.fixture
def forger(key_server, keyserver_module, clock):
    return Forger(key_server, keyserver_module, clock)


@pytest.fixture
def strict(verifier_for, key_server):
    """A verifier that looks at all there is: as for Clerk and as for other issuers."""
    return verifier_for(Issuer(key_server.issuer, key_server.jwks_url, AUDIENCE, (STUDIO,), needs_session=True))


@pytest.mark.parametrize("kind", FORGERIES)
async def test_a_forged_or_misshapen_token_opens_nothing(kind, forger, strict):
    token = FORGERIES[kind](forger)
    # The keys are known, so that nothing is refused for want of them; and what is refused is so every time.
    assert (await strict.verify(forger.signed())).subject == "user_1"
    for _ in range(2):
        with pytest.raises(TokenInvalid) as refused:
            await strict.verify(token)
        assert strict.known(token) is None
        said = refused.value.detail
        assert not [part for part in re.split(r"[.\s]", token) if len(part) > 3 and part in said]


async def test_no_address_in_a_token_is_ever_asked(forger, strict, key_server):
    for kind in ("jku", "jku and an unknown kid", "x5u", "jwk", "x5c"):
        with pytest.raises(TokenInvalid):
            await strict.verify(FORGERIES[kind](forger))
    assert set(key_server.paths) == {"/.well-known/jwks.json"}


@pytest.mark.parametrize(
    "kind",
    [
        "alg none",
        "HS256 with the PEM",
        "RS512",
        "kid missing",
        "kid of 8 KiB",
        "crit",
        "a logout token",
        "64 KiB",
        "alg twice",
        "header no JSON",
        "two segments",
    ],
)
async def test_what_is_plainly_no_token_of_ours_costs_no_fetch(kind, forger, strict, key_server):
    with pytest.raises(TokenInvalid):
        await strict.verify(FORGERIES[kind](forger))
    assert key_server.paths == []


async def test_there_are_at_least_sixty_forgeries():
    assert len(FORGERIES) >= 60


GENUINE = {
    "plain": lambda f: f.signed(),
    "the last second, by a clock five seconds slow": lambda f: f.signed(exp=int(f.now) - 4),
    "the first second, by a clock five seconds fast": lambda f: f.signed(nbf=int(f.now) + 5),
    "no nbf": lambda f: f.signed(nbf=_LEFT_OUT),
    "no typ": lambda f: f.signed(header=f.header(typ=_LEFT_OUT)),
    "an access token's typ": lambda f: f.signed(header=f.header(typ="at+jwt")),
    "a list with us in it": lambda f: f.signed(aud=["a", AUDIENCE]),
    "fractions of a second": lambda f: f.signed(exp=f.now + 59.5),
    "255 characters": lambda f: f.signed(sub="user_1".ljust(255, "x")),
    "an address of keys that nobody follows": lambda f: f.signed(header=f.header(jku="https://evil.example")),
    "spaces in its JSON": lambda f: f.signed(payload=json.dumps(f.claims(), indent=4)),
}


@pytest.mark.parametrize("kind", GENUINE)
async def test_a_genuine_token_says_who_is_calling(kind, forger, strict):
    token = GENUINE[kind](forger)
    identity = await strict.verify(token)
    assert identity.issuer == forger.server.issuer
    assert identity.subject.startswith("user_1")
    assert identity.session.startswith("sess_")
    assert strict.known(token) == identity


async def test_an_expired_token_is_told_so(strict, forger):
    with pytest.raises(TokenInvalid, match="has expired"):
        await strict.verify(forger.signed(exp=int(forger.now) - 3600))
