"""JSON Schema in a render worker: a schema is a program too, and may be made to run for long.

Always draft 2020-12, whatever `$schema` says. Patterns run on an engine whose time is linear in the text, so
look-around and back-references are refused with the schema. Nothing is ever fetched.
"""

import json
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

from dakora_server.core.templates.pool_wire import Shelf

_PATTERNS: Final = RegexOptions(size_limit=256 * 1024, dfa_size_limit=1024 * 1024)
_FAULTS_REPORTED: Final = 50
_MESSAGE_CHARACTERS: Final = 300

_validators: Final[Shelf[Draft202012Validator]] = Shelf(number=64, weight=256 * 1024)


class SchemaFault(NamedTuple):
    """Where a schema or a value is wrong; `path` leads to it from the schema's or the value's own root."""

    type: str
    path: Sequence[str | int]
    message: str


def check_schema(schema: Any, *values: Any) -> list[SchemaFault]:
    """What is wrong with the schema itself or, if nothing is, with the values under it.

    Messages never quote a value.
    """
    try:
        validator = _validator(schema)
    except ValidationError as fault:
        return [SchemaFault("schema_invalid", list(fault.instance_path), _sentence(fault))]
    except ValueError as fault:  # text that is no Unicode
        return [SchemaFault("schema_invalid", (), str(fault)[:_MESSAGE_CHARACTERS])]
    wrong = (fault for value in values for fault in validator.iter_errors(value))
    return [
        SchemaFault("schema_mismatch", list(fault.instance_path), _sentence(fault))
        for fault in islice(wrong, _FAULTS_REPORTED)
    ]


def _validator(schema: Any) -> Draft202012Validator:
    key = json.dumps(schema)
    held = _validators.get(key)
    if held is None:
        held = Draft202012Validator(
            schema, retriever=_refuse, pattern_options=_PATTERNS, validate_formats=True, mask="the value"
        )
        _validators.put(key, held, weight=len(key))
    return held


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri[:100]} lies outside of the schema")


def _sentence(fault: ValidationError) -> str:
    if fault.kind.name == "$ref":
        return "A $ref may only point to a place inside the schema."
    sentence = fault.message[:_MESSAGE_CHARACTERS]
    return f"{sentence[:1].upper()}{sentence[1:]}."
