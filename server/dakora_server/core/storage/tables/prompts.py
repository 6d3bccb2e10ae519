"""Prompts, their versions, and what lists are narrowed by."""

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
    # Counts moves of labels: they show in answers too, but take nothing from an editor's `If-Match`.
    Column("label_revision", Integer, nullable=False, server_default=text("0")),
    Column("created_by", Uuid, ForeignKey("users.id"), nullable=False),
    created_at(),
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
    # The exact part versions that this version is made with (`Includes.to_json`); NULL without any.
    Column("includes", JSONB(none_as_null=True)),
    Column("message", Text),
    Column("created_by", Uuid, ForeignKey("users.id"), nullable=False),
    created_at(),
    ForeignKeyConstraint(["project_id", "prompt_id"], ["prompts.project_id", "prompts.prompt_id"], ondelete="CASCADE"),
    CheckConstraint("number >= 1", name="number"),
    CheckConstraint("content_hash ~ '^[0-9a-f]{64}$'", name="content_hash"),
    Index("uq_versions_project_id_prompt_id_semver", "project_id", "prompt_id", "semver", unique=True),
    Index("ix_versions_project_id_content_hash", "project_id", "content_hash"),
)

# What lists are narrowed by, side by side in narrow rows: of each prompt's newest version.
prompt_search = Table(
    "prompt_search",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("id_key", Text, primary_key=True),
    # The description in lower case.
    Column("words", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False),
    ForeignKeyConstraint(["project_id", "id_key"], ["prompts.project_id", "prompts.id_key"], ondelete="CASCADE"),
)

# What the rows of `prompt_search` are found by: an index in all but name, with a policy of its own (decision 21).
prompt_numbers = Table(
    "prompt_numbers",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("id_key", Text, primary_key=True),
    # As in `prompt_search`: what the index finds is compared with it before anything else is looked at.
    Column("words", Text, nullable=False),
    # For short runs of characters in id and words, for tags and for folders.
    Column("numbers", ARRAY(Integer), nullable=False),
    ForeignKeyConstraint(["project_id", "id_key"], ["prompts.project_id", "prompts.id_key"], ondelete="CASCADE"),
    Index("ix_prompt_numbers_numbers", "numbers", postgresql_using="gin"),
)
