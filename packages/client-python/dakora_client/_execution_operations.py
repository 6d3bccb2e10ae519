"""The operations on executions: pure functions, like `_operations`."""

import os
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from dakora_client import _answers, _execution_answers
from dakora_client._answers import Page
from dakora_client._operations import given
from dakora_client._request import Call, encode, query, segment
from dakora_client.execution_types import Execution, ExecutionSettings, GroupBy, Recorded, Stats, StatsComparison

MOST_RECORDS = 1_000
"""Records in one call."""

_EXECUTIONS = "/executions"
_SETTINGS = "/execution-settings"
_PAGE_SIZE = 200
_read_page = _answers.page(_execution_answers.execution)
_read_one = _answers.one(_execution_answers.execution)
_read_recorded = _answers.one(_execution_answers.recorded)
_read_settings = _answers.one(_execution_answers.settings)
_read_erased = _answers.one(_execution_answers.erased)
_read_comparison = _answers.one(_execution_answers.comparison)


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): made here, so that a record that is sent twice counts once."""
    chance = int.from_bytes(os.urandom(10))
    value = (time.time_ns() // 1_000_000) << 80 | 0x7 << 76 | (chance >> 68) << 64 | 0b10 << 62 | chance & (1 << 62) - 1
    return str(UUID(int=value))


def written(fields: Mapping[str, Any]) -> bytes:
    """A record as it is sent, with an id. Raises InvalidRequestError for what JSON cannot hold."""
    known = {name: _plain(value) for name, value in given(fields).items()}
    return encode({"id": new_id(), **known})


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else list(value) if isinstance(value, tuple) else value


def record_executions(records: Sequence[bytes]) -> Call[Recorded]:
    """POST /api/projects/{project_id}/executions. Each has its id, so it may be repeated."""
    return Call("POST", _EXECUTIONS, _read_recorded, b"[" + b",".join(records) + b"]", repeatable=True)


def list_executions(wanted: Mapping[str, Any], *, limit: int | None, cursor: str | None) -> Call[Page[Execution]]:
    """GET /api/projects/{project_id}/executions."""
    size = _PAGE_SIZE if limit is None else min(limit, _PAGE_SIZE)
    narrowed = query(**{name: _plain(value) for name, value in wanted.items()}, limit=size, cursor=cursor)
    return Call("GET", _EXECUTIONS + narrowed, _read_page, repeatable=True)


def get_execution(execution_id: str) -> Call[Execution]:
    """GET /api/projects/{project_id}/executions/{execution_id}."""
    return Call("GET", f"{_EXECUTIONS}/{segment(execution_id)}", _read_one, repeatable=True)


def erase_executions(user: str) -> Call[int]:
    """POST /api/projects/{project_id}/executions/erase. Doing it again finds nothing, so it may be repeated."""
    return Call("POST", f"{_EXECUTIONS}/erase", _read_erased, encode({"user": user}), repeatable=True)


def get_execution_settings() -> Call[ExecutionSettings]:
    """GET /api/projects/{project_id}/execution-settings."""
    return Call("GET", _SETTINGS, _read_settings, repeatable=True)


def change_execution_settings(keep: str, retention_days: int | None) -> Call[ExecutionSettings]:
    """PUT /api/projects/{project_id}/execution-settings."""
    body = encode({"keep": keep, "retention_days": retention_days})
    return Call("PUT", _SETTINGS, _read_settings, body, repeatable=True)


def get_stats(group_by: Sequence[GroupBy], wanted: Mapping[str, Any]) -> Call[tuple[Stats, ...]]:
    """GET /api/projects/{project_id}/stats."""
    narrowed = query(group_by=",".join(group_by), **{name: _day(value) for name, value in wanted.items()})
    return Call("GET", f"/stats{narrowed}", _execution_answers.all_stats, repeatable=True)


def compare_stats(
    prompt: str, version: int, against: int, *, since: date | None, until: date | None
) -> Call[StatsComparison]:
    """GET /api/projects/{project_id}/stats/compare."""
    wanted = query(prompt=prompt, version=version, against=against, since=_day(since), until=_day(until))
    return Call("GET", f"/stats/compare{wanted}", _read_comparison, repeatable=True)


def _day(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
