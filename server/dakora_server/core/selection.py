"""Which version is meant, and where a page of a list ended: what prompts and parts have in common."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from dakora_server.core.exceptions import InvalidRequest

_NUMBER = re.compile(r"[0-9]{1,9}\Z")


@dataclass(frozen=True, slots=True)
class Selector:
    """Which version is meant: a number, a semver, a label, or (all None) the newest."""

    number: int | None = None
    semver: str | None = None
    label: str | None = None

    @property
    def is_newest(self) -> bool:
        """Whether the newest version is meant."""
        return self.number is None and self.semver is None and self.label in {None, "latest"}


NEWEST = Selector()


def selector(version: str | None, label: str | None) -> Selector:
    """What `?version=` and `?label=` mean: digits are a number, anything else a semver. `latest` is the newest."""
    if version is None:
        return Selector(label=label) if label is not None and label != "latest" else NEWEST
    if _NUMBER.match(version):
        return Selector(number=int(version))
    return Selector(semver=version)


def encode_cursor(position: str | int) -> str:
    """An opaque cursor that says where a page ended."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, kind: type[str] | type[int]) -> Any:
    """The position in a cursor, or None. Raises InvalidRequest for a cursor that we did not make."""
    if cursor is None:
        return None
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        position = None
    if type(position) is not kind or (isinstance(position, str) and ("\x00" in position or not position.isprintable())):
        raise InvalidRequest("The cursor is not one of ours.")
    return position
