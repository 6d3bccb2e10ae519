"""Providers of models: what a project has set up, and how one is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class Kind(StrEnum):
    """Which interface a provider speaks."""

    openai = "openai"
    anthropic = "anthropic"
    google = "google"
    azure = "azure"
    mistral = "mistral"
    openai_compatible = "openai_compatible"


NEEDS_KEY = frozenset(Kind) - {Kind.openai_compatible}
NEEDS_ADDRESS = frozenset({Kind.azure, Kind.openai_compatible})


class Origin(StrEnum):
    """Who set a provider up: the project, or the environment of a server without login."""

    project = "project"
    environment = "environment"


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as it is shown: its key is not in it."""

    name: str
    kind: Kind
    base_url: str | None = None
    api_version: str | None = None
    models: tuple[str, ...] = ()
    key_hint: str | None = None
    origin: Origin = Origin.project
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """An API key under a workspace's data key, and that data key under the master key."""

    text: bytes
    key_id: UUID
    wrapped: bytes
    master_id: str


@dataclass(frozen=True, slots=True)
class OpenProvider:
    """A provider with its key, for as long as a call takes. Never shown, never logged."""

    provider: Provider
    key: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Call:
    """What goes to a model. `tools` and `response_schema` are as the prompt has them."""

    model: str
    messages: Sequence[Message]
    parameters: Mapping[str, Any]
    tools: Sequence[Mapping[str, Any]] | None = None
    response_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """More of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool that the model asks for. `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of an answer. Tokens are None where the provider told none; cached ones are among the input's."""

    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None


Piece = Delta | ToolCall | Ended
