"""Which combinations of settings are refused, each with one sentence that says what to set."""

from typing import TYPE_CHECKING, Literal

from limits import parse_many

from dakora_server.core.addresses import clerk_host, is_loopback, require_safe_address
from dakora_server.core.storage.registry.addresses import parse_place
from dakora_server.core.storage.registry.opening import require_openable

if TYPE_CHECKING:
    from dakora_server.config import Settings

AuthMode = Literal["none", "clerk", "oidc", "keys"]
_CLERK = (
    "clerk_jwt_issuer",
    "clerk_jwks_url",
    "clerk_authorized_parties",
    "clerk_webhook_secret",
    "clerk_publishable_key",
)
_OIDC = ("oidc_issuer", "oidc_audience", "oidc_jwks_url", "oidc_client_id", "oidc_resource")
_SHORTEST_SECRET = 32
_POSTGRES = ("postgresql://", "postgresql+psycopg://", "postgres://")


class UnsafeSettings(Exception):
    """The settings do not make sense together; the message is one sentence that says what to set."""


def refuse_unsafe(settings: "Settings") -> None:
    """Raise UnsafeSettings where starting would be a mistake."""
    _check_mode(settings)
    if settings.mode == "none":
        _check_without_login(settings)
    else:
        _check_with_login(settings)
    _check_addresses(settings)
    _check_mail(settings)


def _check_mode(settings: "Settings") -> None:
    mode = settings.mode
    for other, names in (
        ("clerk", _CLERK),
        ("oidc", _OIDC),
    ):
        given = [name.upper() for name in names if getattr(settings, name)]
        if given and mode != other:
            raise UnsafeSettings(
                f"{given[0]} is set, but callers are known by `{mode}`: unset it, "
                f"or set AUTH_MODE={other} and all it needs."
            )
    if settings.auth_required and mode == "none":
        raise UnsafeSettings(
            "AUTH_REQUIRED is set, but nothing says how callers are known: set CLERK_JWT_ISSUER or OIDC_ISSUER, "
            "or AUTH_MODE=keys for API keys only."
        )
    if settings.auth_required is False and mode != "none":
        raise UnsafeSettings(f"AUTH_REQUIRED is false, but callers are known by `{mode}`: unset one of the two.")


def _check_without_login(settings: "Settings") -> None:
    if not settings.allow_public_no_auth and not is_loopback(settings.host):
        raise UnsafeSettings(
            f"Without login the server listens on loopback only, and HOST is {settings.host}: "
            "set HOST=127.0.0.1, set up a login, or set ALLOW_PUBLIC_NO_AUTH=true if the network is yours alone."
        )


def _check_with_login(settings: "Settings") -> None:
    if settings.allow_public_no_auth:
        raise UnsafeSettings("ALLOW_PUBLIC_NO_AUTH is set together with a login: unset it.")
    if settings.secret_key is None:
        raise UnsafeSettings(
            "SECRET_KEY is not set: with login it must be, e.g. to the output of `openssl rand -hex 32`."
        )
    secret = settings.secret_key.get_secret_value()
    if len(secret) < _SHORTEST_SECRET or len(set(secret)) < 8 or "dakora-local" in secret:
        raise UnsafeSettings(
            f"SECRET_KEY is too easy to guess: give it {_SHORTEST_SECRET} random characters or more, "
            "e.g. the output of `openssl rand -hex 32`."
        )
    if settings.previous_secret == secret:
        raise UnsafeSettings("SECRET_KEY_PREVIOUS is SECRET_KEY itself: give the one before it, or unset it.")
    needed = {
        "clerk": ("clerk_jwt_issuer", "clerk_authorized_parties", "clerk_webhook_secret"),
        "oidc": ("oidc_issuer", "oidc_audience"),
    }.get(settings.mode, ())
    for name in needed:
        if not getattr(settings, name):
            raise UnsafeSettings(f"{name.upper()} is not set: a login by `{settings.mode}` needs it.")
    if settings.oidc_resource and not settings.oidc_client_id:
        raise UnsafeSettings("OIDC_RESOURCE is set, but nobody asks for a token: set OIDC_CLIENT_ID too, or unset it.")
    if settings.clerk_publishable_key:
        try:
            clerk_host(settings.clerk_publishable_key)
        except ValueError:
            raise UnsafeSettings("CLERK_PUBLISHABLE_KEY must be as Clerk shows it: pk_live_… or pk_test_….") from None
    for secret in settings.webhook_secrets:
        if not secret.startswith("whsec_"):
            raise UnsafeSettings("CLERK_WEBHOOK_SECRET must begin with whsec_, as Clerk shows it.")


def _check_addresses(settings: "Settings") -> None:
    for name in ("database_url", "database_owner_url"):
        url = getattr(settings, name)
        if url is not None and not url.startswith(_POSTGRES):
            raise UnsafeSettings(f"{name.upper()} must begin with postgresql:// (PostgreSQL is the only database).")
    _check_registry(settings)
    if settings.redis_url is not None and not settings.redis_url.startswith(("redis://", "rediss://", "unix://")):
        raise UnsafeSettings("REDIS_URL must begin with redis://, rediss:// or unix://.")
    for name in ("clerk_jwt_issuer", "clerk_jwks_url", "oidc_issuer", "oidc_jwks_url", "public_url"):
        url = getattr(settings, name)
        try:
            require_safe_address(url or "https://unset")
        except ValueError:
            raise UnsafeSettings(f"{name.upper()} must begin with https:// (http:// only on this machine).") from None
    for name, rate in settings.rates.items():
        if rate.strip().lower() != "unlimited":
            try:
                count = len(parse_many(rate))
            except ValueError:
                count = 0
            if count != 1:
                raise UnsafeSettings(f"RATE_LIMIT_{name.upper()} must look like 1000/second, or be unlimited.")


def _check_registry(settings: "Settings") -> None:
    try:
        place = parse_place(settings.registry_url)
    except ValueError as error:
        raise UnsafeSettings(f"REGISTRY_URL is not valid: {error}") from None
    try:
        require_openable(place, settings.registry_credentials)
    except ValueError as error:
        raise UnsafeSettings(str(error)) from None


def _check_mail(settings: "Settings") -> None:
    if settings.smtp_host is None:
        if settings.smtp_username or settings.smtp_password or settings.smtp_from:
            raise UnsafeSettings("SMTP_HOST is not set, but other settings of mail are: set it, or unset those.")
        return
    for name in ("smtp_from", "public_url"):
        if not getattr(settings, name):
            raise UnsafeSettings(f"{name.upper()} is not set: invitations by mail need it.")
    if bool(settings.smtp_username) != bool(settings.smtp_password):
        raise UnsafeSettings("SMTP_USERNAME and SMTP_PASSWORD go together: set both or neither.")
    if settings.smtp_password and settings.smtp_security == "none" and not is_loopback(settings.smtp_host):
        raise UnsafeSettings("SMTP_SECURITY is none, which would send SMTP_PASSWORD in the clear: use starttls or tls.")
