"""What a session token must look like and say. Pure: the key, the time and the issuer come in from outside."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWS, PyJWTError
from pydantic import JsonValue

from dakora_server.core.exceptions import InvalidJson, TokenInvalid
from dakora_server.core.templates.strict_json import loads

LONGEST_TOKEN = 16 * 1024
LEEWAY = 5.0
"""Seconds by which the issuer's clock and ours may differ."""

_ALGORITHM = "RS256"
_THREE_SEGMENTS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# Other kinds of signed statement of the same issuer, such as a logout token, must not pass as a session.
_TYPES = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_LONGEST_NAME = 255
_LAST_MOMENT = 253_402_300_799  # of the year 9999; also what tells seconds from milliseconds
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Characters that end a line or turn the reading direction would let a name rewrite what stands around it.
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\[\]\\]+@[^\s@<>\"(),:;\[\]\\]+")
_LONGEST_ADDRESS = 320
_LONGEST_DISPLAY_NAME = 200

_jws = PyJWS(algorithms=[_ALGORITHM])


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are trusted, and what they must say."""

    issuer: str
    """Exactly the token's `iss`."""
    jwks_url: str | None
    """Where the keys are; None: where the issuer's OpenID configuration says."""
    audience: str | None
    """What `aud` must contain; None: `aud` is not looked at (Clerk)."""
    parties: tuple[str, ...] = ()
    """The `azp` that are allowed; empty: `azp` is not looked at."""
    needs_session: bool = False
    """Whether `sid` is required (Clerk)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified caller. Subjects of different issuers are different callers, whatever their address."""

    issuer: str
    subject: str
    email: str | None
    name: str | None
    session: str | None
    expires_at: float  # seconds since 1970


def key_id(token: str) -> str:
    """The `kid` of a token that has the right shape. Nothing in it is to be believed yet.

    No other header is ever read for a key or an address of one.

    Raises:
        TokenInvalid: it is too long, misshapen, or signed in a way that is not accepted.
    """
    if len(token) > LONGEST_TOKEN:
        _refuse("The session token is too long.")
    if not _THREE_SEGMENTS.fullmatch(token):
        _refuse("The session token is not a JSON Web Token.")
    header = _object(_decoded(token.partition(".")[0]))
    if header.get("alg") != _ALGORITHM:
        _refuse(f"The session token must be signed with {_ALGORITHM}.")
    if "crit" in header or "b64" in header:
        _refuse("The session token uses an extension that is not supported.")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        _refuse("The token is not a session or access token.")
    kid = header.get("kid")
    if not isinstance(kid, str) or not _is_name(kid):
        _refuse("The session token does not name its key.")
    return kid


def claims_of(token: str, key: RSAPublicKey) -> dict[str, JsonValue]:
    """What the holder of `key` signed.

    Raises:
        TokenInvalid: it was not signed with it, or is no JSON object.
    """
    try:
        signed: bytes = _jws.decode_complete(token, key, algorithms=[_ALGORITHM])["payload"]
    except PyJWTError:
        _refuse("The session token's signature does not fit.")
    return _object(signed)


def identity_of(claims: dict[str, JsonValue], issuer: Issuer, now: float) -> Identity:
    """The caller that signed claims speak of, if they are the issuer's, for us, and for now.

    Raises:
        TokenInvalid: with a sentence that says which of these they are not.
    """
    if claims.get("iss") != issuer.issuer:
        _refuse("The session token is of another issuer.")
    expires_at = _moment(claims, "exp")
    if not is_current(expires_at, now):
        _refuse("The session token has expired.")
    if "nbf" in claims and _moment(claims, "nbf") > now + LEEWAY:
        _refuse("The session token is not valid yet.")
    _check_recipient(claims, issuer)
    session = claims.get("sid")
    if not isinstance(session, str) or not _is_name(session):
        if issuer.needs_session:
            _refuse("The session token names no session.")
        session = None
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _is_name(subject):
        _refuse("The session token names no user.")
    return Identity(issuer.issuer, subject, email_in(claims), name_in(claims), session, expires_at)


def is_current(expires_at: float, now: float) -> bool:
    """Whether a token that ends at `expires_at` still counts."""
    return now < expires_at + LEEWAY


def email_in(claims: dict[str, JsonValue]) -> str | None:
    """The address the claims give, unless it is implausible or the issuer says that it is not verified."""
    email = claims.get("email")
    # Some issuers write their truth values as text.
    if claims.get("email_verified") in (False, "false") or not isinstance(email, str):
        return None
    if len(email) > _LONGEST_ADDRESS or not email.isprintable() or not _ADDRESS.fullmatch(email):
        return None
    return email


def name_in(claims: dict[str, JsonValue]) -> str | None:
    """The name the claims give, made fit to be shown in one line."""
    name = claims.get("name")
    if not isinstance(name, str):
        return None
    return _UNSHOWABLE.sub("", name).strip()[:_LONGEST_DISPLAY_NAME].rstrip() or None


def _check_recipient(claims: dict[str, JsonValue], issuer: Issuer) -> None:
    if issuer.audience is not None:
        meant = claims.get("aud")
        audiences = meant if isinstance(meant, list) else [meant]
        if issuer.audience not in audiences or not all(isinstance(audience, str) for audience in audiences):
            _refuse("The session token is meant for another audience.")
    if issuer.parties:
        party = claims.get("azp")
        if not isinstance(party, str) or party not in issuer.parties:
            _refuse("The session token was issued to another application.")


def _moment(claims: dict[str, JsonValue], claim: str) -> float:
    value = claims.get(claim)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LAST_MOMENT <= value <= _LAST_MOMENT:
        _refuse(f"The session token has no usable `{claim}`.")
    return float(value)


def _is_name(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_NAME and not _CONTROL.search(text)


def _decoded(segment: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except binascii.Error:
        _refuse("The session token is not a JSON Web Token.")


def _object(text: bytes) -> dict[str, JsonValue]:
    """A JSON object that any two readers understand alike: no key twice, no NUL."""
    try:
        value = loads(text)
    except InvalidJson:
        _refuse("The session token does not hold acceptable JSON.")
    if not isinstance(value, dict):
        _refuse("The session token does not hold a JSON object.")
    return value


def _refuse(detail: str) -> NoReturn:
    """Refuses without the cause: it could quote the token."""
    raise TokenInvalid(detail) from None
