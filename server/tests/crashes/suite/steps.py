"""The steps of a write, and how a server dies at one of them.

The product knows nothing of this: the launcher wraps the product's own functions in the process that is to die.
"""

import functools
import inspect
import os
import signal
from collections.abc import Callable
from typing import Any

from dakora_server.api.envelope import Envelope
from dakora_server.core import scope
from dakora_server.core.audit import queries as audit
from dakora_server.core.idempotency import queries as idempotency
from dakora_server.core.prompts import label_queries, queries
from dakora_server.core.storage.database import Transaction
from dakora_server.core.storage.registry import durable, local

_CHANGING = {"POST", "PUT", "DELETE"}


class Trap:
    """Kills this process when its step is reached for the `hit`-th time."""

    def __init__(self, hit: int) -> None:
        self._left = hit

    def spring(self) -> None:
        """One time less; at the last one there is no return."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _before(owner: Any, name: str) -> Callable[[Trap], None]:
    return lambda trap: _wrap(owner, name, first=trap.spring)


def _after(owner: Any, name: str) -> Callable[[Trap], None]:
    return lambda trap: _wrap(owner, name, then=trap.spring)


def _wrap(
    owner: Any, name: str, *, first: Callable[[], None] = lambda: None, then: Callable[[], None] = lambda: None
) -> None:
    real = getattr(owner, name)

    @functools.wraps(real)
    def called(*given: Any, **named: Any) -> Any:
        first()
        answer = real(*given, **named)
        then()
        return answer

    @functools.wraps(real)
    async def awaited(*given: Any, **named: Any) -> Any:
        first()
        answer = await real(*given, **named)
        then()
        return answer

    setattr(owner, name, awaited if inspect.iscoroutinefunction(real) else called)


def _half_a_document(trap: Trap) -> None:
    real = durable.write

    def write(path: Any, text: bytes) -> None:
        path.write_bytes(text[: len(text) // 2])
        trap.spring()
        path.unlink()
        real(path, text)

    durable.write = write


def _commit(when: str) -> Callable[[Trap], None]:
    def arm(trap: Trap) -> None:
        real = Transaction.finish

        async def finish(self: Transaction, *, keep: bool) -> None:
            # A request's own change: neither a read nor what runs beside the requests.
            counts = keep and self._connection is not None and not self._read_only and _is_a_place(self)
            if counts and when == "before":
                trap.spring()
            await real(self, keep=keep)
            if counts and when == "after":
                trap.spring()

        Transaction.finish = finish

    return arm


def _is_a_place(transaction: Transaction) -> bool:
    tenant = transaction.tenant
    return not tenant.platform and (tenant.project_id is not None or tenant.workspace_id is not None)


def _answer(when: str) -> Callable[[Trap], None]:
    def arm(trap: Trap) -> None:
        real = Envelope.__call__

        async def serve(self: Envelope, scope: Any, receive: Any, send: Any) -> None:
            done = False

            async def sent(message: Any) -> None:
                nonlocal done
                if message["type"] == "http.response.start":
                    done = scope["method"] in _CHANGING and message["status"] < 300
                    if done and when == "before":
                        trap.spring()
                await send(message)
                if done and when == "after" and message["type"] == "http.response.body":
                    trap.spring()

            await real(self, scope, receive, sent)

        Envelope.__call__ = serve

    return arm


STEPS: dict[str, Callable[[Trap], None]] = {
    "before the document": _before(local.LocalRegistry, "_put"),
    "half a document written": _half_a_document,
    "document written, not yet named": _after(durable, "write"),
    "document stored": _after(local.LocalRegistry, "_put"),
    "before the prompt's row": _before(queries, "add_prompt"),
    "prompt's row inserted": _after(queries, "add_prompt"),
    "before the version's row": _before(queries, "add_version"),
    "version's row inserted": _after(queries, "add_version"),
    "before the head moves": _before(queries, "touch"),
    "head moved": _after(queries, "touch"),
    "before the event": _before(audit, "add_event"),
    "event written": _after(audit, "add_event"),
    "before the announcement": _before(scope, "announce"),
    "announced": _after(scope, "announce"),
    "before the label moves": _before(label_queries, "put_label"),
    "label moved": _after(label_queries, "put_label"),
    "move written down": _after(label_queries, "add_move"),
    "before the answer is kept": _before(idempotency, "add"),
    "answer kept": _after(idempotency, "add"),
    "before the commit": _commit("before"),
    "after the commit": _commit("after"),
    "before the answer": _answer("before"),
    "after the answer": _answer("after"),
}


def arm(step: str, hit: int) -> None:
    """Let this process die when it reaches `step` for the `hit`-th time."""
    STEPS[step](Trap(hit))
