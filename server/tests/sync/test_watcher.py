"""What was noticed is complete: where the system gives no notice, the folder is looked at."""

import asyncio
import os

import pytest

from dakora_server.core.sync import watcher
from dakora_server.core.sync.folder import Pace


@pytest.fixture
def edited(desk, prompt_text, eventually):
    """A function that edits the one prompt and waits until the server has it."""

    async def edit(body):
        desk.write("greeting.yaml", prompt_text(body=body))

        async def is_there():
            return await desk.template() == f"{body}\n"

        await eventually(is_there)

    return edit


async def test_without_notices_from_the_system_edits_are_found_by_looking(desk, edited, monkeypatch):
    def no_watches_left(*args, **kwargs):
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr(watcher, "awatch", no_watches_left)
    await edited_from_the_start(desk, edited)


async def test_a_name_that_is_no_text_does_not_end_the_watch(desk, edited):
    await edited_from_the_start(desk, edited, lambda: (desk.folder / os.fsdecode(b"\xff.yaml")).write_text("x"))
    assert desk.heard("characters that cannot be shown")


async def test_links_in_a_circle_do_not_end_the_watch(desk, edited):
    def circle():
        (desk.folder / "a").mkdir()
        (desk.folder / "a" / "b").symlink_to(desk.folder)
        (desk.folder / "self.yaml").symlink_to("self.yaml")

    await edited_from_the_start(desk, edited, circle)


async def test_notices_that_were_lost_are_made_up_for(desk, edited, monkeypatch):
    monkeypatch.setattr(watcher.Watcher, "_counts", lambda self, change, path: False)
    await edited_from_the_start(desk, edited, pace=Pace(settle=0.02, look=0.3))


async def edited_from_the_start(desk, edited, meanwhile=lambda: None, **options):
    desk.write("greeting.yaml", "id: greeting\ntemplate: first\n")
    async with desk.live(**options):
        await edited("second")
        meanwhile()
        await edited("third")
        await asyncio.sleep(0.1)
        await edited("fourth")


async def test_a_file_that_grows_slowly_is_read_when_it_is_whole(desk, prompt_text, eventually):
    content = prompt_text(body="a long prompt that is written slowly")
    async with desk.live(pace=Pace(settle=1.0)):
        with (desk.folder / "greeting.yaml").open("w") as file:
            for start in range(0, len(content), 8):
                file.write(content[start : start + 8])
                file.flush()
                await asyncio.sleep(0.01)

        async def is_there():
            return await desk.template() == "a long prompt that is written slowly\n"

        await eventually(is_there)
        assert (await desk.head()).number == 1


async def test_ending_it_from_outside_leaves_no_thread_behind(desk, prompt_text):
    desk.write("greeting.yaml", prompt_text())
    loaded = asyncio.Event()
    task = asyncio.create_task(desk.sync().run(asyncio.Event(), loaded=loaded))
    await asyncio.wait_for(loaded.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [*desk.state_dir.iterdir()] != []
