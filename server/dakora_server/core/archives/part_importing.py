"""The parts of an archive: read and checked, their documents stored, and what saving them comes to."""

from collections.abc import Sequence
from dataclasses import replace

from dakora_server.core.archives.layout import Layout
from dakora_server.core.archives.reading import ReadPrompt, ReadVersion, read_part
from dakora_server.core.archives.results import Imported, Wanted, imported, located, refusal, refused_for
from dakora_server.core.archives.zips import Archive
from dakora_server.core.exceptions import Fault, TemplateInvalid
from dakora_server.core.outcome import Outcome
from dakora_server.core.parts.bulk_plan import PartLine, Plan, PreparedPart
from dakora_server.core.parts.saving_many import plan_parts
from dakora_server.core.parts.service import tags_of
from dakora_server.core.prompts.saving_many import analyse
from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.templates.analysis import Analysis

# Parts that are read, checked and stored together.
_GROUP = 64


class PartReading:
    """The way of an archive's parts to lines that can be saved. Texts are let go as soon as they are stored."""

    def __init__(self, project: ProjectWriter, archive: Archive, layout: Layout, wanted: Wanted) -> None:
        self._project = project
        self._archive = archive
        self._layout = layout
        self._wanted = wanted
        self._refused: list[Imported] = []
        self.lines: list[tuple[str, PartLine]] = []

    async def run(self) -> list[Imported]:
        """Read, check and store every part; answers those files that are at fault."""
        places = self._layout.parts
        for start in range(0, len(places), _GROUP):
            some = places[start : start + _GROUP]
            facts = self._archive, self._layout
            await self._prepare([await read_part(*facts, path, its_id, self._wanted.message) for path, its_id in some])
        return self._refused

    async def _prepare(self, group: Sequence[ReadPrompt]) -> None:
        documents = {version.document.hash: version.document for one in group for version in one.versions}
        verdicts = await analyse(self._project, documents)
        good = [
            (digest, documents[digest].text.encode()) for digest, one in verdicts.items() if isinstance(one, Analysis)
        ]
        if good and not self._wanted.dry_run:
            await self._project.vault.put_many(good)
        for one in group:
            prepared: list[PreparedPart] = []
            faults = list(one.faults)
            for version in one.versions:
                found = verdicts[version.document.hash]
                if isinstance(found, TemplateInvalid):
                    faults += located(version.path, version.raw, found)
                else:
                    prepared.append(_prepared(version, found))
            if faults:
                self._refused.append(Imported(one.path, one.prompt_id, Outcome.refused, faults=tuple(faults)))
            else:
                self.lines.append((one.path, PartLine(tuple(prepared)).without_repeat()))

    async def plan(self, project: ProjectReader) -> Plan:
        """What saving the parts comes to now. Raises ImportRefused where that is not possible, or not as wanted."""
        try:
            plan = await plan_parts(project, [line for _, line in self.lines])
        except TemplateInvalid as error:
            faults = error.errors or (Fault(error.detail, type=error.code),)
            path = self.lines[0][0]
            raise refused_for([replace(fault, message=error.detail, loc=(path,)) for fault in faults[:1]]) from None
        wrong = [one for one in self.results(plan) if one.outcome is Outcome.refused]
        if wrong and self._wanted.is_strict:
            raise refusal(wrong)
        return plan

    def results(self, plan: Plan) -> list[Imported]:
        """What became of each file, in order of path."""
        found = [imported(path, one) for (path, _), one in zip(self.lines, plan.lines, strict=True)]
        return sorted([*self._refused, *found], key=lambda one: one.path)


def _prepared(version: ReadVersion, found: Analysis) -> PreparedPart:
    spec = version.spec
    return PreparedPart(
        part_id=spec.id,
        given=spec.version,
        content_hash=version.document.hash,
        description=spec.description,
        tags=tags_of(spec),
        variables=found.variables,
        size=len((spec.template or "").encode()),
        names=found.includes,
        exact=version.parts,
        message=version.message,
        at=version.at,
    )
