"""Rows of budgets: what was spent in a month, and what running calls may still cost."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from dakora_server.core.runs.budget_records import NO_BUDGET, Budget, Unpriced
from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.storage.tables import budget_holds, budget_months, budgets


async def find(project: ProjectReader) -> Budget:
    """What the project may spend; no limit where nothing was decided."""
    row = (await project.tx.execute(select(budgets).where(project.owns(budgets)))).one_or_none()
    if row is None:
        return NO_BUDGET
    return Budget(row.limit_usd, row.warn_percent, Unpriced(row.unpriced), row.changed_at)


async def put(project: ProjectWriter, budget: Budget) -> None:
    """Keep what was decided."""
    values: dict[str, Any] = {
        "limit_usd": budget.limit_usd,
        "warn_percent": budget.warn_percent,
        "unpriced": budget.unpriced.value,
        "changed_by": project.actor.user_id,
        "changed_at": budget.changed_at,
    }
    fresh = insert(budgets).values(project_id=project.project_id, **values)
    await project.tx.execute(fresh.on_conflict_do_update(index_elements=["project_id"], set_=values))


async def spent(project: ProjectReader, month: date) -> tuple[Decimal, Decimal]:
    """US dollars spent in a month, and those that running calls hold."""
    m, h = budget_months.c, budget_holds.c
    held = select(func.coalesce(func.sum(h.amount_usd), 0)).where(project.owns(budget_holds), h.month == month)
    query = select(m.spent_usd, held.scalar_subquery().label("held_usd"))
    row = (await project.tx.execute(query.where(project.owns(budget_months), m.month == month))).one_or_none()
    return (Decimal(0), Decimal(0)) if row is None else (row.spent_usd, row.held_usd)


async def lock_month(project: ProjectWriter, month: date) -> None:
    """Be the only one who spends of this month's budget until the transaction ends."""
    fresh = insert(budget_months).values(project_id=project.project_id, month=month)
    await project.tx.execute(fresh.on_conflict_do_nothing())
    m = budget_months.c
    query = select(m.month).where(project.owns(budget_months), m.month == month)
    await project.tx.execute(query.with_for_update())


async def settle_abandoned(project: ProjectWriter, month: date) -> None:
    """Count what killed processes had held as spent, in full: nobody can say any more what it came to."""
    h = budget_holds.c
    gone = delete(budget_holds).where(project.owns(budget_holds), h.month == month, h.until < func.now())
    amounts = list((await project.tx.execute(gone.returning(h.amount_usd))).scalars())
    if amounts:
        await spend(project, month, sum(amounts, Decimal(0)))


async def hold(project: ProjectWriter, hold_id: UUID, month: date, amount: Decimal, until: datetime) -> None:
    """Hold an amount until the call has ended."""
    await project.tx.execute(
        insert(budget_holds).values(
            project_id=project.project_id, id=hold_id, month=month, amount_usd=amount, until=until
        )
    )


async def release(project: ProjectWriter, hold_id: UUID) -> bool:
    """Let go of what was held; False where it was counted as spent already."""
    query = delete(budget_holds).where(project.owns(budget_holds), budget_holds.c.id == hold_id)
    return (await project.tx.execute(query)).rowcount > 0


async def spend(project: ProjectWriter, month: date, amount: Decimal) -> None:
    """Count an amount as spent."""
    fresh = insert(budget_months).values(project_id=project.project_id, month=month, spent_usd=amount)
    more = {"spent_usd": budget_months.c.spent_usd + amount}
    await project.tx.execute(fresh.on_conflict_do_update(index_elements=["project_id", "month"], set_=more))
