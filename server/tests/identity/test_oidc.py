"""Against a certified OpenID provider, as a stranger's would be: found by its address alone."""

import asyncio

import pytest

from dakora_server.core.exceptions import TokenInvalid
from dakora_server.core.tenancy.identity import Issuer


@pytest.fixture
def verifier(verifier_for, oidc):
    return verifier_for(Issuer(oidc.issuer, None, oidc.audience), real_time=True)


async def test_somebody_who_signed_in_is_known_by_subject_address_and_name(verifier, oidc):
    token = await asyncio.to_thread(oidc.token_for, "alice", "alice@example.test", "Alice")
    identity = await verifier.verify(token)
    assert (identity.issuer, identity.subject) == (oidc.issuer, "alice")
    assert (identity.email, identity.name) == ("alice@example.test", "Alice")
    assert verifier.known(token) == identity


async def test_a_token_for_another_audience_opens_nothing(verifier_for, oidc):
    elsewhere = verifier_for(Issuer(oidc.issuer, None, "https://elsewhere.test"), real_time=True)
    token = await asyncio.to_thread(oidc.token_for, "alice", "alice@example.test", "Alice")
    with pytest.raises(TokenInvalid, match="another audience"):
        await elsewhere.verify(token)


async def test_neither_an_id_token_nor_an_opaque_one_opens_anything(verifier, oidc):
    tokens = await asyncio.to_thread(oidc.sign_in, "alice", resource=False)
    for token in (tokens["id_token"], tokens["access_token"]):
        with pytest.raises(TokenInvalid):
            await verifier.verify(token)


async def test_its_userinfo_endpoint_fills_in_address_and_name(verifier, oidc):
    # This provider's userinfo endpoint takes its own opaque tokens only; others take the same token for both.
    token = await asyncio.to_thread(oidc.token_for, "bob", "bob@example.test", "Bob", in_token=False)
    own = (await asyncio.to_thread(oidc.sign_in, "bob", resource=False))["access_token"]
    identity = await verifier.verify(token)
    assert (identity.email, identity.name) == (None, None)

    filled = await verifier.profile(own, identity)
    refused = await verifier.profile(token, identity)

    assert (filled.email, filled.name) == ("bob@example.test", "Bob")
    assert refused == identity


async def test_userinfo_of_somebody_else_fills_in_nothing(verifier, oidc):
    token = await asyncio.to_thread(oidc.token_for, "carol", "carol@example.test", "Carol", in_token=False)
    others = (await asyncio.to_thread(oidc.sign_in, "alice", resource=False))["access_token"]
    identity = await verifier.verify(token)
    assert await verifier.profile(others, identity) == identity


async def test_people_whose_names_are_unusual_sign_in_too(verifier, oidc):
    subject = "auth0|5f7c8ec7c33c6c004bbafe82/ü"
    token = await asyncio.to_thread(oidc.token_for, subject, "ü@example.test", "Ünï 名前")
    identity = await verifier.verify(token)
    assert (identity.subject, identity.email, identity.name) == (subject, "ü@example.test", "Ünï 名前")
