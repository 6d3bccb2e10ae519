"""Is everything there? Rows and documents match, hashes hold, numbers have no gap, nothing is left over."""

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from cachetools import LRUCache

from dakora_server.core import clock
from dakora_server.core.exceptions import DocumentCorrupt
from dakora_server.core.prompts import queries
from dakora_server.core.prompts.fsck_rows import contradictions, unsteady
from dakora_server.core.prompts.queries import VersionFacts
from dakora_server.core.scope import Grant, Principal, ProjectId, ProjectRows, Role, WorkspaceId
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.registry.local import LocalRegistry
from dakora_server.core.storage.tenant import PLATFORM, Tenant
from dakora_server.core.templates.serialization import Document
from dakora_server.core.tenancy.queries import every_project

_PAGE = 1000
# Versions that follow each other often name the same document.
_KEPT_DOCUMENTS = 64
_OPERATOR = Principal(UUID(int=0), "operator")


@dataclass
class Report:
    """What was looked at and what is wrong. `swept` counts what `--sweep` removed."""

    prompts: int = 0
    versions: int = 0
    documents: int = 0
    missing: list[str] = field(default_factory=list)
    corrupt: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    # Rows that say something else than their document, or stand where they cannot have been put.
    contradictions: list[str] = field(default_factory=list)
    orphans: int = 0
    leftovers: int = 0
    swept: int = 0

    @property
    def is_clean(self) -> bool:
        """Nothing that was acknowledged is missing or damaged. Orphans are harmless."""
        return not (self.missing or self.corrupt or self.gaps or self.contradictions)

    def to_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {"clean": self.is_clean, **asdict(self)}

    def to_text(self) -> str:
        """The report for people."""
        lines = [f"{self.prompts} prompts, {self.versions} versions, {self.documents} documents looked at"]
        lines += [f"missing  {entry}" for entry in self.missing]
        lines += [f"corrupt  {entry}" for entry in self.corrupt]
        lines += [f"gap      {entry}" for entry in self.gaps]
        lines += [f"differs  {entry}" for entry in self.contradictions]
        if self.orphans or self.leftovers:
            lines.append(f"{self.orphans} orphan documents, {self.leftovers} temporary files (--sweep removes)")
        if self.swept:
            lines.append(f"{self.swept} removed")
        lines.append("clean" if self.is_clean else "NOT CLEAN")
        return "\n".join(lines)


async def fsck(database: Database, registry: LocalRegistry, *, grace_hours: float = 24, sweep: bool = False) -> Report:
    """Compare all rows with all documents. Reads everything; changes nothing unless `sweep`.

    A document younger than the grace period is never swept: its row may be about to be written. Saving a text whose
    document is there already makes that young again.
    """
    report = Report()
    stored = {(document.project_id, document.hash): document for document in registry.walk()}
    # Rows second: a document is written before its row, so every row seen now had its document seen or newer.
    referred: set[tuple[UUID, str]] = set()
    async with database.transaction(PLATFORM, read_only=True) as tx:
        places = await every_project(tx)
    for workspace_id, project_id in places:
        grant = Grant(_OPERATOR, WorkspaceId(workspace_id), ProjectId(project_id), Role.viewer)
        referred |= await _look_over(database, grant, registry, report)
    orphans = [key for key in stored if key not in referred]
    report.orphans = len(orphans)
    leftovers = list(registry.leftovers())
    report.leftovers = len(leftovers)
    if sweep:
        oldest = clock.now() - timedelta(hours=grace_hours)
        old = [key for key in orphans if stored[key].written_at < oldest]
        for project_id, digest in old:
            report.swept += await registry.sweep(project_id, digest, before=oldest)
        for path in leftovers:
            if path.stat().st_mtime < oldest.timestamp():
                path.unlink(missing_ok=True)
                report.swept += 1
    return report


async def _look_over(
    database: Database, grant: Grant, registry: LocalRegistry, report: Report
) -> set[tuple[UUID, str]]:
    """One project's rows, read as that project: not even the operator's check looks past the walls."""
    tenant = Tenant(project_id=grant.project_id)
    async with database.transaction(tenant, read_only=True) as tx:
        project = ProjectRows(grant, tx)
        report.gaps += await queries.version_gaps(project)
        prompts, versions = await queries.totals(project)
        report.prompts += prompts
        report.versions += versions
    check = _Check(grant.project_id, registry, report)
    after: tuple[str, int] | None = None
    while True:
        async with database.transaction(tenant, read_only=True) as tx:
            rows = await queries.version_facts(ProjectRows(grant, tx), after=after, limit=_PAGE)
        for row in rows:
            await check.look_at(row)
        if len(rows) < _PAGE:
            return {(grant.project_id, digest) for digest in check.referred}
        after = (rows[-1].prompt_id, rows[-1].number)


class _Check:
    """One project's versions, looked at in order of prompt and number."""

    def __init__(self, project_id: ProjectId, registry: LocalRegistry, report: Report) -> None:
        self.referred: set[str] = set()
        self._project_id = project_id
        self._registry = registry
        self._report = report
        self._documents: LRUCache[str, Document | None] = LRUCache(_KEPT_DOCUMENTS)
        self._before: VersionFacts | None = None

    async def look_at(self, row: VersionFacts) -> None:
        """Compare one row with its document, and with the row before it."""
        where = f"{self._project_id} {row.prompt_id} version {row.number}"
        misplaced = unsteady(row, self._before)
        if misplaced is not None:
            self._report.contradictions.append(f"{where}: {misplaced}")
        self._before = row
        document = await self._document(row)
        if document is not None:
            self._report.contradictions += [f"{where}: {said}" for said in contradictions(row, document)]

    async def _document(self, row: VersionFacts) -> Document | None:
        """The document that a row names; None, and said once, when it is missing or damaged."""
        digest = row.content_hash
        if digest in self._documents:
            return self._documents[digest]
        is_new = digest not in self.referred
        self.referred.add(digest)
        document: Document | None = None
        where = f"{self._project_id}/{digest}.yaml ({row.prompt_id} version {row.number})"
        self._report.documents += is_new
        try:
            raw = await self._registry.get(self._project_id, digest)
        except DocumentCorrupt:
            self._report.missing += [where] * is_new
        else:
            try:
                document = Document.load_verified(digest, raw)
            except DocumentCorrupt:
                self._report.corrupt += [where] * is_new
        self._documents[digest] = document
        return document
