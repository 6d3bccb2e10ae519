"""The base survives a restart, and its loss is no disaster."""

from pathlib import Path
from uuid import UUID

import pytest

from dakora_server.core.sync.records import Base
from dakora_server.core.sync.state import SyncState

PROJECT = UUID(int=7)


def base(prompt_id="greeting", path="greeting.yaml", **fields):
    return Base(prompt_id, path, "a" * 64, "b" * 64, "", 3, "1.0.2", "1.0.2", **fields)


def state(tmp_path, folder=Path("/somewhere")):
    return SyncState(tmp_path / "state", folder=folder, project_id=PROJECT)


def test_what_was_stored_is_loaded_again(tmp_path):
    before = state(tmp_path)
    waiting = base("Other", "a/other.yaml", kept=12)
    before.put(base())
    before.put(waiting)
    before.store(before.snapshot())

    after = state(tmp_path)
    after.load()

    assert not before.dirty
    assert not after.dirty
    assert [*after] == ["greeting", "other"]
    assert after.get("other") == after.at("a/other.yaml") == waiting


def test_another_folder_or_project_has_a_state_of_its_own(tmp_path):
    files = {state(tmp_path).file, state(tmp_path, Path("/elsewhere")).file}
    files.add(SyncState(tmp_path / "state", folder=Path("/somewhere"), project_id=UUID(int=8)).file)
    assert len(files) == 3


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format": 1, "prompts": [{"prompt_id": 1}]}', b"\xff\x00"])
def test_a_damaged_file_is_no_base_at_all(tmp_path, damage):
    written = state(tmp_path)
    written.put(base())
    written.store(written.snapshot())
    written.file.write_bytes(damage)

    read = state(tmp_path)
    read.load()

    assert len(read) == 0


def test_a_path_belongs_to_who_had_it_last(tmp_path):
    known = state(tmp_path)
    known.put(base("one", "shared.yaml"))
    known.put(base("two", "shared.yaml"))
    known.drop("one")
    assert known.at("shared.yaml") == known.get("two")


def test_only_a_change_makes_it_worth_saving(tmp_path):
    known = state(tmp_path)
    known.put(base())
    known.store(known.snapshot())
    known.put(base())
    assert not known.dirty
    known.drop("greeting")
    assert known.dirty


def test_storing_leaves_nothing_else_behind(tmp_path):
    known = state(tmp_path)
    known.put(base())
    known.store(known.snapshot())
    assert [path.name for path in known.file.parent.iterdir()] == [known.file.name]
