"""Labels that come with many prompts, such as those of an archive: each goes to the version that has its content."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dakora_server.core import clock
from dakora_server.core.audit.service import Happened, record_many
from dakora_server.core.prompts import bulk_label_queries, bulk_queries, label_queries
from dakora_server.core.prompts.bulk_plan import Known
from dakora_server.core.prompts.labels import MOST_LABELS
from dakora_server.core.prompts.records import LATEST
from dakora_server.core.scope import ProjectReader, ProjectWriter, Role

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Wish:
    """Where a label shall point: to the version with this content, and of several to the one with this number."""

    prompt_id: str
    label: str
    number: int
    content_hash: str


class LabelOutcome(StrEnum):
    """What became of a label."""

    moved = "moved"
    unchanged = "unchanged"
    skipped = "skipped"


@dataclass(frozen=True, slots=True)
class LabelFate:
    """What becomes of a wish. `number` is where the label points then; `reason` says why it was skipped."""

    prompt_id: str
    label: str
    outcome: LabelOutcome
    before: int | None = None
    number: int | None = None
    reason: str | None = None


async def foresee_labels(
    project: ProjectReader, wishes: Sequence[Wish], added: Mapping[str, Known] | None = None
) -> list[LabelFate]:
    """What becomes of each wish; `added` are versions that are not there yet. Nothing is refused: labels are skipped.

    A protected label moves only where the caller could have moved it by itself.
    """
    ids = sorted({wish.prompt_id for wish in wishes})
    versions = await bulk_queries.hashes_of(project, ids)
    current = await bulk_label_queries.pointing(project, ids)
    protected = dict(await label_queries.list_protected(project))
    fates: list[LabelFate] = []
    for wish in wishes:
        known = [*versions.get(wish.prompt_id, ()), *(added or {}).get(wish.prompt_id, ())]
        labels = current.setdefault(wish.prompt_id, {})
        fate = _fate(project, wish, known, labels, protected)
        if fate.number is not None:
            labels[wish.label] = fate.number
        fates.append(fate)
    return fates


def _fate(
    project: ProjectReader, wish: Wish, known: Known, labels: Mapping[str, int], protected: Mapping[str, bool]
) -> LabelFate:
    def skipped(reason: str) -> LabelFate:
        return LabelFate(wish.prompt_id, wish.label, LabelOutcome.skipped, reason=reason)

    if wish.label == LATEST or not _NAME.fullmatch(wish.label):
        return skipped("There can be no such label.")
    number = _number(wish, known)
    if number is None:
        return skipped("No version has the content that the label points to; an archive with history has.")
    before = labels.get(wish.label)
    if before == number:
        return LabelFate(wish.prompt_id, wish.label, LabelOutcome.unchanged, before, number)
    if protected.get(wish.label):
        return skipped(f"The label {wish.label} moves by approval: make a request for it.")
    if wish.label in protected and not project.role.covers(Role.admin):
        return skipped(f"The label {wish.label} is protected: an admin moves it.")
    if before is None and len(labels) >= MOST_LABELS:
        return skipped(f"A prompt has at most {MOST_LABELS} labels.")
    return LabelFate(wish.prompt_id, wish.label, LabelOutcome.moved, before, number)


def _number(wish: Wish, known: Known) -> int | None:
    fitting = [number for number, _, digest in known if digest == wish.content_hash]
    return wish.number if wish.number in fitting else max(fitting, default=None)


async def move_labels(project: ProjectWriter, wishes: Sequence[Wish], *, message: str | None = None) -> list[LabelFate]:
    """Do what `foresee_labels` says. The prompts' rows are held by the caller, who has just saved them."""
    fates = await foresee_labels(project, wishes)
    moves = [
        (fate.prompt_id, fate.label, fate.before, fate.number)
        for fate in fates
        if fate.outcome is LabelOutcome.moved and fate.number is not None
    ]
    if moves:
        await bulk_label_queries.move_labels(project, moves, message=message, at=clock.now())
        await record_many(project, [_event(*move) for move in moves])
        await project.announce_many(sorted({move[0] for move in moves}))
    return fates


def _event(prompt_id: str, label: str, before: int | None, number: int) -> Happened:
    was, now = {"prompt": prompt_id, "version": before}, {"prompt": prompt_id, "version": number}
    return Happened("label.moved", label, before=was, after=now)
