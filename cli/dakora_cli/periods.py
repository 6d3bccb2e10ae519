"""Times as people write them: `30m`, `2h`, `7d`, a date, or a moment."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,6})([smhdw])")


class Moment(click.ParamType[datetime]):
    """A moment in the past; a date is its first moment in UTC."""

    name = "WHEN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment. Fails for anything else."""
        if isinstance(value, datetime):
            return value
        ago = _AGO.fullmatch(value)
        if ago:
            return _now(ctx) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time: write 30m, 2h, 7d, 2026-11-26 or 2026-11-26T08:00:00Z.", param, ctx)
        return found if found.tzinfo else found.replace(tzinfo=UTC)


def _now(ctx: click.Context | None) -> datetime:
    found: datetime = ctx.obj.world.now() if ctx is not None else datetime.now(UTC)
    return found
