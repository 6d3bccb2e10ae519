"""What the runs of a project come to: how many, how long, how much."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, get_args

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from dakora_server.api.executions import LabelWanted, ModelWanted, PromptWanted, ProviderWanted, StatusWanted
from dakora_server.api.problems import problems
from dakora_server.api.strict import GuardedRoute
from dakora_server.auth import ReadProject
from dakora_server.core import clock
from dakora_server.core.exceptions import Busy, DatabaseUnavailable, InvalidRequest, ProjectNotFound
from dakora_server.core.executions import service
from dakora_server.core.executions.records import ExecutionFilter
from dakora_server.core.executions.stat_queries import Numbers

Group = Literal["day", "prompt", "version", "label", "provider", "model", "status"]
_COLUMNS = {"prompt": "prompt_id", "version": "version_number"}
_LONGEST = timedelta(days=3 * 366)
_USUAL = timedelta(days=29)

router = APIRouter(
    prefix="/api/projects/{project_id}/stats",
    tags=["stats"],
    route_class=GuardedRoute,
    responses=problems(ProjectNotFound, InvalidRequest, DatabaseUnavailable, Busy),
)
Since = Annotated[date | None, Query(description="First day, UTC; 30 days in all if you do not say.")]
Until = Annotated[date | None, Query(description="Last day, UTC; today if you do not say.")]


class Latency(BaseModel):
    """Percentiles in milliseconds, read from buckets: off by 20 % at most, by a few per cent as a rule."""

    p50: float
    p95: float
    p99: float


class Totals(BaseModel):
    """What runs come to."""

    count: int
    errors: int = Field(description="How many did not end with `ok`.")
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    cost_usd: float = Field(description="US dollars, of the runs whose cost is known.")
    unpriced: int = Field(description="How many runs have no known cost; `cost_usd` leaves them out.")
    latency_ms: Latency | None = Field(description="Null where no run told of it.")


class StatsRow(Totals):
    """What the runs of one group come to. Only what was grouped by is there; null is what the runs did not tell."""

    day: date | None = None
    prompt_id: str | None = None
    version_number: int | None = None
    label: str | None = None
    provider: str | None = None
    model: str | None = None
    status: str | None = None


class VersionStats(Totals):
    """What the runs of one version come to."""

    version_number: int


class StatsComparison(BaseModel):
    """One version against another."""

    version: VersionStats
    against: VersionStats
    change: dict[str, float | None] = Field(
        description="`version` over `against`, of each run: error rate, tokens, cost, latency. Null where either lacks."
    )


@router.get("", response_model=list[StatsRow])
async def get_stats(
    project: ReadProject,
    *,
    group_by: Annotated[
        str, Query(max_length=80, pattern=r"^[a-z]*(,[a-z]+)*$", description="By what, separated by commas.")
    ] = "day",
    prompt: PromptWanted = None,
    version: Annotated[int | None, Query(ge=1, le=999_999_999, description="Only runs of this version.")] = None,
    label: LabelWanted = None,
    provider: ProviderWanted = None,
    model: ModelWanted = None,
    status: StatusWanted = None,
    since: Since = None,
    until: Until = None,
) -> Response:
    """Counts, tokens, cost and latency by day, prompt, version, label, provider, model or status."""
    first, behind = _days(since, until)
    wanted = ExecutionFilter(
        prompt, version, label, provider, model, None if status is None else status.value, since=first, until=behind
    )
    groups = _groups(group_by)
    found = await service.numbers(project, wanted, [_COLUMNS.get(group, group) for group in groups])
    rows = [_named(groups, key) | totals_json(numbers) for key, numbers in found]
    return Response(orjson.dumps(rows), media_type="application/json", headers={"cache-control": "no-store"})


@router.get("/compare", response_model=StatsComparison)
async def compare_stats(
    project: ReadProject,
    prompt: Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", description="The prompt.")],
    version: Annotated[int, Query(ge=1, le=999_999_999, description="The version.")],
    against: Annotated[int, Query(ge=1, le=999_999_999, description="The version to compare it with.")],
    since: Since = None,
    until: Until = None,
) -> Response:
    """One version of a prompt against another: what a run of each costs, takes and fails."""
    first, behind = _days(since, until)
    wanted = ExecutionFilter(prompt, since=first, until=behind)
    found = {key[0]: numbers for key, numbers in await service.numbers(project, wanted, ["version_number"])}
    mine, other = (found.get(number, Numbers()) for number in (version, against))
    answer = {
        "version": {"version_number": version} | totals_json(mine),
        "against": {"version_number": against} | totals_json(other),
        "change": _change(mine, other),
    }
    return Response(orjson.dumps(answer), media_type="application/json", headers={"cache-control": "no-store"})


def _groups(given: str) -> list[str]:
    groups = [group for group in given.split(",") if group]
    known = get_args(Group)
    wrong = [group for group in groups if group not in known]
    if wrong or len(set(groups)) != len(groups):
        raise InvalidRequest(f"`group_by` takes each of these once: {', '.join(known)}.")
    return groups


def _days(since: date | None, until: date | None) -> tuple[datetime, datetime]:
    last = until or clock.now().date()
    first = since or last - _USUAL
    if not timedelta(0) <= last - first <= _LONGEST:
        raise InvalidRequest("`since` must not be after `until`, nor more than three years before it.")
    if last >= date.max:
        raise InvalidRequest("`until` is too far from now.")
    behind = datetime.combine(last + timedelta(days=1), time(), UTC)
    return datetime.combine(first, time(), UTC), behind


def _named(groups: list[str], key: tuple[Any, ...]) -> dict[str, Any]:
    """Empty text and 0 stand for what is not known in the keys of our rows."""
    return {_COLUMNS.get(group, group): value or None for group, value in zip(groups, key, strict=True)}


def totals_json(numbers: Numbers) -> dict[str, Any]:
    """Numbers on the wire."""
    p50, p95, p99 = (numbers.latency(share) for share in (0.5, 0.95, 0.99))
    return {
        "count": numbers.runs,
        "errors": numbers.errors,
        "input_tokens": numbers.input_tokens,
        "output_tokens": numbers.output_tokens,
        "cached_input_tokens": numbers.cached_input_tokens,
        "cost_usd": float(numbers.cost_usd),
        "unpriced": numbers.unpriced,
        "latency_ms": None if p50 is None else {"p50": p50, "p95": p95, "p99": p99},
    }


def _change(mine: Numbers, other: Numbers) -> dict[str, float | None]:
    def each(numbers: Numbers) -> dict[str, float | None]:
        priced = numbers.runs - numbers.unpriced
        return {
            "error_rate": _ratio(numbers.errors, numbers.runs),
            "input_tokens": _ratio(numbers.input_tokens, numbers.runs),
            "output_tokens": _ratio(numbers.output_tokens, numbers.runs),
            "cost_usd": _ratio(float(numbers.cost_usd), priced),
            "latency_p50": numbers.latency(0.5),
            "latency_p95": numbers.latency(0.95),
        }

    new, old = each(mine), each(other)
    ratios = {name: _ratio(new[name], old[name]) for name in new}
    return {name: None if ratio is None else round(ratio, 4) for name, ratio in ratios.items()}


def _ratio(over: float | None, under: float | None) -> float | None:
    return None if over is None or not under else over / under
