"""What a project may spend on models in a month."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Unpriced(StrEnum):
    """What becomes of a run whose price is not known, where there is a limit."""

    refuse = "refuse"
    allow = "allow"


class State(StrEnum):
    """How far the month's budget is used."""

    unlimited = "unlimited"
    ok = "ok"
    warning = "warning"
    exceeded = "exceeded"


@dataclass(frozen=True, slots=True)
class Budget:
    """US dollars a calendar month (UTC); `limit_usd` None is no limit. From `warn_percent` of it on, answers warn."""

    limit_usd: Decimal | None = None
    warn_percent: int = 80
    unpriced: Unpriced = Unpriced.refuse
    changed_at: datetime | None = None


NO_BUDGET = Budget()


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget and what is used of it. `held_usd` is the most that running calls may still cost."""

    budget: Budget
    month: date
    spent_usd: Decimal
    held_usd: Decimal

    @property
    def state(self) -> State:
        """How far it is used."""
        limit = self.budget.limit_usd
        if limit is None:
            return State.unlimited
        if self.spent_usd >= limit:
            return State.exceeded
        return State.warning if self.spent_usd * 100 >= limit * self.budget.warn_percent else State.ok
