"""The one place that asks what time it is."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def unix() -> float:
    """The current time in seconds since 1970, as tokens count it."""
    return datetime.now(UTC).timestamp()
