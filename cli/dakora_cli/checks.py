"""What can be said of a prompt's templates without a server."""

from typing import Any

from dakora_cli.folder import PromptFile
from dakora_cli.refusals import Problem
from dakora_server.core.exceptions import Fault
from dakora_server.core.templates.analysis import Analysis, analyse
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.schemas import check_schema

_LIMITS = Limits()


def check(file: PromptFile) -> tuple[list[Problem], list[Problem]]:
    """What is wrong with the prompt, and what may be meant otherwise."""
    found = analyse(file.spec.sources, _LIMITS)
    faults = [
        Fault(fault.message, _source_loc(file.spec, fault.source), fault.line, fault.column, fault.type)
        for fault in found.faults
    ]
    faults += _schema_faults(file.spec)
    return [file.problem(fault) for fault in faults], [file.problem(fault) for fault in _doubts(file.spec, found)]


def _schema_faults(spec: TemplateSpec) -> list[Fault]:
    schemas: dict[tuple[str | int, ...], Any] = {
        ("inputs", name, "schema"): declared.schema_ for name, declared in spec.inputs.items() if declared.schema_
    }
    if spec.response_schema is not None:
        schemas[("response_schema",)] = spec.response_schema
    return [
        Fault(f"This is not a JSON Schema: {fault.message}.", (*loc, *fault.path), type=fault.type)
        for loc, schema in schemas.items()
        for fault in check_schema(schema)
    ]


def _source_loc(spec: TemplateSpec, source: int) -> tuple[str | int, ...]:
    return ("messages", source, "content") if spec.is_chat else ("template",)


def _doubts(spec: TemplateSpec, found: Analysis) -> list[Fault]:
    if found.faults or not spec.inputs:
        # A prompt without declared inputs takes whatever it is given.
        return []
    declared, used = spec.inputs, set(found.variables)
    text = ("messages",) if spec.is_chat else ("template",)
    undeclared = [
        Fault(
            f"`{name}` is used but not declared under `inputs`: no caller can fill it.", text, type="undeclared_input"
        )
        for name in sorted(used - declared.keys())
    ]
    # What a part of it uses is known to the server alone.
    unused = [
        Fault(f"The input `{name}` is declared but not used.", ("inputs", name), type="unused_input")
        for name in declared
        if name not in used and not found.includes
    ]
    bare = [
        Fault(
            f"The input `{name}` is optional without a default: where it is not given, None is printed.",
            ("inputs", name),
            type="bare_optional",
        )
        for name in dict.fromkeys(name for name, _ in found.bare)
        if name in declared and not declared[name].required and not declared[name].has_default
    ]
    return undeclared + unused + bare
