"""Filling prompts with inputs, checking templates, comparing versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dakora_server.core.exceptions import Fault, InvalidInputs, RenderLimitExceeded
from dakora_server.core.prompts import service
from dakora_server.core.prompts.records import NEWEST, Selector, StoredPrompt
from dakora_server.core.scope import ProjectReader
from dakora_server.core.templates.analysis import Analysis
from dakora_server.core.templates.coercion import coerce_inputs, schema_checks
from dakora_server.core.templates.model import InputSpec
from dakora_server.core.templates.rendering import as_fault


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
    missing: tuple[str, ...]
    unused: tuple[str, ...]


async def render(
    project: ProjectReader, prompt_id: str, inputs: Mapping[str, Any], *, which: Selector = NEWEST, fill: bool = True
) -> Rendered:
    """Fill a version of a prompt with inputs; without `fill`, only expand its includes.

    Raises InvalidInputs (all faults together), RenderFailed, RenderLimitExceeded, and what `service.get` raises.
    """
    prompt = await service.get(project, prompt_id, which)
    if not fill:
        # A saved prompt includes nothing: there are no parts yet, and unknown ones are refused when saving.
        return Rendered(prompt, list(prompt.document.spec.sources), {})
    used = await _inputs(project, prompt.document.spec.inputs, inputs)
    texts = await project.renderer.render(prompt.document, used, portable=prompt.record.portable)
    return Rendered(prompt, texts, used)


async def _inputs(
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
    faults += [
        Fault(f"There is no part {target}.", type="unknown_part", loc=("includes", target))
        for target in analysis.includes
    ]
    names = set(declared or ())
    used = set(analysis.variables)
    missing = () if declared is None else tuple(sorted(used - names))
    return Validation(
        analysis=analysis,
        faults=tuple(faults),
        warnings=_bare_warnings(analysis, declared or {}),
        missing=missing,
        unused=() if declared is None else tuple(sorted(names - used)),
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
    """The changes from one version to another, field by field."""
    before = await service.get(project, prompt_id, Selector(number=older))
    after = await service.get(project, prompt_id, Selector(number=newer))
    documents = (before.document.spec.content(), after.document.spec.content())
    try:
        return await project.renderer.diff(*documents)
    except RenderLimitExceeded:
        # Texts made to be hard to compare are shown whole.
        names = sorted({*documents[0], *documents[1]})
        return [
            {"field": name, "op": "changed", "before": documents[0].get(name), "after": documents[1].get(name)}
            for name in names
            if documents[0].get(name) != documents[1].get(name)
        ]
