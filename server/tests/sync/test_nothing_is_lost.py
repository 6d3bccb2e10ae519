"""Whatever happens on either side, in whatever order: every text ever written can still be found."""

import contextlib
import itertools
import re
import shutil
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dakora_server.core.exceptions import PromptArchived, PromptNotFound
from dakora_server.core.prompts import queries
from dakora_server.core.scope import reading
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.templates.serialization import parse_yaml
from dakora_server.core.tenancy.provisioning import LOCAL_WORKSPACE_ID, local_grant
from dakora_server.core.tenancy.queries import ensure_project

_TOKEN = re.compile(r"text-\d+")
_IDS, _FOLDERS = st.sampled_from(["one", "two"]), st.sampled_from(["", "a", "a/b"])

_AN_ID = _IDS.map(lambda prompt_id: (prompt_id,))
_AN_ID_AND_A_FOLDER = st.tuples(_IDS, _FOLDERS)


def step(names: str, arguments: st.SearchStrategy) -> st.SearchStrategy:
    return st.tuples(st.sampled_from(names.split()), arguments).map(lambda both: (both[0], *both[1]))


ON_DISK = step("edit_file edit_file move_file", _AN_ID_AND_A_FOLDER) | step(
    "comment delete_file copy_file break_file solve take_theirs save_again", _AN_ID
)
ON_SERVER = step("update update move_prompt", _AN_ID_AND_A_FOLDER) | step("raise_version archive restore", _AN_ID)
# Most rounds change something on both sides before they meet: that is where texts could be lost.
ROUNDS = st.lists(
    st.tuples(
        st.lists(ON_DISK, max_size=2),
        st.lists(ON_SERVER, max_size=2),
        st.sampled_from(["synchronise", "synchronise", "synchronise", "lose_state"]),
    ),
    min_size=1,
    max_size=6,
)


def tokens_in(*paths: Path) -> set[str]:
    return {token for path in paths for token in _TOKEN.findall(path.read_text())}


def one_side(text: str, side: str) -> str:
    """A file with markers as somebody leaves it who takes one side everywhere."""
    kept, part = [], None
    for line in text.splitlines(keepends=True):
        if line.startswith("<<<<<<< "):
            part = "yours"
        elif line.startswith("||||||| "):
            part = "base"
        elif line == "=======\n":
            part = "server"
        elif line.startswith(">>>>>>> "):
            part = None
        elif part in (None, side):
            kept.append(line)
    return "".join(kept)


class World:
    """A desk, a count of texts, and those that must be found in the end."""

    def __init__(self, desk) -> None:
        self.desk = desk
        self._number = itertools.count()
        self.owed: set[str] = set()

    def new_text(self) -> str:
        token = f"text-{next(self._number)}"
        self.owed.add(token)
        return token

    async def stored(self) -> set[str]:
        """Every text that is a version, of live and of archived prompts."""
        found: set[str] = set()
        async with reading(self.desk.platform, local_grant(self.desk.project_id)) as project:
            for prompt_id in ("one", "two"):
                for version in await queries.list_versions(project, prompt_id, before=None, limit=1000):
                    found.update(_TOKEN.findall((await project.vault.get(version.content_hash)).text))
        return found

    def files_of(self, prompt_id: str) -> list[Path]:
        paths = sorted(self.desk.folder.rglob("*.yaml"))
        return [path for path in paths if re.search(rf"^id: {prompt_id}\s", path.read_text(), re.M)]

    async def give_up(self, path: Path) -> None:
        """A person destroys what stands in a file: what nobody had seen before is nobody's loss."""
        self.owed -= tokens_in(path) - await self.stored()

    # What a person does

    async def edit_file(self, prompt_id, folder):
        files = self.files_of(prompt_id)
        if files:
            await self.give_up(files[0])
            content = _TOKEN.sub(self.new_text(), files[0].read_text(), count=1)
            content = content.replace("template: [broken", "template: |")
            files[0].write_text(content)
        else:
            path = self.desk.folder / folder / f"{prompt_id}.yaml"
            if path.exists():
                await self.give_up(path)
            self.desk.write(path, self.desk_text(prompt_id))

    def desk_text(self, prompt_id):
        return f"id: {prompt_id} # mine\ntemplate: |\n  {self.new_text()}\n  between\n  {self.new_text()}\n"

    async def move_file(self, prompt_id, folder):
        for path in self.files_of(prompt_id)[:1]:
            target = self.desk.folder / folder / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                path.rename(target)

    async def copy_file(self, prompt_id):
        for path in self.files_of(prompt_id)[:1]:
            shutil.copy(path, path.with_name(f"copy-{uuid.uuid4().hex[:6]}.yaml"))

    async def comment(self, prompt_id):
        for path in self.files_of(prompt_id):
            path.write_text(f"# {uuid.uuid4()}\n{path.read_text()}")

    async def break_file(self, prompt_id):
        for path in self.files_of(prompt_id)[:1]:
            path.write_text(path.read_text().replace("template: |", "template: [broken"))

    async def delete_file(self, prompt_id):
        for path in self.files_of(prompt_id)[:1]:
            await self.give_up(path)
            path.unlink()

    async def solve(self, prompt_id, *, side="yours"):
        for path in self.files_of(prompt_id):
            content = path.read_text()
            if "<<<<<<< " in content:
                await self.give_up(path)
                path.write_text(one_side(content, side))
                self.owed |= tokens_in(path)

    async def save_again(self, prompt_id):
        for path in self.files_of(prompt_id):
            path.write_text(path.read_text())

    async def take_theirs(self, prompt_id):
        await self.solve(prompt_id, side="server")

    # What callers of the API do

    async def update(self, prompt_id, folder):
        token = self.new_text()
        try:
            # The last line only, so that an edit of the first one can be merged with it.
            before = (await self.desk.template(prompt_id)).removesuffix("\n").split("\n")
            await self.desk.update(prompt_id, body="\n".join([*before[:-1], token]))
        except PromptNotFound:
            try:
                await self.desk.create(prompt_id, token, folder=folder)
            except PromptArchived:
                self.owed.discard(token)

    async def raise_version(self, prompt_id):
        with contextlib.suppress(PromptNotFound):
            await self.desk.update(prompt_id, version=f"{100 + next(self._number)}.0.0")

    async def archive(self, prompt_id):
        with contextlib.suppress(PromptNotFound):
            await self.desk.archive(prompt_id)

    async def restore(self, prompt_id):
        with contextlib.suppress(PromptNotFound):
            await self.desk.restore(prompt_id)

    async def move_prompt(self, prompt_id, folder):
        with contextlib.suppress(PromptNotFound):
            await self.desk.update(prompt_id, folder=folder)

    # And the sync

    async def synchronise(self):
        await self.desk.reconcile()

    async def lose_state(self):
        shutil.rmtree(self.desk.state_dir, ignore_errors=True)

    async def play(self, rounds):
        """Everything that is to happen, with a look for losses after each step."""
        for on_disk, on_server, then in rounds:
            for name, *arguments in [*on_disk, *on_server, (then,)]:
                await getattr(self, name)(*arguments)
                assert await self.lost() == set()
        await self.synchronise()
        assert await self.lost() == set()

    async def lost(self) -> set[str]:
        missing = self.owed - tokens_in(*self.desk.folder.rglob("*.yaml"))
        return missing - await self.stored() if missing else missing


@pytest.fixture
def new_world(desk, tmp_path):
    """A function that makes a world of its own for each example."""

    async def make() -> World:
        name = uuid.uuid4()
        async with desk.platform.database.transaction(Tenant(workspace_id=LOCAL_WORKSPACE_ID)) as tx:
            await ensure_project(tx, name, workspace_id=LOCAL_WORKSPACE_ID, slug=name.hex, name="An example")
        desk.project_id = name
        desk.folder, desk.state_dir = tmp_path / name.hex, tmp_path / f"{name.hex}-state"
        desk.folder.mkdir()
        world = World(desk)
        for prompt_id in ("one", "two"):
            await world.edit_file(prompt_id, "")
        # So that deleting one file never empties the folder.
        desk.write("third.yaml", "id: third\ntemplate: always there\n")
        await world.synchronise()
        return world

    return make


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=ROUNDS)
async def test_every_text_is_in_a_file_or_a_version(new_world, rounds):
    world = await new_world()
    await world.play(rounds)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=ROUNDS)
async def test_once_a_person_has_solved_what_is_left_both_sides_are_the_same(new_world, rounds):
    world = await new_world()
    await world.play(rounds)
    for prompt_id in ("one", "two"):
        for extra in world.files_of(prompt_id)[1:]:
            extra.unlink()
        await world.edit_file(prompt_id, "")
    # A file that was mended just now may be a conflict of its own, or its prompt archived meanwhile.
    for _ in range(2):
        await world.synchronise()
        for prompt_id in ("one", "two"):
            await world.solve(prompt_id)
            await world.save_again(prompt_id)
    await world.synchronise()

    report = await world.desk.reconcile()

    assert not report.has_news
    for prompt_id in await world.desk.ids():
        prompt = await world.desk.get(prompt_id)
        (path,) = world.files_of(prompt_id) or [world.desk.folder / "third.yaml"]
        assert prompt.document.spec.template == parse_yaml(path.read_bytes()).template
        assert prompt.record.folder == path.parent.relative_to(world.desk.folder).as_posix().removeprefix(".")
