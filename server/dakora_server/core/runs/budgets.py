"""Budgets: what a run may cost at most is held before it begins, so that however many run at once stay within.

The most a run can cost follows from its text (a token is at least one byte) and the most tokens it may answer with.
"""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from dakora_server.core import clock
from dakora_server.core.audit.service import record as note
from dakora_server.core.run_exceptions import BudgetExceeded
from dakora_server.core.runs import budget_queries as queries
from dakora_server.core.runs.budget_records import Budget, Standing, Unpriced
from dakora_server.core.scope import MODELS, ProjectAdmin, ProjectReader, ProjectWriter

# A process that has not settled a run by then was killed.
_PATIENCE = timedelta(minutes=10)


def this_month() -> date:
    """The first day of the calendar month, in UTC."""
    return clock.now().date().replace(day=1)


async def standing(project: ProjectReader) -> Standing:
    """The budget, and what is used of it this month."""
    month = this_month()
    spent, held = await queries.spent(project, month)
    return Standing(await queries.find(project), month, spent, held)


async def change(project: ProjectAdmin, limit_usd: Decimal | None, warn_percent: int, unpriced: Unpriced) -> Standing:
    """Decide what may be spent from now on; what was spent stays counted."""
    before = await queries.find(project)
    after = Budget(limit_usd, warn_percent, unpriced, clock.now())
    await queries.put(project, after)
    await project.announce(MODELS)
    facts = [
        {
            "limit_usd": None if one.limit_usd is None else str(one.limit_usd),
            "warn_percent": one.warn_percent,
            "unpriced": one.unpriced.value,
        }
        for one in (before, after)
    ]
    await note(project, "budget.changed", project.project_id, before=facts[0], after=facts[1])
    return await standing(project)


async def hold(project: ProjectWriter, budget: Budget, run_id: UUID, most: Decimal, *, seconds: float) -> date:
    """Hold the most that a run can cost; the month that it counts for. Raises BudgetExceeded."""
    month = this_month()
    await queries.lock_month(project, month)
    await queries.settle_abandoned(project, month)
    spent, held = await queries.spent(project, month)
    limit = budget.limit_usd
    if limit is not None and spent + held + most > limit:
        left = max(Decimal(0), limit - spent - held)
        raise BudgetExceeded(
            f"Of this month's {dollars(limit)} US dollars {dollars(left)} are left, and the run may cost"
            f" {dollars(most)}: an admin can raise the limit, or the call can allow fewer tokens (`max_tokens`)."
        )
    await queries.hold(project, run_id, month, most, clock.now() + timedelta(seconds=seconds) + _PATIENCE)
    return month


async def settle(project: ProjectWriter, run_id: UUID, month: date, cost: Decimal, *, held: bool) -> None:
    """Count what a run came to, in place of what was held for it."""
    if held:
        await queries.lock_month(project, month)
        if not await queries.release(project, run_id):
            # It took so long that it was counted in full.
            return
    if cost:
        await queries.spend(project, month, cost)


def dollars(amount: Decimal) -> str:
    """An amount for people."""
    return f"{amount:.6f}".rstrip("0").rstrip(".") or "0"
