"""API keys as rows: everything but the key."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dakora_server.core.scope import KeyRights, ProjectId, Scope, WorkspaceId


@dataclass(frozen=True, slots=True)
class ApiKeyRecord:
    """What is known of a key. `labels` None means every label, `expires_at` None that it does not expire."""

    id: UUID
    project_id: UUID
    workspace_id: UUID
    name: str
    hint: str
    scopes: tuple[Scope, ...]
    labels: tuple[str, ...] | None
    created_by: UUID
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_by: UUID | None
    last_used_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Whether it opens anything at `now`."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)

    @property
    def rights(self) -> KeyRights:
        """What it opens."""
        return KeyRights(
            id=self.id,
            workspace_id=WorkspaceId(self.workspace_id),
            project_id=ProjectId(self.project_id),
            scopes=frozenset(self.scopes),
            labels=None if self.labels is None else frozenset(self.labels),
            expires_at=self.expires_at,
        )


@dataclass(frozen=True, slots=True)
class FreshKey:
    """A key just made. Its text exists here and with whoever asked for it, and nowhere else."""

    record: ApiKeyRecord
    text: str

    def __repr__(self) -> str:
        return f"FreshKey({self.record.id})"
