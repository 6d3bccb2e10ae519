"""A document store that takes its time takes nothing else along."""

import asyncio
import os
from pathlib import Path

import pytest

from dakora_server.core.storage.registry.addresses import parse_place


@pytest.fixture
async def stuck(project, settings, platform):
    """A prompt whose document is not read before somebody writes into the pipe that it has become."""
    made = await project.create("stuck", "Here at last")
    path = Path(parse_place(settings.registry_url).path) / str(project.id) / f"{made['content_hash']}.yaml"
    text = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    platform.pointers._forget_all()
    platform.vault._cache.clear()
    yield path, text
    path.unlink()
    path.write_bytes(text)


async def test_no_connection_is_held_while_a_document_is_awaited(project, platform, stuck):
    path, text = stuck
    await project.create("other", "Hello")
    waiting = [asyncio.create_task(project.client.get(f"{project.prompts}/stuck")) for _ in range(40)]
    await asyncio.sleep(0.3)
    for _ in range(100):
        if not (held := platform.database._engine.pool.checkedout()):
            break
        await asyncio.sleep(0.1)
    assert held == 0
    assert not any(task.done() for task in waiting)
    assert (await project.client.get(f"{project.prompts}/other/versions")).status_code == 200
    await asyncio.to_thread(path.write_bytes, text)
    answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].json()["template"] == "Here at last"
