"""Is everything there? Rows and documents match, hashes hold, numbers have no gap, nothing is left over."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from dakora_server.core import clock
from dakora_server.core.exceptions import DocumentCorrupt
from dakora_server.core.parts import queries as part_rows
from dakora_server.core.parts.records import PartFacts
from dakora_server.core.prompts import queries
from dakora_server.core.prompts.fsck_rows import contradictions, unsteady
from dakora_server.core.prompts.queries import VersionFacts
from dakora_server.core.scope import Grant, Principal, ProjectId, ProjectRows, Role, WorkspaceId
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.registry.base import Registry
from dakora_server.core.storage.side_by_side import for_each
from dakora_server.core.storage.tenant import PLATFORM, Tenant
from dakora_server.core.templates.serialization import Document
from dakora_server.core.tenancy.queries import every_project

_PAGE = 200
# Versions that follow each other often name the same document.
_KEPT_DOCUMENTS = 400
_OPERATOR = Principal(UUID(int=0), "operator")
_AT_ONCE = 16


@dataclass
class Report:
    """What was looked at and what is wrong. `swept` counts what `--sweep` removed."""

    prompts: int = 0
    parts: int = 0
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
        lines = [
            f"{self.prompts} prompts, {self.parts} parts, {self.versions} versions,"
            f" {self.documents} documents looked at"
        ]
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


async def fsck(database: Database, registry: Registry, *, grace_hours: float = 24, sweep: bool = False) -> Report:
    """Compare all rows with all documents. Reads everything; changes nothing unless `sweep`.

    A document younger than the grace period is never swept: its row may be about to be written. Saving a text whose
    document is there already makes that young again.
    """
    report = Report()
    stored = {(document.project_id, document.hash): document async for document in registry.walk()}
    # Rows second: a document is written before its row, so every row seen now had its document seen or newer.
    referred: set[tuple[UUID, str]] = set()
    async with database.transaction(PLATFORM, read_only=True) as tx:
        places = await every_project(tx)
    for workspace_id, project_id in places:
        grant = Grant(_OPERATOR, WorkspaceId(workspace_id), ProjectId(project_id), Role.viewer)
        referred |= await _look_over(database, grant, Documents(project_id, registry, stored.keys(), report), report)
    orphans = [key for key in stored if key not in referred]
    report.orphans = len(orphans)
    leftovers = await registry.leftovers()
    report.leftovers = len(leftovers)
    if sweep:
        oldest = clock.now() - timedelta(hours=grace_hours)
        old = [key for key in orphans if stored[key].written_at < oldest]
        for project_id, digest in old:
            report.swept += await registry.sweep(project_id, digest, before=oldest)
        for leftover in leftovers:
            if leftover.written_at < oldest:
                await registry.discard(leftover)
                report.swept += 1
    return report


async def _look_over(database: Database, grant: Grant, documents: "Documents", report: Report) -> set[tuple[UUID, str]]:
    """One project's rows, read as that project: not even the operator's check looks past the walls.

    Answers which documents they name.
    """
    tenant = Tenant(project_id=grant.project_id)
    async with database.transaction(tenant, read_only=True) as tx:
        project = ProjectRows(grant, tx)
        report.gaps += [*await queries.version_gaps(project), *await part_rows.version_gaps(project)]
        prompts, versions = await queries.totals(project)
        parts, part_versions = await part_rows.totals(project)
    report.prompts += prompts
    report.parts += parts
    report.versions += versions + part_versions
    for ask in (queries.version_facts, part_rows.version_facts):
        before: VersionFacts | PartFacts | None = None
        is_last = False
        while not is_last:
            after = None if before is None else before.place
            async with database.transaction(tenant, read_only=True) as tx:
                rows: Sequence[VersionFacts | PartFacts] = await ask(ProjectRows(grant, tx), after=after, limit=_PAGE)
            await documents.fetch(rows)
            for row in rows:
                said = [unsteady(row, before), *contradictions(row, documents.kept.get(row.content_hash))]
                report.contradictions += [f"{grant.project_id} {row.name}: {one}" for one in said if one is not None]
                before = row
            is_last = len(rows) < _PAGE
    return {(grant.project_id, digest) for digest in documents.referred}


class Documents:
    """The documents that one project's rows name, each read and proved once or, far apart, some times."""

    def __init__(
        self, project_id: UUID, registry: Registry, stored: Collection[tuple[UUID, str]], report: Report
    ) -> None:
        self.referred: set[str] = set()
        self.kept: OrderedDict[str, Document | None] = OrderedDict()
        self._project_id = project_id
        self._registry = registry
        self._stored = stored
        self._report = report

    async def fetch(self, rows: Sequence[VersionFacts | PartFacts]) -> None:
        """Read what these rows name, a few at a time: in a store far away, most of it is waiting."""
        naming: dict[str, VersionFacts | PartFacts] = {}
        for row in rows:
            naming.setdefault(row.content_hash, row)
        wanted = [row for digest, row in naming.items() if digest not in self.kept]
        while self.kept and len(self.kept) + len(wanted) > _KEPT_DOCUMENTS:
            digest, _ = self.kept.popitem(last=False)
            if digest in naming:
                wanted.append(naming[digest])

        async def each() -> AsyncIterator[VersionFacts | PartFacts]:
            for row in wanted:
                yield row

        await for_each(each(), self._read, at_once=_AT_ONCE)
        self._report.missing.sort()
        self._report.corrupt.sort()

    async def _read(self, row: VersionFacts | PartFacts) -> None:
        """Keep the document that a row names; None, and said once, when it is missing or damaged."""
        digest = row.content_hash
        is_new = digest not in self.referred
        self.referred.add(digest)
        self._report.documents += is_new
        document: Document | None = None
        try:
            document = Document.load_verified(digest, await self._registry.get(self._project_id, digest))
        except DocumentCorrupt:
            if is_new:
                is_there = (self._project_id, digest) in self._stored
                where = f"{self._project_id}/{digest}.yaml ({row.name})"
                (self._report.corrupt if is_there else self._report.missing).append(where)
        self.kept[digest] = document
