"""Every way the product says no.

An error is a class with a status, a stable code and its facts. What a client sees is `title`, `detail`, `code` and
`errors`; nothing else of an exception ever leaves the process. `docs/errors.md` lists them all, and a test compares.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where.

    `loc` is the path in the request or document (`("inputs", "name", "type")`); `line` and `column` count from 1
    in the user's own text; `type` is a stable snake_case word for programs.
    """

    message: str
    loc: tuple[str | int, ...] = ()
    line: int | None = None
    column: int | None = None
    type: str | None = None


class DakoraError(Exception):
    """The root: anything the product refuses, with a sentence that is safe to show to anyone."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "The server failed"
    retry_after: ClassVar[int | None] = None

    def __init__(self, detail: str | None = None, *, errors: Sequence[Fault] = ()) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or f"{self.title}."
        self.errors = tuple(errors)


class InvalidRequest(DakoraError):
    """The body, a parameter or a header does not have the declared shape."""

    status, code, title = 422, "invalid_request", "The request is not valid"


class InvalidJson(DakoraError):
    """The body is not strict JSON: syntax, duplicate keys, NUL, lone surrogates, depth or number of keys."""

    status, code, title = 422, "invalid_json", "The body is not acceptable JSON"


class BodyTooLarge(DakoraError):
    """The body is larger than the route accepts."""

    status, code, title = 413, "body_too_large", "The body is too large"


class UnsupportedMediaType(DakoraError):
    """The body is not `application/json`."""

    status, code, title = 415, "unsupported_media_type", "Only application/json is accepted"


class NotFound(DakoraError):
    """There is nothing at this address, or nothing of yours."""

    status, code, title = 404, "not_found", "There is nothing at this address"


class MethodNotAllowed(DakoraError):
    """The address exists, the verb does not."""

    status, code, title = 405, "method_not_allowed", "This address does not take that method"


class ProjectNotFound(NotFound):
    """No such project, or not yours."""

    code, title = "project_not_found", "There is no such project"


class PromptNotFound(NotFound):
    """No such prompt in this project, or it is archived."""

    code, title = "prompt_not_found", "There is no such prompt"


class VersionNotFound(NotFound):
    """The prompt has no such version."""

    code, title = "version_not_found", "The prompt has no such version"


class LabelNotFound(NotFound):
    """The prompt has no such label."""

    code, title = "label_not_found", "The prompt has no such label"


class PromptExists(DakoraError):
    """The id is taken in this project, whatever the case of its letters."""

    status, code, title = 409, "prompt_exists", "A prompt with this id exists"


class PromptArchived(DakoraError):
    """The id belongs to an archived prompt that can still be restored."""

    status, code, title = 409, "prompt_archived", "An archived prompt holds this id"


class StaleVersion(DakoraError):
    """`If-Match` names a version that is no longer the newest."""

    status, code, title = 412, "stale_version", "The prompt has changed since you read it"


class TemplateInvalid(DakoraError):
    """The prompt cannot be saved: YAML, fields, template syntax or static limits; `errors` names every fault."""

    status, code, title = 422, "template_invalid", "The prompt is not valid"


class VersionNotHigher(DakoraError):
    """The given semver is not higher than the newest version's."""

    status, code, title = 422, "version_not_higher", "The version must be higher than the newest one"


class InvalidInputs(DakoraError):
    """Inputs are missing, unknown or of the wrong type; `errors` names them all."""

    status, code, title = 422, "invalid_inputs", "The inputs are not valid"


class RenderFailed(DakoraError):
    """The template could not be rendered with these inputs."""

    status, code, title = 422, "render_failed", "The prompt could not be rendered"


class RenderLimitExceeded(DakoraError):
    """The render went past its time, memory or output limit and was stopped."""

    status, code, title = 422, "render_limit_exceeded", "The render went past its limits"


class Busy(DakoraError):
    """Too much is under way; the same call may go through shortly."""

    status, code, title, retry_after = 503, "busy", "The server is busy", 1


class RendererUnavailable(DakoraError):
    """The render workers could not be reached; they are being restarted."""

    status, code, title, retry_after = 503, "renderer_unavailable", "The renderer is restarting", 1


class DatabaseUnavailable(DakoraError):
    """PostgreSQL did not answer in time."""

    status, code, title, retry_after = 503, "database_unavailable", "The database is not available", 2


class RegistryUnavailable(DakoraError):
    """The document store did not answer."""

    status, code, title, retry_after = 503, "registry_unavailable", "The document store is not available", 2


class RegistryFull(DakoraError):
    """The document store has no room left; nothing was saved."""

    status, code, title = 507, "registry_full", "The document store is full"


class DocumentCorrupt(DakoraError):
    """A stored document does not have the bytes its hash promises, or is missing."""

    status, code, title = 500, "document_corrupt", "A stored document is damaged"


class UntrustedHost(DakoraError):
    """The `Host` header names a machine that this server does not answer for."""

    status, code, title = 421, "untrusted_host", "This server does not answer for that host name"
