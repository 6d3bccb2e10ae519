"""The shapes of prompts on the wire, and how our records become them.

Answers are encoded from plain dicts, straight to bytes; the models here say in the contract what those look like,
and a test checks that every answer follows its model.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

import orjson
from fastapi import Header, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from dakora_server.core.exceptions import InvalidRequest
from dakora_server.core.prompts.records import PromptRecord, Selector, StoredPrompt, VersionRecord
from dakora_server.core.selection import selector
from dakora_server.core.templates.fields import PromptId as TemplateId
from dakora_server.core.templates.includes import Includes
from dakora_server.core.templates.json_rules import Problem
from dakora_server.core.templates.model import (
    MAX_MESSAGES,
    InputSpec,
    Message,
    ModelSettings,
    TemplateSpec,
    parse_spec,
)
from dakora_server.core.templates.spec_faults import RefusedError

PROMPT_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
FOLDER = r"^(?:[A-Za-z0-9][A-Za-z0-9._ -]{0,63}(?:/[A-Za-z0-9][A-Za-z0-9._ -]{0,63}){0,7})?$"
_NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"

Folder = Annotated[str | None, Field(max_length=512, pattern=FOLDER, description="Sub-folder, e.g. `support/email`.")]
Note = Annotated[str | None, Field(max_length=1000, pattern=_NO_CONTROL, description="What changed, and why.")]
# How much text a template may have is the renderer's limit; here only the body's own limit holds.
_ANY_SIZE = 1 << 30

PromptId = Annotated[str, Path(pattern=PROMPT_ID, description="The prompt's id.", examples=["greeting"])]
VersionNumber = Annotated[int, Path(ge=1, le=999_999_999, description="A version's number.")]
Version = Annotated[
    str | None,
    Query(max_length=64, pattern=r"^[0-9A-Za-z.+-]+$", description="A version's number (`3`) or semver (`1.2.0`)."),
]
Label = Annotated[
    str | None, Query(max_length=64, pattern=r"^[A-Za-z0-9._-]+$", description="A label; `latest` is the newest.")
]
IfMatch = Annotated[str | None, Header(max_length=1024, description="Save only if the newest version has this ETag.")]
IfNoneMatch = Annotated[str | None, Header(max_length=4096, description="Answer 304 if the ETag is still this one.")]


class NewPrompt(TemplateSpec):
    """A prompt to save: the template of the contract, and what belongs to this save only."""

    folder: Folder = None
    message: Note = None

    def spec(self) -> TemplateSpec:
        """The prompt without what belongs to the save. Raises TemplateInvalid."""
        return parse_spec({**self.content(), "version": self.version}, max_source_bytes=_ANY_SIZE)


class PromptChange(NewPrompt):
    """A new version of a prompt. The id may be left out; it stands in the address."""

    id: TemplateId | None = None  # type: ignore[assignment]  # optional here only; `change` puts it back

    def change(self, prompt_id: str) -> TemplateSpec:
        """The changed prompt. Raises InvalidRequest when the body names another prompt, TemplateInvalid."""
        if self.id is not None and self.id != prompt_id:
            raise InvalidRequest("The id in the body is not the one in the address.")
        content = {**self.content(), "id": prompt_id, "version": self.version}
        return parse_spec(content, max_source_bytes=_ANY_SIZE)


class TemplateToCheck(BaseModel):
    """Template texts, and which inputs they may use."""

    model_config = ConfigDict(extra="forbid")

    template: str | None = Field(None, description="For a text prompt.")
    messages: list[Message] | None = Field(None, max_length=MAX_MESSAGES, description="For a chat prompt.")
    declared_variables: list[str] | dict[str, InputSpec] | None = Field(
        None, description="Names, or names with their declarations; absent, variables are only listed."
    )
    inputs: dict[str, JsonValue] | None = Field(
        None, description="Values: where given, the answer also says what the template renders to."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.template is None) == (self.messages is None):
            raise RefusedError(Problem("template_and_messages", "needs either a `template` or `messages`"))
        return self

    def sources(self) -> list[str]:
        """The template texts."""
        if self.messages is not None:
            return [message.content for message in self.messages]
        return [self.template or ""]

    def declared(self) -> dict[str, InputSpec | None] | None:
        """The declared inputs, with None where only the name is known."""
        given = self.declared_variables
        return dict.fromkeys(given) if isinstance(given, list) else None if given is None else dict(given)

    def spec(self) -> TemplateSpec:
        """The prompt that this would be; what is declared by name only is an optional text. Raises TemplateInvalid."""
        by_name = {"type": "string", "required": False}
        declared = (self.declared() or {}).items()
        inputs = {n: by_name if s is None else s.model_dump(by_alias=True, exclude_unset=True) for n, s in declared}
        messages = None if self.messages is None else [message.model_dump() for message in self.messages]
        content = {"id": "preview", "template": self.template, "messages": messages, "inputs": inputs}
        return parse_spec(
            {name: value for name, value in content.items() if value is not None}, max_source_bytes=_ANY_SIZE
        )


class PartUsed(BaseModel):
    """A part and the version of it that is used."""

    id: str
    version_number: int


class Prompt(BaseModel):
    """One version of a prompt."""

    id: str
    folder: str
    version: str = Field(description="Semver.")
    version_number: int
    description: str
    template: str | None = Field(None, description="The text; absent for chat.")
    messages: list[Message] | None = Field(None, description="The messages; absent for text.")
    inputs: dict[str, InputSpec]
    model: ModelSettings | None
    tools: list[dict[str, JsonValue]] | None
    response_schema: dict[str, JsonValue] | None
    metadata: dict[str, JsonValue]
    labels: list[str]
    parts: list[PartUsed] = Field(description="The exact versions of the parts it is made with, theirs too.")
    content_hash: str = Field(description="SHA-256 of the canonical text, in hex.")
    portable: bool = Field(description="Whether a client can render it itself with the same bytes.")
    message: str | None
    created_by: UUID
    created_at: datetime = Field(description="When the prompt was first saved.")
    updated_at: datetime = Field(description="When this version was saved.")


class PromptSummary(BaseModel):
    """A prompt in a list: its newest version without the text."""

    id: str
    folder: str
    version: str
    version_number: int
    description: str
    tags: list[str]
    labels: list[str] = Field(description="Labels that point to this version.")
    label_versions: dict[str, int] = Field(
        description="Every label of the prompt, and the number of the version that it points to."
    )
    inputs: dict[str, InputSpec]
    content_hash: str
    portable: bool
    created_at: datetime
    updated_at: datetime


class PromptVersion(BaseModel):
    """One line of a prompt's history."""

    version_number: int
    version: str
    content_hash: str
    portable: bool
    message: str | None
    created_by: UUID
    created_at: datetime


def used_json(includes: Includes) -> list[dict[str, object]]:
    """The parts of a version."""
    return [{"id": part.id, "version_number": part.number} for part in includes.used]


def prompt_bytes(prompt: StoredPrompt) -> bytes:
    """A prompt on the wire. Encoded once; the bytes are kept beside what they were made of."""
    kept = prompt.wire.get("prompt")
    if kept is None:
        record, spec = prompt.record, prompt.document.spec
        content = spec.content()
        text = {"messages": content["messages"]} if spec.is_chat else {"template": spec.template}
        kept = prompt.wire["prompt"] = orjson.dumps(
            {
                "id": record.prompt_id,
                "folder": record.folder,
                "version": record.semver,
                "version_number": record.number,
                "description": record.description,
                **text,
                "inputs": content.get("inputs", {}),
                "model": content.get("model"),
                "tools": content.get("tools"),
                "response_schema": content.get("response_schema"),
                "metadata": content.get("metadata", {}),
                "labels": record.labels,
                "parts": used_json(record.includes),
                "content_hash": record.content_hash,
                "portable": record.portable,
                "message": record.message,
                "created_by": record.created_by,
                "created_at": record.created_at,
                "updated_at": record.updated_at,
            }
        )
    return kept


def prompt_response(prompt: StoredPrompt, *, status: int = 200, location: str | None = None) -> Response:
    """A prompt as an answer, with its ETag."""
    headers = {"etag": prompt.record.etag, "cache-control": "private, no-cache"}
    if location is not None:
        headers["location"] = location
    return Response(prompt_bytes(prompt), status_code=status, media_type="application/json", headers=headers)


def summary_json(record: PromptRecord, label_versions: Mapping[str, int]) -> dict[str, Any]:
    """A prompt in a list."""
    return {
        "id": record.prompt_id,
        "folder": record.folder,
        "version": record.semver,
        "version_number": record.number,
        "description": record.description,
        "tags": record.tags,
        "labels": record.labels,
        "label_versions": label_versions,
        "inputs": record.inputs,
        "content_hash": record.content_hash,
        "portable": record.portable,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


def version_json(version: VersionRecord) -> dict[str, Any]:
    """A line of history."""
    return {
        "version_number": version.number,
        "version": version.semver,
        "content_hash": version.content_hash,
        "portable": version.portable,
        "message": version.message,
        "created_by": version.created_by,
        "created_at": version.created_at,
    }


def which(version: str | None, label: str | None) -> Selector:
    """The version that a request names. Raises InvalidRequest when it names two."""
    if version is not None and label is not None:
        raise InvalidRequest("Name a version or a label, not both.")
    return selector(version, label)


def etags(header: str | None) -> list[str] | None:
    """The entity tags in `If-Match`, `*` included; None without the header. A weak one never matches."""
    return None if header is None else [tag.strip() for tag in header.split(",")]


def is_fresh(header: str | None, etag: str) -> bool:
    """Whether `If-None-Match` names this tag (weakly compared, as RFC 9110 has it)."""
    if header is None:
        return False
    return header == etag or any(tag.strip().removeprefix("W/") in {etag, "*"} for tag in header.split(","))
