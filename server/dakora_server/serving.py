"""uvicorn, started and stopped as one process: a free port first, one line when ready, a clean end on Ctrl-C."""

import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

_GRACE_SECONDS = 20


class AddressInUse(Exception):
    """The port is taken, or the address is not this machine's."""


class _Announcing(uvicorn.Server):
    """A server that says when it serves."""

    on_ready: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _leave_the_program_alone()
            if self.on_ready is not None:
                self.on_ready()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, taken before anything slow is started. Raises AddressInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AddressInUse(f"{host}:{port} cannot be listened on ({error.strerror}): choose another port.") from None
    return listener


def _leave_the_program_alone() -> None:
    """Take what was loaded at start out of the collector's sight, and have it look at the rest less often.

    A batch of a thousand records makes so many objects that it would walk along the whole program several times; what
    requests leave behind has hardly any cycles. It saves a tenth of the processor time of recording.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def serve(
    app: FastAPI,
    host: str,
    port: int,
    *,
    listener: socket.socket | None = None,
    on_ready: Callable[[], None] | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM, finish what is under way, and return the exit code.

    Raises what the application refused to start for: SchemaMismatch, DatabaseUnavailable.
    """
    listener = listener or bind(host, port)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        backlog=2048,
    )
    server = _Announcing(config)
    server.on_ready = on_ready
    # uvicorn raises the signal again once it has stopped; by then it has done its work.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    logging.getLogger("uvicorn.error").addFilter(lambda _: getattr(app.state, "refusal", None) is None)
    # uvicorn leaves the process when the application refuses to start; what it refused for is told below.
    with contextlib.suppress(SystemExit):
        server.run(sockets=[listener])
    refusal: Exception | None = getattr(app.state, "refusal", None)
    if refusal is not None:
        raise refusal
    return 0 if server.started else 1
