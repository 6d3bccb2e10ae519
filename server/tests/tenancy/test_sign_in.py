"""Signing in with a real OpenID provider, from the browser's redirect to a rendered prompt."""

from functools import partial

import pytest

from dakora_server.config import Settings


@pytest.fixture(scope="session")
def provider(scratch, peers):
    with peers("oidc").start_oidc(scratch / "oidc.log", audience="https://api.dakora.test") as server:
        yield server


@pytest.fixture(scope="session")
async def signed_in_to(provider, settings, open_platform_with_login):
    oidc = {
        "oidc_issuer": provider.issuer,
        "oidc_audience": provider.audience,
        "secret_key": "an-oidc-secret-0123456789-abcdefghij",
    }
    changed = Settings(_env_file=None, **{**settings.model_dump(), **oidc})
    async with open_platform_with_login(changed) as world:
        yield world


def bearer(token):
    return {"authorization": f"Bearer {token}"}


async def test_who_signs_in_with_code_and_pkce_works_at_once(signed_in_to, provider):
    headers = bearer(provider.token_for("ada", "ada@example.test", "Ada Lovelace"))
    get, post = partial(signed_in_to.client.get, headers=headers), partial(signed_in_to.client.post, headers=headers)
    me = (await get("/api/me")).json()
    assert (me["user"]["name"], me["user"]["email"]) == ("Ada Lovelace", "ada@example.test")
    project = f"/api/projects/{me['default_project']['id']}"
    rendered = await post(f"{project}/prompts/greeting/render", json={"inputs": {"name": "Ada"}})
    assert rendered.json()["rendered"].startswith("Hello Ada!")


async def test_a_token_that_tells_no_name_lets_in_all_the_same(signed_in_to, provider):
    # This provider shows userinfo to no token that is meant for an API.
    token = provider.token_for("grace", "grace@example.test", "Grace Hopper", in_token=False)
    me = (await signed_in_to.client.get("/api/me", headers=bearer(token))).json()
    assert (me["user"]["name"], me["user"]["email"]) == ("", None)
    assert me["default_project"]["slug"] == "default"


async def test_two_sign_ins_of_one_person_are_one_user(signed_in_to, provider):
    found = set()
    for _ in range(2):
        token = provider.token_for("linus", "linus@example.test", "Linus")
        found.add((await signed_in_to.client.get("/api/me", headers=bearer(token))).json()["user"]["id"])
    assert len(found) == 1


async def test_a_token_for_somebody_else_or_of_another_issuer_opens_nothing(signed_in_to, provider, world):
    opaque = provider.sign_in("ada", resource=False)["access_token"]
    foreign = world.token("ada")
    for token in (opaque, foreign, "nonsense"):
        refused = await signed_in_to.client.get("/api/me", headers=bearer(token))
        assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")


async def test_in_a_mode_of_keys_no_session_token_counts(settings, open_platform_with_login, world):
    changed = {"auth_mode": "keys", "secret_key": "a-secret-of-keys-0123456789-abcdefgh"}
    async with open_platform_with_login(Settings(_env_file=None, **{**settings.model_dump(), **changed})) as keys:
        for headers in ({}, bearer(world.token("ada"))):
            assert (await keys.client.get("/api/me", headers=headers)).status_code == 401
