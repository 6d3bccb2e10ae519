"""Where labels point, every move, and requests to move protected ones."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)

from dakora_server.core.storage.tables.base import created_at, metadata

labels = Table(
    "labels",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("prompt_id", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    # Counts the moves of this label, for its ETag.
    Column("revision", Integer, nullable=False),
    Column("moved_by", Uuid, nullable=False),
    Column("moved_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    ForeignKeyConstraint(
        ["project_id", "prompt_id", "number"],
        ["versions.project_id", "versions.prompt_id", "versions.number"],
        ondelete="CASCADE",
    ),
    Index("ix_labels_project_id_label", "project_id", "label"),
)

label_moves = Table(
    "label_moves",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("prompt_id", Text, nullable=False),
    Column("label", Text, nullable=False),
    # NULL before the first move, and after the removal.
    Column("from_number", Integer),
    Column("to_number", Integer),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Uuid, nullable=False),
    Column("message", Text),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    ForeignKeyConstraint(["project_id", "prompt_id"], ["prompts.project_id", "prompts.prompt_id"], ondelete="CASCADE"),
    CheckConstraint("actor_kind IN ('user', 'key', 'system')", name="actor_kind"),
    Index("ix_label_moves_project_id_prompt_id_label_id", "project_id", "prompt_id", "label", "id"),
)

protected_labels = Table(
    "protected_labels",
    metadata,
    Column("project_id", Uuid, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("label", Text, primary_key=True),
    # A second person has to approve each move; otherwise any admin moves it.
    Column("needs_approval", Boolean, nullable=False),
    created_at(),
)

label_requests = Table(
    "label_requests",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("prompt_id", Text, nullable=False),
    Column("label", Text, nullable=False),
    # Where the label stood when the request was made: it can be approved as long as it stands there.
    Column("from_number", Integer),
    Column("to_number", Integer, nullable=False),
    Column("message", Text),
    Column("status", Text, nullable=False),
    Column("requested_by", Uuid, ForeignKey("users.id"), nullable=False),
    created_at(),
    Column("decided_by", Uuid, ForeignKey("users.id", name="fk_label_requests_users_decided_by")),
    Column("decided_at", DateTime(timezone=True)),
    ForeignKeyConstraint(
        ["project_id", "prompt_id", "to_number"],
        ["versions.project_id", "versions.prompt_id", "versions.number"],
        ondelete="CASCADE",
    ),
    CheckConstraint("status IN ('open', 'approved', 'rejected', 'withdrawn')", name="status"),
    Index("ix_label_requests_project_id_status_created_at_id", "project_id", "status", "created_at", "id"),
)

label_comments = Table(
    "label_comments",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("request_id", Uuid, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_by", Uuid, ForeignKey("users.id"), nullable=False),
    created_at(),
    ForeignKeyConstraint(
        ["project_id", "request_id"], ["label_requests.project_id", "label_requests.id"], ondelete="CASCADE"
    ),
    Index("ix_label_comments_project_id_request_id_created_at", "project_id", "request_id", "created_at"),
)
