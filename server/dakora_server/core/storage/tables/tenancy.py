"""Who is here, and what they may open."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from dakora_server.core.storage.tables.base import created_at, metadata

users = Table(
    "users",
    metadata,
    # Made from issuer and subject, so that a user's rows can be asked for before anything about the user is known.
    Column("id", Uuid, primary_key=True),
    Column("issuer", Text),
    Column("subject", Text),
    Column("email", Text),
    Column("name", Text, nullable=False),
    created_at(),
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
    created_at(),
    Column("archived_at", DateTime(timezone=True)),
)

memberships = Table(
    "memberships",
    metadata,
    Column("workspace_id", Uuid, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Text, nullable=False),
    created_at(),
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
    created_at(),
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
    created_at(),
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
    created_at(),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    # A rotated key lives on until it expires, and no longer counts among the live ones.
    Column("replaced_by", Uuid),
    Column("last_used_at", DateTime(timezone=True)),
    ForeignKeyConstraint(["workspace_id", "project_id"], ["projects.workspace_id", "projects.id"], ondelete="CASCADE"),
    Index("uq_api_keys_project_id_mac", "project_id", "mac", unique=True),
    Index("ix_api_keys_workspace_id_created_by", "workspace_id", "created_by"),
)
