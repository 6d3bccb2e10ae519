"""The tables: the one description of the schema. Migrations follow it, and a test compares the two.

Keys begin with the tenant (`project_id`), so that neither a join nor a foreign key can reach across projects.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _created_at() -> Column[object]:
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()"))


users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text),
    Column("name", Text, nullable=False),
    _created_at(),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    _created_at(),
)

memberships = Table(
    "memberships",
    metadata,
    Column("workspace_id", Uuid, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Text, nullable=False),
    _created_at(),
    CheckConstraint("role IN ('owner', 'admin', 'editor', 'viewer')", name="role"),
    Index("ix_memberships_user_id", "user_id"),
)

projects = Table(
    "projects",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    _created_at(),
    Index("uq_projects_workspace_id_slug", "workspace_id", "slug", unique=True),
)

prompts = Table(
    "prompts",
    metadata,
    Column("project_id", Uuid, ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("prompt_id", Text, primary_key=True),
    # The id in lower case: ids are unique whatever their case, because a folder may not tell them apart.
    Column("id_key", Text, nullable=False),
    Column("folder", Text, nullable=False),
    # The newest version's number; also how many there are, because numbers are dense.
    Column("head_number", Integer, nullable=False),
    # Counts every change that shows in an answer about this prompt; part of its ETag.
    Column("revision", Integer, nullable=False),
    Column("created_by", Uuid, ForeignKey("users.id"), nullable=False),
    _created_at(),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("archived_at", DateTime(timezone=True)),
    CheckConstraint("head_number >= 1", name="head_number"),
    Index("uq_prompts_project_id_id_key", "project_id", "id_key", unique=True),
)

versions = Table(
    "versions",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("prompt_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("semver", Text, nullable=False),
    # SHA-256 of the canonical text; with the project it is the document's address in the registry.
    Column("content_hash", Text, nullable=False),
    # Copied out of the document so that lists need not open it.
    Column("description", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False),
    Column("inputs", JSONB, nullable=False),
    Column("portable", Boolean, nullable=False),
    Column("message", Text),
    Column("created_by", Uuid, ForeignKey("users.id"), nullable=False),
    _created_at(),
    ForeignKeyConstraint(["project_id", "prompt_id"], ["prompts.project_id", "prompts.prompt_id"], ondelete="CASCADE"),
    CheckConstraint("number >= 1", name="number"),
    CheckConstraint("content_hash ~ '^[0-9a-f]{64}$'", name="content_hash"),
    Index("uq_versions_project_id_prompt_id_semver", "project_id", "prompt_id", "semver", unique=True),
    Index("ix_versions_project_id_content_hash", "project_id", "content_hash"),
)
