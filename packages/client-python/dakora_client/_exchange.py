"""The course of one call, written once for both faces.

`Exchange.steps` decides everything (what to send, what an answer means, whether to send again) and does nothing
itself: it yields what is to be done, and a sender, blocking or not, does it and hands back the outcome.
"""

import logging
from collections.abc import Generator
from typing import Any, NamedTuple, TypeVar

import httpx2

from dakora_client._cache import Cache, Kept
from dakora_client._problems import problem
from dakora_client._request import Answer, Call, refused, segment
from dakora_client._retry import may_pass, pause
from dakora_client._settings import Settings
from dakora_client.errors import APIError, ConnectionFailed, DakoraError, TimedOut, UnexpectedAnswer

T = TypeVar("T")
logger = logging.getLogger("dakora_client")


class Send(NamedTuple):
    """Send this and read the answer in full, before the clock shows `deadline`."""

    request: httpx2.Request
    deadline: float


class Wait(NamedTuple):
    """Let this many seconds pass."""

    seconds: float


class FindProject(NamedTuple):
    """Find out which project the API key or token stands for, before the clock shows `deadline`."""

    deadline: float


Step = Send | Wait | FindProject
Steps = Generator[Step, Any, T]


class Exchange:
    """What the calls of one client share: settings, project, kept answers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.project = settings.project
        self._cache = Cache(settings.cache_size)
        self._headers = settings.headers()
        self._json_headers = settings.headers()
        self._json_headers["Content-Type"] = "application/json"

    def deadline(self, timeout: float | None) -> float:
        """What the clock will show when a call that begins now has to be over."""
        return self.settings.hooks.clock() + self.limit(timeout)

    def limit(self, timeout: float | None) -> float:
        """How many seconds a call has. Raises ValueError for none at all."""
        if timeout is None:
            return self.settings.timeout
        if timeout <= 0:
            raise ValueError("A timeout is a number of seconds above 0.")
        return timeout

    def timed_out(self, timeout: float | None) -> TimedOut:
        """The error for a call whose time is up."""
        return TimedOut(f"{self.settings.address} did not answer within {self.limit(timeout):g} seconds.")

    def steps(self, call: Call[T], timeout: float | None) -> Steps[T]:
        """Everything that has to be done for `call`, in order; returns what it answers, or raises a DakoraError."""
        deadline = self.deadline(timeout)
        path = call.path
        if call.in_project:
            project = self.project or (yield FindProject(deadline))
            path = f"/api/projects/{segment(project)}{path}"
        kept = self._cache.get(path) if call.cached else None
        key = call.idempotency_key or self.settings.hooks.new_key() if call.creates else None
        attempt, lost = 0, False
        while True:
            try:
                answer: Answer = yield Send(self._request(call, path, kept, key, deadline), deadline)
            except (httpx2.RequestError, httpx2.InvalidURL) as error:
                failure, again = self._failure(error, timeout), may_pass(error)
                failure.__cause__, lost = error, True
            else:
                if answer.status == 304 and kept is not None:
                    return kept.value  # type: ignore[no-any-return]  # kept under this path, by this very operation
                if 200 <= answer.status < 300:
                    return self._read(call, path, answer)
                failure = self._no(answer)
                again = may_pass(failure)
                if answer.status == 412 and lost:
                    failure.add_note(
                        "An earlier attempt of this call got no answer: it may be what changed the prompt."
                    )
            yield self._wait(call, failure, again=again, attempt=attempt, deadline=deadline)
            attempt += 1

    def _request(self, call: Call[T], path: str, kept: Kept | None, key: str | None, deadline: float) -> httpx2.Request:
        headers = self._headers if call.body is None else self._json_headers
        changing, is_json = self.settings.token_changes, call.media_type == "application/json"
        if changing or kept is not None or call.if_match is not None or key is not None or not is_json:
            headers = httpx2.Headers(headers)
        if not is_json:
            headers["Content-Type"] = call.media_type
        if changing:
            headers["Authorization"] = self.settings.authorization()
        if kept is not None:
            headers["If-None-Match"] = kept.etag
        if call.if_match is not None:
            headers["If-Match"] = call.if_match
        if key is not None:
            headers["Idempotency-Key"] = key
        left = max(deadline - self.settings.hooks.clock(), 0.001)
        timeout = {"connect": min(self.settings.connect_timeout, left), "read": left, "write": left, "pool": left}
        try:
            return httpx2.Request(
                call.method,
                self.settings.address + path,
                headers=headers,
                content=call.body,
                extensions={"timeout": timeout},
            )
        except httpx2.InvalidURL as error:
            raise refused("The call was not sent: its address would be too long.", "invalid_request") from error

    def _read(self, call: Call[T], path: str, answer: Answer) -> T:
        try:
            value = call.parse(answer)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            found = answer.headers.get("content-type", "nothing")
            raise UnexpectedAnswer(
                f"{self.settings.address} answered, but not like a Dakora server ({found}): is the address right?"
            ) from error
        if call.cached and (etag := answer.headers.get("etag")):
            self._cache.put(path, Kept(etag, value))
        return value

    def request(self, call: Call[Any], project: str, deadline: float) -> httpx2.Request:
        """What to send for a call whose answer is read as it comes. Raises InvalidRequestError."""
        return self._request(call, f"/api/projects/{segment(project)}{call.path}", None, None, deadline)

    def refusal(self, answer: Answer) -> DakoraError:
        """The error that an answer without success stands for."""
        return self._no(answer)

    def failure(self, error: Exception, timeout: float | None) -> DakoraError:
        """The error that a failed connection stands for."""
        return self._failure(error, timeout)

    def _no(self, answer: Answer) -> DakoraError:
        if answer.status >= 400:
            return problem(answer)
        # Redirects are not followed: the API key goes where its owner said and nowhere else.
        where = answer.headers.get("location", "").partition("?")[0]
        return UnexpectedAnswer(
            f"{self.settings.address} answered with a redirect to {where}: use that server's address instead."
            if where and "@" not in where
            else f"{self.settings.address} answered with status {answer.status}, which is no answer to this call."
        )

    def _failure(self, error: Exception, timeout: float | None) -> DakoraError:
        address = self.settings.address
        if isinstance(error, httpx2.TimeoutException) and not isinstance(error, httpx2.ConnectTimeout):
            return self.timed_out(timeout)
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            return ConnectionFailed(f"Could not reach {address} ({_reason(error)}): is the server running?")
        if isinstance(error, httpx2.TransportError):
            return ConnectionFailed(f"The connection to {address} failed ({_reason(error)}).")
        return UnexpectedAnswer(f"The answer of {address} could not be read ({_reason(error)}).")

    def _wait(self, call: Call[T], failure: DakoraError, *, again: bool, attempt: int, deadline: float) -> Wait:
        """How long to wait before the next attempt. Raises `failure` if there is to be none."""
        hooks = self.settings.hooks
        if not (again and (call.repeatable or call.creates) and attempt < self.settings.max_retries):
            raise failure
        asked = failure.retry_after if isinstance(failure, APIError) else None
        seconds = pause(attempt, asked, hooks.random)
        if seconds is None or hooks.clock() + seconds >= deadline:
            raise failure
        logger.debug("%s %s failed, sending it again in %.2f s: %s", call.method, call.path, seconds, failure)
        return Wait(seconds)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
