"""The inputs of one render, checked against the declared ones and brought to their types."""

from collections.abc import Mapping
from copy import deepcopy

from pydantic import JsonValue

from dakora_server.core.exceptions import Fault, InvalidInputs
from dakora_server.core.templates.input_types import WrongTypeError, to_any
from dakora_server.core.templates.model import InputSpec
from dakora_server.core.templates.spec_faults import and_more, shown


def coerce_inputs(declared: Mapping[str, InputSpec], given: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The value of every declared input, in the order of their declaration; null stands for no value.

    A prompt that declares no inputs takes any. Lists and objects may be those of `given`, never those of `declared`.

    Raises:
        InvalidInputs: with every fault of the call.
    """
    if not declared:
        return _as_they_are(given)
    coerced: dict[str, JsonValue] = {}
    faults: list[Fault] = []
    for name, spec in declared.items():
        coerce, required, default, allows = spec.rule
        value = given.get(name)
        if value is None:
            if required:
                faults.append(_missing(name, is_null=name in given))
            coerced[name] = deepcopy(default) if isinstance(default, dict | list) else default
            continue
        try:
            value = coerced[name] = coerce(value)
        except WrongTypeError as misfit:
            faults.append(_fault(name, str(misfit), kind="wrong_type"))
            continue
        if allows is not None and not allows(value):
            faults.append(_fault(name, f"must be one of {_choices(spec)}", kind="not_in_enum"))
    if not given.keys() <= declared.keys():
        faults += [_unknown(name) for name in given if name not in declared]
    if faults:
        raise InvalidInputs(and_more(faults), errors=faults)
    return coerced


def schema_checks(
    declared: Mapping[str, InputSpec], coerced: Mapping[str, JsonValue]
) -> list[tuple[tuple[str, ...], dict[str, JsonValue], JsonValue]]:
    """What is left to check, as path, JSON Schema and value; work for a worker, since schemas are programs too."""
    return [
        (("inputs", name), spec.schema_, coerced[name])
        for name, spec in declared.items()
        if spec.schema_ is not None and coerced.get(name) is not None
    ]


def _as_they_are(given: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    faults: list[Fault] = []
    for name, value in given.items():
        try:
            to_any(value)
        except WrongTypeError as misfit:
            faults.append(_fault(name, str(misfit), kind="wrong_type"))
    if faults:
        raise InvalidInputs(and_more(faults), errors=faults)
    return dict(given)


def _fault(name: str, predicate: str, *, kind: str) -> Fault:
    return Fault(f"The input `{shown(name)}` {predicate}.", loc=("inputs", name), type=kind)


def _missing(name: str, *, is_null: bool) -> Fault:
    return _fault(name, "is required and null" if is_null else "is required", kind="missing_input")


def _unknown(name: str) -> Fault:
    return _fault(name, "is not declared by this prompt", kind="unknown_input")


def _choices(spec: InputSpec) -> str:
    members = spec.enum or []
    listed = ", ".join(shown(member if isinstance(member, str) else repr(member)) for member in members[:10])
    return listed if len(members) <= 10 else f"{listed}, …"
