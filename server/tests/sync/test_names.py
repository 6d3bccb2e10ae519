"""Which names count, and what a prompt's file is called."""

import pytest

from dakora_server.api.shapes import FOLDER
from dakora_server.core.sync import names


@pytest.mark.parametrize("name", ["a.yaml", "a.yml", "support bot.yaml", "a.b.yaml"])
def test_yaml_files_count(name):
    assert names.is_yaml(name)


@pytest.mark.parametrize(
    "name", ["a.yaml~", ".a.yaml.swp", "4913", "a.yaml.tmp", ".#a.yaml", "#a.yaml#", "~a.yaml", "a.txt", "a.YAML", "a"]
)
def test_leftovers_of_editors_do_not(name):
    assert not names.is_yaml(name)


@pytest.mark.parametrize(
    "folder", ["..", "a/..", "/a", "a//b", ".hidden", "a/.b", "a\\b", "a\nb", "a\x00", "ä", "a" * 65]
)
def test_a_folder_that_could_lead_elsewhere_is_none(folder):
    assert not names.is_folder(folder)


def test_the_rule_for_folders_is_the_one_the_api_has():
    assert f"^{names.FOLDER.pattern}$" == FOLDER
