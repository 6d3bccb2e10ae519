"""The issuer changes its keys, loses one, breaks down or hangs: nobody with a good token is turned away, and nobody
with a dropped key comes in."""

import asyncio
import json

import pytest

from dakora_server.core.exceptions import IdentityUnavailable, TokenInvalid
from dakora_server.core.tenancy.identity import Issuer, Pace
from dakora_server.core.tenancy.jwks import usable_keys
from dakora_server.core.tenancy.token_documents import DocumentUnavailable

OUTAGES = ["error", "hang", "drip", "garbage", "huge", "redirect", "compressed", "crowd"]
HOUR = 3600


async def verdict(verifier, token):
    """How a token fares: the caller's subject, or the refusal's code."""
    try:
        return (await verifier.verify(token)).subject
    except (TokenInvalid, IdentityUnavailable) as refused:
        return refused.code


class TestKnownKeys:
    async def test_many_first_callers_make_one_fetch(self, verifier, session, key_server):
        tokens = [session(f"user_{n}") for n in range(50)]
        found = await asyncio.gather(*(verifier.verify(token) for token in tokens))
        assert [identity.subject for identity in found] == [f"user_{n}" for n in range(50)]
        assert key_server.fetches == 1

    async def test_one_caller_who_gives_up_does_not_take_the_fetch_from_the_others(self, verifier, session):
        impatient = asyncio.create_task(verifier.verify(session()))
        patient = asyncio.create_task(verifier.verify(session("user_2")))
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await patient).subject == "user_2"

    async def test_fresh_keys_are_not_fetched_again(self, verifier, session, key_server, clock):
        for _ in range(23):
            await verifier.verify(session())
            clock.advance(10)
        assert key_server.fetches == 1

    async def test_keys_are_renewed_without_anybody_asking(self, verifier_for, clerk, key_server, eventually):
        verifier = verifier_for(clerk, real_time=True, pace=Pace(refresh=0.02, again=0.02))
        await verifier.verify(key_server.session())
        await eventually(lambda: key_server.fetches >= 4)

    async def test_nothing_is_fetched_after_close(self, verifier_for, clerk, key_server):
        verifier = verifier_for(clerk, real_time=True, pace=Pace(refresh=0.02, again=0.02))
        await verifier.verify(key_server.session())
        await verifier.close()
        before = key_server.fetches
        await asyncio.sleep(0.1)
        assert key_server.fetches == before

    async def test_a_caller_who_comes_after_close_is_told_that_the_issuer_is_out_of_reach(self, verifier, session):
        await verifier.close()
        assert await verdict(verifier, session()) == "identity_unavailable"

    @pytest.mark.parametrize("outage", OUTAGES)
    async def test_known_keys_serve_through_a_day_of_outage(
        self, outage, verifier, session, key_server, clock, eventually
    ):
        await verifier.verify(session())
        key_server.behaviour = outage
        start = clock.passed
        while clock.passed - start < 24 * HOUR - 700:
            clock.advance(600)
            assert (await verifier.verify(session())).subject == "user_1"
            await asyncio.sleep(0.005)  # lets a fetch go on
        await eventually(lambda: key_server.fetches >= 2)

    async def test_nobody_with_a_known_key_waits_for_a_server_that_hangs(
        self, verifier_for, clerk, session, key_server, clock, eventually
    ):
        verifier = verifier_for(clerk, pace=Pace(timeout=60))
        await verifier.verify(session())
        key_server.behaviour = "hang"
        for _ in range(60):
            clock.advance(10)
            # One that had to wait for the fetch would wait for ever here: only this test could end it.
            async with asyncio.timeout(20):
                assert (await verifier.verify(session())).subject == "user_1"
            await asyncio.sleep(0.005)
        await eventually(lambda: key_server.fetches == 2)

    async def test_after_a_day_without_the_issuer_its_keys_count_no_more(self, verifier, session, key_server, clock):
        token = session(exp=clock.unix() + 30 * HOUR)
        await verifier.verify(token)
        key_server.behaviour = "error"
        clock.advance(24 * HOUR + 1)
        assert verifier.known(token) is None
        assert await verdict(verifier, token) == "identity_unavailable"

    async def test_the_issuer_is_left_alone_while_it_is_down(self, verifier, session, key_server, clock, eventually):
        await verifier.verify(session())
        key_server.behaviour = "error"
        clock.advance(250)
        for _ in range(30):
            await verifier.verify(session())
            await asyncio.sleep(0.005)
            clock.advance(1)
        await eventually(lambda: key_server.fetches >= 2)
        assert key_server.fetches == 2


class TestChangedKeys:
    async def test_a_new_key_is_known_as_soon_as_it_is_used(self, verifier, session, key_server, clock):
        old = session("user_old")
        await verifier.verify(old)
        clock.advance(31)
        key_server.rotate()
        assert (await verifier.verify(session("user_new"))).subject == "user_new"
        assert (await verifier.verify(session("user_old"))).subject == "user_old"
        assert key_server.fetches == 2

    async def test_a_dropped_key_opens_nothing_after_300_seconds(
        self, verifier, session, key_server, clock, eventually
    ):
        # Kept up by requests every ten seconds, as on a running server. The token was verified before, so that a
        # verdict that outlives its key would be caught here.
        dropped = key_server.kid
        old = key_server.sign(key_server.session_claims(now=clock.unix() + HOUR, nbf=None), {"kid": dropped})
        await verifier.verify(old)
        key_server.rotate()
        key_server.drop(dropped)
        for _ in range(29):
            clock.advance(10)
            await verdict(verifier, old)
            await asyncio.sleep(0.01)

        async def refused():
            return await verdict(verifier, old) == "token_invalid"

        await eventually(refused)
        assert clock.passed < 300
        assert verifier.known(old) is None
        assert (await verifier.verify(session())).subject == "user_1"

    async def test_a_verdict_ends_with_its_key(self, verifier, session, key_server, clock, eventually):
        token = session(exp=clock.unix() + HOUR)
        await verifier.verify(token)
        key_server.drop(key_server.kid)
        key_server.rotate()
        clock.advance(31)
        await verifier.verify(session("user_new"))  # makes the verifier see the new set
        assert verifier.known(token) is None
        assert await verdict(verifier, token) == "token_invalid"

    async def test_another_key_under_the_same_name_ends_the_verdict_too(
        self, verifier, session, key_server, keyserver_module, clock, eventually
    ):
        token = session(exp=clock.unix() + HOUR)
        await verifier.verify(token)
        key_server.keys[key_server.kid] = keyserver_module.key_pair(200)
        clock.advance(241)
        await eventually(lambda: verifier.known(token) is None)
        assert await verdict(verifier, token) == "token_invalid"
        assert (await verifier.verify(session())).subject == "user_1"

    async def test_an_issuer_that_publishes_no_key_any_more_lets_nobody_in(
        self, verifier, session, key_server, clock, eventually
    ):
        await verifier.verify(session())
        token = session()
        key_server.keys.clear()
        clock.advance(241)

        async def refused():
            return await verdict(verifier, token) == "token_invalid"

        await eventually(refused)

    async def test_a_thousand_unknown_keys_make_at_most_three_fetches(self, verifier, key_server, session, clock):
        await verifier.verify(session())
        claims = key_server.session_claims(now=clock.unix())
        own = key_server.keys[key_server.kid]
        seen = set()
        for number in range(1000):
            seen.add(await verdict(verifier, key_server.sign(claims, {"kid": f"unknown-{number}"}, key=own)))
            assert number % 50 or (await verifier.verify(session())).subject == "user_1"
            clock.advance(0.05)  # 50 seconds altogether
        assert seen == {"token_invalid"}
        assert key_server.fetches <= 3

    async def test_a_thousand_unknown_keys_at_once_make_at_most_three_fetches(
        self, verifier, key_server, session, clock
    ):
        claims = key_server.session_claims(now=clock.unix())
        own = key_server.keys[key_server.kid]
        forged = [key_server.sign(claims, {"kid": f"unknown-{number}"}, key=own) for number in range(1000)]
        seen = await asyncio.gather(*(verdict(verifier, token) for token in [*forged, session("user_good")]))
        assert seen == ["token_invalid"] * 1000 + ["user_good"]
        assert key_server.fetches <= 3


class TestOutageWithoutKeys:
    @pytest.mark.parametrize("outage", OUTAGES)
    async def test_it_is_our_fault_and_not_the_callers(self, outage, verifier, session, key_server):
        key_server.behaviour = outage
        with pytest.raises(IdentityUnavailable) as unavailable:
            await verifier.verify(session())
        assert (unavailable.value.status, unavailable.value.retry_after) == (503, 2)
        assert "127.0.0.1" not in unavailable.value.detail

    async def test_a_server_that_is_not_there_is_an_outage_too(self, verifier_for, session, key_server):
        nowhere = Issuer(key_server.issuer, "http://127.0.0.1:1/jwks.json", audience=None)
        assert await verdict(verifier_for(nowhere), session()) == "identity_unavailable"

    async def test_a_redirect_is_not_followed(self, verifier, session, key_server):
        key_server.behaviour = "redirect"
        await verdict(verifier, session())
        assert key_server.paths == ["/.well-known/jwks.json"]

    async def test_a_proxy_of_the_environment_is_not_used(self, monkeypatch, verifier_for, clerk, session):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert await verdict(verifier_for(clerk), session()) == "user_1"

    async def test_many_callers_share_the_outage_and_it_ends_two_seconds_after_the_issuer_is_back(
        self, verifier, session, key_server, clock
    ):
        key_server.behaviour = "error"
        tokens = [session() for _ in range(50)]
        assert set(await asyncio.gather(*(verdict(verifier, token) for token in tokens))) == {"identity_unavailable"}
        assert await verdict(verifier, session()) == "identity_unavailable"
        assert key_server.fetches == 1
        key_server.behaviour = "serve"
        clock.advance(2)
        assert await verdict(verifier, session()) == "user_1"

    async def test_a_new_key_in_an_outage_is_not_called_forged(self, verifier, session, key_server, clock):
        await verifier.verify(session())
        clock.advance(31)
        key_server.rotate()
        key_server.behaviour = "error"
        assert await verdict(verifier, session()) == "identity_unavailable"
        assert await verdict(verifier, session()) == "identity_unavailable"
        assert key_server.fetches == 2
        key_server.behaviour = "serve"
        clock.advance(30)
        assert await verdict(verifier, session()) == "user_1"


class TestWhichKeysCount:
    @pytest.fixture
    def jwk(self, keyserver_module):
        return keyserver_module.public_jwk(keyserver_module.key_pair(0).public_key(), "one")

    def test_an_rsa_signing_key_does(self, jwk):
        bare = {name: jwk[name] for name in ("kty", "kid", "n", "e")}
        for good in (jwk, bare, {**bare, "key_ops": ["verify"]}):
            assert list(usable_keys({"keys": [good]})) == ["one"]

    @pytest.mark.parametrize(
        "change",
        [
            {"use": "enc"},
            {"use": None},
            {"kty": "EC"},
            {"kty": "oct", "k": "c2VjcmV0"},
            {"alg": "PS256"},
            {"alg": "HS256"},
            {"key_ops": ["sign"]},
            {"key_ops": "verify"},
            {"kid": None},
            {"kid": ""},
            {"kid": 7},
            {"kid": "k" * 256},
            {"n": ""},
            {"n": 7},
            {"n": "!"},
            {"n": "AA"},
            {"e": ""},
            {"e": "AA"},
            {"e": "Ag"},
            {"e": None},
            {"d": "AQAB"},
        ],
        ids=str,
    )
    def test_others_are_passed_over_and_spoil_nothing(self, change, jwk):
        good = {**jwk, "kid": "good"}
        for set_ in ([{**jwk, **change}, good], [good, {**jwk, **change}]):
            assert list(usable_keys({"keys": set_})) == ["good"]

    def test_a_short_key_does_not(self, keyserver_module):
        short = keyserver_module.public_jwk(keyserver_module.key_pair(0, 1024).public_key(), "short")
        assert usable_keys({"keys": [short]}) == {}

    def test_a_published_private_key_does_not(self, keyserver_module, jwk):
        private = json.loads(keyserver_module.RSAAlgorithm.to_jwk(keyserver_module.key_pair(0)))
        private.pop("key_ops", None)
        assert usable_keys({"keys": [{**private, "kid": "private"}]}) == {}

    def test_what_is_no_key_at_all_is_passed_over(self, jwk):
        assert list(usable_keys({"keys": [None, 1, "key", [], {}, jwk]})) == ["one"]

    def test_of_two_keys_with_one_name_the_first_counts(self, jwk, keyserver_module):
        other = keyserver_module.public_jwk(keyserver_module.key_pair(1).public_key(), "one")
        assert usable_keys({"keys": [jwk, other]})["one"] == keyserver_module.key_pair(0).public_key()

    @pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": "none"}], ids=str)
    def test_what_is_no_key_set_is_a_failure_not_an_empty_set(self, document):
        with pytest.raises(DocumentUnavailable):
            usable_keys(document)

    def test_a_hundred_keys_are_enough_for_any_issuer(self, jwk):
        assert len(usable_keys({"keys": [{**jwk, "kid": str(n)} for n in range(100)]})) == 100
        with pytest.raises(DocumentUnavailable):
            usable_keys({"keys": [{**jwk, "kid": str(n)} for n in range(101)]})
