"""The tables: the one description of the schema. Migrations follow it, and a test compares the two.

Keys begin with the tenant (`project_id` or `workspace_id`), so that neither a join nor a foreign key can reach across.
Row-level security stands beside it as a second wall: who sees which row is written in the migrations, and every table
here has it enabled and forced (a start-up check and a test hold that).
"""

from dakora_server.core.storage.tables.base import metadata
from dakora_server.core.storage.tables.executions import (
    LATENCY_COLUMNS,
    execution_settings,
    executions,
    stat_entries,
    stats_daily,
)
from dakora_server.core.storage.tables.labels import (
    label_comments,
    label_moves,
    label_requests,
    labels,
    protected_labels,
)
from dakora_server.core.storage.tables.models import budget_holds, budget_months, budgets, providers, workspace_keys
from dakora_server.core.storage.tables.parts import part_uses, part_versions, parts, prompt_uses
from dakora_server.core.storage.tables.prompts import prompt_numbers, prompt_search, prompts, versions
from dakora_server.core.storage.tables.records import (
    audit_events,
    audit_seals,
    changes,
    idempotency_keys,
    webhook_events,
)
from dakora_server.core.storage.tables.tenancy import api_keys, invitations, memberships, projects, users, workspaces

__all__ = [
    "LATENCY_COLUMNS",
    "api_keys",
    "audit_events",
    "audit_seals",
    "budget_holds",
    "budget_months",
    "budgets",
    "changes",
    "execution_settings",
    "executions",
    "idempotency_keys",
    "invitations",
    "label_comments",
    "label_moves",
    "label_requests",
    "labels",
    "memberships",
    "metadata",
    "part_uses",
    "part_versions",
    "parts",
    "projects",
    "prompt_numbers",
    "prompt_search",
    "prompt_uses",
    "prompts",
    "protected_labels",
    "providers",
    "stat_entries",
    "stats_daily",
    "users",
    "versions",
    "webhook_events",
    "workspace_keys",
    "workspaces",
]
