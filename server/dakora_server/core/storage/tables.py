"""The tables: the one description of the schema. Migrations follow it, and a test compares the two.

Keys begin with the tenant (`project_id` or `workspace_id`), so that neither a join nor a foreign key can reach across.
Row-level security stands beside it as a second wall: who sees which row is written in the migrations, and every table
here has it enabled and forced (a start-up check and a test hold that).
"""

from typing import Any

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
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

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


class TransactionNumber(UserDefinedType[Any]):
    """PostgreSQL's xid8: which transaction wrote a row."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in SQL."""
        return "xid8"


# So that a schema read from the database has it too, where a test compares the two.
ischema_names["xid8"] = TransactionNumber

users = Table(
    "users",
    metadata,
    # Made from issuer and subject, so that a user's rows can be asked for before anything about the user is known.
    Column("id", Uuid, primary_key=True),
    Column("issuer", Text),
    Column("subject", Text),
    Column("email", Text),
    Column("name", Text, nullable=False),
    _created_at(),
    # The issuer's own time of what we last heard of the user: older news that comes later is not taken.
    Column("heard_at", DateTime(timezone=True)),
    # A deleted user keeps its row, without name and address, so that it does not come back and history has an author.
    Column("deleted_at", DateTime(timezone=True)),
    UniqueConstraint("issuer", "subject"),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    # A personal workspace comes with its user and cannot be left or handed over.
    Column("personal", Boolean, nullable=False, server_default=text("false")),
    _created_at(),
    Column("archived_at", DateTime(timezone=True)),
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
    Column("archived_at", DateTime(timezone=True)),
    # For foreign keys that carry the workspace along.
    UniqueConstraint("workspace_id", "id"),
    # An archived project gives its slug free.
    Index(
        "uq_projects_workspace_id_slug",
        "workspace_id",
        "slug",
        unique=True,
        postgresql_where=text("archived_at IS NULL"),
    ),
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
    # Counts moves of labels: they show in answers too, but take nothing from an editor's `If-Match`.
    Column("label_revision", Integer, nullable=False, server_default=text("0")),
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
    # The exact part versions that this version is made with (`Includes.to_json`); NULL without any.
    Column("includes", JSONB(none_as_null=True)),
    Column("message", Text),
    Column("created_by", Uuid, ForeignKey("users.id"), nullable=False),
    _created_at(),
    ForeignKeyConstraint(["project_id", "prompt_id"], ["prompts.project_id", "prompts.prompt_id"], ondelete="CASCADE"),
    CheckConstraint("number >= 1", name="number"),
    CheckConstraint("content_hash ~ '^[0-9a-f]{64}$'", name="content_hash"),
    Index("uq_versions_project_id_prompt_id_semver", "project_id", "prompt_id", "semver", unique=True),
    Index("ix_versions_project_id_content_hash", "project_id", "content_hash"),
)

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
    _created_at(),
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
    _created_at(),
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
    _created_at(),
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
    _created_at(),
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
    _created_at(),
    ForeignKeyConstraint(
        ["project_id", "request_id"], ["label_requests.project_id", "label_requests.id"], ondelete="CASCADE"
    ),
    Index("ix_label_comments_project_id_request_id_created_at", "project_id", "request_id", "created_at"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("workspace_id", Uuid, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    # HMAC-SHA256 of the token in the link; the token itself is nowhere.
    Column("mac", LargeBinary, nullable=False),
    Column("invited_by", Uuid, ForeignKey("users.id"), nullable=False),
    _created_at(),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    # How the link goes out: `link` (shown to who invited), or by mail: `sending`, `sent`, `failed`.
    Column("delivery", Text, nullable=False),
    Column("accepted_by", Uuid, ForeignKey("users.id", name="fk_invitations_users_accepted_by")),
    CheckConstraint("role IN ('owner', 'admin', 'editor', 'viewer')", name="role"),
    CheckConstraint("delivery IN ('link', 'sending', 'sent', 'failed')", name="delivery"),
    Index("uq_invitations_workspace_id_mac", "workspace_id", "mac", unique=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("project_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("workspace_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    # HMAC-SHA256 of the whole key under the server's secret; the key itself is nowhere.
    Column("mac", LargeBinary, nullable=False),
    # The last four characters, so that people can tell keys apart.
    Column("hint", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    # NULL: every label.
    Column("labels", ARRAY(Text)),
    Column("created_by", Uuid, ForeignKey("users.id"), nullable=False),
    _created_at(),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    # A rotated key lives on until it expires, and no longer counts among the live ones.
    Column("replaced_by", Uuid),
    Column("last_used_at", DateTime(timezone=True)),
    ForeignKeyConstraint(["workspace_id", "project_id"], ["projects.workspace_id", "projects.id"], ondelete="CASCADE"),
    Index("uq_api_keys_project_id_mac", "project_id", "mac", unique=True),
    Index("ix_api_keys_workspace_id_created_by", "workspace_id", "created_by"),
)

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
    _created_at(),
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
