"""Talking to the server: one client for one command, and its errors as the CLI's own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from dakora_cli.connection import LOCAL_URL, Connection
from dakora_cli.options import Invocation
from dakora_cli.refusals import NotReached, Problem, Refusal, WrongUse, field_at
from dakora_client import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    ConnectionFailed,
    Dakora,
    DakoraError,
    Fault,
    ProviderError,
    RateLimited,
    ServerError,
    TimedOut,
    UnexpectedAnswer,
)

T = TypeVar("T")
AT_ONCE = 8
"""Requests under way together: what one server process can work on, and no more than is polite."""


def ask(call: Invocation, question: Callable[[Dakora], Awaitable[T]], **settings: Any) -> T:
    """Open the way to the server, ask, close it. Raises Refusal in place of every error of the client."""

    async def run() -> T:
        async with reach(call, call.connection, **settings) as dakora:
            return await question(dakora)

    return asyncio.run(run())


@asynccontextmanager
async def reach(call: Invocation, connection: Connection, **settings: Any) -> AsyncIterator[Dakora]:
    """A client of this server for as long as the block lasts; what fails in the block is raised as a Refusal."""
    try:
        # Empty texts say "none": what is left out, the client would look up in the environment by itself.
        dakora = call.world.open_client(
            connection.url,
            api_key=connection.api_key or "",
            token=connection.token or "",
            project=connection.project or "",
            **settings,
        )
        async with dakora:
            yield dakora
    except DakoraError as error:
        raise refusal_of(error, connection) from None


def refusal_of(error: DakoraError, connection: Connection) -> Refusal:
    """The client's error in the CLI's words."""
    if isinstance(error, APIError):
        return _no(error, connection)
    if isinstance(error, ConnectionFailed):
        hint = "" if connection.url != LOCAL_URL else " `dakora dev` starts one; `dakora link` names another."
        return NotReached(f"{error}{hint}", facts={"url": connection.url})
    if isinstance(error, TimedOut | UnexpectedAnswer):
        return NotReached(str(error), facts={"url": connection.url})
    return WrongUse(f"{error} (from {connection.url_from})" if isinstance(error, ConfigurationError) else str(error))


def _no(error: APIError, connection: Connection) -> Refusal:
    known = {"status": error.status, "code": error.code, "request_id": error.request_id}
    facts = {name: value for name, value in known.items() if value is not None}
    message, problems = error.detail, problems_of(error)
    if len(problems) == 1:
        # One sentence is enough: the fault itself, and where it has a place in the template, what failed there.
        only = problems[0]
        message = only.message if only.line is None else f"{message.rstrip('.')}: {only}"
    if isinstance(error, AuthenticationError):
        kind = "token" if connection.token else "key"
        hint = f"the {kind} came from {connection.key_from}" if connection.key_from else "set DAKORA_API_KEY"
        return Refusal(f"{message.rstrip('.')} ({hint}).", facts=facts)
    if error.code == "scope_missing" and connection.api_key:
        return Refusal(
            f"{message.rstrip('.')}: what keys may not do at all, a session token in DAKORA_TOKEN may.", facts=facts
        )
    if error.code == "label_protected":
        return Refusal(f"{message} `dakora label request` asks for a move.", facts=facts)
    if isinstance(error, ProviderError):
        # Dakora was reached, and says what became of it.
        return Refusal(message, problems=problems, facts=facts)
    if isinstance(error, ServerError | RateLimited):
        request = f" (request {error.request_id})" if error.request_id else ""
        return NotReached(f"{message.rstrip('.')}{request}.", problems=problems, facts=facts)
    return Refusal(message, problems=problems, facts=facts)


def problems_of(error: APIError) -> tuple[Problem, ...]:
    """The server's list of faults."""
    return tuple(
        Problem(_as_typed(fault), line=fault.line, column=fault.column, field=field_at(fault.loc), type=fault.type)
        for fault in error.errors
    )


def _as_typed(fault: Fault) -> str:
    """The fault with the API's names of parameters as they are typed here: `query.folder` is `--folder`."""
    field = field_at(fault.loc) or ""
    place, _, name = field.partition(".")
    is_id = name in {"prompt_id", "part_id"} or (place, name) == ("path", "category")
    typed = "--project" if name == "project_id" else "ID" if is_id else f"--{name}"
    return fault.message.replace(f"`{field}`", f"`{typed}`") if place in {"path", "query"} else fault.message


async def at_once(jobs: Iterable[Callable[[], Awaitable[T]]], *, done: Callable[[], None] = lambda: None) -> list[T]:
    """Run jobs, a few at a time; their results in order. The first failure stops those that have not begun."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(job: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            result = await job()
        done()
        return result

    tasks = [asyncio.ensure_future(one(job)) for job in jobs]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        # What was cancelled is given its end before the client is closed under it.
        await asyncio.gather(*tasks, return_exceptions=True)
