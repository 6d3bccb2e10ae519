"""What a push does with each file, decided from the file and from what the server has newest."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dakora_cli.folder import PromptFile
from dakora_server.core.templates.versioning import is_higher


class Head(Protocol):
    """A prompt's newest version on the server, as a list or an answer shows it."""

    @property
    def version(self) -> str: ...
    @property
    def content_hash(self) -> str: ...
    @property
    def folder(self) -> str: ...


class Outcome(StrEnum):
    """What becomes, or has become, of a file."""

    CREATED = "created"
    UPDATED = "updated"
    RESTORED = "restored"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with a file. `version` is sent where the file asks for a higher one; `reason` says why not."""

    outcome: Outcome
    version: str | None = None
    reason: str | None = None

    @property
    def is_sent(self) -> bool:
        """Whether the server hears of it."""
        return self.outcome in {Outcome.CREATED, Outcome.UPDATED}


def plan(file: PromptFile, head: Head | None, *, force: bool = False) -> Plan:
    """Decide. A file that began at an older version than the server's is refused: it would undo somebody's work."""
    own = file.spec.version
    if head is None:
        return Plan(Outcome.CREATED, own)
    if own is not None and is_higher(own, head.version):
        return Plan(Outcome.UPDATED, own)
    if file.content_hash == head.content_hash:
        return Plan(Outcome.UNCHANGED if file.folder == head.folder else Outcome.UPDATED)
    if own is not None and is_higher(head.version, own) and not force:
        return Plan(
            Outcome.REFUSED,
            reason=f"the server has {head.version}, this file began at {own}: pull, or push with --force",
        )
    return Plan(Outcome.UPDATED)
