"""Runs of prompts on models, what a project keeps of them, and their numbers by day."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    Uuid,
    text,
)

from dakora_server.core.storage.tables.base import metadata

# Must be the number of buckets of `core.executions.latency`; a test compares.
LATENCY_COLUMNS = tuple(f"l{number:02}" for number in range(64))

executions = Table(
    "executions",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    # Of which month's partition the row is. With the key, so that a repeat of a record meets the first one.
    Column("kept_until", DateTime(timezone=True), primary_key=True),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("source", Text, nullable=False),
    # No foreign keys: what was run stays known when the prompt is gone.
    Column("prompt_id", Text),
    Column("version", Text),
    Column("version_number", Integer),
    Column("label", Text),
    Column("provider", Text),
    Column("model", Text),
    Column("status", Text, nullable=False),
    Column("error_type", Text),
    Column("error_message", Text),
    Column("finish_reason", Text),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cached_input_tokens", BigInteger),
    Column("cost_usd", Numeric),
    Column("latency_ms", Double),
    Column("first_token_ms", Double),
    Column("user_ref", Text),
    Column("session", Text),
    Column("trace_id", Text),
    Column("span_id", Text),
    # JSON and not JSONB: what was sent comes back as it was, and nothing looks inside.
    Column("inputs", JSON),
    Column("messages", JSON),
    Column("output", Text),
    Column("tool_calls", JSON),
    Column("metadata", JSON),
    Column("parts", JSON),
    CheckConstraint("status IN ('ok', 'error', 'timeout', 'cancelled', 'invalid')", name="status"),
    CheckConstraint("source IN ('execute', 'client', 'otlp')", name="source"),
    Index("ix_executions_project_id_started_at_id", "project_id", "started_at", "id"),
    Index("ix_executions_project_id_prompt_id_started_at_id", "project_id", "prompt_id", "started_at", "id"),
    Index("ix_executions_project_id_user_ref", "project_id", "user_ref", postgresql_where=text("user_ref IS NOT NULL")),
    postgresql_partition_by="RANGE (kept_until)",
)

execution_settings = Table(
    "execution_settings",
    metadata,
    Column("project_id", Uuid, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("keep", Text, nullable=False),
    # NULL: for ever.
    Column("retention_days", Integer),
    # [{"since": …, "days": …}]: what held when a run began decides for how long it is kept.
    Column("periods", JSON, nullable=False),
    Column("changed_by", Uuid, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    CheckConstraint("keep IN ('full', 'redacted', 'none')", name="keep"),
)


def _sums() -> list[Column[object]]:
    return [
        Column("runs", Integer, nullable=False),
        Column("input_tokens", BigInteger, nullable=False),
        Column("output_tokens", BigInteger, nullable=False),
        Column("cached_input_tokens", BigInteger, nullable=False),
        Column("cost_usd", Numeric, nullable=False),
        Column("unpriced", Integer, nullable=False),
    ]


# Numbers that wait to be added to `stats_daily`: written with the runs they count, a row for each batch of them.
stat_entries = Table(
    "stat_entries",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    # [{"day": …, "prompt_id": …, "bucket": …, "runs": …}]: the dimensions and sums of `stats_daily`, and the bucket of
    # the latency, -1 where it is not known.
    Column("groups", JSON, nullable=False),
)

stats_daily = Table(
    "stats_daily",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("prompt_id", Text, primary_key=True),
    Column("version_number", Integer, primary_key=True, autoincrement=False),
    Column("label", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    *_sums(),
    # A column for each bucket of latencies: PostgreSQL adds columns many times faster than members of arrays.
    *(Column(name, Integer, nullable=False, server_default=text("0")) for name in LATENCY_COLUMNS),
)
