"""What a part is: a text to be included, with a name of two halves, and nothing that only a prompt has."""

import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StrictStr, model_validator

from dakora_server.core.templates.includes import PART_NAME
from dakora_server.core.templates.json_rules import Problem
from dakora_server.core.templates.model import TemplateSpec
from dakora_server.core.templates.spec_faults import RefusedError

_PART_ID = re.compile(rf"{PART_NAME}/{PART_NAME}")
_FIELDS = ("id", "version", "description", "template", "metadata")


def _part_id(text: str) -> str:
    if _PART_ID.fullmatch(text) is None:
        rule = (
            "must be `category/part_id`: on each side of the slash 1 to 128 letters, digits, dots, hyphens or"
            " underscores, the first a letter or digit"
        )
        raise RefusedError(Problem("invalid_id", rule))
    return text


PartId = Annotated[
    StrictStr,
    AfterValidator(_part_id),
    Field(json_schema_extra={"pattern": f"^{_PART_ID.pattern}$", "maxLength": 257}),
]


class PartSpec(TemplateSpec):
    """A part: its text, and what is said of it. Only `version` is no part of its content."""

    id: PartId

    @model_validator(mode="before")
    @classmethod
    def _refuse_what_prompts_have(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        # Unknown everywhere is Pydantic's to say; here it is about what only a prompt has.
        others = [name for name in TemplateSpec.model_fields if name not in _FIELDS and given.get(name) is not None]
        if others:
            known = ", ".join(_FIELDS)
            raise RefusedError(
                *(
                    Problem("unknown_field", f"is not a field of a part; known here are {known}", (name,))
                    for name in others
                )
            )
        return given

    @model_validator(mode="after")
    def _needs_a_text(self) -> Self:
        if self.template is None:
            raise RefusedError(Problem("missing_field", "needs a `template`"))
        return self

    @property
    def category(self) -> str:
        """The first half of the name."""
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        """The second half of the name."""
        return self.id.partition("/")[2]
