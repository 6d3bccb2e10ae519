"""Files are found, read whole, and never replaced over somebody else's text."""

import hashlib
import os
import stat

import pytest

from dakora_server.core.sync import disk


def digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def paths(root, path=""):
    return {entry.path: entry.refused for entry in disk.walk(root, path)}


@pytest.fixture
def root(tmp_path):
    folder = (tmp_path / "prompts").resolve()
    folder.mkdir()
    return folder


class TestWalk:
    def test_yaml_files_of_all_levels_are_found_and_hidden_ones_are_not(self, root):
        for path in ("a.yaml", "b.yml", "x/y/c.yaml", ".git/d.yaml", "x/.e.yaml", "x/f.txt", ".g.yaml"):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text("x")
        assert paths(root) == {"a.yaml": None, "b.yml": None, "x/y/c.yaml": None}
        assert paths(root, "x") == {"x/y/c.yaml": None}
        assert paths(root, "x/y/c.yaml") == {"x/y/c.yaml": None}
        assert paths(root, ".git/d.yaml") == {}
        assert paths(root, "nowhere") == {}

    def test_links_that_lead_out_are_refused_and_not_followed(self, root, tmp_path):
        (tmp_path / "secret.yaml").write_text("secret")
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "inner.yaml").write_text("x")
        (root / "file.yaml").symlink_to(tmp_path / "secret.yaml")
        (root / "folder").symlink_to(tmp_path / "outside")
        (root / "dangling.yaml").symlink_to(root / "gone.yaml")
        found = paths(root)
        assert set(found) == {"file.yaml", "folder", "dangling.yaml"}
        assert all(found.values())
        assert paths(root, "folder/inner.yaml") == {}

    def test_a_link_inside_is_followed_for_files_and_a_loop_of_folders_is_not(self, root):
        (root / "real.yaml").write_text("x")
        (root / "link.yaml").symlink_to("real.yaml")
        (root / "loop").symlink_to(root)
        assert paths(root) == {"real.yaml": None, "link.yaml": None}

    def test_what_is_no_file_is_refused_unopened(self, root):
        os.mkfifo(root / "pipe.yaml")
        (root / "folder.yaml").mkdir()
        assert paths(root) == {"pipe.yaml": "this is not a regular file"}
        with pytest.raises(disk.ChangedMeanwhileError):
            disk.read(root / "pipe.yaml")

    def test_a_folder_that_cannot_be_stored_is_refused_with_the_rule(self, root):
        for name in ("_drafts", "über", "a" * 65, "1/2/3/4/5/6/7/8/9"):
            (root / name).mkdir(parents=True)
            (root / name / "a.yaml").write_text("x")
        found = paths(root)
        assert len(found) == 4
        assert all("letters, digits" in refused for refused in found.values())

    def test_a_name_that_cannot_be_shown_is_refused(self, root):
        (root / "a\nb.yaml").write_text("x")
        (root / os.fsdecode(b"\xff.yaml")).write_text("x")
        assert all(refused == "the name has characters that cannot be shown" for refused in paths(root).values())


class TestRead:
    def test_a_file_that_is_not_what_was_seen_is_not_read(self, root):
        file = root / "a.yaml"
        file.write_bytes(b"one")
        stamp = disk.stamp_of(file.stat())
        assert disk.read(file, stamp) == (b"one", stamp)
        file.write_bytes(b"other")
        with pytest.raises(disk.ChangedMeanwhileError):
            disk.read(file, stamp)

    def test_no_more_is_read_than_is_allowed(self, root):
        (root / "a.yaml").write_bytes(b"x" * (disk.MAX_FILE_BYTES + 100))
        raw, _ = disk.read(root / "a.yaml")
        assert len(raw) == disk.MAX_FILE_BYTES + 1


@pytest.fixture(params=["exchange", "rename"])
def way(request, monkeypatch):
    """The system's exchange of two names, and what is done where it has none."""
    if request.param == "rename":
        monkeypatch.setattr(disk, "_exchange", lambda one, other: False)
    return request.param


@pytest.mark.usefixtures("way")
class TestReplace:
    def test_the_text_is_replaced_and_the_mode_kept(self, root):
        file = root / "a.yaml"
        file.write_bytes(b"old")
        file.chmod(0o640)
        stamp = disk.replace(root, "a.yaml", b"new", digest=digest(b"old"))
        assert file.read_bytes() == b"new"
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert stamp == disk.stamp_of(file.stat())
        assert names(root) == ["a.yaml"]

    def test_a_text_saved_meanwhile_stays(self, root):
        file = root / "a.yaml"
        file.write_bytes(b"saved meanwhile")
        with pytest.raises(disk.ChangedMeanwhileError):
            disk.replace(root, "a.yaml", b"new", digest=digest(b"old"))
        assert file.read_bytes() == b"saved meanwhile"
        assert names(root) == ["a.yaml"]

    def test_a_link_stays_a_link(self, root):
        (root / "real.yaml").write_bytes(b"old")
        (root / "a.yaml").symlink_to("real.yaml")
        disk.replace(root, "a.yaml", b"new", digest=digest(b"old"))
        assert (root / "a.yaml").is_symlink()
        assert (root / "real.yaml").read_bytes() == b"new"

    def test_the_owner_is_kept(self, root):
        file = root / "a.yaml"
        file.write_bytes(b"old")
        owner = (12345, 12345) if os.geteuid() == 0 else (file.stat().st_uid, file.stat().st_gid)
        os.chown(file, *owner)
        disk.replace(root, "a.yaml", b"new", digest=digest(b"old"))
        assert (file.stat().st_uid, file.stat().st_gid) == owner


def test_saves_at_the_very_moment_of_replacing_are_put_back(root, monkeypatch):
    # The editor saves between our look and the exchange, and once more over what we have just put there.
    file = root / "a.yaml"
    file.write_bytes(b"old")
    exchange, saves = disk._exchange, [b"first save", b"second save"]

    def interrupted(one, other):
        other.write_bytes(saves.pop(0))
        return exchange(one, other)

    monkeypatch.setattr(disk, "_exchange", interrupted)
    with pytest.raises(disk.ChangedMeanwhileError):
        disk.replace(root, "a.yaml", b"new", digest=digest(b"old"))
    assert file.read_bytes() == b"second save"
    assert names(root) == ["a.yaml"]


@pytest.fixture(params=["links", "no links"])
def links(request, monkeypatch):
    """Disks with hard links, and those that have none."""

    def refuse(*args, **kwargs):
        raise PermissionError

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("links")
class TestCreateMoveRemove:
    def test_a_new_file_is_made_with_its_folders(self, root):
        stamp = disk.create(root, "x/y/a.yaml", b"text")
        assert (root / "x/y/a.yaml").read_bytes() == b"text"
        assert stamp == disk.stamp_of((root / "x/y/a.yaml").stat())
        assert names(root / "x/y") == ["a.yaml"]

    def test_no_file_is_ever_overwritten_by_a_new_one(self, root):
        (root / "a.yaml").write_bytes(b"mine")
        with pytest.raises(FileExistsError):
            disk.create(root, "a.yaml", b"text")
        (root / "b.yaml").write_bytes(b"other")
        with pytest.raises(FileExistsError):
            disk.move(root, "a.yaml", "b.yaml")
        assert ((root / "a.yaml").read_bytes(), (root / "b.yaml").read_bytes()) == (b"mine", b"other")
        assert names(root) == ["a.yaml", "b.yaml"]

    def test_a_folder_link_does_not_lead_our_files_out(self, root, tmp_path):
        (tmp_path / "outside").mkdir()
        (root / "x").symlink_to(tmp_path / "outside")
        with pytest.raises(OSError, match="a link stands"):
            disk.create(root, "x/a.yaml", b"text")
        assert names(tmp_path / "outside") == []

    def test_a_file_moves_with_its_text(self, root):
        (root / "a.yaml").write_bytes(b"text")
        disk.move(root, "a.yaml", "x/b.yaml")
        assert (root / "x/b.yaml").read_bytes() == b"text"
        assert names(root) == ["x"]

    def test_only_the_text_that_was_read_is_removed(self, root):
        (root / "a.yaml").write_bytes(b"text")
        disk.remove(root, "a.yaml", digest=digest(b"text"))
        assert names(root) == []
        (root / "a.yaml").write_bytes(b"saved meanwhile")
        with pytest.raises(disk.ChangedMeanwhileError):
            disk.remove(root, "a.yaml", digest=digest(b"text"))
        assert (root / "a.yaml").read_bytes() == b"saved meanwhile"
        assert names(root) == ["a.yaml"]
