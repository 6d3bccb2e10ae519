"""How a template is rendered: plain ones here, at once; everything else in the worker pool."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from cachetools import LRUCache

from dakora_server.core.exceptions import (
    DakoraError,
    Fault,
    InvalidInputs,
    RenderFailed,
    RenderLimitExceeded,
    TemplateInvalid,
)
from dakora_server.core.templates.analysis import Analysis, TemplateFault, analyse
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.renderer import Program, RenderRefused, affordable, compile_program, render
from dakora_server.core.templates.serialization import Document
from dakora_server.core.templates.worker import RenderPool, SchemaCheck

# Compiled plain templates kept in this process, each 10 to 50 KB.
_PROGRAMS = 1000

Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class PartTexts:
    """The parts of a prompt: `key` names them all together by their content; `texts` and `links` as in Includes."""

    key: str
    texts: Mapping[str, str]
    links: Mapping[str, Mapping[str, str]]


class Renderer:
    """The pool, and a cache of compiled plain templates. One for the process."""

    def __init__(self, pool: RenderPool, limits: Limits) -> None:
        self.pool = pool
        self.limits = limits
        # None: this document turned out not to be plain.
        self._programs: LRUCache[str, Program | None] = LRUCache(_PROGRAMS)

    def plain_program(self, document: Document) -> Program | None:
        """The compiled template, if it may run in this process.

        The version's `portable` mark is only a hint to look; the proof is made again here, on the text itself.
        """
        if document.hash in self._programs:
            return self._programs[document.hash]
        analysis = analyse(document.spec.sources, self.limits)
        program = compile_program(document.spec.sources, {}) if analysis.plain and not analysis.faults else None
        self._programs[document.hash] = program
        return program

    async def check(self) -> None:
        """Raises Busy or RendererUnavailable unless a worker answers now."""
        await self.pool.analyse(("ready",), tenant="readiness")


class ProjectRenderer:
    """The renderer as one project sees it: its jobs count as that project's, so that none starves the others."""

    __slots__ = ("_renderer", "_tenant")

    def __init__(self, renderer: Renderer, tenant: str) -> None:
        self._renderer = renderer
        self._tenant = tenant

    async def render(
        self, document: Document, inputs: Mapping[str, Any], *, portable: bool, parts: PartTexts | None = None
    ) -> list[str]:
        """One text for each source.

        Raises InvalidInputs when they are too large, RenderFailed, RenderLimitExceeded, Busy, RendererUnavailable.
        """
        limits, spec = self._renderer.limits, document.spec
        size = len(orjson.dumps(inputs))
        if size > limits.inputs_bytes:
            raise InvalidInputs(f"The inputs have more than {limits.inputs_bytes} bytes.")
        if portable:
            program = self._renderer.plain_program(document)
            if program is not None and affordable(program, size, inputs):
                try:
                    return render(program, inputs, limits)
                except RenderRefused as refused:
                    raise _as_error(refused, spec) from None
        try:
            return await self._in_pool(document, inputs, parts)
        except (RenderFailed, RenderLimitExceeded) as error:
            error.errors = tuple(replace(fault, loc=_placed(spec, fault.loc)) for fault in error.errors)
            raise

    async def _in_pool(self, document: Document, inputs: Mapping[str, Any], parts: PartTexts | None) -> list[str]:
        pool, sources = self._renderer.pool, document.spec.sources
        if parts is None:
            return await pool.render(document.hash, sources, inputs, tenant=self._tenant)
        key = f"{document.hash}+{parts.key}"
        return await pool.render(key, sources, inputs, includes=parts.texts, links=parts.links, tenant=self._tenant)

    async def expand(self, sources: Sequence[str], parts: PartTexts) -> list[str]:
        """The texts with their includes replaced by the parts. Raises RenderLimitExceeded past the output's limit."""
        return await self._renderer.pool.expand(sources, parts.texts, parts.links, tenant=self._tenant)

    async def analyse(self, sources: Sequence[str]) -> Analysis:
        """What a worker finds in these texts."""
        return await self._renderer.pool.analyse(sources, tenant=self._tenant)

    async def check(self, spec: TemplateSpec) -> Analysis:
        """The analysis of a prompt about to be saved. Raises TemplateInvalid with every fault."""
        analysis = await self.analyse(spec.sources)
        return await self._refuse(spec, analysis)

    async def check_many(self, specs: Sequence[TemplateSpec]) -> list[Analysis | TemplateInvalid]:
        """What `check` answers or raises for each of a few small prompts, in one turn of a worker."""
        found = await self._renderer.pool.analyse_many([spec.sources for spec in specs], tenant=self._tenant)
        verdicts: list[Analysis | TemplateInvalid] = []
        for spec, analysis in zip(specs, found, strict=True):
            try:
                verdicts.append(await self._refuse(spec, analysis))
            except TemplateInvalid as refusal:
                verdicts.append(refusal)
        return verdicts

    async def _refuse(self, spec: TemplateSpec, analysis: Analysis) -> Analysis:
        """The analysis, if nothing is wrong with it or with the schemas. Raises TemplateInvalid with every fault."""
        faults = [as_fault(fault, source_loc(spec, fault.source)) for fault in analysis.faults]
        schemas = [
            SchemaCheck(loc=("inputs", name, "schema"), schema=declared.schema_)
            for name, declared in spec.inputs.items()
            if declared.schema_ is not None
        ]
        if spec.response_schema is not None:
            schemas.append(SchemaCheck(loc=("response_schema",), schema=spec.response_schema))
        faults += await self._schema_faults(schemas)
        if faults:
            raise TemplateInvalid(errors=faults)
        return analysis

    async def check_schemas(self, checks: Iterable[tuple[Loc, Any, Any]]) -> list[Fault]:
        """The faults of values against their JSON Schemas; none asked, none found."""
        return await self._schema_faults(
            [SchemaCheck(loc=loc, schema=schema, value=value) for loc, schema, value in checks]
        )

    async def _schema_faults(self, checks: Sequence[SchemaCheck]) -> list[Fault]:
        return await self._renderer.pool.check_schemas(checks, tenant=self._tenant) if checks else []

    async def diff(self, before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
        """The changes between two documents. Raises RenderLimitExceeded when they are too hard to compare."""
        return await self._renderer.pool.diff(before, after, tenant=self._tenant)


def source_loc(spec: TemplateSpec, source: int) -> Loc:
    """Where in a prompt its n-th template text stands."""
    return ("messages", source, "content") if spec.is_chat else ("template",)


def as_fault(fault: TemplateFault, loc: Loc) -> Fault:
    """A template's fault, placed in the prompt or request it was found in."""
    return Fault(fault.message, loc=loc, line=fault.line, column=fault.column, type=fault.type)


def _placed(spec: TemplateSpec, loc: Loc) -> Loc:
    return source_loc(spec, loc[0]) if len(loc) == 1 and isinstance(loc[0], int) else loc


def _as_error(refused: RenderRefused, spec: TemplateSpec) -> DakoraError:
    faults = [as_fault(fault, source_loc(spec, fault.source)) for fault in refused.faults]
    kind = RenderLimitExceeded if refused.code == "render_limit_exceeded" else RenderFailed
    return kind(errors=faults)
