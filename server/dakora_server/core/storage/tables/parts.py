"""Parts, their versions, and who uses them."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from dakora_server.core.storage.tables.base import created_at, metadata

parts = Table(
    "parts",
    metadata,
    Column("project_id", Uuid, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    # `category/part_id`.
    Column("part_id", Text, primary_key=True),
    Column("id_key", Text, nullable=False),
    Column("head_number", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_by", Uuid, ForeignKey("users.id"), nullable=False),
    created_at(),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    # A deleted part keeps its versions: others were saved with them.
    Column("archived_at", DateTime(timezone=True)),
    CheckConstraint("head_number >= 1", name="head_number"),
    Index("uq_parts_project_id_id_key", "project_id", "id_key", unique=True),
)

part_versions = Table(
    "part_versions",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("part_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("semver", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False),
    # What its own text reads from outside.
    Column("variables", ARRAY(Text), nullable=False),
    # Of its own text, in bytes.
    Column("size", Integer, nullable=False),
    Column("includes", JSONB(none_as_null=True)),
    Column("message", Text),
    Column("created_by", Uuid, ForeignKey("users.id"), nullable=False),
    created_at(),
    ForeignKeyConstraint(["project_id", "part_id"], ["parts.project_id", "parts.part_id"], ondelete="CASCADE"),
    CheckConstraint("number >= 1", name="number"),
    CheckConstraint("content_hash ~ '^[0-9a-f]{64}$'", name="content_hash"),
    Index("uq_part_versions_project_id_part_id_semver", "project_id", "part_id", "semver", unique=True),
    Index("ix_part_versions_project_id_content_hash", "project_id", "content_hash"),
)

# Which versions use which parts, through other parts too. `direct`: the text itself names it. `floating`: by names
# without a version, so that a newer version of the part makes a newer version of its user.
prompt_uses = Table(
    "prompt_uses",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("prompt_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("part_id", Text, primary_key=True),
    Column("part_number", Integer, primary_key=True),
    Column("direct", Boolean, nullable=False),
    Column("floating", Boolean, nullable=False),
    ForeignKeyConstraint(
        ["project_id", "prompt_id", "number"],
        ["versions.project_id", "versions.prompt_id", "versions.number"],
        ondelete="CASCADE",
    ),
    Index("ix_prompt_uses_project_id_part_id", "project_id", "part_id"),
)

part_uses = Table(
    "part_uses",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("includer_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("part_id", Text, primary_key=True),
    Column("part_number", Integer, primary_key=True),
    Column("direct", Boolean, nullable=False),
    Column("floating", Boolean, nullable=False),
    ForeignKeyConstraint(
        ["project_id", "includer_id", "number"],
        ["part_versions.project_id", "part_versions.part_id", "part_versions.number"],
        ondelete="CASCADE",
    ),
    Index("ix_part_uses_project_id_part_id", "project_id", "part_id"),
)
