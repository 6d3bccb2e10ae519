"""fsck finds what is missing, damaged or left over, and sweeps only what nobody can need."""

import os
import shutil
import time
from pathlib import Path

import pytest

from dakora_server.core.prompts.fsck import fsck
from dakora_server.core.storage.registry.addresses import parse_place
from dakora_server.main import registry_of


@pytest.fixture
def folder(project, settings) -> Path:
    return Path(parse_place(settings.registry_url).path) / str(project.id)


@pytest.fixture
async def check(platform, settings):
    registry = registry_of(settings)

    async def run(**options):
        return await fsck(platform.database, registry, **options)

    yield run
    registry.close()


async def test_a_sound_platform_is_clean(project, check):
    await project.create("p", "one")
    await project.save("p", "two")
    report = await check()
    assert report.is_clean
    assert report.versions >= 2


async def test_a_missing_and_a_damaged_document_are_named(project, check, folder):
    first = await project.create("missing", "one")
    second = await project.create("damaged", "two")
    kept = {name: (folder / f"{name}.yaml").read_bytes() for name in (first["content_hash"], second["content_hash"])}
    (folder / f"{first['content_hash']}.yaml").unlink()
    (folder / f"{second['content_hash']}.yaml").write_bytes(b"other bytes")
    report = await check()
    for name, raw in kept.items():
        (folder / f"{name}.yaml").write_bytes(raw)
    assert not report.is_clean
    assert any(first["content_hash"] in line and "missing version 1" in line for line in report.missing)
    assert any(second["content_hash"] in line for line in report.corrupt)
    assert "NOT CLEAN" in report.to_text()
    assert (await check()).is_clean


async def test_only_old_orphans_are_swept(project, check, folder):
    saved = await project.create("p", "one")
    path = folder / f"{saved['content_hash']}.yaml"
    young, old = (folder / f"{digit * 64}.yaml" for digit in "12")
    shutil.copy(path, young)
    shutil.copy(path, old)
    leftover = folder / ".tmp-crashed"
    leftover.write_bytes(b"half")
    two_days_ago = time.time() - 48 * 3600
    for stale in (old, leftover, path):
        os.utime(stale, (two_days_ago, two_days_ago))
    before = await check()
    assert before.is_clean
    assert before.orphans >= 2
    assert (before.leftovers, before.swept) == (1, 0)
    after = await check(sweep=True)
    assert after.swept == 2
    assert (path.exists(), young.exists(), old.exists(), leftover.exists()) == (True, True, False, False)
    young.unlink()


async def test_a_gap_in_the_numbers_is_named(project, check, platform):
    from sqlalchemy import update

    from dakora_server.core.storage.tables import prompts
    from dakora_server.core.storage.tenant import Tenant

    await project.create("gap", "one")
    where = prompts.c.project_id == project.id
    async with platform.database.transaction(Tenant(project_id=project.id)) as tx:
        await tx.execute(update(prompts).where(where).values(head_number=3))
    report = await check()
    async with platform.database.transaction(Tenant(project_id=project.id)) as tx:
        await tx.execute(update(prompts).where(where).values(head_number=1))
    assert any("gap" in line for line in report.gaps)
    assert not report.is_clean
