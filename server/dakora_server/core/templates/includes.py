"""What a text includes: parts at exact versions, with all that those include in turn.

A template names a part as `category/part_id`, which is its newest version, or `category/part_id@3`, which is that one.
Names are resolved when a version is saved, and never again: whatever becomes of a part, a version that was saved with
it renders the same text for ever.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dakora_server.core.exceptions import Fault, TemplateInvalid

MAX_DEPTH = 5
"""How deep includes may nest: a prompt that includes a part that includes none has a depth of 1."""
MAX_NODES = 64
"""How many includes a version may amount to, those of its parts counted wherever they stand."""
MAX_BYTES = 1024 * 1024
"""How much text the parts may have together."""

PART_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_WRITTEN = re.compile(rf"({PART_NAME}/{PART_NAME})(?:@([1-9][0-9]{{0,8}}))?")


def parse_name(written: str) -> tuple[str, int | None] | None:
    """The part and the version that an include names; None where it is no such name."""
    match = _WRITTEN.fullmatch(written)
    return None if match is None else (match[1], int(match[2]) if match[2] else None)


def is_pinned(written: str) -> bool:
    """Whether an include names one version, whatever comes after it."""
    return "@" in written


@dataclass(frozen=True, slots=True)
class UsedPart:
    """A part at one version. `size` is its text's, in bytes; `uses` says where in `Includes.parts` its includes are."""

    id: str
    number: int
    content_hash: str
    size: int
    uses: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name that only this version of this part has."""
        return f"{self.id}@{self.number}"


@dataclass(frozen=True)
class Includes:
    """The parts of a text, each version once. `uses` says where in `parts` what the text itself includes is."""

    uses: Mapping[str, int] = field(default_factory=dict)
    parts: tuple[UsedPart, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.parts)

    @cached_property
    def key(self) -> str:
        """A name that no other includes have."""
        return hashlib.sha256(json.dumps(self.to_json()).encode()).hexdigest()

    @property
    def used(self) -> tuple[UsedPart, ...]:
        """The parts, in order of name and version."""
        return tuple(sorted(self.parts, key=lambda part: (part.id, part.number)))

    def below(self, written: str) -> "tuple[UsedPart, Includes]":
        """The part that the text includes under this name, and what that part includes."""
        part = self.parts[self.uses[written]]
        return part, Includes(part.uses, self.parts)

    def floating(self) -> frozenset[str]:
        """The parts that a newer version would take the place of: those reached without a pinned name on the way."""
        found: set[int] = set()
        open_ends = [self.uses]
        while open_ends:
            for written, index in open_ends.pop().items():
                if not is_pinned(written) and index not in found:
                    found.add(index)
                    open_ends.append(self.parts[index].uses)
        return frozenset(self.parts[index].id for index in found)

    def links(self) -> dict[str, dict[str, str]]:
        """For the text itself (under "") and each part: what the names in it stand for."""
        names = [part.name for part in self.parts]
        places = [("", self.uses), *((part.name, part.uses) for part in self.parts)]
        return {place: {written: names[index] for written, index in uses.items()} for place, uses in places}

    def to_json(self) -> dict[str, Any] | None:
        """As it is kept in a row; None where nothing is included."""
        if not self.parts:
            return None
        parts = [[one.id, one.number, one.content_hash, one.size, dict(one.uses)] for one in self.parts]
        return {"uses": dict(self.uses), "parts": parts}

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> "Includes":
        """What `to_json` made."""
        if value is None:
            return NO_INCLUDES
        return cls(value["uses"], tuple(UsedPart(*part) for part in value["parts"]))


NO_INCLUDES = Includes()


def combine(found: Mapping[str, tuple[UsedPart, Includes]]) -> Includes:
    """The includes of a text that includes these parts under these names.

    Raises TemplateInvalid where they nest too deeply, are too many, or too large.
    """
    parts: list[UsedPart] = []
    places: dict[tuple[str, int], int] = {}

    def place(part: UsedPart, own: Includes) -> int:
        key = (part.id, part.number)
        if key not in places:
            uses = {written: place(*Includes(part.uses, own.parts).below(written)) for written in part.uses}
            places[key] = len(parts)
            parts.append(UsedPart(part.id, part.number, part.content_hash, part.size, uses))
        return places[key]

    uses = {written: place(part, own) for written, (part, own) in found.items()}
    includes = Includes(uses, tuple(parts))
    _refuse_too_much(includes)
    return includes


def _refuse_too_much(includes: Includes) -> None:
    # Parts come after what they include, so one pass knows each one's depth and number.
    measured: list[tuple[int, int]] = []
    for part in includes.parts:
        below = [measured[index] for index in part.uses.values()]
        measured.append((1 + max((depth for depth, _ in below), default=0), 1 + sum(nodes for _, nodes in below)))
    top = [measured[index] for index in includes.uses.values()]
    if max((depth for depth, _ in top), default=0) > MAX_DEPTH:
        _refuse(f"Includes nest more than {MAX_DEPTH} deep.", "includes_too_deep")
    if sum(nodes for _, nodes in top) > MAX_NODES:
        _refuse(f"There are more than {MAX_NODES} includes, those of the parts counted.", "too_many_includes")
    if sum(part.size for part in includes.parts) > MAX_BYTES:
        _refuse("The parts have more than 1 MiB of text together.", "includes_too_large")


def _refuse(message: str, kind: str) -> None:
    raise TemplateInvalid(message, errors=[Fault(message, loc=("includes",), type=kind)])


def walk_names(names: Sequence[str]) -> Iterator[tuple[str, str, int | None]]:
    """Each include as it is written, the part it names, and the version; what is no name of a part is left out."""
    for written in names:
        parsed = parse_name(written)
        if parsed is not None:
            yield written, *parsed
