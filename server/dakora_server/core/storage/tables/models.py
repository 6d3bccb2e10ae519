"""Providers of models with their sealed keys, and what a project may spend on them."""

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    Text,
    Uuid,
    text,
)

from dakora_server.core.storage.tables.base import created_at, metadata

# Data keys, each wrapped by a master key that is not in the database.
workspace_keys = Table(
    "workspace_keys",
    metadata,
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("master_id", Text, nullable=False),
    created_at(),
)

providers = Table(
    "providers",
    metadata,
    Column("project_id", Uuid, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("base_url", Text),
    Column("api_version", Text),
    Column("models", JSON, nullable=False),
    # The API key under the data key `key_id`; both NULL where the provider asks for none.
    Column("sealed", LargeBinary),
    Column("key_id", Uuid),
    Column("hint", Text),
    Column("changed_by", Uuid, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    CheckConstraint("(sealed IS NULL) = (key_id IS NULL)", name="sealed"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("project_id", Uuid, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    # NULL: no limit.
    Column("limit_usd", Numeric),
    Column("warn_percent", Integer, nullable=False),
    Column("unpriced", Text, nullable=False),
    Column("changed_by", Uuid, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    CheckConstraint("unpriced IN ('allow', 'refuse')", name="unpriced"),
)

budget_months = Table(
    "budget_months",
    metadata,
    Column("project_id", Uuid, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("month", Date, primary_key=True),
    Column("spent_usd", Numeric, nullable=False, server_default=text("0")),
)

# What runs that have not ended may still cost, at most. One that is there after `until` was left by a killed process.
budget_holds = Table(
    "budget_holds",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("month", Date, nullable=False),
    Column("amount_usd", Numeric, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    ForeignKeyConstraint(
        ["project_id", "month"], ["budget_months.project_id", "budget_months.month"], ondelete="CASCADE"
    ),
)
