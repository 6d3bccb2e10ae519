"""What a push does with each file, decided from the file, from where it began, and from what the server has newest."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dakora_cli.folder import PromptFile
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.versioning import is_higher


class Head(Protocol):
    """The newest version of a prompt or part on the server, as a list or an answer shows it."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def version_number(self) -> int: ...
    @property
    def content_hash(self) -> str: ...


@dataclass(frozen=True, slots=True)
class MergedFile:
    """A file with the server's changes merged into it; with `conflicts` it is no prompt until they are solved."""

    text: str
    spec: TemplateSpec
    conflicts: tuple[str, ...]


class Outcome(StrEnum):
    """What becomes, or has become, of a file."""

    CREATED = "created"
    UPDATED = "updated"
    MERGED = "merged"
    RESTORED = "restored"
    ARCHIVED = "archived"
    BEHIND = "behind"
    MISSING = "missing"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


SENDING = {Outcome.CREATED, Outcome.UPDATED, Outcome.MERGED, Outcome.RESTORED, Outcome.ARCHIVED}
"""The outcomes with which the server changes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with a file. `version` is sent where the file asks for a higher one; `reason` says why not.

    `moves` tells whether the prompt goes where the file is; it does not where only the server has moved it.
    """

    outcome: Outcome
    version: str | None = None
    reason: str | None = None
    moves: bool = True
    merged: MergedFile | None = None

    @property
    def is_sent(self) -> bool:
        """Whether the server hears of it."""
        return self.outcome in SENDING


def raised(file: PromptFile, head: Head) -> str | None:
    """The version that the file's next one is to have, where it asks for one."""
    own = file.spec.version
    return own if own is not None and is_higher(own, head.version) else None
