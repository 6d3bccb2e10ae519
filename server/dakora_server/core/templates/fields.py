"""The kinds of field a prompt is made of, each with its rule."""

import re
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictStr

from dakora_server.core.templates.json_rules import Problem, json_problems, text_problem
from dakora_server.core.templates.spec_faults import MAX_FAULTS, RefusedError
from dakora_server.core.templates.versioning import semver_problem

MAX_DESCRIPTION_BYTES = 4 * 1024

_INPUT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PROMPT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# A template cannot read variables of these names: to Jinja2 they are constants, operators, or the template itself.
# Words of statements (`for`, `set`) and names that only some blocks hide (`loop`, `caller`) stay usable.
_RESERVED = frozenset(
    ("true", "false", "none", "True", "False", "None", "and", "or", "not", "in", "is", "if", "else", "self")
)


def _clean_text(text: str) -> str:
    problem = text_problem(text)
    if problem is not None:
        raise RefusedError(problem)
    return text


def _prompt_id(text: str) -> str:
    if _PROMPT_ID.fullmatch(text) is None:
        rule = "must be 1 to 128 letters, digits, dots, hyphens or underscores, the first a letter or digit"
        raise RefusedError(Problem("invalid_id", rule))
    return text


def _input_name(text: str) -> str:
    if _INPUT_NAME.fullmatch(text) is None:
        rule = "is not an input name: use 1 to 64 letters, digits or underscores, the first no digit"
        raise RefusedError(Problem("invalid_input_name", rule))
    if text in _RESERVED:
        raise RefusedError(Problem("reserved_input_name", "is a word of the template language; choose another name"))
    return text


def _semver(text: str) -> str:
    problem = semver_problem(text)
    if problem is not None:
        raise RefusedError(Problem("invalid_version", problem))
    return text


def _short_description(text: str) -> str:
    if len(text.encode()) > MAX_DESCRIPTION_BYTES:
        raise RefusedError(Problem("too_long", "must have at most 4 KiB"))
    return text


def tuple_of(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def json_from_level(level: int) -> BeforeValidator:
    """Checks a JSON value that stands on this level of brackets in the document."""

    def check(value: object) -> object:
        problems = tuple(islice(json_problems(value, level=level), MAX_FAULTS))
        if problems:
            raise RefusedError(*problems)
        return value

    return BeforeValidator(check)


Text = Annotated[StrictStr, AfterValidator(_clean_text)]
Name = Annotated[StrictStr, Field(min_length=1, max_length=256), AfterValidator(_clean_text)]
Description = Annotated[StrictStr, AfterValidator(_clean_text), AfterValidator(_short_description)]
PromptId = Annotated[
    StrictStr,
    AfterValidator(_prompt_id),
    Field(json_schema_extra={"pattern": f"^{_PROMPT_ID.pattern}$", "minLength": 1, "maxLength": 128}),
]
InputName = Annotated[StrictStr, AfterValidator(_input_name)]
SemVer = Annotated[StrictStr, AfterValidator(_semver), Field(json_schema_extra={"maxLength": 64})]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def without_nulls(given: object, optional: Collection[str]) -> object:
    """An optional field that is null is a field that is not there."""
    if not isinstance(given, Mapping):
        return given
    return {key: value for key, value in given.items() if value is not None or key not in optional}
