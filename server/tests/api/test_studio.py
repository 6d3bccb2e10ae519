"""The Studio's page and files, as Vite leaves them; what the page does is tried in a browser (`studio/e2e`)."""

import gzip
import re

import pytest

from dakora_server.api import studio


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A small Studio in place of the built one."""
    (tmp_path / "assets").mkdir()
    page = '<meta name="dakora-login" content="__DAKORA_LOGIN__"><i nonce="__DAKORA_NONCE__">'
    (tmp_path / "index.html").write_text(page)
    (tmp_path / "assets" / "index-abc.js").write_text("let x = 1;\n" * 100)
    (tmp_path / "secret.txt").write_text("not yours")
    monkeypatch.setattr(studio, "_BUILT", tmp_path)
    studio._asset.cache_clear()
    yield tmp_path
    studio._asset.cache_clear()


async def test_every_address_of_the_studio_is_its_page_and_no_other_is(client, built):
    for address in ("/", "/p/default/prompts", "/p/x/prompts/y/history", "/w/x/members", "/invite"):
        answer = await client.get(address)
        assert answer.status_code == 200, address
        assert 'content="none"' in answer.text
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
