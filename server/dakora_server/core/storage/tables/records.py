"""What was done: the audit trail, word of changes, answers kept for repeated requests, news heard."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from dakora_server.core.storage.tables.base import TransactionNumber, created_at, metadata

audit_events = Table(
    "audit_events",
    metadata,
    # No foreign keys: the trail outlives what it tells of.
    Column("workspace_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("project_id", Uuid),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Uuid, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("address", Text),
    Column("request_id", Text),
    CheckConstraint("actor_kind IN ('user', 'key', 'system')", name="actor_kind"),
    Index("ix_audit_events_workspace_id_at_id", "workspace_id", "at", "id"),
    Index("ix_audit_events_project_id_at_id", "project_id", "at", "id"),
    Index("ix_audit_events_at", "at"),
)

audit_seals = Table(
    "audit_seals",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Uuid, nullable=False, unique=True),
    # SHA-256 over the previous hash and the canonical event.
    Column("hash", LargeBinary, nullable=False),
    Column("sealed_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)

changes = Table(
    "changes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    # Who wrote it, so that a reader can tell what it cannot have seen yet (see storage/changes.py).
    Column("xid", TransactionNumber, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("scope_id", Uuid, nullable=False),
    Column("subject", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Index("ix_changes_xid", "xid"),
    Index("ix_changes_at", "at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    # The project, workspace or user in whose name the transaction ran.
    Column("tenant_id", Uuid, primary_key=True),
    Column("caller_id", Uuid, primary_key=True),
    Column("key", Text, primary_key=True),
    # SHA-256 of method, path and body.
    Column("fingerprint", LargeBinary, nullable=False),
    # Status, headers and body as they were answered, encrypted: an answer can hold a fresh API key.
    Column("answer", LargeBinary, nullable=False),
    created_at(),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Index("ix_webhook_events_received_at", "received_at"),
)
