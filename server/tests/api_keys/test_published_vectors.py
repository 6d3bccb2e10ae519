"""What secret scanners are told in docs/api-keys.md is how keys are made."""

import re
import uuid
from pathlib import Path

import pytest

from dakora_server.core.api_keys.secret import CHECK_CHARACTERS, checksum, new_key, project_of
from dakora_server.core.exceptions import ApiKeyInvalid

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "api-keys.md").read_text(encoding="utf-8")
VECTORS = re.findall(r"^\| `(dk_proj_[^`]+)` \| `([^`]+)` \|$", PAGE, re.MULTILINE)
(PATTERN,) = re.findall(r"```regex\n(.+)\n```", PAGE)
SAMPLE_PROJECT = uuid.UUID("00000000-0000-7000-8000-000000000003")


def test_ten_vectors_are_published():
    assert len({key for key, _ in VECTORS}) == 10


@pytest.mark.parametrize(("key", "check"), VECTORS)
def test_a_published_vector_has_the_check_characters_that_the_server_computes(key, check):
    assert checksum(key[:-CHECK_CHARACTERS]) == check == key[-CHECK_CHARACTERS:]
    assert project_of(key) == SAMPLE_PROJECT
    assert re.fullmatch(PATTERN, key)


@pytest.mark.parametrize(("key", "check"), VECTORS)
def test_one_character_more_less_or_other_is_no_key(key, check):
    last = "0" if key[-1] != "0" else "1"
    for wrong in (key[:-1], key + "0", key[:-1] + last, key.replace("dk_proj_", "dk_user_"), key.upper()):
        with pytest.raises(ApiKeyInvalid):
            project_of(wrong)


def test_the_published_pattern_finds_every_key_we_make_and_nothing_around_it():
    for _ in range(1000):
        key = new_key(uuid.uuid4())
        assert re.findall(PATTERN, f'KEY="{key}"; other={key[:-1]} longer={key}x') == [key]


def test_the_length_on_the_page_is_the_length_of_a_key():
    assert f"{len(new_key(SAMPLE_PROJECT))} characters in all" in PAGE
