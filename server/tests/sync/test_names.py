"""Which names count, and what a prompt's file is called."""

import pytest

from dakora_server.api.shapes import FOLDER
from dakora_server.core.sync import names


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "support bot.yaml", "a.b.yaml", "a.conflict.yaml"])
def test_yaml_files_count(name):
    assert names.is_yaml(name)
    assert not names.is_conflict(name)


@pytest.mark.parametrize(
    "name", ["a.yaml~", ".a.yaml.swp", "4913", "a.yaml.tmp", ".#a.yaml", "#a.yaml#", "~a.yaml", "a.txt", "a.YAML", "a"]
)
def test_leftovers_of_editors_do_not(name):
    assert not names.is_yaml(name)


def test_a_conflict_file_names_the_file_it_stands_beside_and_the_version():
    path = names.conflict_path("support/greeting.yml", 12)
    assert path == "support/greeting.conflict.v12.yml"
    assert names.is_conflict("greeting.conflict.v12.yml")
    assert names.conflict_parts(path) == ("support/greeting.yml", 12)


def test_an_id_that_looks_like_a_conflict_file_still_gets_a_file_that_is_read():
    path = names.new_path("", "greeting.conflict.v3")
    assert names.is_yaml(path)
    assert not names.is_conflict(path)


@pytest.mark.parametrize(
    "folder", ["..", "a/..", "/a", "a//b", ".hidden", "a/.b", "a\\b", "a\nb", "a\x00", "ä", "a" * 65]
)
def test_a_folder_that_could_lead_elsewhere_is_none(folder):
    assert not names.is_folder(folder)


def test_the_rule_for_folders_is_the_one_the_api_has():
    assert f"^{names.FOLDER.pattern}$" == FOLDER
