"""What is known of a caller, for how long, and where it comes from."""

import asyncio
import gc
import sys

import httpx2
import pytest

from dakora_server.core.exceptions import IdentityUnavailable, TokenInvalid
from dakora_server.core.tenancy import identity as identity_module
from dakora_server.core.tenancy.identity import Issuer


class Recorder(httpx2.AsyncHTTPTransport):
    """Goes out to the network, and remembers what for."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = []

    async def handle_async_request(self, request):
        self.requests.append(request)
        return await super().handle_async_request(request)


@pytest.fixture
def discovered(key_server):
    """An issuer whose keys are found through its OpenID configuration."""
    return Issuer(key_server.issuer, None, audience=None)


class TestKnown:
    async def test_a_token_is_known_once_it_was_verified(self, verifier, session, clock):
        token = session(exp=clock.unix() + 60)
        assert verifier.known(token) is None
        identity = await verifier.verify(token)
        assert verifier.known(token) is identity
        assert identity.expires_at == clock.unix() + 60

    async def test_a_known_token_needs_no_issuer(self, verifier, session, key_server):
        token = session()
        await verifier.verify(token)
        key_server.behaviour = "hang"
        assert (await verifier.verify(token)).subject == "user_1"

    async def test_a_verdict_ends_with_the_token(self, verifier, session, clock):
        token = session(exp=clock.unix() + 60)
        await verifier.verify(token)
        clock.advance(64)
        assert verifier.known(token) is not None
        clock.advance(1)
        assert verifier.known(token) is None
        with pytest.raises(TokenInvalid, match="has expired"):
            await verifier.verify(token)

    async def test_memory_holds_verdicts_but_no_token_and_only_so_many(self, monkeypatch, verifier_for, clerk, session):
        monkeypatch.setattr(identity_module, "_MOST_VERDICTS", 3)
        verifier = verifier_for(clerk)
        tokens = [session(f"user_{n}") for n in range(5)]
        for token in tokens:
            await verifier.verify(token)
        assert [verifier.known(token) is not None for token in tokens] == [False, False, True, True, True]
        gc.collect()
        holders = gc.get_referrers(tokens[-1])
        assert [holder for holder in holders if holder is not tokens and holder is not sys._getframe()] == []

    @pytest.mark.parametrize("token", ["", "x", "é", "\ud800", "x" * 100_000], ids=["empty", "x", "é", "half", "long"])
    async def test_anything_may_be_asked_for(self, token, verifier):
        assert verifier.known(token) is None


class TestClaims:
    async def test_a_token_may_carry_address_and_name(self, verifier, session):
        identity = await verifier.verify(session(email="a@example.test", name="Ada", email_verified=True))
        assert (identity.email, identity.name) == ("a@example.test", "Ada")

    @pytest.mark.parametrize(
        "claims",
        [
            {},
            {"email": ""},
            {"email": "nobody"},
            {"email": "a@b@c"},
            {"email": "a b@example.test"},
            {"email": "a@example.test\n"},
            {"email": "a@example.test\r\nBcc: b@example.test"},
            {"email": "a\0@example.test"},
            {"email": "a\u202e@example.test"},
            {"email": "Ada <a@example.test>"},
            {"email": "a@example.test,b@example.test"},
            {"email": "a" * 308 + "@example.test"},
            {"email": ["a@example.test"]},
            {"email": 7},
            {"email": "a@example.test", "email_verified": False},
            {"email": "a@example.test", "email_verified": "false"},
        ],
        ids=str,
    )
    async def test_an_address_that_is_none_or_is_not_verified_is_left_out(self, claims, verifier, session):
        if any("\0" in str(value) for value in claims.values()):
            with pytest.raises(TokenInvalid):
                await verifier.verify(session(**claims))
        else:
            assert (await verifier.verify(session(**claims))).email is None

    async def test_an_address_may_have_320_characters(self, verifier, session):
        longest = "a" * 307 + "@example.test"
        assert (await verifier.verify(session(email=longest))).email == longest

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("Ada Lovelace", "Ada Lovelace"),
            ("Ada\x1b[2J\r\nLovelace\x85", "Ada[2JLovelace"),
            ("evil\u202egpj.exe", "evilgpj.exe"),
            ("\u2066\u2069", None),
            ("  ", None),
            ("", None),
            ("n" * 201, "n" * 200),
            ("\u0646\u0627\u0645\u200c\u0647\u0627", "\u0646\u0627\u0645\u200c\u0647\u0627"),
            (7, None),
            (["Ada"], None),
        ],
        ids=ascii,
    )
    async def test_a_name_is_made_fit_to_be_shown(self, name, shown, verifier, session):
        assert (await verifier.verify(session(name=name))).name == shown

    async def test_only_clerk_must_name_a_session(self, verifier_for, session, key_server):
        verifier = verifier_for(Issuer(key_server.issuer, key_server.jwks_url, audience=None))
        assert (await verifier.verify(session(sid=None, azp=None))).session is None
        assert (await verifier.verify(session(sid=7))).session is None
        assert (await verifier.verify(session(sid="s-1"))).session == "s-1"


class TestDiscovery:
    async def test_the_keys_are_found_through_the_issuers_configuration(self, verifier_for, discovered, session):
        assert (await verifier_for(discovered).verify(session())).subject == "user_1"

    @pytest.mark.parametrize(
        "configuration",
        [
            {"issuer": "https://evil.example"},
            {"issuer": None},
            {"jwks_uri": None},
            {"jwks_uri": "http://192.0.2.1/jwks.json"},
            {"jwks_uri": "http://localhost.evil.example/jwks.json"},
            {"jwks_uri": "ftp://127.0.0.1/jwks.json"},
            {"jwks_uri": "file:///etc/hostname"},
            {"jwks_uri": "http://user:secret@127.0.0.1/jwks.json"},
            {"jwks_uri": "http://[::1"},
            {"jwks_uri": "http://127.0.0.1:99999/jwks.json"},
            {"jwks_uri": "http://127.0.0.1\\@192.0.2.1/jwks.json"},
            {"jwks_uri": "/jwks.json"},
        ],
        ids=str,
    )
    async def test_a_configuration_that_cannot_be_trusted_counts_as_an_outage(
        self, configuration, verifier_for, discovered, session, key_server
    ):
        key_server.configuration = configuration
        recorder = Recorder()
        with pytest.raises(IdentityUnavailable):
            await verifier_for(discovered, transport=recorder).verify(session())
        assert [request.url.path for request in recorder.requests] == ["/.well-known/openid-configuration"]

    async def test_nothing_compressed_is_asked_for(self, verifier_for, discovered, session):
        recorder = Recorder()
        await verifier_for(discovered, transport=recorder).verify(session())
        assert {request.headers["accept-encoding"] for request in recorder.requests} == {"identity"}

    async def test_the_configuration_is_asked_for_once_an_hour(
        self, verifier_for, discovered, session, key_server, clock
    ):
        verifier = verifier_for(discovered)
        asked = []
        for seconds in (0, 31, 3600):
            clock.advance(seconds)
            token = session()
            identity = await verifier.verify(token)
            await verifier.profile(token, identity)
            asked.append(key_server.paths.count("/.well-known/openid-configuration"))
        assert asked == [1, 1, 2]

    async def test_keys_that_moved_are_found_again(self, verifier_for, discovered, session, key_server, clock):
        verifier = verifier_for(discovered)
        key_server.configuration = {"jwks_uri": f"{key_server.issuer}/moved-away"}
        for _ in range(2):
            with pytest.raises(IdentityUnavailable):
                await verifier.verify(session())
        key_server.configuration = {}
        clock.advance(2)
        assert (await verifier.verify(session())).subject == "user_1"

    @pytest.mark.parametrize(
        "address", ["http://idp.example", "ftp://idp.example", "idp.example", "", "https://", "https://u:p@idp.example"]
    )
    def test_an_address_that_anybody_on_the_way_could_answer_for_is_refused_at_the_start(self, address, verifier_for):
        with pytest.raises(ValueError, match="https"):
            verifier_for(Issuer("https://idp.example", address, audience=None) if address else Issuer("", None, None))
        with pytest.raises(ValueError, match="https"):
            verifier_for(Issuer(address, None, audience=None))


class TestProfile:
    @pytest.fixture
    async def caller(self, verifier_for, discovered, session):
        """Calls `profile` with a fresh token that has these claims."""
        verifier = verifier_for(discovered)

        async def call(**claims):
            token = session(**claims)
            identity = await verifier.verify(token)
            return identity, await verifier.profile(token, identity)

        return call

    async def test_the_userinfo_endpoint_gives_what_the_token_lacks(self, caller, key_server):
        key_server.userinfo = {"sub": "user_1", "email": "a@example.test", "name": "Ada"}
        _, filled = await caller()
        assert (filled.email, filled.name, filled.subject) == ("a@example.test", "Ada", "user_1")

    async def test_what_the_token_says_stays(self, caller, key_server):
        key_server.userinfo = {"sub": "user_1", "email": "other@example.test", "name": "Other"}
        _, filled = await caller(name="Ada")
        assert (filled.email, filled.name) == ("other@example.test", "Ada")

    async def test_nobody_is_asked_when_nothing_is_lacking(self, caller, key_server):
        await caller(name="Ada", email="a@example.test")
        assert "/userinfo" not in key_server.paths

    @pytest.mark.parametrize(
        "userinfo",
        [
            None,
            {"sub": "user_2", "email": "b@example.test", "name": "Bob"},
            {"email": "b@example.test", "name": "Bob"},
            {"sub": "user_1", "email": "b@example.test", "email_verified": False},
            {"sub": "user_1", "email": "b@example.test", "name": "Bob", "padding": "x" * 70_000},
            ["user_1"],
        ],
        ids=["refused", "another's", "nobody's", "not verified", "huge", "a list"],
    )
    async def test_any_failure_leaves_the_caller_as_it_was(self, userinfo, caller, key_server):
        key_server.userinfo = userinfo
        before, after = await caller()
        assert after == before

    @pytest.mark.parametrize(
        "configuration",
        [
            {"issuer": "https://evil.example"},
            {"userinfo_endpoint": None},
            {"userinfo_endpoint": "http://192.0.2.1/userinfo"},
        ],
        ids=str,
    )
    async def test_the_token_goes_to_the_issuers_own_endpoint_only(
        self, configuration, verifier_for, clerk, session, key_server
    ):
        key_server.configuration = configuration
        key_server.userinfo = {"sub": "user_1", "email": "a@example.test"}
        recorder = Recorder()
        verifier = verifier_for(clerk, transport=recorder)
        token = session()
        identity = await verifier.verify(token)
        assert await verifier.profile(token, identity) == identity
        assert [request for request in recorder.requests if "authorization" in request.headers] == []

    async def test_an_endpoint_that_never_finishes_holds_nobody_up(
        self, monkeypatch, verifier_for, clerk, session, key_server
    ):
        monkeypatch.setattr(identity_module, "_PROFILE_TIMEOUT", 0.2)
        verifier = verifier_for(clerk)
        token = session()
        identity = await verifier.verify(token)
        key_server.configuration = {"userinfo_endpoint": key_server.jwks_url}
        key_server.behaviour = "drip"
        async with asyncio.timeout(20):
            assert await verifier.profile(token, identity) == identity
        assert key_server.fetches == 2
