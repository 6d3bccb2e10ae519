"""Is everything there? Rows and documents match, hashes hold, numbers have no gap, nothing is left over."""

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from dakora_server.core import clock
from dakora_server.core.exceptions import DocumentCorrupt
from dakora_server.core.parts import queries as part_rows
from dakora_server.core.prompts import queries
from dakora_server.core.prompts.queries import NamedDocument
from dakora_server.core.scope import Grant, Principal, ProjectId, ProjectRows, Role, WorkspaceId
from dakora_server.core.storage.database import Database
from dakora_server.core.storage.registry.base import Leftover, Registry
from dakora_server.core.storage.side_by_side import for_each
from dakora_server.core.storage.tenant import PLATFORM, Tenant
from dakora_server.core.tenancy.queries import every_project

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
    orphans: int = 0
    leftovers: int = 0
    swept: int = 0

    @property
    def is_clean(self) -> bool:
        """Nothing that was acknowledged is missing or damaged. Orphans are harmless."""
        return not (self.missing or self.corrupt or self.gaps)

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
        if self.orphans or self.leftovers:
            lines.append(f"{self.orphans} orphan documents, {self.leftovers} temporary files (--sweep removes)")
        if self.swept:
            lines.append(f"{self.swept} removed")
        lines.append("clean" if self.is_clean else "NOT CLEAN")
        return "\n".join(lines)


async def fsck(database: Database, registry: Registry, *, grace_hours: float = 24, sweep: bool = False) -> Report:
    """Compare all rows with all documents. Reads everything; changes nothing unless `sweep`.

    A document younger than the grace period is never swept: its row may be about to be written.
    """
    report = Report()
    stored = {(document.project_id, document.hash): document async for document in registry.walk()}
    # Rows second: a document is written before its row, so every row seen now had its document seen or newer.
    referred: set[tuple[UUID, str]] = set()
    async with database.transaction(PLATFORM, read_only=True) as tx:
        places = await every_project(tx)
    for workspace_id, project_id in places:
        grant = Grant(_OPERATOR, WorkspaceId(workspace_id), ProjectId(project_id), Role.viewer)
        named = await _look_over(database, grant, report)
        referred.update((entry.project_id, entry.content_hash) for entry in named)
        await _check_documents(named, registry, stored.keys(), report)
    orphans = [key for key in stored if key not in referred]
    report.orphans = len(orphans)
    leftovers = await registry.leftovers()
    report.leftovers = len(leftovers)
    if sweep:
        oldest = clock.now() - timedelta(hours=grace_hours)
        old = [key for key in orphans if stored[key].written_at < oldest]
        report.swept = await _sweep(registry, old, [one for one in leftovers if one.written_at < oldest])
    return report


async def _look_over(database: Database, grant: Grant, report: Report) -> list[NamedDocument]:
    """One project's rows, read as that project: not even the operator's check looks past the walls."""
    async with database.transaction(Tenant(project_id=grant.project_id), read_only=True) as tx:
        project = ProjectRows(grant, tx)
        report.gaps += [*await queries.version_gaps(project), *await part_rows.version_gaps(project)]
        prompts, versions = await queries.totals(project)
        parts, part_versions = await part_rows.totals(project)
        report.prompts += prompts
        report.parts += parts
        report.versions += versions + part_versions
        named = [
            NamedDocument(project.project_id, digest, f"part {part_id}", number)
            for digest, part_id, number in await part_rows.named_documents(project)
        ]
        return [*await queries.named_documents(project), *named]


async def _check_documents(
    named: list[NamedDocument], registry: Registry, stored: Collection[tuple[UUID, str]], report: Report
) -> None:
    """Read each document once, a few at a time: in a store far away, most of it is waiting."""
    places: dict[tuple[UUID, str], list[str]] = defaultdict(list)
    for entry in named:
        line = f"{entry.project_id}/{entry.content_hash}.yaml ({entry.prompt_id} version {entry.number})"
        places[entry.project_id, entry.content_hash].append(line)

    async def each_place() -> AsyncIterator[tuple[UUID, str]]:
        for place in places:
            yield place

    async def check(place: tuple[UUID, str]) -> None:
        project_id, digest = place
        try:
            sound = hashlib.sha256(await registry.get(project_id, digest)).hexdigest() == digest
        except DocumentCorrupt:
            sound = False
        if not sound:
            (report.corrupt if place in stored else report.missing).extend(places[place])

    await for_each(each_place(), check, at_once=_AT_ONCE)
    report.documents += len(named)
    report.missing.sort()
    report.corrupt.sort()


async def _sweep(registry: Registry, orphans: Iterable[tuple[UUID, str]], leftovers: Iterable[Leftover]) -> int:
    swept = 0
    for project_id, digest in orphans:
        await registry.delete(project_id, digest)
        swept += 1
    for leftover in leftovers:
        await registry.discard(leftover)
        swept += 1
    return swept
