"""What goes on beside the requests: numbers folded, months dropped, what is no longer kept deleted."""

from dakora_server.core.executions import queries
from dakora_server.core.executions.records import UNTOUCHED
from dakora_server.core.executions.stat_queries import FOLDED, fold
from dakora_server.core.scope import Grant, ProjectId, ProjectRows, ProjectWriter
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.tenant import PLATFORM, Tenant

FOLD_SECONDS = 1.0
# Short transactions, so that nobody waits for one.
_DELETED_AT_ONCE = 5_000


class Folding:
    """One a process: folds the numbers of the projects that it has recorded runs of.

    What a process leaves when it is killed is counted all the same, and folded with the next run of its project.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[ProjectId, Grant] = {}

    def remember(self, project: ProjectWriter) -> None:
        """Runs of this project were recorded."""
        grant = Grant(project.actor, project.workspace_id, project.project_id, project.role)
        self._waiting[project.project_id] = grant

    async def turn(self) -> None:
        """Fold what was remembered. Raises DatabaseUnavailable, Busy; then it stays remembered."""
        while self._waiting:
            project_id, grant = self._waiting.popitem()
            try:
                while await self._fold(grant) >= FOLDED:
                    pass
            except BaseException:  # also when stopped halfway: `stop` folds what is left
                self._waiting.setdefault(project_id, grant)
                raise

    async def _fold(self, grant: Grant) -> int:
        async with self._database.transaction(Tenant(project_id=grant.project_id)) as tx:
            return await fold(ProjectRows(grant, tx))


async def expire(database: Database) -> None:
    """Let go of executions that are past their time. Raises DatabaseUnavailable, Busy."""
    async with database.transaction(PLATFORM) as tx:
        await queries.drop_months(tx)
        limited = await queries.limited(tx)
    for project_id in limited:
        tenant = Tenant(project_id=project_id)
        deleted = _DELETED_AT_ONCE
        while deleted == _DELETED_AT_ONCE:
            async with database.transaction(tenant) as tx:
                settings = await queries.settings_in(tx, project_id) or UNTOUCHED
                deleted = await queries.forget(tx, project_id, settings, most=_DELETED_AT_ONCE)
