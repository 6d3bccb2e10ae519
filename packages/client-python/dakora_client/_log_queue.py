"""Records that wait to be sent: taken at once, sent in batches by a thread of their own, never in anybody's way."""

import atexit
import contextlib
import os
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from dakora_client._execution_operations import MOST_RECORDS, record_executions
from dakora_client.errors import (
    ConnectionFailed,
    DakoraError,
    InvalidRequestError,
    RateLimited,
    TimedOut,
    Unavailable,
)

MOST_WAITING = 10_000
"""Records that wait at most; what comes on top is dropped and counted."""

_MOST_BYTES = 64 * 1024 * 1024
_BATCH_BYTES = 4 * 1024 * 1024
# Seconds that a batch waits for more, and between attempts while the server is away.
_LINGER, _FIRST_PAUSE, _LONGEST_PAUSE, _HURRIED_PAUSE = 1.0, 0.5, 30.0, 0.2
_PASSING = (ConnectionFailed, TimedOut, Unavailable, RateLimited)


Sender = tuple[Callable[[Any], Any], Callable[[], Any]]


class LogQueue:
    """One for each client. `open_sender` gives what sends a call, blocking, and what ends it; one thread uses both.

    The thread begins with the first record and is a daemon; when the interpreter ends, what is left is sent first.
    """

    def __init__(self, open_sender: Callable[[], "Sender"], clock: Callable[[], float] = time.monotonic) -> None:
        self._open_sender = open_sender
        self._clock = clock
        self.dropped = 0
        self._reset()
        _queues.add(self)

    def _reset(self) -> None:
        """As new: also in a child of fork, whose parent sends what was waiting."""
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._sending = 0
        self._closed = False
        self._hurried = False
        self._warned = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def is_used(self) -> bool:
        """Whether anything was ever logged, so that something may be left to send."""
        return self._thread is not None

    def put(self, record: bytes) -> bool:
        """Take a record; False if it was dropped. Never waits for anything but this lock."""
        with self._changed:
            if self._closed or len(self._waiting) >= MOST_WAITING or self._bytes + len(record) > _MOST_BYTES:
                self._drop(1, "the client is closed" if self._closed else "too many are waiting")
                return False
            self._waiting.append(record)
            self._bytes += len(record)
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="dakora-log", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter is ending: nobody would send it
                    self._waiting.pop()
                    self._drop(1, "the interpreter is ending")
                    return False
                self._thread = thread
            if len(self._waiting) in {1, MOST_RECORDS}:
                self._changed.notify_all()
        return True

    def flush(self, timeout: float) -> bool:
        """Wait until nothing waits any more, at most so many seconds; whether that is so."""
        deadline = self._clock() + timeout
        with self._changed:
            self._hurried = True
            self._changed.notify_all()
            try:
                while self._waiting or self._sending:
                    left = deadline - self._clock()
                    if left <= 0 or self._thread is None:
                        return False
                    self._changed.wait(left)
                return True
            finally:
                self._hurried = False

    def close(self, timeout: float) -> None:
        """Send what is left, for so many seconds at most; what then is still there is dropped and counted."""
        with self._changed:
            if self._closed:
                return
        self.flush(timeout)
        with self._changed:
            self._closed = True
            left = len(self._waiting) + self._sending
            self._waiting.clear()
            if left:
                self._drop(left, "the server could not be reached in time")
            self._changed.notify_all()

    def _drop(self, number: int, why: str) -> None:
        self.dropped += number
        if not self._warned:
            # Once: whoever logs a thousand times a second must not be told as often.
            self._warned = True
            message = f"Executions are not recorded: {why}. `dakora.executions.dropped` counts them."
            with contextlib.suppress(Warning):  # also where warnings are errors: nothing here may stop a program
                warnings.warn(message, RuntimeWarning, stacklevel=4)

    def _work(self) -> None:
        send, close = self._open_sender()
        try:
            self._send_batches(send)
        finally:
            close()

    def _send_batches(self, send: Callable[[Any], Any]) -> None:
        pause = _FIRST_PAUSE
        while True:
            batch = self._next_batch()
            if batch is None:
                return
            try:
                batch = self._send(send, batch)
                pause = _FIRST_PAUSE
            except _PASSING as failure:
                wait, pause = max(pause, getattr(failure, "retry_after", None) or 0), min(pause * 2, _LONGEST_PAUSE)
                self._keep(batch, wait)
                continue
            except Exception as failure:  # noqa: BLE001 - a record that cannot be sent must not end the sending
                with self._changed:
                    self._drop(len(batch), _reason(failure))
            with self._changed:
                self._sending = 0
                self._changed.notify_all()

    def _next_batch(self) -> list[bytes] | None:
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return None
                self._changed.wait()
            deadline = self._clock() + _LINGER
            while len(self._waiting) < MOST_RECORDS and not self._hurried and not self._closed:
                left = deadline - self._clock()
                if left <= 0:
                    break
                self._changed.wait(left)
            batch: list[bytes] = []
            size = 0
            while self._waiting and len(batch) < MOST_RECORDS and size < _BATCH_BYTES:
                batch.append(self._waiting.popleft())
                size += len(batch[-1])
            self._bytes -= size
            self._sending = len(batch)
            return batch or ([] if not self._closed else None)

    def _send(self, send: Callable[[Any], Any], batch: list[bytes]) -> list[bytes]:
        """Send a batch; records that the server names as faulty are dropped, the others sent again."""
        while batch:
            try:
                send(record_executions(batch))
            except InvalidRequestError as refused:
                faulty = {fault.loc[0] for fault in refused.errors if fault.loc and isinstance(fault.loc[0], int)}
                rest = [record for place, record in enumerate(batch) if place not in faulty]
                if len(rest) == len(batch):
                    raise
                with self._changed:
                    self._drop(len(batch) - len(rest), _reason(refused))
                    self._sending = len(rest)
                batch = rest
            else:
                break
        return batch

    def _keep(self, batch: Sequence[bytes], pause: float) -> None:
        """Put a batch back, first in line, and wait a little."""
        with self._changed:
            if self._closed:
                # Counted by whoever closed.
                return
            self._waiting.extendleft(reversed(batch))
            self._bytes += sum(map(len, batch))
            self._sending = 0
            over = len(self._waiting) - MOST_WAITING
            if over > 0:
                for _ in range(over):
                    self._bytes -= len(self._waiting.pop())
                self._drop(over, "too many are waiting")
            # Who waits for the queue to be empty does not wait for a pause to end.
            soon, deadline = self._clock() + _HURRIED_PAUSE, self._clock() + pause
            while not self._closed:
                left = (soon if self._hurried else deadline) - self._clock()
                if left <= 0:
                    break
                self._changed.wait(left)


def _reason(failure: Exception) -> str:
    return str(failure).rstrip(".") if isinstance(failure, DakoraError) else type(failure).__name__


_queues: "weakref.WeakSet[LogQueue]" = weakref.WeakSet()
_AT_EXIT_SECONDS = 5.0


def _send_the_rest() -> None:
    deadline = time.monotonic() + _AT_EXIT_SECONDS
    for queue in list(_queues):
        queue.close(max(deadline - time.monotonic(), 0.0))


def _begin_anew() -> None:
    for queue in list(_queues):
        queue.dropped = 0
        queue._reset()


atexit.register(_send_the_rest)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
