"""Version numbers are strict semver and always rise."""

import pytest

from dakora_server.core.exceptions import TemplateInvalid, VersionNotHigher
from dakora_server.core.templates.versioning import is_higher, next_version, semver_problem

PRECEDENCE = [  # the example of semver.org, section 11
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0",
]
INVALID = [
    *("", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-01", "1.0.0-", "1.0.0+", "v1.0.0", " 1.0.0", "1.0.0 ", "1.0.0\n"),
    *("-1.0.0", "1.0.0-ä", "\u0661.0.0", "1,0,0", "latest", "1.0.0-a..b", "1.0.0-" + "a" * 60, f"{2**53}.0.0"),
]


def test_the_first_version_is_1_0_0():
    assert next_version(None, None) == "1.0.0"


@pytest.mark.parametrize(
    ("newest", "following"),
    [
        ("1.0.0", "1.0.1"),
        ("0.9.9", "0.9.10"),
        ("1.2.0-rc.1", "1.2.0"),
        ("1.2.0-rc.1+build.7", "1.2.0"),
        ("1.2.3+build.7", "1.2.4"),
    ],
)
def test_without_a_version_the_patch_number_is_raised_or_the_pre_release_released(newest, following):
    assert next_version(newest, None) == following


def test_a_first_version_may_be_any():
    assert next_version(None, "0.1.0-alpha+7") == "0.1.0-alpha+7"


def test_precedence_is_that_of_semver():
    for place, lower in enumerate(PRECEDENCE):
        for higher in PRECEDENCE[place + 1 :]:
            assert is_higher(higher, lower)
            assert next_version(lower, higher) == higher
            with pytest.raises(VersionNotHigher):
                next_version(higher, lower)


@pytest.mark.parametrize("given", ["1.2.3", "1.2.3+other", "1.2.3-rc.1"])
def test_a_version_that_is_not_higher_is_refused_and_both_are_named(given):
    with pytest.raises(VersionNotHigher) as refusal:
        next_version("1.2.3", given)
    assert given in refusal.value.detail
    assert "1.2.3" in refusal.value.detail
    assert refusal.value.errors[0].loc == ("version",)


@pytest.mark.parametrize("given", INVALID)
def test_what_is_not_semver_is_refused(given):
    assert semver_problem(given)
    with pytest.raises(TemplateInvalid) as refusal:
        next_version("0.0.1", given)
    assert refusal.value.errors[0].type == "invalid_version"


def test_a_patch_number_at_the_end_of_counting_is_not_raised():
    with pytest.raises(TemplateInvalid, match="give a version"):
        next_version(f"1.0.{2**53 - 1}", None)
