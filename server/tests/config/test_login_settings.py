"""Every combination of settings about login is a mode that can be named, or does not start."""

import itertools

import pytest

from dakora_server.config import UnsafeSettings, load_settings

SECRET = "f3b1c9d27e604a5d8b90c1e2d3f4a5b6"
CLERK = {
    "clerk_jwt_issuer": "https://clerk.example.com",
    "clerk_authorized_parties": "https://studio.example.com",
    "clerk_webhook_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
OIDC = {"oidc_issuer": "https://id.example.com", "oidc_audience": "dakora"}
PIECES = {
    **CLERK,
    **OIDC,
    "secret_key": SECRET,
    "allow_public_no_auth": True,
}


def started(**given):
    """The mode it starts in, or None."""
    try:
        return load_settings(**given).mode
    except UnsafeSettings as refusal:
        said = str(refusal)
    assert "\n" not in said
    assert said.endswith(".")
    assert SECRET not in said
    return None


def expected(names, mode, required, host):
    """What each combination should be, said in another way than the code says it."""
    has = names.__contains__
    clerkish = {name for name in names if name.startswith("clerk")}
    oidcish = {name for name in names if name.startswith("oidc")}
    meant = mode or ("clerk" if has("clerk_jwt_issuer") else "oidc" if has("oidc_issuer") else "none")
    if (clerkish and meant != "clerk") or (oidcish and meant != "oidc"):
        return None
    if required is True and meant == "none":
        return None
    if required is False and meant != "none":
        return None
    if meant == "none":
        return None if host == "0.0.0.0" and not has("allow_public_no_auth") else "none"
    if has("allow_public_no_auth") or not has("secret_key"):
        return None
    if (meant == "clerk" and not set(CLERK) <= names) or (meant == "oidc" and not set(OIDC) <= names):
        return None
    return meant


def test_every_combination_is_a_stated_mode_or_does_not_start():
    seen = set()
    count = 0
    for size in range(len(PIECES) + 1):
        for names in itertools.combinations(PIECES, size):
            given = {name: PIECES[name] for name in names}
            for mode, required, host in itertools.product(
                (None, "none", "clerk", "oidc", "keys"), (None, True, False), ("127.0.0.1", "0.0.0.0")
            ):
                told = {"auth_mode": mode, "auth_required": required, "host": host}
                got = started(**given, **{name: value for name, value in told.items() if value is not None})
                assert got == expected(set(names), mode, required, host), (names, told)
                seen.add(got)
                count += 1
    assert seen == {None, "none", "clerk", "oidc", "keys"}
    assert count == 2 ** len(PIECES) * 30


@pytest.mark.parametrize(
    "secret", ["short", "x" * 64, "dakora-local-secret-for-work-without-login", "1234512345" * 5, ""]
)
def test_a_secret_that_can_be_guessed_does_not_start(secret):
    assert started(auth_mode="keys", secret_key=secret) is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({**OIDC, "oidc_issuer": "http://id.example.com"}, "OIDC_ISSUER"),
        ({**OIDC, "oidc_issuer": "ftp://id.example.com"}, "OIDC_ISSUER"),
        ({**OIDC, "oidc_issuer": "https://user:secret@id.example.com"}, "OIDC_ISSUER"),
        ({**CLERK, "clerk_webhook_secret": "not-a-webhook-secret"}, "CLERK_WEBHOOK_SECRET"),
        ({**CLERK, "clerk_jwks_url": "http://10.0.0.1/keys"}, "CLERK_JWKS_URL"),
        ({**CLERK, "clerk_publishable_key": "sk_live_Y2xlcmsuZXhhbXBsZS5jb20k"}, "CLERK_PUBLISHABLE_KEY"),
        ({**CLERK, "clerk_publishable_key": "pk_live_ZXZpbC5leGFtcGxlOyBzY3JpcHQtc3JjICok"}, "CLERK_PUBLISHABLE_KEY"),
        ({**OIDC, "clerk_publishable_key": "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k"}, "CLERK_PUBLISHABLE_KEY"),
        ({**CLERK, "oidc_client_id": "studio"}, "OIDC_CLIENT_ID"),
        ({**CLERK, "oidc_jwks_url": "https://id.example.com/keys"}, "OIDC_JWKS_URL"),
        ({**OIDC, "clerk_jwks_url": "https://clerk.example.com/keys"}, "CLERK_JWKS_URL"),
        ({"auth_mode": "keys", "oidc_jwks_url": "https://id.example.com/keys"}, "OIDC_JWKS_URL"),
        ({"auth_mode": "keys", "oidc_client_id": "studio"}, "OIDC_CLIENT_ID"),
        ({**OIDC, "oidc_resource": "https://dakora.example.com"}, "OIDC_RESOURCE"),
        ({**OIDC, "redis_url": "http://redis"}, "REDIS_URL"),
        ({**OIDC, "rate_limit_read": "many"}, "RATE_LIMIT_READ"),
        ({**OIDC, "rate_limit_write": "1/second;4/hour"}, "RATE_LIMIT_WRITE"),
        ({**OIDC, "smtp_host": "mail.example.com", "public_url": "https://d.example.com"}, "SMTP_FROM"),
        ({**OIDC, "smtp_host": "mail.example.com", "smtp_from": "d@example.com"}, "PUBLIC_URL"),
        ({**OIDC, "smtp_from": "d@example.com"}, "SMTP_HOST"),
        (
            {
                **OIDC,
                "smtp_host": "mail.example.com",
                "smtp_from": "d@example.com",
                "public_url": "https://d.example.com",
                "smtp_username": "d",
                "smtp_password": "p",
                "smtp_security": "none",
            },
            "SMTP_SECURITY",
        ),
    ],
)
def test_what_would_be_unsafe_is_refused_by_name(given, says):
    with pytest.raises(UnsafeSettings, match=says):
        load_settings(secret_key=SECRET, **given)


def test_no_secret_is_shown_by_the_settings_themselves():
    settings = load_settings(secret_key=SECRET, **CLERK)
    assert SECRET not in repr(settings)
    assert CLERK["clerk_webhook_secret"] not in repr(settings)
