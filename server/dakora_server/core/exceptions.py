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
    # Seconds after which the same call may go through; an instance may know better than its class.
    retry_after: int | None = None

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
    """The body is not `application/json`, or not `application/zip` where an archive is taken."""

    status, code, title = 415, "unsupported_media_type", "The body's media type is not accepted"


class NotFound(DakoraError):
    """There is nothing at this address, or nothing of yours."""

    status, code, title = 404, "not_found", "There is nothing at this address"


class MethodNotAllowed(DakoraError):
    """The address exists, the verb does not."""

    status, code, title = 405, "method_not_allowed", "This address does not take that method"


class Unauthenticated(DakoraError):
    """No credentials came with the request, or none of a kind that opens anything here."""

    status, code, title = 401, "unauthenticated", "Credentials are needed"


class TokenInvalid(Unauthenticated):
    """The session token is not one of the configured issuer's, is expired, or is meant for somebody else."""

    code, title = "token_invalid", "The session token is not valid"


class AccountDeleted(Unauthenticated):
    """The session's user was deleted."""

    code, title = "account_deleted", "This account was deleted"


class ApiKeyInvalid(Unauthenticated):
    """The API key is mistyped, or there never was such a key."""

    code, title = "api_key_invalid", "The API key is not valid"


class ApiKeyRevoked(Unauthenticated):
    """The API key was revoked."""

    code, title = "api_key_revoked", "The API key was revoked"


class ApiKeyExpired(Unauthenticated):
    """The API key's time is over."""

    code, title = "api_key_expired", "The API key has expired"


class Forbidden(DakoraError):
    """A member without the right: the role is too low."""

    status, code, title = 403, "forbidden", "Your role does not allow this"


class ScopeMissing(DakoraError):
    """The API key does not have the scope, or never may do this."""

    status, code, title = 403, "scope_missing", "The API key does not allow this"


class LabelNotAllowed(DakoraError):
    """The API key is limited to certain labels, and this request does not go through one of them."""

    status, code, title = 403, "label_not_allowed", "The API key is limited to certain labels"


class RateLimited(DakoraError):
    """Too many requests; `Retry-After` says when the next one goes through."""

    status, code, title = 429, "rate_limited", "Too many requests"

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class IdentityUnavailable(DakoraError):
    """The issuer's keys could not be fetched, and none are known."""

    status, code, title, retry_after = 503, "identity_unavailable", "The identity provider does not answer", 2


class ProjectNotFound(NotFound):
    """No such project, or not yours."""

    code, title = "project_not_found", "There is no such project"


class WorkspaceNotFound(NotFound):
    """No such workspace, or not yours."""

    code, title = "workspace_not_found", "There is no such workspace"


class MemberNotFound(NotFound):
    """The workspace has no such member."""

    code, title = "member_not_found", "The workspace has no such member"


class InvitationNotFound(NotFound):
    """No such invitation: never made, used, revoked or expired."""

    code, title = "invitation_not_found", "There is no such invitation"


class ApiKeyNotFound(NotFound):
    """The project has no such API key."""

    code, title = "api_key_not_found", "The project has no such API key"


class SlugTaken(DakoraError):
    """The slug is in use."""

    status, code, title = 409, "slug_taken", "This slug is in use"


class AlreadyMember(DakoraError):
    """The person is a member of the workspace already."""

    status, code, title = 409, "already_member", "This person is a member already"


class LastOwner(DakoraError):
    """A workspace always has an owner; this would leave it without."""

    status, code, title = 409, "last_owner", "A workspace always has an owner"


class TooMany(DakoraError):
    """A count has reached its limit, such as 10 live API keys a project."""

    status, code, title = 409, "too_many", "There are as many as there may be"


class IdempotencyInProgress(DakoraError):
    """The first request with this `Idempotency-Key` is still under way."""

    status, code, title, retry_after = 409, "idempotency_in_progress", "The first request is still under way", 1


class IdempotencyMismatch(DakoraError):
    """This `Idempotency-Key` was used before, for another request."""

    status, code, title = 422, "idempotency_mismatch", "This Idempotency-Key belongs to another request"


class WebhookInvalid(DakoraError):
    """The webhook's signature, time or body is not acceptable."""

    status, code, title = 400, "webhook_invalid", "The webhook is not acceptable"


class PromptNotFound(NotFound):
    """No such prompt in this project, or it is archived."""

    code, title = "prompt_not_found", "There is no such prompt"


class VersionNotFound(NotFound):
    """The prompt has no such version."""

    code, title = "version_not_found", "The prompt has no such version"


class LabelNotFound(NotFound):
    """The prompt has no such label."""

    code, title = "label_not_found", "The prompt has no such label"


class RequestNotFound(NotFound):
    """The project has no such request for a label."""

    code, title = "request_not_found", "There is no such request"


class RequestOver(DakoraError):
    """The request was approved, rejected or withdrawn already."""

    status, code, title = 409, "request_over", "The request is over"


class StaleLabel(DakoraError):
    """`If-Match` names an earlier place of the label, or it has moved since the request was made."""

    status, code, title = 412, "stale_label", "The label has moved since you read it"


class LabelProtected(DakoraError):
    """The label is protected: only an admin moves it, or a second person has to approve."""

    status, code, title = 403, "label_protected", "The label is protected"


class PromptExists(DakoraError):
    """The id is taken in this project, whatever the case of its letters."""

    status, code, title = 409, "prompt_exists", "A prompt with this id exists"


class PromptArchived(DakoraError):
    """The id belongs to an archived prompt that can still be restored."""

    status, code, title = 409, "prompt_archived", "An archived prompt holds this id"


class PartNotFound(NotFound):
    """No such part in this project, or it is deleted."""

    code, title = "part_not_found", "There is no such part"


class PartExists(DakoraError):
    """The id is taken in this project, whatever the case of its letters."""

    status, code, title = 409, "part_exists", "A part with this id exists"


class PartArchived(DakoraError):
    """The id belongs to a deleted part, which can be restored."""

    status, code, title = 409, "part_archived", "A deleted part holds this id"


class PartInUse(DakoraError):
    """Prompts or other parts use the part; `errors` names them."""

    status, code, title = 409, "part_in_use", "The part is in use"


class IncludeCycle(DakoraError):
    """The part would include itself, by way of others or at once."""

    status, code, title = 409, "include_cycle", "The part would include itself"


class IncludesStay(DakoraError):
    """The prompt includes parts of its project, and cannot leave it without them."""

    status, code, title = 409, "includes_stay", "The prompt includes parts of its project"


class StaleVersion(DakoraError):
    """`If-Match` names a version that is no longer the newest."""

    status, code, title = 412, "stale_version", "The prompt has changed since you read it"


class TemplateInvalid(DakoraError):
    """The prompt cannot be saved: YAML, fields, template syntax or static limits; `errors` names every fault."""

    status, code, title = 422, "template_invalid", "The prompt is not valid"


class ArchiveInvalid(DakoraError):
    """The archive cannot be taken: no zip, too large, unsafe, or with a file that has no place in it."""

    status, code, title = 422, "archive_invalid", "The archive cannot be imported"


class ImportRefused(DakoraError):
    """Prompts or parts of the archive cannot be saved, so nothing was; `errors` names each by its file."""

    status, code, title = 422, "import_refused", "The archive holds files that cannot be saved"


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
