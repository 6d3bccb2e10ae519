"""What a prompt is: a `TemplateSpec`, checked once, immutable from then on.

Everything here holds for every prompt there is, however it came in. The size of the template text is a setting of the
operator's; the doors hold it: `parse_spec` here, and `parse_yaml` next door.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    StrictBool,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from dakora_server.core.exceptions import Fault
from dakora_server.core.templates.fields import (
    Description,
    Frozen,
    InputName,
    Name,
    PromptId,
    SemVer,
    Text,
    json_from_level,
    tuple_of,
    without_nulls,
)
from dakora_server.core.templates.input_types import COERCIONS, InputType, WrongTypeError, kind_of
from dakora_server.core.templates.json_rules import Problem, count_values, same_json
from dakora_server.core.templates.spec_faults import RefusedError, faults_of, invalid

__all__ = [
    "MAX_INPUTS",
    "MAX_MESSAGES",
    "MAX_SOURCE_BYTES",
    "MAX_VALUES",
    "InputRule",
    "InputSpec",
    "InputType",
    "Message",
    "ModelSettings",
    "PromptId",
    "TemplateSpec",
    "parse_spec",
]

MAX_SOURCE_BYTES = 64 * 1024
MAX_INPUTS = MAX_MESSAGES = 256
MAX_TAGS = MAX_TAG_LENGTH = 64
MAX_VALUES = 5_000
"""Keys and values in one prompt, so that reading or writing its document is always a matter of milliseconds."""


class InputRule(NamedTuple):
    """An input as a render needs it: everything that can be worked out beforehand is."""

    coerce: Callable[[JsonValue], JsonValue]
    required: bool
    default: JsonValue
    allows: Callable[[JsonValue], bool] | None


def _typed(value: JsonValue, info: ValidationInfo, problems: list[Problem], *loc: int) -> JsonValue:
    """The value brought to the input's type, or another problem; as it is where the type itself is at fault."""
    if "type" not in info.data:
        return value
    try:
        return COERCIONS[info.data["type"]](value)
    except WrongTypeError as misfit:
        problems.append(Problem("wrong_type", f"{misfit}, because the type is {info.data['type']}", loc))
        return None


class InputSpec(Frozen):
    """One declared input. Without `required` it is required, unless it has a default.

    `default` and the members of `enum` are kept in the declared type: "5" becomes 5 for a number.
    """

    type: InputType
    required: StrictBool = True
    enum: Annotated[list[JsonValue], json_from_level(4), Field(min_length=1)] | None = None
    default: Annotated[JsonValue, json_from_level(4)] = None
    description: Description | None = None
    schema_: Annotated[dict[str, JsonValue], json_from_level(4)] | None = Field(default=None, alias="schema")

    @model_validator(mode="before")
    @classmethod
    def _settle_required(cls, given: object) -> object:
        fields = without_nulls(given, ("required", "description", "enum", "schema"))
        return {"required": "default" not in fields, **fields} if isinstance(fields, dict) else fields

    @field_validator("enum")
    @classmethod
    def _bring_enum_to_type(cls, members: list[JsonValue] | None, info: ValidationInfo) -> list[JsonValue] | None:
        problems: list[Problem] = []
        typed = [_typed(member, info, problems, index) for index, member in enumerate(members or ())]
        if problems:
            raise RefusedError(*problems)
        return typed or None

    @field_validator("default")
    @classmethod
    def _bring_default_to_type(cls, default: JsonValue, info: ValidationInfo) -> JsonValue:
        problems: list[Problem] = []
        typed = None if default is None else _typed(default, info, problems)
        members = info.data.get("enum")
        if not problems and typed is not None and members and not _member_of(members)(typed):
            problems.append(Problem("not_in_enum", "is not one of the values in `enum`"))
        if problems:
            raise RefusedError(*problems)
        return typed

    @model_validator(mode="after")
    def _keep_schema_for_objects(self) -> Self:
        if self.schema_ is not None and self.type != "object":
            raise RefusedError(Problem("schema_not_allowed", "is for inputs of type object only", ("schema",)))
        return self

    @property
    def has_default(self) -> bool:
        """Whether there is a default; `default: null` is one."""
        return "default" in self.model_fields_set

    @cached_property
    def rule(self) -> InputRule:
        """The input, ready for `coerce_inputs`."""
        allows = None if self.enum is None else _member_of(self.enum)
        return InputRule(COERCIONS[self.type], self.required, self.default, allows)

    def content(self) -> dict[str, JsonValue]:
        """The input as JSON, `required` spelt out, what is not there left out."""
        content: dict[str, JsonValue] = {"type": self.type, "required": self.required}
        if self.has_default:
            content["default"] = self.default
        if self.description is not None:
            content["description"] = self.description
        if self.enum is not None:
            content["enum"] = self.enum
        if self.schema_ is not None:
            content["schema"] = self.schema_
        return content


def _member_of(members: list[JsonValue]) -> Callable[[JsonValue], bool]:
    """The test for being one of `members`, all of one input type: 1 and 1.0 are the same number."""
    if any(isinstance(member, list | dict) for member in members):
        return lambda value: any(same_json(value, member) for member in members)
    return frozenset(members).__contains__


class Message(Frozen):
    """One message of a chat prompt; `content` is a template of its own."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Text


class ModelSettings(Frozen):
    """The model a prompt is written for; `parameters` are passed on as they are."""

    provider: Name
    name: Name
    parameters: Annotated[dict[str, JsonValue], json_from_level(3)] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, given: object) -> object:
        return without_nulls(given, ("parameters",))


def _check_tags(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    tags = metadata.get("tags")
    if tags is None:
        return metadata
    if not isinstance(tags, list):
        raise RefusedError(Problem("wrong_type", f"must be a list of texts, not {kind_of(tags)}", ("tags",)))
    problems = [_tag_problem(tag, index) for index, tag in enumerate(tags[:MAX_TAGS])]
    if len(tags) > MAX_TAGS:
        problems.append(Problem("too_long", f"must have at most {MAX_TAGS} entries", ("tags",)))
    found = tuple(problem for problem in problems if problem is not None)
    if found:
        raise RefusedError(*found)
    return metadata


def _tag_problem(tag: JsonValue, index: int) -> Problem | None:
    if not isinstance(tag, str):
        return Problem("not_text", f"must be text, not {kind_of(tag)}", ("tags", index))
    if not 1 <= len(tag) <= MAX_TAG_LENGTH:
        return Problem("too_long", f"must have 1 to {MAX_TAG_LENGTH} characters", ("tags", index))
    return None


class TemplateSpec(Frozen):
    """A prompt: its text, or its messages, and all that belongs to them. Only `version` is no part of its content."""

    id: PromptId
    version: SemVer | None = None
    description: Description = ""
    template: Text | None = None
    messages: (
        Annotated[tuple[Message, ...], BeforeValidator(tuple_of), Field(min_length=1, max_length=MAX_MESSAGES)] | None
    ) = None
    inputs: Annotated[dict[InputName, InputSpec], Field(max_length=MAX_INPUTS)] = Field(default_factory=dict)
    model: ModelSettings | None = None
    tools: Annotated[list[dict[str, JsonValue]], json_from_level(2)] | None = None
    response_schema: Annotated[dict[str, JsonValue], json_from_level(2)] | None = None
    metadata: Annotated[dict[str, JsonValue], json_from_level(2), AfterValidator(_check_tags)] = Field(
        default_factory=dict
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, given: object) -> object:
        return without_nulls(given, cls.model_fields.keys() - {"id"})

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if self.template is None and self.messages is None:
            raise RefusedError(Problem("missing_field", "needs a `template` or `messages`"))
        if self.template is not None and self.messages is not None:
            raise RefusedError(Problem("template_and_messages", "has both a `template` and `messages`; keep one"))
        if count_values(self.content()) > MAX_VALUES:
            raise RefusedError(Problem("too_many_values", f"has more than {MAX_VALUES:,} keys and values"))
        return self

    @property
    def is_chat(self) -> bool:
        """Whether the prompt is a list of messages."""
        return self.messages is not None

    @property
    def sources(self) -> tuple[str, ...]:
        """The template texts: one, or one for each message."""
        if self.messages is not None:
            return tuple(message.content for message in self.messages)
        return (self.template or "",)

    def content(self) -> dict[str, JsonValue]:
        """All of the prompt but its version, as JSON in one fixed order; what is not there is left out."""
        content: dict[str, JsonValue] = {"id": self.id}
        if self.description:
            content["description"] = self.description
        if self.messages is None:
            content["template"] = self.template
        else:
            content["messages"] = [{"role": message.role, "content": message.content} for message in self.messages]
        if self.inputs:
            content["inputs"] = {name: declared.content() for name, declared in self.inputs.items()}
        if self.model is not None:
            content["model"] = self.model.model_dump(exclude_defaults=True)
        if self.tools is not None:
            content["tools"] = list[JsonValue](self.tools)
        if self.response_schema is not None:
            content["response_schema"] = self.response_schema
        if self.metadata:
            content["metadata"] = self.metadata
        return content


def parse_spec(
    given: Mapping[str, Any],
    *,
    kind: type[TemplateSpec] = TemplateSpec,
    max_source_bytes: int = MAX_SOURCE_BYTES,
) -> TemplateSpec:
    """The prompt these fields describe, or what else `kind` says it is.

    Raises:
        TemplateInvalid: with every fault, `loc` its path.
    """
    try:
        spec = kind.model_validate(given)
    except ValidationError as error:
        raise invalid(faults_of(error)) from None
    if sum(len(source.encode()) for source in spec.sources) > max_source_bytes:
        raise invalid([_too_long(spec, max_source_bytes)])
    return spec


def _too_long(spec: TemplateSpec, limit: int) -> Fault:
    size = f"{limit // 1024} KiB" if limit % 1024 == 0 else f"{limit:,} bytes"
    if spec.is_chat:
        message = f"The contents of `messages` have more than {size} together."
        return Fault(message, loc=("messages",), type="template_too_long")
    return Fault(f"`template` has more than {size}.", loc=("template",), type="template_too_long")
