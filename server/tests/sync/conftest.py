"""A desk: a folder of files and a project, and hands that work on both."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from dakora_server.core.prompts import service
from dakora_server.core.prompts.records import Selector
from dakora_server.core.scope import reading, writing
from dakora_server.core.storage.changes import ChangeFeed
from dakora_server.core.sync.folder import FolderSync, Pace
from dakora_server.core.templates.serialization import parse_yaml
from dakora_server.core.tenancy.provisioning import local_grant

QUICK = Pace(settle=0.0)
LIVE = Pace(settle=0.02, leave=1.0, retry=0.1, save=0.1)


def text(prompt_id="greeting", body="Hello {{ name }}!", *, version=None, top=""):
    """A prompt's file as a person writes it, with a comment."""
    line = f"version: {version}\n" if version else ""
    head = f"{top}id: {prompt_id}  # what callers ask for\n{line}"
    return f"{head}template: |\n  {body}\ninputs:\n  name:\n    type: string\n"


class Desk:
    """Edits files as a person would and prompts as the API would."""

    def __init__(self, platform, project_id, folder: Path, state_dir: Path) -> None:
        self.platform = platform
        self.project_id = project_id
        self.folder = folder
        self.state_dir = state_dir
        self.said: list[str] = []

    # The folder

    def write(self, path, content):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")

    def read(self, path):
        return (self.folder / path).read_text(encoding="utf-8")

    def edit(self, path, old, new):
        before = self.read(path)
        assert old in before
        self.write(path, before.replace(old, new))

    def files(self):
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    # The project

    def writer(self):
        return writing(self.platform, local_grant(self.project_id))

    def elsewhere(self):
        """A writer in another process: its changes are heard of through PostgreSQL only."""
        deaf = replace(self.platform, feed=ChangeFeed(self.platform.database.url))
        return writing(deaf, local_grant(self.project_id))

    async def create(self, prompt_id="greeting", body="Hello {{ name }}!", *, folder=""):
        async with self.writer() as project:
            return await service.create(project, parse_yaml(text(prompt_id, body)), folder=folder)

    async def update(self, prompt_id="greeting", body=None, *, folder=None, version=None, writer=None):
        async with writer or self.writer() as project:
            spec = (await service.get(project, prompt_id)).document.spec
            changes = {"version": version} if body is None else {"version": version, "template": f"{body}\n"}
            return await service.update(project, spec.model_copy(update=changes), folder=folder)

    async def archive(self, prompt_id="greeting"):
        async with self.writer() as project:
            await service.archive(project, prompt_id)

    async def restore(self, prompt_id="greeting"):
        async with self.writer() as project:
            await service.restore(project, prompt_id)

    async def get(self, prompt_id="greeting", number=None):
        async with reading(self.platform, local_grant(self.project_id)) as project:
            return await service.get(project, prompt_id, Selector(number=number))

    async def template(self, prompt_id="greeting", number=None):
        return (await self.get(prompt_id, number)).document.spec.template

    async def head(self, prompt_id="greeting"):
        return (await self.get(prompt_id)).record

    async def ids(self):
        async with reading(self.platform, local_grant(self.project_id)) as project:
            found = await service.list_prompts(project, service.PromptFilter(), after=None, limit=1000)
        return [record.prompt_id for record in found]

    # The two in step

    def sync(self, *, pace=QUICK, platform=None, **options):
        return FolderSync(
            platform or self.platform,
            grant=local_grant(self.project_id),
            folder=self.folder,
            state_dir=self.state_dir,
            say=self.said.append,
            pace=pace,
            **options,
        )

    async def reconcile(self):
        """As at a start: nothing is known but what was stored."""
        return await self.sync().reconcile()

    @contextlib.asynccontextmanager
    async def live(self, **options):
        """Folder and project are kept in step for as long as the block lasts."""
        stopping, loaded = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(self.sync(**{"pace": LIVE, **options}).run(stopping, loaded=loaded))
        try:
            await asyncio.wait_for(loaded.wait(), 30)
            yield
        finally:
            stopping.set()
            await asyncio.wait_for(task, 30)

    def heard(self, *words):
        """The lines that were said with all these words."""
        return [line for line in self.said if all(word in line for word in words)]


@pytest.fixture
def desk(platform, project, tmp_path):
    folder = tmp_path / "prompts"
    folder.mkdir()
    return Desk(platform, project.id, folder, tmp_path / "state")


async def until(condition, seconds=20.0):
    """Wait for something that is to come true by itself; give up after a time no machine needs."""
    async with asyncio.timeout(seconds):
        while True:
            with contextlib.suppress(FileNotFoundError, service.PromptNotFound):
                answer = condition()
                if await answer if asyncio.iscoroutine(answer) else answer:
                    return
            await asyncio.sleep(0.01)


@pytest.fixture
def eventually():
    return until


@pytest.fixture
def prompt_text():
    return text
