"""`prompts.lock`: which version of each prompt and part a folder is made of; sorted and stable, to be kept in git."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from dakora_cli.files import write_atomically
from dakora_cli.refusals import Problem, Refusal
from dakora_cli.remote import by_kind
from dakora_cli.world import World
from dakora_server.core.templates.yaml_reader import UnreadableError, decode, read
from dakora_server.core.templates.yaml_writer import write_yaml

_FORMAT = 1
_HEAD = "# The versions that this folder is made of. Written by dakora; keep it in git.\n"


@dataclass(frozen=True, slots=True)
class Locked:
    """One version: its number, its semver, and the SHA-256 of its canonical text.

    `parts` are the exact versions of the parts it is made with (`tone/polite@2`); None while that is not known.
    """

    number: int
    version: str
    sha256: str
    parts: tuple[str, ...] | None = ()

    def to_json(self) -> dict[str, Any]:
        """As it is written; without parts that says itself."""
        entry: dict[str, Any] = {"number": self.number, "version": self.version, "sha256": self.sha256}
        return entry | {"parts": list(self.parts)} if self.parts else entry

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> Self:
        """What `to_json` made. Raises TypeError."""
        return cls(**entry | {"parts": tuple(entry.get("parts") or ())})


class Lock:
    """The lock of one folder, named after it and beside it. Raises Refusal when what is there is no lock."""

    def __init__(self, world: World, root: Path) -> None:
        self.path = root.parent / f"{root.name}.lock"
        self.shown = world.shown(self.path)
        self._stored = self._read()
        self._entries = dict(self._stored or {})
        self._changed: dict[str, Locked | None] = {}

    def _read(self) -> dict[str, Locked] | None:
        try:
            found = read(decode(self.path.read_bytes())).plain()
        except FileNotFoundError:
            return None
        except UnreadableError as error:
            problems = [Problem(fault.message, self.shown, fault.line, fault.column) for fault in error.faults]
            raise Refusal(
                f"{self.shown} cannot be read: mend it, or delete it and run `dakora lock`.", problems=problems
            ) from None
        if not isinstance(found, dict) or found.get("format") != _FORMAT:
            raise Refusal(f"{self.shown} is not a lock that this release knows: update dakora, or delete it.")
        sections: list[Any] = [found.get(kind) or {} for kind in ("parts", "prompts")]
        try:
            return {name: Locked.from_json(entry) for section in sections for name, entry in section.items()}
        except (TypeError, AttributeError):
            raise Refusal(f"{self.shown} has an entry that is not complete: delete it and run `dakora lock`.") from None

    @property
    def exists(self) -> bool:
        """Whether there is a lock on the disk."""
        return self._stored is not None

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def get(self, prompt_id: str) -> Locked | None:
        """The locked version of a prompt."""
        return self._entries.get(prompt_id)

    def put(self, prompt_id: str, locked: Locked) -> None:
        """Lock this version. Of one of which not everything is known, what was locked before stays."""
        before = self._entries.get(prompt_id)
        if locked.parts is None:
            if before is None or replace(locked, parts=before.parts) != before:
                return
            locked = before
        self._entries[prompt_id] = self._changed[prompt_id] = locked

    def drop(self, prompt_id: str) -> None:
        """Take out a prompt that the folder has no more."""
        if self._entries.pop(prompt_id, None) is not None:
            self._changed[prompt_id] = None

    def save(self) -> bool:
        """Write the file if anything differs; says whether it did. Raises Refusal, OSError."""
        # Another command may have written meanwhile: what it has locked stays.
        stored = self._read()
        entries = {name: locked for name, locked in {**(stored or {}), **self._changed}.items() if locked is not None}
        self._changed.clear()
        if entries == (stored or {}):
            return False
        self._stored = self._entries = entries
        kinds = by_kind({name: locked.to_json() for name, locked in entries.items()})
        sections: dict[str, Any] = {kind: named for kind, named in kinds.items() if named or kind == "prompts"}
        write_atomically(self.path, _HEAD + write_yaml({"format": _FORMAT, **sections}))
        return True
