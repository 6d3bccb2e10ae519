"""Version numbers of prompts: strict semver 2.0, always rising."""

from semver import Version

from dakora_server.core.exceptions import Fault, TemplateInvalid, VersionNotHigher

FIRST_VERSION = "1.0.0"
MAX_LENGTH = 64
MAX_NUMBER = 2**53 - 1
"""The largest whole number every language can count to; npm draws the same line."""


def semver_problem(text: str) -> str | None:
    """What keeps `text` from being a version, as a predicate, if anything."""
    if len(text) > MAX_LENGTH:
        return f"must have at most {MAX_LENGTH} characters"
    # The pattern inside `semver` would take a line break at the end, and other digits than 0 to 9.
    if not text.isascii() or not text.isprintable() or not Version.is_valid(text):
        return "must be a semantic version, three numbers such as 1.0.0"
    version = Version.parse(text)
    if max(version.major, version.minor, version.patch) > MAX_NUMBER:
        return f"must not have numbers above {MAX_NUMBER:,}"
    return None


def is_higher(given: str, newest: str) -> bool:
    """Whether `given` ranks above `newest`, both valid; build metadata has no rank."""
    return Version.parse(given).compare(newest) > 0


def next_version(newest: str | None, given: str | None = None) -> str:
    """The version of the next save: the given one, or the newest with its patch number raised, or 1.0.0.

    After a pre-release comes the release it leads to: 1.2.0-rc.1 gives 1.2.0. Build metadata has no rank, so
    1.0.0+2 is not higher than 1.0.0+1.

    Raises:
        TemplateInvalid: the given version is not semver, or the newest cannot be raised.
        VersionNotHigher: the given version is not higher than the newest.
    """
    if given is None:
        return FIRST_VERSION if newest is None else _raised(newest)
    problem = semver_problem(given)
    if problem is not None:
        raise _invalid(f"`version` {problem}.")
    if newest is not None and not is_higher(given, newest):
        detail = f"The version {given} is not higher than {newest}, which is the newest one."
        raise VersionNotHigher(detail, errors=[Fault(detail, loc=("version",), type="version_not_higher")])
    return given


def _raised(newest: str) -> str:
    version = Version.parse(newest)
    if version.prerelease is not None:
        return str(version.finalize_version())
    if version.patch >= MAX_NUMBER:
        raise _invalid(f"The patch number of {newest} cannot be raised any more; give a version.")
    return str(version.bump_patch())


def _invalid(message: str) -> TemplateInvalid:
    return TemplateInvalid(message, errors=[Fault(message, loc=("version",), type="invalid_version")])
