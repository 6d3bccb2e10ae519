"""The Studio's page and files, as Vite leaves them; what the page does is tried in a browser (`studio/e2e`)."""

import gzip
import html
import json
import re
from pathlib import Path

import pytest

from dakora_server.api import sign_in, studio
from dakora_server.core.templates.filters import FILTERS
from dakora_server.core.tenancy.identity import Issuer, TokenVerifier


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A small Studio in place of the built one."""
    (tmp_path / "assets").mkdir()
    page = '<meta name="dakora-login" content="__DAKORA_LOGIN__"><i nonce="__DAKORA_NONCE__"></head>'
    (tmp_path / "index.html").write_text(page)
    (tmp_path / "assets" / "index-abc.js").write_text("let x = 1;\n" * 100)
    (tmp_path / "secret.txt").write_text("not yours")
    monkeypatch.setattr(studio, "_BUILT", tmp_path)
    studio._asset.cache_clear()
    yield tmp_path
    studio._asset.cache_clear()


async def test_every_address_of_the_studio_is_its_page_and_no_other_is(client, built):
    for address in ("/", "/p/default/prompts", "/p/x/prompts/y/history", "/w/x/members", "/invite", "/login"):
        answer = await client.get(address)
        assert answer.status_code == 200, address
        assert told(answer.text) == {"mode": "none"}
        assert answer.headers["cache-control"] == "no-store"
    for address in ("/nothing", "/prompts", "/api/nothing"):
        assert (await client.get(address)).status_code == 404, address


async def test_each_page_has_a_nonce_of_its_own_and_nothing_else_is_let_in(client, built):
    nonces = set()
    for _ in range(3):
        answer = await client.get("/")
        policy = answer.headers["content-security-policy"]
        nonce = re.search(r"'nonce-([\w-]{20,})'", policy)[1]
        assert f'nonce="{nonce}"' in answer.text
        assert policy.startswith("default-src 'none'; script-src 'self'; connect-src 'self'")
        assert "unsafe" not in policy
        nonces.add(nonce)
    assert len(nonces) == 3


async def test_files_are_kept_for_ever_and_sent_small(client, built):
    small = await client.get("/assets/index-abc.js", headers={"accept-encoding": "gzip"})
    plain = await client.get("/assets/index-abc.js", headers={"accept-encoding": "identity"})
    assert small.headers["content-encoding"] == "gzip"
    assert small.content == plain.content == b"let x = 1;\n" * 100
    assert int(small.headers["content-length"]) < len(gzip.compress(plain.content)) + 50
    assert "immutable" in plain.headers["cache-control"]
    assert plain.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("name", ["missing.js", "..%2fsecret.txt", "%2e%2e/secret.txt", ".hidden", "a%00b", "x" * 300])
async def test_nothing_beside_the_files_is_reached(client, built, name):
    answer = await client.get(f"/assets/{name}")
    assert answer.status_code in {404, 422}
    assert "not yours" not in answer.text


async def test_without_a_built_studio_a_page_says_where_the_api_is(client, built):
    (built / "index.html").unlink()
    answer = await client.get("/")
    assert "Dakora is running" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


KEY = "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k"


def told(page: str) -> dict[str, str]:
    return json.loads(html.unescape(re.search(r'name="dakora-login" content="([^"]*)"', page)[1]))


def allowed(answer, directive: str) -> list[str]:
    policy = answer.headers["content-security-policy"]
    return next(part.split()[1:] for part in policy.split(";") if part.split()[0] == directive)


async def test_without_a_login_service_the_page_names_no_other_host(app, client, built, monkeypatch):
    for way, mode in ((sign_in.without_login(), "none"), (sign_in.with_api_keys(), "keys")):
        monkeypatch.setitem(app.state._state, "sign_in", way)
        answer = await client.get("/")
        assert told(answer.text) == {"mode": mode}
        assert "//" not in answer.headers["content-security-policy"]


async def test_with_clerk_the_page_loads_from_clerks_own_host_and_no_other(app, client, built, monkeypatch):
    monkeypatch.setitem(app.state._state, "sign_in", sign_in.with_clerk(KEY))
    answer = await client.get("/")
    assert told(answer.text) == {"mode": "clerk"}
    assert 'src="https://clerk.example.com/npm/@clerk/clerk-js@6/dist/clerk.browser.js"' in answer.text
    assert f'data-clerk-publishable-key="{KEY}"' in answer.text
    assert allowed(answer, "script-src") == allowed(answer, "connect-src") == ["'self'", "https://clerk.example.com"]
    assert "require-trusted-types-for 'script'" in answer.headers["content-security-policy"]


async def test_with_an_issuer_the_page_says_where_it_is_and_speaks_to_its_token_endpoint(
    app, client, built, monkeypatch, issuer
):
    there = {"authorization_endpoint": "https://id.example.com/auth", "token_endpoint": "https://tokens.example.com/t"}
    monkeypatch.setattr(issuer, "configuration", there)
    verifier = TokenVerifier(Issuer(issuer.issuer, jwks_url=None, audience="dakora"))
    way = sign_in.WithOidc(verifier, client_id='st"udio<', scope="openid", resource=None)
    monkeypatch.setitem(app.state._state, "sign_in", way)
    answer = await client.get("/login")
    assert told(answer.text) | there == told(answer.text)
    assert told(answer.text)["client_id"] == 'st"udio<'
    assert allowed(answer, "connect-src") == ["'self'", "https://tokens.example.com"]
    assert allowed(answer, "script-src") == ["'self'"]
    await verifier.close()


@pytest.mark.parametrize("configuration", [{"token_endpoint": "http://evil.example.com/t"}, {"issuer": "https://x.y"}])
async def test_an_issuer_that_does_not_answer_well_opens_nothing(
    app, client, built, monkeypatch, issuer, configuration
):
    monkeypatch.setattr(issuer, "configuration", configuration)
    verifier = TokenVerifier(Issuer(issuer.issuer, jwks_url=None, audience="dakora"))
    way = sign_in.WithOidc(verifier, client_id="s", scope="openid", resource=None)
    monkeypatch.setitem(app.state._state, "sign_in", way)
    answer = await client.get("/")
    assert answer.status_code == 200
    assert "token_endpoint" not in told(answer.text)
    assert allowed(answer, "connect-src") == ["'self'"]
    await verifier.close()


def test_the_editor_completes_the_filters_that_templates_have():
    source = (Path(studio.__file__).parents[3] / "studio/src/features/editor/jinja.ts").read_text(encoding="utf-8")
    named = re.search(r'FILTERS =\s*"([a-z ]+)"', source)[1].split()
    aliases = {"d", "e", "count"}  # of default, escape and length
    assert set(FILTERS) - aliases == set(named) - aliases
