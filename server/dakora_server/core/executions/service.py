"""Recording runs, and what a project keeps of them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from cachetools import LRUCache

from dakora_server.core import clock
from dakora_server.core.audit.service import record as note
from dakora_server.core.exceptions import InvalidRequest
from dakora_server.core.executions import queries, stat_queries
from dakora_server.core.executions.records import (
    UNTOUCHED,
    Execution,
    ExecutionDraft,
    ExecutionFilter,
    ExecutionSettings,
    Keep,
    Period,
    Recorded,
)
from dakora_server.core.executions.stat_queries import Numbers
from dakora_server.core.prices import Prices
from dakora_server.core.redaction import redact, redact_json
from dakora_server.core.run_exceptions import ExecutionNotFound
from dakora_server.core.scope import ProjectAdmin, ProjectReader, ProjectWriter

# Retention that is changed more often than this is not meant: the oldest periods are put together.
_MOST_PERIODS = 100
# Partitions that this process has seen; a month that was dropped can never be asked for again.
_MOST_MONTHS = 4096
_MOST_SETTINGS = 10_000
MOST_GROUPS = 5_000


class Recorder:
    """What recording needs besides a project, one for the process."""

    def __init__(self, prices: Prices, recorded: Callable[[ProjectWriter], None] = lambda _: None) -> None:
        self.prices = prices
        self.recorded = recorded
        self._months: set[tuple[int, int]] = set()
        # As they were last seen. A write that finds them changed does nothing, and they are read again.
        self._settings: LRUCache[UUID, ExecutionSettings] = LRUCache(_MOST_SETTINGS)

    async def record(self, project: ProjectWriter, drafts: Sequence[ExecutionDraft]) -> Recorded:
        """Write records once each, as the project's privacy has it, and count them.

        Nothing of a text is written that the project's settings of that moment do not let through. What is past its
        retention is neither kept nor counted. Of a version's number and semver one may be missing: it is filled in
        where the project has that version. Raises DatabaseUnavailable, Busy.
        """
        unique = {draft.id: draft for draft in reversed(drafts)}
        first = list(drafts) if len(unique) == len(drafts) else [one for one in drafts if unique[one.id] is one]
        if not self.prices.is_loaded:
            await asyncio.to_thread(self.prices.load)
        settings = self._settings.get(project.project_id)
        while True:
            if settings is None:
                settings = self._settings[project.project_id] = await queries.settings_of(project) or UNTOUCHED
            rows = self._rows(settings, first)
            await self._make_months(project, {row["kept_until"] for row in rows})
            added = await queries.add(project, rows, settings.changed_at) if rows else 0
            if added is not None:
                break
            settings = None
        project.tx.on_commit(lambda: self.recorded(project))
        ids, expired = tuple(draft.id for draft in drafts), len(first) - len(rows)
        return Recorded(ids, added, len(drafts) - added - expired, expired)

    def _rows(self, settings: ExecutionSettings, drafts: Sequence[ExecutionDraft]) -> list[dict[str, Any]]:
        """The rows of what is still to be kept."""
        now, private = clock.now(), _PRIVACY[settings.keep]
        oldest = None if settings.retention_days is None else now - timedelta(days=settings.retention_days)
        rows = []
        for draft in drafts:
            until = _kept_until(settings, draft)
            if until > now and (oldest is None or draft.started_at > oldest):
                rows.append(queries.row_of(private(draft), until, self._cost(draft)))
        return rows

    def _cost(self, draft: ExecutionDraft) -> Decimal | None:
        if draft.cost_usd is not None or draft.model is None:
            return draft.cost_usd
        return self.prices.cost(
            draft.provider,
            draft.model,
            input_tokens=draft.input_tokens,
            output_tokens=draft.output_tokens,
            cached_input_tokens=draft.cached_input_tokens,
        )

    async def _make_months(self, project: ProjectWriter, moments: Iterable[datetime]) -> None:
        missing = {(moment.year, moment.month): moment for moment in moments}
        for month, moment in sorted(missing.items()):
            if month not in self._months:
                await queries.make_month(project.tx, moment)
                project.tx.on_commit(lambda month=month: self._saw(month))  # type: ignore[misc]

    def _saw(self, month: tuple[int, int]) -> None:
        if len(self._months) >= _MOST_MONTHS:
            self._months.clear()
        self._months.add(month)


def _kept_until(settings: ExecutionSettings, draft: ExecutionDraft) -> datetime:
    return draft.started_at.astimezone(UTC) + timedelta(days=settings.days_for(draft.started_at))


def _nothing(draft: ExecutionDraft) -> ExecutionDraft:
    """Numbers and names of ours only: nothing that came from a user or went to a model."""
    return replace(draft, inputs=None, messages=None, output=None, tool_calls=None, metadata=None, error_message=None)


def _redacted(draft: ExecutionDraft) -> ExecutionDraft:
    return replace(
        draft,
        inputs=redact_json(draft.inputs),
        messages=redact_json(draft.messages),
        output=None if draft.output is None else redact(draft.output),
        tool_calls=redact_json(draft.tool_calls),
        metadata=redact_json(draft.metadata),
        error_message=None if draft.error_message is None else redact(draft.error_message),
    )


def _as_it_is(draft: ExecutionDraft) -> ExecutionDraft:
    return draft


_PRIVACY: Mapping[Keep, Callable[[ExecutionDraft], ExecutionDraft]] = {
    Keep.full: _as_it_is,
    Keep.redacted: _redacted,
    Keep.none: _nothing,
}


async def get(project: ProjectReader, execution_id: UUID) -> Execution:
    """One record. Raises ExecutionNotFound."""
    found = await queries.get(project, execution_id, await settings_of(project))
    if found is None:
        raise ExecutionNotFound
    return found


async def newest(
    project: ProjectReader, wanted: ExecutionFilter, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Execution]:
    """Records that are wanted, without their texts, the latest beginning first."""
    return await queries.newest(project, wanted, await settings_of(project), before=before, limit=limit)


async def settings_of(project: ProjectReader) -> ExecutionSettings:
    """What the project keeps, and for how long."""
    return await queries.settings_of(project) or UNTOUCHED


async def change_settings(project: ProjectAdmin, keep: Keep, retention_days: int | None) -> ExecutionSettings:
    """Keep so much for so long. What was recorded before keeps its texts; a shorter retention holds for it too."""
    before = await settings_of(project)
    if (before.keep, before.retention_days) == (keep, retention_days):
        return before
    now = clock.now()
    periods = before.periods
    if before.retention_days != retention_days:
        periods = (*periods, Period(now, retention_days))
        if len(periods) > _MOST_PERIODS:
            raise InvalidRequest("The retention was changed too often.")
    after = ExecutionSettings(keep, retention_days, periods, now)
    await queries.change_settings(project, after)
    facts = [{"keep": one.keep.value, "retention_days": one.retention_days} for one in (before, after)]
    await note(project, "execution_settings.changed", project.project_id, before=facts[0], after=facts[1])
    return after


async def erase(project: ProjectAdmin, user: str) -> int:
    """Empty the texts of a user's records and forget the user; how many there were. The numbers stay."""
    erased = await queries.erase(project, user)
    # Not who: the trail would keep what was to be forgotten.
    await note(project, "executions.erased", project.project_id, after={"records": erased})
    return erased


async def numbers(
    project: ProjectReader, wanted: ExecutionFilter, groups: Sequence[str]
) -> list[tuple[tuple[object, ...], Numbers]]:
    """Numbers by group, in order of the groups. Raises InvalidRequest where they are too many."""
    found = await stat_queries.numbers(project, wanted, groups, limit=MOST_GROUPS + 1)
    if len(found) > MOST_GROUPS:
        raise InvalidRequest(f"These are more than {MOST_GROUPS} groups: ask for a shorter time, or group by less.")
    return sorted(found.items(), key=lambda entry: tuple(map(str, entry[0])))
