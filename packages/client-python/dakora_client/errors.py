"""Every way a call can fail.

DakoraError
├── ConfigurationError         the client cannot be made like this
├── ConnectionFailed           the server could not be reached, or hung up
├── TimedOut                   the call's time ran out
├── UnexpectedAnswer           something answered, but not like Dakora
└── APIError                   the server said no: status, code, detail, errors, request_id
    ├── BadRequestError        400, and any other 4xx without a class of its own
    ├── AuthenticationError    401
    ├── BudgetExceeded         402
    ├── PermissionDenied       403
    ├── NotFoundError          404
    ├── ConflictError          409
    ├── PreconditionFailed     412
    ├── InvalidRequestError    422
    │   ├── InvalidInputsError     inputs missing, unknown or of the wrong type
    │   ├── TemplateInvalidError   the prompt cannot be saved
    │   └── RenderError            the template failed, or went past a limit
    ├── RateLimited            429, with retry_after
    └── ServerError            500 and above
        └── Unavailable        502, 503 and 504: it may work shortly
            └── ProviderError      it was not Dakora but the model's provider
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from dakora_client.types import Fault

_FAULTS_SHOWN = 5


class DakoraError(Exception):
    """The root of everything this client raises."""


class ConfigurationError(DakoraError):
    """The client cannot be made from these arguments and this environment."""


class ConnectionFailed(DakoraError):
    """The server could not be reached, or the connection broke."""


class TimedOut(DakoraError):
    """The call took longer than its `timeout`, repeats included. The server may still have done what was asked."""


class UnexpectedAnswer(DakoraError):
    """Something answered, but not like a Dakora server: usually the address leads somewhere else."""


class APIError(DakoraError):
    """The server answered with an error.

    `code` is a stable word for programs, None where the answer did not come from Dakora itself (a proxy, say).
    `errors` names every fault. `request_id` is what to give to whoever runs the server. `retry_after` is in seconds.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int,
        code: str | None = None,
        errors: Sequence[Fault] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.detail = detail
        self.status = status
        self.code = code
        self.errors = tuple(errors)
        self.request_id = request_id
        self.retry_after = retry_after
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        shown = "; ".join(str(fault) for fault in self.errors[:_FAULTS_SHOWN])
        more = len(self.errors) - _FAULTS_SHOWN
        faults = f"{shown}; and {more} more" if more > 0 else shown
        sentence = f"{self.detail.rstrip('. ')}: {faults}" if faults else self.detail
        # Only where somebody has to look into the server's log.
        return f"{sentence} (request {self.request_id})" if self.request_id and self.status >= 500 else sentence

    def __reduce__(self) -> tuple[Callable[[str], "APIError"], tuple[Any, ...]]:
        # Exceptions cross process borders (multiprocessing, task queues), where keyword-only arguments get lost.
        facts = {key: value for key, value in self.__dict__.items() if key != "detail"}
        return partial(type(self), **facts), (self.detail,)


class BadRequestError(APIError):
    """The server does not take this request (400, or a 4xx without a class of its own)."""


class AuthenticationError(APIError):
    """The API key or session token is missing, not valid, revoked or expired."""


class BudgetExceeded(APIError):
    """The run could cost more than is left of the project's budget for the month."""


class PermissionDenied(APIError):
    """You are known, but may not do this: the role is too low, or the API key lacks the scope or the label."""


class NotFoundError(APIError):
    """There is no such prompt, part, version, label, key, project or workspace, or it is not yours to see."""


class ConflictError(APIError):
    """It cannot be now: an id or slug is taken, a part is in use, or there are as many as there may be; see `code`."""


class PreconditionFailed(APIError):
    """The prompt, part or label has changed since you read it; nothing was saved by this answer."""


class InvalidRequestError(APIError):
    """The request is understood and not acceptable; `errors` says why."""


class InvalidInputsError(InvalidRequestError):
    """Inputs are missing, unknown or of the wrong type; `errors` names them all."""


class TemplateInvalidError(InvalidRequestError):
    """The prompt or part cannot be saved; `errors` names every fault with line and column."""


class RenderError(InvalidRequestError):
    """The template failed with these inputs, or went past a limit on time, memory or size."""


class RateLimited(APIError):
    """Too many requests; `retry_after` says for how many seconds to wait."""


class ServerError(APIError):
    """The server failed."""


class Unavailable(ServerError):
    """The server, or something it stands on, is not available; the same call may work shortly."""


class ProviderError(Unavailable):
    """The provider of the model failed, was busy or out of reach, refused the key, or broke off; see `code`."""
