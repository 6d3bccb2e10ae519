"""What every document store promises, asked of all of them."""

import asyncio
import hashlib
import os
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as some

from dakora_server.core.exceptions import DocumentCorrupt, RegistryUnavailable
from dakora_server.core.storage.registry.base import MAX_OBJECT_BYTES, StoredDocument
from dakora_server.core.storage.registry.local import LocalRegistry
from dakora_server.core.storage.side_by_side import for_each

LATER = datetime(2100, 1, 1, tzinfo=UTC)


def named(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


async def walked(registry) -> list[StoredDocument]:
    return [document async for document in registry.walk()]


async def test_a_store_that_answers_is_ready_however_often_it_is_asked(backend):
    await backend.registry.check()
    await backend.registry.check()
    assert await walked(backend.registry) == []


async def test_what_is_put_is_got_and_listed(backend):
    project = uuid.uuid4()
    await backend.registry.put(project, named(b"text"), b"text")
    assert await backend.registry.get(project, named(b"text")) == b"text"
    (document,) = await walked(backend.registry)
    assert (document.project_id, document.hash, document.size) == (project, named(b"text"), 4)
    assert document.written_at.tzinfo is not None


@pytest.mark.parametrize("kind", ["file", "az", "s3"])
def test_any_bytes_come_back(make_backend, kind):
    registry = make_backend(kind).registry
    project = uuid.uuid4()

    @examples(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(some.binary(max_size=4096))
    def comes_back(text):
        async def run():
            await registry.put(project, named(text), text)
            return await registry.get(project, named(text))

        assert asyncio.run(run()) == text

    comes_back()


async def test_the_largest_document_comes_back(backend):
    project, text = uuid.uuid4(), os.urandom(1024 * 1024)
    await backend.registry.put(project, named(text), text)
    assert await backend.registry.get(project, named(text)) == text


async def test_a_document_of_one_project_is_not_there_for_another(backend):
    await backend.registry.put(uuid.uuid4(), named(b"text"), b"text")
    with pytest.raises(DocumentCorrupt, match=named(b"text")):
        await backend.registry.get(uuid.uuid4(), named(b"text"))


async def test_64_racing_writers_make_one_document(backend):
    project, text = uuid.uuid4(), os.urandom(20_000)
    await asyncio.gather(*(backend.registry.put(project, named(text), text) for _ in range(64)))
    assert await backend.registry.get(project, named(text)) == text
    assert len(await walked(backend.registry)) == 1


async def test_racing_writers_of_many_documents_lose_none(backend):
    project = uuid.uuid4()
    texts = [b"document %d" % number for number in range(64)]
    await asyncio.gather(*(backend.registry.put(project, named(text), text) for text in texts * 2))
    assert [await backend.registry.get(project, named(text)) for text in texts] == texts


async def test_what_is_there_is_not_written_again(backend):
    project = uuid.uuid4()
    await backend.registry.put(project, named(b"text"), b"text")
    (before,) = await walked(backend.registry)
    await asyncio.sleep(1.1)  # the coarsest clock among them counts seconds
    await backend.registry.put(project, named(b"text"), b"text")
    (after,) = await walked(backend.registry)
    # A folder says at once that it is young again, which costs nothing there; the others once it is an hour old.
    assert after == before or isinstance(backend.registry, LocalRegistry)
    assert (after.hash, after.size) == (before.hash, before.size)


@pytest.mark.parametrize("damage", [b"tex", b"TEXT", b"", b"x" * (MAX_OBJECT_BYTES + 1)])
async def test_damage_is_healed_by_the_true_bytes_and_told_in_the_log(backend, damage, caplog):
    project = uuid.uuid4()
    await backend.damage(project, named(b"text"), damage)
    await asyncio.gather(*(backend.registry.put(project, named(b"text"), b"text") for _ in range(8)))
    assert await backend.registry.get(project, named(b"text")) == b"text"
    assert f"{named(b'text')}.yaml was damaged" in caplog.text


async def test_bytes_without_the_hash_take_nobodys_place(backend):
    project = uuid.uuid4()
    await backend.registry.put(project, named(b"text"), b"text")
    with pytest.raises(DocumentCorrupt, match=named(b"text")):
        await backend.registry.put(project, named(b"text"), b"other")
    assert await backend.registry.get(project, named(b"text")) == b"text"


async def test_what_is_too_large_to_be_a_document_is_not_read(backend):
    project = uuid.uuid4()
    await backend.damage(project, named(b"text"), b"x" * (MAX_OBJECT_BYTES + 1))
    with pytest.raises(DocumentCorrupt, match=named(b"text")):
        await backend.registry.get(project, named(b"text"))


async def test_what_was_stored_since_is_not_swept(backend):
    project = uuid.uuid4()
    await backend.registry.put(project, named(b"text"), b"text")
    assert not await backend.registry.sweep(project, named(b"text"), before=datetime(2020, 1, 1, tzinfo=UTC))
    assert await backend.registry.get(project, named(b"text")) == b"text"
    assert await backend.registry.sweep(project, named(b"text"), before=LATER)
    assert not await backend.registry.sweep(project, named(b"text"), before=LATER)


async def test_what_is_deleted_is_gone_and_can_be_put_again(backend):
    project = uuid.uuid4()
    await backend.registry.put(project, named(b"text"), b"text")
    for _ in range(2):
        await backend.registry.sweep(project, named(b"text"), before=LATER)
    assert await walked(backend.registry) == []
    with pytest.raises(DocumentCorrupt):
        await backend.registry.get(project, named(b"text"))
    await backend.registry.put(project, named(b"text"), b"text")
    assert await backend.registry.get(project, named(b"text")) == b"text"


async def test_a_walk_sees_every_document_of_many_pages_once(backend):
    project = uuid.uuid4()
    texts = [b"%d" % number for number in range(1_001)]

    async def each():
        for text in texts:
            yield text

    await for_each(each(), lambda text: backend.registry.put(project, named(text), text), at_once=16)
    found = await walked(backend.registry)
    assert sorted(document.hash for document in found) == sorted(named(text) for text in texts)


async def test_what_is_no_document_is_passed_over(backend):
    project = uuid.uuid4()
    await backend.registry.put(project, named(b"text"), b"text")
    for path in ("readme.txt", f"{project}/notes.yaml", f"lost+found/{named(b'x')}.yaml", f"{project}/a/b.yaml"):
        await backend.put_beside(path, b"x")
    assert len(await walked(backend.registry)) == 1
    assert not await backend.registry.leftovers()


async def test_of_racing_records_under_one_name_the_first_stays_for_good(backend):
    kept = await asyncio.gather(*(backend.registry.keep("_audit/1.json", b"%d" % number) for number in range(16)))
    assert sum(kept) == 1
    assert not await backend.registry.keep("_audit/1.json", b"later")
    assert await backend.registry.keep("_audit/2.json", b"another")
    found = dict([record async for record in backend.registry.kept("_audit")])
    assert found == {"_audit/1.json": b"%d" % kept.index(True), "_audit/2.json": b"another"}
    assert await walked(backend.registry) == []
    assert not await backend.registry.leftovers()


async def test_two_registries_on_one_store_see_the_same(backend, make_backend):
    other = make_backend(backend.kind, url=backend.settings.registry_url).registry
    project = uuid.uuid4()
    await backend.registry.put(project, named(b"text"), b"text")
    assert await other.get(project, named(b"text")) == b"text"


async def test_a_container_that_is_not_there_is_an_outage_and_no_lost_document(cloud, make_backend):
    registry = make_backend(cloud, url=f"{cloud}://nowhere/x").registry
    project = uuid.uuid4()
    for attempt in (registry.check(), registry.get(project, named(b"x")), registry.put(project, named(b"x"), b"x")):
        with pytest.raises(RegistryUnavailable):
            await attempt
    with pytest.raises(RegistryUnavailable):
        await walked(registry)
