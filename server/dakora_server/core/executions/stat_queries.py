"""Numbers of runs: written beside the rows they count (`queries.add`), folded by day, added up when asked for."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    ColumnElement,
    FromClause,
    Integer,
    Numeric,
    SmallInteger,
    Text,
    cast,
    column,
    func,
    literal,
    select,
    text,
    true,
)
from sqlalchemy import Date as SqlDate

from dakora_server.core.executions.latency import BUCKETS, percentile
from dakora_server.core.executions.records import ExecutionFilter, Status
from dakora_server.core.scope import ProjectReader, ProjectRows
from dakora_server.core.storage.tables import LATENCY_COLUMNS, stat_entries, stats_daily

DIMENSIONS = ("day", "prompt_id", "version_number", "label", "provider", "model", "status")
_SUMS = ("runs", "input_tokens", "output_tokens", "cached_input_tokens", "cost_usd", "unpriced")
# What a group is made of, as it waits in a row of `stat_entries`.
_SUM_TYPES = {"runs": Integer, "unpriced": Integer, "cost_usd": Numeric}
_GROUP_COLUMNS: tuple[ColumnClause[Any], ...] = (
    column("day", SqlDate),
    *(column(name, Integer if name == "version_number" else Text) for name in DIMENSIONS[1:]),
    column("bucket", SmallInteger),
    *(column(name, _SUM_TYPES.get(name, BigInteger)) for name in _SUMS),
)
_GROUP = ", ".join(f"{one.name} {one.type}" for one in _GROUP_COLUMNS)
# Rows that are folded at a time.
FOLDED = 1_000


def _fold() -> str:
    keys = ", ".join(("project_id", *DIMENSIONS))
    sums = ", ".join(f"sum({name})" for name in _SUMS)
    counts = ", ".join(f"coalesce(sum(runs) FILTER (WHERE bucket = {number}), 0)" for number in range(BUCKETS))
    columns = ", ".join((*_SUMS, *LATENCY_COLUMNS))
    added = ", ".join(f"{name} = stats_daily.{name} + excluded.{name}" for name in (*_SUMS, *LATENCY_COLUMNS))
    return (
        "WITH taken AS (DELETE FROM stat_entries WHERE project_id = :project_id AND id IN"  # noqa: S608 - our own names
        " (SELECT id FROM stat_entries WHERE project_id = :project_id ORDER BY id LIMIT :most) RETURNING *),"
        f" gone AS (SELECT t.project_id, g.* FROM taken t, json_to_recordset(t.groups) AS g({_GROUP}))"
        f" INSERT INTO stats_daily ({keys}, {columns}) SELECT {keys}, {sums}, {counts} FROM gone GROUP BY {keys}"
        f" ON CONFLICT ({keys}) DO UPDATE SET {added}"
    )


_FOLD = text(_fold())
# One process folds a project's entries at a time; who comes second leaves them to the first.
_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtext('dakora stats'), hashtext(cast(:project_id AS text)))")


@dataclass(slots=True)
class Numbers:
    """What a group of runs comes to. `unpriced` are those without a known cost, which `cost_usd` leaves out."""

    runs: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    latencies: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    def latency(self, share: float) -> float | None:
        """A percentile in milliseconds; None where no latency is known."""
        return percentile(self.latencies, share)


async def fold(project: ProjectRows) -> int:
    """Add what was counted to the numbers of its days; how many entries there were, 0 while another process does it."""
    alone = await project.tx.execute(_ALONE, {"project_id": str(project.project_id)})
    if not alone.scalar_one():
        return 0
    waiting = select(func.count()).select_from(stat_entries).where(project.owns(stat_entries))
    found = int((await project.tx.execute(waiting)).scalar_one())
    if found:
        await project.tx.execute(_FOLD, {"project_id": project.project_id, "most": FOLDED})
    return min(found, FOLDED)


async def numbers(
    project: ProjectReader, wanted: ExecutionFilter, groups: Sequence[str], *, limit: int
) -> dict[tuple[Any, ...], Numbers]:
    """The numbers of each group, at most `limit` groups of each kind of row; days are UTC.

    Folded or not, everything recorded is counted once: both are read in one snapshot.
    """
    found: defaultdict[tuple[Any, ...], Numbers] = defaultdict(Numbers)
    # The members of each row, beside it.
    waiting = func.json_to_recordset(stat_entries.c.groups).table_valued(*_GROUP_COLUMNS, name="g")
    members = waiting.render_derived(with_types=True)
    for table, owner, rows, counts in (
        (stats_daily, stats_daily, stats_daily, LATENCY_COLUMNS),
        (members, stat_entries, stat_entries.join(members, true()), None),
    ):
        keys = [table.c[name] for name in groups]
        status = table.c.status
        sums = [func.sum(table.c[name]).label(name) for name in _SUMS]
        extra: list[ColumnElement[Any]] = (
            [func.sum(table.c[name]) for name in counts] if counts else [table.c.bucket.label("bucket")]
        )
        errors = func.coalesce(func.sum(table.c.runs).filter(status != Status.ok.value), 0)
        query = select(*keys, errors, *sums, *extra).select_from(rows)
        query = query.where(project.owns(owner), *_narrowed(table, wanted))
        query = query.group_by(*keys, *([] if counts else [table.c.bucket]))
        for row in await project.tx.execute(query.limit(limit * (1 if counts else BUCKETS + 1))):
            _add(found[tuple(row[: len(keys)])], row[len(keys) :], is_folded=counts is not None)
    return dict(found)


def _add(into: Numbers, row: Sequence[Any], *, is_folded: bool) -> None:
    if row[1] is None:
        # A sum over nothing.
        return
    errors, runs, input_tokens, output_tokens, cached, cost, unpriced, *latencies = row
    into.runs += runs
    into.errors += errors
    into.input_tokens += int(input_tokens)
    into.output_tokens += int(output_tokens)
    into.cached_input_tokens += int(cached)
    into.cost_usd += cost
    into.unpriced += unpriced
    if is_folded:
        into.latencies = [mine + new for mine, new in zip(into.latencies, latencies, strict=True)]
    elif latencies[0] >= 0:
        into.latencies[latencies[0]] += runs


def _narrowed(table: FromClause, wanted: ExecutionFilter) -> Iterable[ColumnElement[bool]]:
    for name in ("prompt_id", "label", "provider", "model", "status"):
        value = getattr(wanted, name)
        if value is not None:
            yield table.c[name] == value
    if wanted.version is not None:
        yield table.c.version_number == wanted.version
    if wanted.since is not None:
        yield table.c.day >= _day(wanted.since.date())
    if wanted.until is not None:
        yield table.c.day < _day(wanted.until.date())


def _day(day: date) -> ColumnElement[Any]:
    return cast(literal(day), SqlDate)
