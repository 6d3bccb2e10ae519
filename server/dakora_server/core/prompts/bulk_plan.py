"""What saving many prompts comes to, prompt by prompt: decided here, from what is there and what is given."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from dakora_server.core.audit.service import Happened
from dakora_server.core.exceptions import DakoraError, PromptArchived, PromptExists, TemplateInvalid
from dakora_server.core.folders import refuse_reserved
from dakora_server.core.outcome import Outcome
from dakora_server.core.parts.service import Exact
from dakora_server.core.prompts.bulk_queries import Held
from dakora_server.core.prompts.records import PromptRecord
from dakora_server.core.prompts.service import RESTORABLE_FOR, facts
from dakora_server.core.templates.includes import NO_INCLUDES, Includes
from dakora_server.core.templates.versioning import is_higher, next_version


@dataclass(frozen=True, slots=True)
class Prepared:
    """A version whose text is checked and stored: what is left to write is its row. Holds no text itself.

    `given` is the semver it was sent with; `at` when it was made, where that is known from elsewhere.
    """

    prompt_id: str
    given: str | None
    content_hash: str
    description: str
    tags: tuple[str, ...]
    inputs: dict[str, Any]
    portable: bool
    # The parts that its text includes, by the names it has for them; once parts are held, which versions those are.
    # `exact` says which they were when the version was made, where that is known from elsewhere.
    names: tuple[str, ...] = ()
    exact: Exact = field(default_factory=dict)
    includes: Includes | TemplateInvalid = NO_INCLUDES
    message: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A prompt to save: its newest version last, before it those that led there, if they are known.

    `folder` None leaves the prompt in the folder where it is.
    """

    folder: str | None
    versions: tuple[Prepared, ...]

    @property
    def newest(self) -> Prepared:
        """The version that the prompt is to have in the end."""
        return self.versions[-1]

    @property
    def prompt_id(self) -> str:
        """The prompt's id."""
        return self.newest.prompt_id

    @property
    def key(self) -> str:
        """The id in lower case: ids are unique whatever their case."""
        return self.prompt_id.lower()


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of one prompt. `record` is its newest version now; `error` says why it was refused.

    `added` are the versions that it did not have before.
    """

    prompt_id: str
    outcome: Outcome
    record: PromptRecord | None = None
    error: DakoraError | None = None
    added: tuple[PromptRecord, ...] = ()

    @property
    def is_change(self) -> bool:
        """Whether anything was written."""
        return self.outcome not in {Outcome.unchanged, Outcome.refused}


@dataclass(slots=True)
class Step:
    """What is to be written for one prompt; nothing where `events` is empty."""

    line: Line
    saved: Saved
    is_new: bool = False
    purged: str | None = None
    events: list[Happened] = field(default_factory=list)


Known = Sequence[tuple[int, str, str]]
"""Number, semver and hash of each version that a prompt has, oldest first."""


def decide(line: Line, held: Held | None, known: Known, *, author: UUID, now: datetime) -> Step:
    """The step for one prompt; a refusal is in it, not raised."""
    try:
        if held is not None:
            _refuse_other_spelling(line, held, now)
            if held.archived_at is None or held.archived_at + RESTORABLE_FOR > now:
                return _add_to(line, held, known, author=author, now=now)
        return _create(line, held, author=author, now=now)
    except DakoraError as error:
        return Step(line, Saved(line.prompt_id, Outcome.refused, error=error))


def _refuse_other_spelling(line: Line, held: Held, now: datetime) -> None:
    other = held.record.prompt_id
    if other == line.prompt_id:
        return
    if held.archived_at is None:
        raise PromptExists(f"A prompt with the id {other} exists (letters' case aside).")
    if held.archived_at + RESTORABLE_FOR > now:
        raise PromptArchived(f"The id belongs to the archived prompt {other}: restore it, or choose another id.")


def _create(line: Line, held: Held | None, *, author: UUID, now: datetime) -> Step:
    refuse_reserved(line.folder or "")
    versions = _numbered(line, line.versions, None, author=author, now=now)
    newest = versions[-1]
    step = Step(line, Saved(line.prompt_id, Outcome.created, newest, added=tuple(versions)), is_new=True)
    if held is not None:  # archived so long ago that the id is free again
        step.purged = held.record.prompt_id
        step.events.append(Happened("prompt.purged", step.purged))
    step.events.append(Happened("prompt.created", line.prompt_id, after=facts(newest)))
    return step


def _add_to(line: Line, held: Held, known: Known, *, author: UUID, now: datetime) -> Step:
    head = held.record
    versions = _numbered(line, _missing(line, head, known), head, author=author, now=now)
    moved = line.folder is not None and line.folder != head.folder
    if moved:
        refuse_reserved(line.folder or "")
    restored = held.archived_at is not None
    if not (versions or moved or restored):
        return Step(line, Saved(line.prompt_id, Outcome.unchanged, head))
    folder = line.folder if line.folder is not None else head.folder
    newest = replace(versions[-1] if versions else head, folder=folder, revision=head.revision + 1)
    outcome = Outcome.restored if restored else Outcome.updated
    step = Step(line, Saved(line.prompt_id, outcome, newest, added=tuple(versions)))
    if restored:
        step.events.append(Happened("prompt.restored", line.prompt_id))
    if versions or moved:
        action = "prompt.saved" if versions else "prompt.moved"
        step.events.append(Happened(action, line.prompt_id, before=facts(head), after=facts(newest)))
    return step


def _missing(line: Line, head: PromptRecord, known: Known) -> tuple[Prepared, ...]:
    """The versions that the prompt does not have yet: the end of a history that begins like its own, or the newest."""
    begins_alike = all(
        (semver, digest) == (version.given, version.content_hash)
        for (_, semver, digest), version in zip(known, line.versions, strict=False)
    )
    if known and begins_alike and len(line.versions) > len(known):
        return line.versions[len(known) :]
    newest = line.newest
    is_raised = newest.given is not None and is_higher(newest.given, head.semver)
    return () if newest.content_hash == head.content_hash and not is_raised else (newest,)


def _numbered(
    line: Line, versions: Sequence[Prepared], head: PromptRecord | None, *, author: UUID, now: datetime
) -> list[PromptRecord]:
    """The rows of these versions, on top of `head`.

    A semver that is not higher than the newest is left out, as the folder does: who edits a file need not touch it.
    """
    rows: list[PromptRecord] = []
    before, semver = head, None if head is None else head.semver
    first = 1 if head is None else head.head_number + 1
    for number, version in enumerate(versions, first):
        if isinstance(version.includes, TemplateInvalid):
            raise version.includes
        is_raised = version.given is not None and (semver is None or is_higher(version.given, semver))
        semver = next_version(semver, version.given if is_raised else None)
        earliest = now if before is None else before.updated_at
        at = now if version.at is None else min(version.at if before is None else max(version.at, earliest), now)
        before = PromptRecord(
            prompt_id=line.prompt_id,
            folder=line.folder or "",
            head_number=first + len(versions) - 1,
            revision=1 if head is None else head.revision,
            label_revision=0 if head is None else head.label_revision,
            created_at=head.created_at if head is not None else rows[0].created_at if rows else at,
            number=number,
            semver=semver,
            content_hash=version.content_hash,
            description=version.description,
            tags=version.tags,
            inputs=version.inputs,
            portable=version.portable,
            includes=version.includes,
            message=version.message,
            created_by=author,
            updated_at=at,
        )
        rows.append(before)
    return rows
