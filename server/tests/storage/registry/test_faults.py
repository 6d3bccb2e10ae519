"""A store that is slow, down, cut off, refusing, full or lying, seen through the HTTP API of the whole application.

It is an outage or a named corruption, never a prompt that is not there; and nothing that was acknowledged is lost.
"""

import asyncio
import logging
import resource
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dakora_server.core.storage.registry.addresses import parse_place
from dakora_server.core.storage.registry.breaker import MISSES

LATER = datetime(2100, 1, 1, tzinfo=UTC)

# Seconds for one call: long enough for a store that is well, on a machine with much else to do.
PATIENCE = 1.5
OUTAGES = ("slow", "hang", "down", "reset", "cut", "forbidden", "broken", "nowhere")


@pytest.fixture(scope="module")
async def served(served_kind, serve):
    """The application over each kind of cloud in turn, with little patience."""
    async with serve(served_kind, registry_timeout=PATIENCE) as opened:
        opened.proxy.seconds = 3 * PATIENCE
        yield opened


async def recover(served):
    """The store is well again; wait until the server has noticed, as it does within a second or so."""
    served.proxy.become("pass")
    for _ in range(200):
        if (await served.client.get("/api/ready")).status_code == 200:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("The server did not notice that its store is back.")


@pytest.fixture(autouse=True)
async def _well_again(request):
    yield
    if "served" in request.fixturenames:
        await recover(request.getfixturevalue("served"))


@pytest.mark.parametrize("mode", OUTAGES)
async def test_an_outage_is_503_and_loses_nothing(served, mode, caplog):
    kept = (await served.create(f"kept-{mode}")).json()
    served.proxy.become(mode)

    read, rendered, written, ready = await asyncio.gather(
        served.get(f"kept-{mode}"),
        served.render(f"kept-{mode}", name="Ada"),
        served.create(f"new-{mode}"),
        served.client.get("/api/ready"),
    )

    for answer in (read, rendered, written):
        assert (answer.status_code, answer.json()["code"]) == (503, "registry_unavailable"), answer.text
        assert int(answer.headers["retry-after"]) > 0
        assert "127.0.0.1" not in answer.text
    assert ready.status_code == 503
    assert ready.json()["dependencies"]["registry"] in {"registry_unavailable", "timeout"}
    assert ready.json()["dependencies"]["database"] == "ok"
    assert "testing-secret" not in caplog.text
    assert "127.0.0.1" not in caplog.text

    await recover(served)
    assert (await served.get(f"kept-{mode}")).json()["content_hash"] == kept["content_hash"]
    assert (await served.get(f"new-{mode}")).status_code == 404, "a row without its document"
    assert (await served.create(f"new-{mode}")).status_code == 201
    assert (await served.render(f"new-{mode}", name="Ada")).json()["rendered"] == "Hello Ada"
    assert (await served.client.get("/api/ready")).status_code == 200


async def test_a_full_store_is_507_and_still_read_from(served):
    kept = (await served.create("kept-full")).json()
    served.proxy.become("full")
    written = await served.create("new-full", "A text that nobody has stored before, {{ name }}")
    assert (written.status_code, written.json()["code"]) == (507, "registry_full")
    assert (await served.get("kept-full")).json()["content_hash"] == kept["content_hash"]
    assert (await served.client.get("/api/ready")).status_code == 200
    served.proxy.become("pass")
    assert (await served.get("new-full")).status_code == 404
    assert (await served.create("new-full")).status_code == 201


async def test_a_store_that_gives_other_bytes_is_a_corruption_with_a_name(served):
    kept = (await served.create("kept-lie", "Truth is what {{ name }} says")).json()
    assert (await served.save("kept-lie", "Something else, {{ name }}")).status_code == 200
    served.proxy.truth, served.proxy.lie = b"Truth", b"Trash"
    served.proxy.become("lie")
    for answer in (await served.get("kept-lie?version=1"), await served.render("kept-lie", version=1, name="Ada")):
        assert (answer.status_code, answer.json()["code"]) == (500, "document_corrupt")
        assert kept["content_hash"] in answer.json()["detail"]
    # Back to the first text: its place has other bytes, it is written again, and others come still. No success.
    again = await served.save("kept-lie", "Truth is what {{ name }} says")
    assert (again.status_code, again.json()["code"]) == (500, "document_corrupt")
    served.proxy.become("pass")
    assert (await served.render("kept-lie", name="Ada")).json()["rendered"] == "Something else, Ada"
    assert (await served.save("kept-lie", "Truth is what {{ name }} says")).status_code == 200
    assert (await served.render("kept-lie", name="Ada")).json()["rendered"] == "Truth is what Ada says"


async def test_a_document_that_is_gone_is_a_corruption_with_a_name_and_no_404(served):
    kept = (await served.create("gone", "A text that will be gone, {{ name }}")).json()
    await served.registry.sweep(served.project_id, kept["content_hash"], before=LATER)
    for answer in (await served.get("gone"), await served.render("gone", name="Ada")):
        assert (answer.status_code, answer.json()["code"]) == (500, "document_corrupt")
        assert kept["content_hash"] in answer.json()["detail"]
    # Whoever saves the text again brings it back, for every version that has it.
    assert (await served.save("gone", "Meanwhile another one")).status_code == 200
    assert (await served.save("gone", "A text that will be gone, {{ name }}")).status_code == 200
    assert (await served.get("gone?version=1")).json()["content_hash"] == kept["content_hash"]


async def test_nobody_waits_for_a_store_that_is_known_to_be_silent(serve):
    async with serve("az", registry_timeout=PATIENCE) as served:
        kept = (await served.create("kept-silent")).json()
        served.proxy.become("hang")
        served.proxy.requests.clear()
        answers = await asyncio.gather(*(served.get("kept-silent") for _ in range(MISSES)))
        answers += [await served.get("kept-silent") for _ in range(60)]
        assert {answer.status_code for answer in answers} == {503}
        # The first few went there, and one a second since; the rest were answered without it.
        assert len(served.proxy.requests) < 30
        await recover(served)
        assert (await served.get("kept-silent")).json()["content_hash"] == kept["content_hash"]


async def test_what_is_refused_is_told_in_the_log_without_secrets(served, caplog):
    served.proxy.become("forbidden")
    with caplog.at_level(logging.DEBUG):
        await served.create("refused")
    assert "the document store refused: 403" in caplog.text


async def test_a_folder_on_a_full_disk_is_507_and_still_read_from(project, settings, client):
    kept = await project.create("kept", "Hello {{ name }}")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The kernel refuses what goes past a limit as it does what goes past a disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        body = {"id": "new", "template": "x" * 5000}
        written = await client.post(project.prompts, json=body)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (written.status_code, written.json()["code"]) == (507, "registry_full")
    assert (await client.get(f"{project.prompts}/new")).status_code == 404
    folder = Path(parse_place(settings.registry_url).path) / str(project.id)
    assert [path.stem for path in folder.iterdir()] == [kept["content_hash"]]
    assert (await client.post(project.prompts, json=body)).status_code == 201
