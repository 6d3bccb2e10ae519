"""Whose rows a transaction may see. PostgreSQL holds it: row-level security compares every row with these."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Tenant:
    """What a transaction is limited to; a row is visible when its table's policy names one of these.

    With a `project_id` alone not even another project of the same workspace can be seen. `platform` opens only what
    belongs to nobody: the change feed, the audit chain, expired leftovers, and the list of projects for fsck; never
    a prompt or a key.
    """

    user_id: UUID | None = None
    workspace_id: UUID | None = None
    project_id: UUID | None = None
    platform: bool = False

    @property
    def owner_id(self) -> UUID:
        """The narrowest of the three, for rows that belong to the transaction's own place."""
        found = self.project_id or self.workspace_id or self.user_id
        if found is None:
            raise ValueError("this tenant names nobody")
        return found


NOBODY = Tenant()
PLATFORM = Tenant(platform=True)
