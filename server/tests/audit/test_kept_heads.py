"""The trail's end is kept where whoever changes the database does not reach it."""

import json

import pytest
from sqlalchemy import text

from dakora_server.core.audit import service
from dakora_server.core.audit.heads import keep_head, kept_heads
from dakora_server.core.crypto import Secret
from dakora_server.core.storage.registry.local import LocalRegistry
from dakora_server.core.storage.tenant import PLATFORM

SECRET = Secret("a secret of this server, which the insider has not")


@pytest.fixture
def registry(tmp_path):
    made = LocalRegistry(tmp_path / "registry")
    yield made
    made.close()


async def sealed(insider, happens, times):
    await happens(insider, times=times)
    await service.seal(insider)


async def test_what_was_cut_off_or_written_anew_is_found_by_a_head_that_was_kept(insider, happens, registry):
    await sealed(insider, happens, 5)
    await keep_head(insider, SECRET, registry)
    kept = (await kept_heads(registry, SECRET)).hashes
    assert (await service.verify(insider, kept=kept)).broken is None
    async with insider.transaction(PLATFORM) as tx:
        await tx.execute(text("DELETE FROM audit_events WHERE id = (SELECT event_id FROM audit_seals WHERE seq = 5)"))
        await tx.execute(text("DELETE FROM audit_seals WHERE seq = 5"))
    assert (await service.verify(insider)).broken is None
    assert (await service.verify(insider, kept=kept)).broken.seq == 5
    # Another event in its place is chained correctly, and is not the one that was kept.
    await sealed(insider, happens, 2)
    assert (await service.verify(insider)).broken is None
    assert (await service.verify(insider, kept=kept)).broken.seq == 5


async def test_a_head_is_kept_once_and_an_empty_trail_has_none(insider, happens, registry):
    await keep_head(insider, SECRET, registry)
    assert (await kept_heads(registry, SECRET)).hashes == {}
    await sealed(insider, happens, 3)
    for _ in range(2):
        await keep_head(insider, SECRET, registry)
    await sealed(insider, happens, 3)
    await keep_head(insider, SECRET, registry)
    assert sorted((await kept_heads(registry, SECRET)).hashes) == [3, 6]


async def test_a_head_that_nobody_here_signed_accuses_nobody(insider, happens, registry):
    await sealed(insider, happens, 3)
    found = await service.head(insider, Secret("of somebody else, who would like to raise an alarm"))
    forged = json.dumps({"seq": 2, "hash": "00" * 32, "signature": found.signature}).encode()
    for name, record in (("2.json", forged), ("3.json", b"{}"), ("4.json", b"\xff"), ("5.json", b'{"seq": [1]}')):
        await registry.keep(f"_audit/{name}", record)
    kept = await kept_heads(registry, SECRET)
    assert (kept.hashes, kept.unsigned) == ({}, 4)


async def test_heads_of_the_secret_before_this_one_count_on(insider, happens, registry):
    await sealed(insider, happens, 3)
    await keep_head(insider, SECRET, registry)
    turned = Secret(
        "the secret that came after it, and is the server's now",
        previous="a secret of this server, which the insider has not",
    )
    kept = await kept_heads(registry, turned)
    assert (sorted(kept.hashes), kept.unsigned) == ([3], 0)
