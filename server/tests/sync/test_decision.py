"""Who has changed, and what follows: every case of the three-way rule."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from dakora_server.core.prompts.records import PromptRecord
from dakora_server.core.sync.decision import Move, Step, decide, decide_folder
from dakora_server.core.sync.disk import Stamp
from dakora_server.core.sync.records import Base, PromptFile


def base(content="old", **fields):
    values = {"prompt_id": "p", "path": "p.yaml", "sha256": f"bytes of {content}", "content_hash": content}
    values |= {"folder": "", "number": 1, "semver": "1.0.0", "version": "1.0.0", **fields}
    return Base(**values)


def file(content="old", **fields):
    values = {"path": "p.yaml", "stamp": Stamp(1, 2, 3), "sha256": f"bytes of {content}", "prompt_id": "p"}
    values |= {"content_hash": content, "version": "1.0.0", **fields}
    return PromptFile(**values)


def head(content="old", *, number=1, semver="1.0.0", folder=""):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return PromptRecord(
        prompt_id="p",
        folder=folder,
        head_number=number,
        revision=1,
        created_at=now,
        number=number,
        semver=semver,
        content_hash=content,
        description="",
        tags=(),
        inputs={},
        portable=True,
        message=None,
        created_by=UUID(int=0),
        updated_at=now,
    )


class TestBothAreThere:
    @pytest.mark.parametrize(
        ("before", "here", "there", "step"),
        [
            ("old", "old", "old", Step.in_step),
            ("old", "mine", "old", Step.save),
            ("old", "old", "theirs", Step.write),
            ("old", "mine", "theirs", Step.merge),
            ("old", "same", "same", Step.in_step),
            (None, "same", "same", Step.in_step),
            (None, "mine", "theirs", Step.merge),
        ],
    )
    def test_what_one_side_changed_goes_to_the_other_and_what_both_changed_is_merged(self, before, here, there, step):
        assert decide(before and base(before), file(here), head(there, number=2)) is step

    def test_a_higher_version_line_alone_is_a_new_version(self):
        assert decide(base(), file(version="2.0.0"), head()) is Step.save

    def test_a_lower_version_line_is_no_edit(self):
        assert decide(base(semver="1.0.5"), file(version="1.0.0"), head(semver="1.0.5")) is Step.in_step

    def test_a_higher_version_line_is_not_lost_when_the_server_changed_the_text(self):
        assert decide(base(), file(version="2.0.0"), head("theirs", number=2, semver="1.0.1")) is Step.merge

    def test_a_version_raised_on_the_server_shows_in_a_file_that_had_the_former_one(self):
        assert decide(base(), file(), head(number=2, semver="2.0.0")) is Step.write
        assert decide(base(), file(version=None), head(number=2, semver="2.0.0")) is Step.in_step

    def test_a_file_that_cannot_be_parsed_changes_nothing(self):
        broken = file(None)
        for there in (head(), head("theirs", number=2), None):
            assert decide(base(), broken, there, archived=True) is Step.nothing


class TestTheFileIsGone:
    def test_an_unchanged_prompt_goes_with_its_file(self):
        assert decide(base(), None, head()) is Step.archive

    def test_an_edit_on_the_server_outlives_the_deletion_of_the_file(self):
        assert decide(base(), None, head("theirs", number=2)) is Step.write

    def test_a_prompt_seen_for_the_first_time_gets_a_file(self):
        assert decide(None, None, head()) is Step.write

    def test_what_is_gone_from_both_sides_is_forgotten(self):
        assert decide(base(), None, None) is Step.forget
        assert decide(None, None, None) is Step.nothing


class TestThePromptIsGone:
    def test_an_unchanged_file_goes_with_its_prompt(self):
        assert decide(base(), file(), None, archived=True) is Step.remove

    def test_a_changed_file_stays(self):
        assert decide(base(), file("mine"), None, archived=True) is Step.keep

    def test_a_file_with_a_new_comment_stays(self):
        assert decide(base(), file(sha256="other bytes"), None, archived=True) is Step.keep

    def test_a_kept_file_brings_the_prompt_back_once_it_is_saved(self):
        assert decide(base(kept=3), file("mine"), None, archived=True) is Step.nothing
        assert decide(base(kept=2), file("mine"), None, archived=True) is Step.save

    def test_a_prompt_that_this_database_never_had_is_made_from_its_file(self):
        assert decide(base(), file(), None, archived=False) is Step.save

    def test_a_file_seen_for_the_first_time_makes_a_prompt(self):
        assert decide(None, file(), None) is Step.save


class TestFolders:
    @pytest.mark.parametrize(
        ("before", "path", "there", "move"),
        [
            ("a", "a/p.yaml", "a", Move.none),
            ("a", "b/p.yaml", "a", Move.to_server),
            ("a", "a/p.yaml", "b", Move.to_disk),
            ("a", "b/p.yaml", "c", Move.to_server),
            ("a", "b/p.yaml", "b", Move.none),
            (None, "b/p.yaml", "", Move.to_server),
            ("a", "p.yaml", "a", Move.to_server),
        ],
    )
    def test_the_side_that_moved_decides_and_the_disk_where_both_did(self, before, path, there, move):
        known = None if before is None else base(folder=before)
        assert decide_folder(known, file(path=path), head(folder=there)) is move
