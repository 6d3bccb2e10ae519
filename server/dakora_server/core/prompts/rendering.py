"""Filling prompts with inputs, checking templates, comparing versions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dakora_server.core.exceptions import Fault, InvalidInputs, RenderLimitExceeded, TemplateInvalid
from dakora_server.core.parts import queries as part_rows
from dakora_server.core.parts import service as parts
from dakora_server.core.prompts import service
from dakora_server.core.prompts.records import NEWEST, Selector, StoredPrompt
from dakora_server.core.scope import ProjectReader
from dakora_server.core.templates.analysis import Analysis
from dakora_server.core.templates.coercion import coerce_inputs, schema_checks
from dakora_server.core.templates.includes import NO_INCLUDES, Includes
from dakora_server.core.templates.model import InputSpec
from dakora_server.core.templates.rendering import PartTexts, as_fault
from dakora_server.core.templates.serialization import Document


@dataclass(frozen=True, slots=True)
class Rendered:
    """The texts of a render, one for a text prompt and one a message for chat, and what went into them."""

    prompt: StoredPrompt
    texts: list[str]
    inputs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Validation:
    """What is right and wrong with a template that may never have been saved."""

    analysis: Analysis
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    used: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    # The parts that it stands on, where all of them were found.
    includes: Includes = NO_INCLUDES


async def render(
    project: ProjectReader, prompt_id: str, inputs: Mapping[str, Any], *, which: Selector = NEWEST, fill: bool = True
) -> Rendered:
    """Fill a version of a prompt with inputs; without `fill`, only expand its includes.

    Raises InvalidInputs (all faults together), RenderFailed, RenderLimitExceeded, and what `service.get` raises.
    """
    prompt = await service.get(project, prompt_id, which)
    if not fill:
        sources = list(prompt.document.spec.sources)
        texts = await project.renderer.expand(sources, _parts(prompt)) if prompt.parts else sources
        return Rendered(prompt, texts, {})
    used = await coerced(project, prompt.document.spec.inputs, inputs)
    texts = await project.renderer.render(
        prompt.document, used, portable=prompt.record.portable, parts=_parts(prompt) if prompt.parts else None
    )
    return Rendered(prompt, texts, used)


def _parts(prompt: StoredPrompt) -> PartTexts:
    return part_texts(prompt.record.includes, prompt.parts)


def part_texts(includes: Includes, documents: Sequence[Document]) -> PartTexts:
    """The texts of the included parts; `documents` are theirs, in their order."""
    texts = {used.name: document.spec.template or "" for used, document in zip(includes.parts, documents, strict=True)}
    return PartTexts(includes.key, texts, includes.links())


async def coerced(
    project: ProjectReader, declared: Mapping[str, InputSpec], given: Mapping[str, Any]
) -> dict[str, Any]:
    """The inputs as the template will see them; schemas are checked in a worker, since a pattern can be a trap."""
    try:
        used = coerce_inputs(declared, given)
    except InvalidInputs as error:
        # What has the right type so far is checked against its schema all the same: one answer names every fault.
        wrong = {fault.loc[1] for fault in error.errors if len(fault.loc) > 1}
        present = {name: value for name, value in given.items() if name in declared and name not in wrong}
        faults = [*error.errors, *await project.renderer.check_schemas(schema_checks(declared, present))]
        raise InvalidInputs(error.detail, errors=faults) from None
    checks = schema_checks(declared, used)
    if checks:
        faults = await project.renderer.check_schemas(checks)
        if faults:
            raise InvalidInputs("The inputs do not follow their schema.", errors=faults)
    return used


async def validate(
    project: ProjectReader, sources: list[str], declared: Mapping[str, InputSpec | None] | None
) -> Validation:
    """Everything that can be said of template texts without rendering them.

    `declared` names the inputs there are, with their types where known; None asks nothing about inputs.
    """
    analysis = await project.renderer.analyse(sources)
    faults = [as_fault(fault, _source_loc(sources, fault.source)) for fault in analysis.faults]
    by_part: Mapping[str, Sequence[str]] = {}
    includes = NO_INCLUDES
    try:
        includes = await parts.resolve(project, analysis.includes)
        by_part = await part_rows.variables_of(project, includes) if includes else {}
    except TemplateInvalid as error:
        faults += error.errors
    names = set(declared or ())
    own = set(analysis.variables)
    used = own.union(*by_part.values())
    return Validation(
        analysis=analysis,
        faults=tuple(faults),
        warnings=(*_bare_warnings(analysis, declared or {}), *_part_warnings(by_part, declared, own)),
        used=tuple(sorted(used)),
        missing=() if declared is None else tuple(sorted(own - names)),
        unused=() if declared is None else tuple(sorted(names - used)),
        includes=includes,
    )


def _part_warnings(
    by_part: Mapping[str, Sequence[str]], declared: Mapping[str, InputSpec | None] | None, own: Collection[str]
) -> tuple[Fault, ...]:
    """What parts read and nobody declares; a warning, because the text around an include may set it."""
    if declared is None:
        return ()
    return tuple(
        Fault(f"{part_id} uses {name}, which is not declared.", loc=("includes", part_id), type="undeclared_in_part")
        for part_id, names in sorted(by_part.items())
        for name in names
        if name not in declared and name not in own
    )


def _source_loc(sources: list[str], source: int) -> tuple[str | int, ...]:
    return ("template",) if len(sources) == 1 else ("messages", source, "content")


def _bare_warnings(analysis: Analysis, declared: Mapping[str, InputSpec | None]) -> tuple[Fault, ...]:
    """An optional input without a default reads `None` where it is printed bare, as in Jinja2."""
    optional = {
        name for name, spec in declared.items() if spec is not None and not spec.required and not spec.has_default
    }
    return tuple(
        Fault(
            f"{name} is optional and has no default: where it is not given this prints None.",
            loc=("inputs", name),
            line=line,
            type="bare_optional",
        )
        for name, line in analysis.bare
        if name in optional
    )


async def diff(project: ProjectReader, prompt_id: str, older: int, newer: int) -> list[dict[str, Any]]:
    """The changes from one version to another, field by field; `parts` are the versions of the parts it is made with.

    Raises what `service.get` raises.
    """
    before = await service.get(project, prompt_id, Selector(number=older))
    after = await service.get(project, prompt_id, Selector(number=newer))
    return await _changes(project, (before.document, before.record.includes), (after.document, after.record.includes))


async def diff_parts(project: ProjectReader, part_id: str, older: int, newer: int) -> list[dict[str, Any]]:
    """The same of a part. Raises PartNotFound, VersionNotFound."""
    before = await parts.get(project, part_id, Selector(number=older))
    after = await parts.get(project, part_id, Selector(number=newer))
    return await _changes(project, (before.document, before.record.includes), (after.document, after.record.includes))


async def _changes(
    project: ProjectReader, before: tuple[Document, Includes], after: tuple[Document, Includes]
) -> list[dict[str, Any]]:
    changes = await _compare(project, before[0].spec.content(), after[0].spec.content())
    names = [[part.name for part in includes.used] for _, includes in (before, after)]
    if names[0] != names[1]:
        op = "added" if not names[0] else "removed" if not names[1] else "changed"
        changes.append({"field": "parts", "op": op, "before": names[0] or None, "after": names[1] or None})
    return changes


async def _compare(project: ProjectReader, before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        return await project.renderer.diff(before, after)
    except RenderLimitExceeded:
        # Texts made to be hard to compare are shown whole.
        return [
            {"field": name, "op": "changed", "before": before.get(name), "after": after.get(name)}
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name)
        ]
