"""What an import gives back. Everything is frozen; fields the server adds later are ignored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dakora_client.types import Fault

ImportOutcome = Literal["created", "updated", "restored", "unchanged", "refused"]
"""What became of a prompt or a part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """What became of one file of an archive, a prompt or a part.

    `version` is its newest one now; None where it was refused.
    """

    path: str
    id: str | None
    outcome: ImportOutcome
    version: str | None
    version_number: int | None
    errors: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedLabel:
    """What became of a label of an archive; skipped ones say why."""

    prompt: str
    label: str
    outcome: Literal["moved", "unchanged", "skipped"]
    version_number: int | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of everything in an archive.

    `counts` says how many prompts had each outcome, and `part_counts` how many parts.
    """

    dry_run: bool
    counts: Mapping[ImportOutcome, int]
    prompts: tuple[ImportedFile, ...]
    labels: tuple[ImportedLabel, ...]
    parts: tuple[ImportedFile, ...] = ()
    part_counts: Mapping[ImportOutcome, int] = field(default_factory=dict)
