"""How people are known, made of the settings: what checks their tokens, and how they get into the Studio."""

from dakora_server.api.sign_in import SignIn, WithOidc, with_api_keys, with_clerk, without_login
from dakora_server.config import Settings
from dakora_server.core.tenancy.identity import Issuer, TokenVerifier


def verifier_of(settings: Settings) -> TokenVerifier | None:
    """What checks session tokens, where there are any."""
    if settings.mode == "clerk" and settings.clerk_jwt_issuer:
        issuer = settings.clerk_jwt_issuer
        return TokenVerifier(
            Issuer(
                issuer=issuer,
                jwks_url=settings.clerk_jwks_url or f"{issuer.rstrip('/')}/.well-known/jwks.json",
                audience=None,
                parties=settings.clerk_authorized_parties,
                needs_session=True,
            )
        )
    if settings.mode == "oidc" and settings.oidc_issuer:
        return TokenVerifier(
            Issuer(issuer=settings.oidc_issuer, jwks_url=settings.oidc_jwks_url, audience=settings.oidc_audience)
        )
    return None


def sign_in_of(settings: Settings, verifier: TokenVerifier | None) -> SignIn:
    """How people get into the Studio."""
    if settings.mode == "none":
        return without_login()
    if settings.clerk_publishable_key:
        return with_clerk(settings.clerk_publishable_key)
    if verifier is not None and settings.oidc_client_id:
        return WithOidc(
            verifier,
            client_id=settings.oidc_client_id,
            scope=settings.oidc_scope,
            resource=settings.oidc_resource,
        )
    return with_api_keys()
