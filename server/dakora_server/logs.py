"""Logs: ids, sizes and times, never what anybody wrote. One JSON object a line, or lines for people."""

import asyncio
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson

from dakora_server.core import clock

_FLUSH_SECONDS = 0.2
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class JsonLines(logging.Formatter):
    """A log record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        entry: dict[str, Any] = {
            "time": clock.now().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry, option=orjson.OPT_NON_STR_KEYS, default=str).decode()


def configure(*, level: str, style: str, stream: TextIO | None = None) -> None:
    """Send every log line of the process to `stream` (stdout), in the given style (`json` or `text`)."""
    handler = logging.StreamHandler(stream or sys.stdout)
    if style == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    # Libraries speak of troubles only: on their finer levels they tell statements, parameters and addresses.
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for own in ("dakora_server", "uvicorn"):
        logging.getLogger(own).setLevel(_LEVELS[level])
    # uvicorn's own access lines carry the query string, and with it what people search for.
    logging.getLogger("uvicorn.access").disabled = True


class RequestLog:
    """One line a request, written together five times a second, so that a line costs a request a microsecond."""

    def __init__(self, *, enabled: bool, style: str, stream: TextIO | None = None) -> None:
        self._enabled = enabled
        self._style = style
        self._stream = stream or sys.stdout
        self._waiting: list[tuple[str, str, int, str, float, str]] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, scope: MutableMapping[str, Any], status: int, request_id: str, seconds: float) -> None:
        """Note one request that has been answered (`status` 0: the caller hung up first)."""
        if not self._enabled:
            return
        # The route's pattern, not the path: ids are what people wrote.
        pattern = scope.get("dakora.route") or getattr(scope.get("route"), "path", None) or "unmatched"
        self._waiting.append(
            (clock.now().isoformat(timespec="milliseconds"), scope["method"], status, pattern, seconds, request_id)
        )
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what is waiting."""
        self._timer = None
        lines, self._waiting = self._waiting, []
        write = self._as_json if self._style == "json" else self._as_text
        self._stream.write("".join(write(*line) for line in lines))
        self._stream.flush()

    @staticmethod
    def _as_json(at: str, method: str, status: int, pattern: str, seconds: float, request_id: str) -> str:
        entry = {
            "time": at,
            "level": "info",
            "logger": "dakora.request",
            "method": method,
            "route": pattern,
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
            "request_id": request_id,
        }
        return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE).decode()

    @staticmethod
    def _as_text(at: str, method: str, status: int, pattern: str, seconds: float, request_id: str) -> str:
        return f"{at[11:19]} {status} {method:6} {pattern}  {seconds * 1000:.1f} ms  {request_id}\n"
