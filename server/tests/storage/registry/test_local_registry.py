"""What is a folder's own: files that appear whole and durably, and a disk that fails."""

import asyncio
import errno
import hashlib
import os
import uuid
from datetime import UTC, datetime

import pytest

from dakora_server.core.exceptions import DocumentCorrupt, RegistryFull, RegistryUnavailable
from dakora_server.core.storage.registry import durable
from dakora_server.core.storage.registry.local import LocalRegistry

HASH = hashlib.sha256(b"text").hexdigest()


@pytest.fixture
def registry(tmp_path):
    made = LocalRegistry(tmp_path / "registry")
    yield made
    made.close()


async def test_a_document_is_a_file_named_by_project_and_hash(registry):
    project = uuid.uuid4()
    await registry.put(project, HASH, b"text")
    assert (registry.root / str(project) / f"{HASH}.yaml").read_bytes() == b"text"


async def test_a_second_put_of_the_same_bytes_leaves_the_file_alone(registry):
    project = uuid.uuid4()
    await registry.put(project, HASH, b"text")
    path = registry.root / str(project) / f"{HASH}.yaml"
    before = path.stat().st_ino
    await asyncio.gather(*(registry.put(project, HASH, b"text") for _ in range(20)))
    assert path.stat().st_ino == before


async def test_what_is_stored_again_while_it_is_swept_stays(registry):
    project, before = uuid.uuid4(), datetime(2020, 1, 1, tzinfo=UTC)
    path = registry.root / str(project) / f"{HASH}.yaml"
    for _ in range(400):
        await registry.put(project, HASH, b"text")
        os.utime(path, (0, 0))
        sweep, put = registry.sweep(project, HASH, before=before), registry.put(project, HASH, b"text")
        await asyncio.gather(sweep, put)
        assert path.read_bytes() == b"text"
    assert await registry.leftovers() == []
    os.utime(path, (0, 0))
    assert await registry.sweep(project, HASH, before=before)
    assert not await registry.sweep(project, HASH, before=before)


async def test_nothing_temporary_stays_behind(registry):
    project = uuid.uuid4()
    await asyncio.gather(*(registry.put(project, f"{number:064x}", b"x" * number) for number in range(50)))
    assert await registry.leftovers() == []
    assert len([document async for document in registry.walk()]) == 50


async def test_what_a_crash_left_is_found_and_discarded(registry):
    project = uuid.uuid4()
    await registry.put(project, HASH, b"text")
    half = registry.root / str(project) / ".tmp-crashed"
    half.write_bytes(b"te")
    (leftover,) = await registry.leftovers()
    assert leftover.name.endswith(".tmp-crashed")
    for _ in range(2):
        await registry.discard(leftover)
    assert not half.exists()


async def test_a_put_is_on_disk_before_it_is_acknowledged(registry, monkeypatch):
    synced = []
    real = os.fsync

    def counted(descriptor):
        synced.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    project = uuid.uuid4()
    await registry.put(project, HASH, b"text")
    # the file itself, its folder, and the root in which the folder is new
    assert len(synced) >= 3
    synced.clear()
    # Whoever finds it there may be faster than its writer: the name has to be durable for both.
    await registry.put(project, HASH, b"text")
    assert len(synced) == 1


async def test_a_full_disk_is_507_and_leaves_nothing(registry, monkeypatch):
    def no_room(descriptor):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(os, "fsync", no_room)
    project = uuid.uuid4()
    with pytest.raises(RegistryFull):
        await registry.put(project, HASH, b"text")
    monkeypatch.undo()
    assert await registry.leftovers() == []
    with pytest.raises(DocumentCorrupt):
        await registry.get(project, HASH)


async def test_a_root_that_is_gone_is_an_outage_and_no_404(tmp_path):
    registry = LocalRegistry(tmp_path / "nowhere")
    with pytest.raises(RegistryUnavailable):
        await registry.get(uuid.uuid4(), HASH)
    registry.close()


async def test_other_folders_in_the_root_are_left_alone(registry):
    (registry.root / "lost+found").mkdir(parents=True)
    await registry.put(uuid.uuid4(), HASH, b"text")
    assert len([one async for one in registry.walk()]) == 1


@pytest.mark.parametrize("together", [True, False])
async def test_many_are_put_as_durably_as_one(registry, monkeypatch, together):
    """Whichever way: no document gets its name before its bytes are on disk, and the folder is synced last."""
    if together and not durable.can_sync_all():
        together = False
    project, on_disk, named_early, synced = uuid.uuid4(), set(), [], []
    sync, sync_all, link = os.fsync, durable.sync_all, os.link

    def watch(descriptor):
        sync(descriptor)
        synced.append(os.path.realpath(f"/proc/self/fd/{descriptor}"))
        on_disk.add(synced[-1])

    def watch_all(folder):
        there = {str(path) for path in folder.iterdir()}
        sync_all(folder)
        on_disk.update(there)

    def watch_link(source, target):
        if str(source) not in on_disk:
            named_early.append(source)
        link(source, target)

    monkeypatch.setattr(os, "fsync", watch)
    monkeypatch.setattr(os, "link", watch_link)
    monkeypatch.setattr(durable, "sync_all", watch_all)
    monkeypatch.setattr(durable, "can_sync_all", lambda: together)
    documents = [(f"{number:064x}", f"text {number}".encode()) for number in range(50)]
    await registry.put_many(project, [*documents, documents[0]])
    for digest, text in documents:
        assert await registry.get(project, digest) == text
    assert len(on_disk) > len(documents)
    assert not named_early
    assert synced[-1] == str(registry.root / str(project))
    assert not await registry.leftovers()


async def test_when_one_of_many_cannot_be_put_it_is_said(registry, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(RegistryFull):
        await registry.put_many(uuid.uuid4(), [(HASH, b"text"), ("b" * 64, b"other")])
    with pytest.raises(RegistryFull):
        await registry.put_many(uuid.uuid4(), [(f"{number:064x}", b"text") for number in range(20)])
    assert not await registry.leftovers()
