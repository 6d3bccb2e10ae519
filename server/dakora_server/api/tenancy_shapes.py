"""The shapes of workspaces, projects, members and keys on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dakora_server.core.scope import Role, Scope
from dakora_server.core.tenancy.records import MemberRecord, ProjectRecord, WorkspaceRecord

SLUG = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
_NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"
_EMAIL = r"^[^\s@<>\"(),:;\\\[\]\x00-\x1f\x7f]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"
_LABEL = r"^[A-Za-z0-9._-]+$"


def _not_blank(name: str) -> str:
    if not name.strip():
        raise ValueError("must not be blank")
    return name.strip()


Slug = Annotated[str, Field(pattern=SLUG, description="Lower-case letters, digits and hyphens.", examples=["acme"])]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=_NO_CONTROL), AfterValidator(_not_blank)]
EmailAddress = Annotated[str, Field(max_length=254, pattern=_EMAIL, examples=["ada@example.com"])]


KeyStatus = Literal["live", "rotated", "expired", "revoked"]


class Strict(BaseModel):
    """A body: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")


class NewPlace(Strict):
    """A workspace or project to make. Without a slug, one is made from the name."""

    name: Name
    slug: Slug | None = None


class NewProject(NewPlace):
    """A project to make."""

    samples: bool = Field(True, description="Begin with a few sample prompts and parts.")


class PlaceChange(Strict):
    """A new name or slug."""

    name: Name | None = None
    slug: Slug | None = None


class Workspace(BaseModel):
    """A workspace and the caller's role in it."""

    id: UUID
    slug: str
    name: str
    personal: bool = Field(description="Comes and goes with its user.")
    role: Role
    created_at: datetime

    @classmethod
    def of(cls, record: WorkspaceRecord) -> "Workspace":
        """From a record."""
        return cls.model_validate(record, from_attributes=True)


class Project(BaseModel):
    """A project."""

    id: UUID
    slug: str
    name: str
    workspace_id: UUID
    created_at: datetime
    archived_at: datetime | None

    @classmethod
    def of(cls, record: ProjectRecord) -> "Project":
        """From a record."""
        return cls.model_validate(record, from_attributes=True)


class Member(BaseModel):
    """A member of a workspace."""

    user_id: UUID
    name: str
    email: str | None
    role: Role
    created_at: datetime

    @classmethod
    def of(cls, record: MemberRecord) -> "Member":
        """From a record."""
        return cls.model_validate(record, from_attributes=True)


class RoleChange(Strict):
    """A member's new role."""

    role: Role


class NewOwner(Strict):
    """Who is to own the workspace."""

    user_id: UUID


class NewInvitation(Strict):
    """Whom to invite, and as what."""

    email: EmailAddress
    role: Role = Role.editor


class Invitation(BaseModel):
    """An open invitation."""

    id: UUID
    email: str
    role: Role
    invited_by: UUID
    created_at: datetime
    expires_at: datetime
    delivery: Literal["link", "sending", "sent", "failed"] = Field(
        description="`link`: pass the link on yourself; else how the mail fares."
    )


class InvitationWithLink(Invitation):
    """An invitation just made; with the link where no mail goes out. It is shown this once."""

    link: str | None


class InvitationToken(Strict):
    """The token of an invitation's link: what stands behind its `#`."""

    token: str = Field(min_length=32, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")


class NewApiKey(Strict):
    """A key to make."""

    name: Name
    scopes: list[Scope] = Field(default=[Scope.read, Scope.render], min_length=1, max_length=len(Scope))
    labels: list[Annotated[str, Field(max_length=64, pattern=_LABEL)]] | None = Field(
        None, min_length=1, max_length=20, description="Only versions that one of these labels points to."
    )
    expires_in_days: Literal[30, 90, 365] | None = None


class Rotation(Strict):
    """How long the old key works on."""

    overlap_hours: int = Field(24, ge=0, le=30 * 24)


class ApiKey(BaseModel):
    """A key, without the key."""

    id: UUID
    name: str
    key_hint: str = Field(description="What the key looks like: `dk_proj_…abcd`.")
    scopes: list[Scope]
    labels: list[str] | None
    status: KeyStatus
    created_by: UUID
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class ApiKeyWithSecret(ApiKey):
    """A key just made. `key` is shown this once."""

    key: str


class AuditEvent(BaseModel):
    """Who did what, when, from where."""

    id: UUID
    at: datetime
    actor_kind: Literal["user", "key", "system"]
    actor_id: UUID
    action: str = Field(examples=["prompt.saved"])
    subject: str = Field(description="The id of what it was done to.")
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    address: str | None
    request_id: str | None
    project_id: UUID | None


class PromptMove(Strict):
    """Where a prompt goes."""

    project_id: UUID = Field(description="Another project of the same workspace.")
