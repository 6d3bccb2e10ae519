"""What the client gives back. Everything is frozen; fields the server adds later are ignored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Required, TypedDict

from dakora_client.diff_types import Change
from dakora_client.part_types import PartUsed

InputType = Literal["string", "number", "boolean", "array<string>", "object"]
Role = Literal["system", "user", "assistant", "tool"]
MemberRole = Literal["owner", "admin", "editor", "viewer"]
"""What a member may do in a workspace, from most to least."""
RequestStatus = Literal["open", "approved", "rejected", "withdrawn"]
Scope = Literal["read", "render", "write", "execute", "log"]
"""What an API key may do in its project."""


class InputSpec(TypedDict, total=False):
    """One declared input, as it is written in a template. A `default` of null differs from no default at all."""

    type: Required[InputType]
    required: bool
    default: Any
    description: str
    enum: Sequence[Any]
    schema: Mapping[str, Any]


class Message(TypedDict):
    """One chat message: a template in a prompt, plain text in a render result."""

    role: Role
    content: str


class ModelSettings(TypedDict, total=False):
    """The model a prompt was written for."""

    provider: str
    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One version of a prompt, in full. Either `template` or `messages` is set, never both."""

    id: str
    folder: str
    version: str
    version_number: int
    description: str
    template: str | None
    messages: Sequence[Message] | None
    inputs: Mapping[str, InputSpec]
    model: ModelSettings | None
    tools: Sequence[Mapping[str, Any]] | None
    response_schema: Mapping[str, Any] | None
    metadata: Mapping[str, Any]
    labels: tuple[str, ...]
    parts: tuple[PartUsed, ...]
    """The parts it is made with, and those that they include."""
    content_hash: str
    portable: bool
    message: str | None
    created_by: str | None
    created_at: datetime | None
    updated_at: datetime | None
    etag: str | None
    """The server's ETag, for `update(…, if_match=prompt)`."""

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags in the metadata."""
        return tuple(self.metadata.get("tags") or ())

    def content(self) -> dict[str, Any]:
        """The fields a new version is made of, as keyword arguments for `create` and `update`.

        The version is left out, so that the server numbers the new one.
        """
        fields = ("template", "messages", "inputs", "description", "metadata", "model", "tools", "response_schema")
        return {name: value for name in fields if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSummary:
    """A prompt in a list: everything but its text."""

    id: str
    folder: str
    version: str
    version_number: int
    description: str
    tags: tuple[str, ...]
    labels: tuple[str, ...]
    label_versions: Mapping[str, int]
    """Every label of the prompt, and the number of the version that it points to."""
    inputs: Mapping[str, InputSpec]
    content_hash: str
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptVersion:
    """A version in a prompt's history."""

    version_number: int
    version: str
    content_hash: str
    message: str | None
    created_by: str | None
    created_at: datetime | None
    portable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderResult:
    """A rendered prompt, and exactly what it was rendered from.

    `messages` is set for a chat prompt; `text` then holds their contents joined by a blank line.
    """

    text: str
    messages: Sequence[Message] | None
    inputs: Mapping[str, Any]
    """The inputs as they were used: coerced, and with defaults filled in."""
    prompt_id: str
    version: str
    version_number: int
    content_hash: str
    parts: tuple[PartUsed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong, and where.

    `loc` is the path in the request or document (`("inputs", "name")`); `line` and `column` count from 1 in your
    own text; `type` is a stable snake_case word for programs.
    """

    message: str
    loc: tuple[str | int, ...] = ()
    line: int | None = None
    column: int | None = None
    type: str | None = None

    def __str__(self) -> str:
        place = "" if self.line is None else f" (line {self.line}, column {self.column})"
        said = self.message.rstrip(".") + place
        # Where the message names the spot itself, naming it twice would only be longer.
        named = not self.loc or str(self.loc[-1]) in self.message
        return said if named else f"{'.'.join(map(str, self.loc))}: {said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a template that was not saved renders to: `text`, or None and the `errors` that say why."""

    text: str | None
    errors: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationReport:
    """What the server thinks of a template that was not saved."""

    ok: bool
    variables_used: tuple[str, ...]
    variables_missing: tuple[str, ...]
    variables_unused: tuple[str, ...]
    includes: tuple[str, ...]
    errors: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    preview: Preview | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person."""

    id: str
    name: str
    email: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A workspace you belong to, with your role in it. A personal one comes and goes with its user."""

    id: str
    slug: str
    name: str
    role: str
    personal: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project, shortly. `archived_at` is set for one that nothing opens until it is restored."""

    id: str
    slug: str
    name: str
    workspace_id: str
    created_at: datetime | None = None
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody in a workspace."""

    user_id: str
    name: str
    email: str | None
    role: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An invitation into a workspace.

    `link` is set once, for whoever invites, where the server sends no mail: it lets whoever holds it in, and so it is
    left out of the `repr`. `delivery` is `link`, `sending`, `sent` or `failed`.
    """

    id: str
    email: str
    role: str
    invited_by: str
    delivery: str
    created_at: datetime | None
    expires_at: datetime | None
    link: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key of a project, without the key itself.

    `labels` None means every version, `expires_at` None that it does not expire. `status` is `live`, `rotated` (it
    works on until `expires_at`), `expired` or `revoked`.
    """

    id: str
    name: str
    hint: str
    """What the key looks like: `dk_proj_…abcd`."""
    scopes: tuple[str, ...]
    labels: tuple[str, ...] | None
    status: str
    created_by: str
    created_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey(ApiKey):
    """An API key just made. `key` is in this answer and never in another one; the `repr` leaves it out."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Where a label of a prompt points. `moved_by` is a user or an API key; `etag` is set where it was read alone."""

    label: str
    version_number: int
    version: str
    moved_by: str
    moved_at: datetime | None
    etag: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMove:
    """A move of a label. `from_version` None: it was new; `to_version` None: it was removed."""

    label: str
    from_version: int | None
    to_version: int | None
    actor_kind: str
    actor_id: str
    message: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedLabel:
    """A label that only admins move, or only a request that a second person approves."""

    label: str
    needs_approval: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelComment:
    """What somebody said about a request."""

    id: str
    text: str
    created_by: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequest:
    """A move of a label that somebody asks for. `status` is `open`, `approved`, `rejected` or `withdrawn`.

    `changes` and `comments` are filled where the request was read alone.
    """

    id: str
    prompt_id: str
    label: str
    from_version: int | None
    to_version: int
    message: str | None
    status: str
    requested_by: str
    created_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    changes: tuple[Change, ...] = ()
    comments: tuple[LabelComment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """Who did what, when, from where. `actor_kind` is `user`, `key` or `system`; `subject` the id it was done to."""

    id: str
    at: datetime | None
    actor_kind: str
    actor_id: str
    action: str
    subject: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    address: str | None
    request_id: str | None
    project_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who you are to the server, and where you work unless you say otherwise.

    An API key has no workspaces; somebody who has left every project has no `default_project`.
    """

    user: User
    workspaces: tuple[Workspace, ...]
    default_project: Project | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where a call of this client lands: with an API key, the key's own project."""

    user_id: str
    name: str
    email: str | None
    workspace_id: str
    project_id: str
    project_slug: str
    project_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The server is there. `version` is its own, where it says so."""

    status: str
    version: str | None
