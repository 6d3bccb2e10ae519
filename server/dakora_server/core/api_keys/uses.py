"""When keys were last used: remembered in memory, written once in a while, so that a use costs a request nothing."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from dakora_server.core.api_keys import queries
from dakora_server.core.scope import KeyRights
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.tenant import Tenant

WRITE_SECONDS = 15.0


class KeyUses:
    """One a process: uses noted here show in lists of keys within a quarter of a minute."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._used: dict[UUID, tuple[UUID, datetime]] = {}

    def note(self, key: KeyRights, at: datetime) -> None:
        """This key was used."""
        self._used[key.id] = (key.project_id, at)

    async def write(self) -> None:
        """Write what was noted. Raises DatabaseUnavailable, Busy; then it stays noted."""
        noted, self._used = self._used, {}
        by_project: dict[UUID, dict[UUID, datetime]] = defaultdict(dict)
        for key_id, (project_id, at) in noted.items():
            by_project[project_id][key_id] = at
        try:
            for project_id, used in by_project.items():
                async with self._database.transaction(Tenant(project_id=project_id)) as tx:
                    await queries.note_use(tx, project_id, used)
        except BaseException:  # also when stopped halfway: `stop` writes what is left
            self._used = {**noted, **self._used}
            raise
