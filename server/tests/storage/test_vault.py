"""The vault: bytes are checked, kept within a bound, and read once however many ask."""

import asyncio
import uuid

import pytest

from dakora_server.core.exceptions import DocumentCorrupt
from dakora_server.core.storage.registry.local import LocalRegistry
from dakora_server.core.storage.vault import ProjectVault, Vault, document_weight
from dakora_server.core.templates.model import parse_spec
from dakora_server.core.templates.serialization import Document


def document(text: str = "Hello") -> Document:
    return Document.of(parse_spec({"id": "p", "template": text}))


@pytest.fixture
def registry(tmp_path):
    made = LocalRegistry(tmp_path / "registry")
    yield made
    made.close()


async def test_a_document_survives_the_process(registry):
    project = uuid.uuid4()
    saved = document("Ünïcode\n\n  text ")
    await Vault(registry, cache_bytes=0).put(project, saved)
    assert await Vault(registry, cache_bytes=0).get(project, saved.hash) == saved


async def test_bytes_that_do_not_have_their_hash_are_refused_by_name(registry):
    project, saved = uuid.uuid4(), document()
    await Vault(registry, cache_bytes=0).put(project, saved)
    path = registry.root / str(project) / f"{saved.hash}.yaml"
    path.write_text(saved.text.replace("Hello", "Hullo"))
    with pytest.raises(DocumentCorrupt):
        await Vault(registry, cache_bytes=1 << 20).get(project, saved.hash)


async def test_many_who_miss_at_once_read_once(registry, monkeypatch):
    project, saved = uuid.uuid4(), document()
    await Vault(registry, cache_bytes=0).put(project, saved)
    reads = []
    real = registry.get

    async def counted(*args):
        reads.append(args)
        return await real(*args)

    monkeypatch.setattr(registry, "get", counted)
    vault = Vault(registry, cache_bytes=1 << 20)
    found = await asyncio.gather(*(vault.get(project, saved.hash) for _ in range(50)))
    assert len(reads) == 1
    assert all(one is found[0] for one in found)
    assert found[0] == saved


async def test_the_cache_stays_within_its_bound(registry):
    project = uuid.uuid4()
    documents = [document(f"{number}" * 50) for number in range(40)]
    vault = Vault(registry, cache_bytes=document_weight(documents[0]) * 10)
    for one in documents:
        await vault.put(project, one)
    assert vault._cache.currsize <= vault._cache.maxsize
    for one in documents:
        assert (await vault.get(project, one.hash)).text == one.text


async def test_a_project_sees_its_own_documents_only(registry):
    vault = Vault(registry, cache_bytes=1 << 20)
    mine, theirs = (ProjectVault(vault, uuid.uuid4()) for _ in range(2))
    await mine.put(document())
    with pytest.raises(DocumentCorrupt):
        await theirs.get(document().hash)
