"""Users, workspaces, projects, members and invitations as rows."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dakora_server.core.scope import Role


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A user. A deleted one has neither name nor address."""

    id: UUID
    name: str
    email: str | None
    heard_at: datetime | None = None
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WorkspaceRecord:
    """A workspace as one of its members sees it."""

    id: UUID
    slug: str
    name: str
    personal: bool
    created_at: datetime
    role: Role


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """A project and the workspace it belongs to."""

    id: UUID
    slug: str
    name: str
    workspace_id: UUID
    created_at: datetime
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A member of a workspace."""

    user_id: UUID
    name: str
    email: str | None
    role: Role
    created_at: datetime


@dataclass(frozen=True, slots=True)
class InvitationRecord:
    """An invitation, without its token."""

    id: UUID
    workspace_id: UUID
    email: str
    role: Role
    invited_by: UUID
    created_at: datetime
    expires_at: datetime
    delivery: str = "link"
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FreshInvitation:
    """An invitation just made. Its token exists here and in the link, and nowhere else."""

    record: InvitationRecord
    token: str

    def __repr__(self) -> str:
        return f"FreshInvitation({self.record.id})"
