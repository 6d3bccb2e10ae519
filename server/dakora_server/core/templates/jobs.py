"""A render worker: answers one frame at a time, and touches nothing but its socket while it does.

Whatever a job runs into, exactly one last answer goes back for it. An answer may name a reason why this process should
be replaced: it has grown, or something in it reached for the outside.
"""

import gc
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any, Final

from dakora_server.core.templates import pool_wire as wire
from dakora_server.core.templates.analysis import TemplateFault, analyse
from dakora_server.core.templates.diff import diff_documents
from dakora_server.core.templates.expand import expand
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.renderer import Program, RenderRefused, compile_program, render
from dakora_server.core.templates.schemas import check_schema

_CHUNK: Final = 65_536
_GROWTH_KEPT: Final = 32 * 1024 * 1024
_RUSAGE_UNIT: Final = 1 if sys.platform == "darwin" else 1024

# What nothing in a worker does once it serves. Compiling and running a template's code is the exception.
_WATCHED: Final = {
    *("open", "import", "os", "socket", "subprocess", "ctypes", "exec", "compile", "code", "function"),
    *("pty", "shutil", "tempfile", "mmap", "pickle", "marshal"),
}
_COMPILING: Final = {"compile", "exec", "code", "function"}

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def frame(answer: list[object], *, errors: str = "strict") -> bytes:
    """An answer as it goes over the socket. Raises UnicodeEncodeError, unless `errors` says otherwise."""
    body = _encode(answer).encode(errors=errors)
    return wire.HEADER.pack(len(body)) + body


_COMPILED_FRAME: Final = frame([wire.COMPILED, None, ""])

MEMORY_FAULT: Final = TemplateFault("It needed more memory than it may have.", "memory_limit")
NESTING_FAULT: Final = TemplateFault("The template or a value is nested too deeply.", "nesting_limit")
UNICODE_FAULT: Final = TemplateFault(
    "The rendered text holds half of a surrogate pair, which is no character.", "invalid_text"
)


class Watch:
    """Counts what reaches outside, by the interpreter's own audit events."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.compiling = False

    def start(self) -> None:
        """From here on everything counts; it cannot be stopped."""
        sys.addaudithook(self._hear)

    def _hear(self, event: str, _facts: tuple[object, ...]) -> None:
        root = event.partition(".")[0]
        if root in _WATCHED and not (self.compiling and root in _COMPILING):
            self.counts[event] = self.counts.get(event, 0) + 1


class Refusal(Exception):
    """An answer that says no, decided in this module."""

    def __init__(self, code: str, faults: Sequence[TemplateFault], reason: str = "") -> None:
        super().__init__(code)
        self.code, self.faults, self.reason = code, faults, reason


class Worker:
    """The loop of one worker, and what it keeps between jobs: compiled programs."""

    def __init__(self, job: socket.socket, limits: Limits, *, watch: Watch) -> None:
        self._job = job
        self._limits = limits
        self._watch = watch
        self._programs: wire.Shelf[Program] = wire.Shelf()
        self._size_at_start = _largest_size()

    def serve(self, confinement: Mapping[str, bool]) -> None:
        """Answer until the server closes the socket."""
        self._job.sendall(frame([wire.READY, os.getpid(), confinement]))
        longest = self._limits.compile_seconds + self._limits.render_seconds + 1
        while (body := self._receive()) is not None:
            # The server ends a job that is late. Should it be gone, and the zygote too, an alarm nobody handles does.
            signal.setitimer(signal.ITIMER_REAL, longest)
            answer = self._answer(body)
            del body
            self._job.sendall(answer)
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _receive(self) -> bytes | None:
        chunk = self._job.recv(_CHUNK)
        if len(chunk) < wire.HEADER.size:
            return None
        (size,) = wire.HEADER.unpack_from(chunk)
        whole = size + wire.HEADER.size
        if len(chunk) == whole:
            return chunk[wire.HEADER.size :]
        received = bytearray(chunk)
        while len(received) < whole:
            chunk = self._job.recv(min(_CHUNK, whole - len(received)))
            if not chunk:
                return None
            received += chunk
        return bytes(received[wire.HEADER.size :])

    def _answer(self, body: bytes) -> bytes:
        try:
            result = self._perform(*json.loads(body))
            return frame([*result, self._reason()])
        except RenderRefused as refused:
            refusal = Refusal(refused.code, refused.faults)
        except Refusal as refused:
            refusal = refused
        except MemoryError:
            refusal = Refusal("render_limit_exceeded", [MEMORY_FAULT], "memory")
        except RecursionError:
            refusal = Refusal("render_limit_exceeded", [NESTING_FAULT])
        except UnicodeEncodeError:
            refusal = Refusal("render_failed", [UNICODE_FAULT])
        except BaseException as error:  # noqa: BLE001 -- a defect must cost its own caller one answer, not the next one's; PyO3 panics are no Exception
            return frame([wire.FAILED, None, type(error).__name__])
        # Outside of `except`, so that the error's frames and what they held are gone before memory is needed again.
        faults = [astuple(fault) for fault in refusal.faults]
        return frame([wire.REFUSED, [refusal.code, faults], refusal.reason or self._reason()], errors="replace")

    def _perform(self, operation: str, *facts: Any) -> tuple[str, Any]:
        if operation == wire.RENDER:
            return self._render(*facts)
        if operation == wire.ANALYSE:
            return wire.OK, self._analyse(*facts)
        if operation == wire.EXPAND:
            return wire.OK, expand(*facts, limit=self._limits.output_bytes)
        if operation == wire.ANALYSE_MANY:
            return wire.OK, [self._analyse_or_none(sources) for sources in facts[0]]
        if operation == wire.SCHEMAS:
            return wire.OK, [check_schema(*check) for check in facts[0]]
        if operation == wire.DIFF:
            return wire.OK, _encode(
                diff_documents(*facts)
            )  # as text, because the server's decoder rounds long integers
        if operation == wire.AUDIT:
            return wire.OK, dict(self._watch.counts)
        raise Refusal("render_failed", [TemplateFault("There is no such operation.", "operation")])

    def _render(
        self,
        key: str,
        inputs: dict[str, object],
        sources: list[str] | None = None,
        parts: dict[str, str] | None = None,
        links: dict[str, dict[str, str]] | None = None,
    ) -> tuple[str, Any]:
        program = self._programs.get(key)
        if program is None:
            if sources is None:
                return wire.MISS, None
            program = self._compile(sources, parts or {}, links)
            self._programs.put(key, program, weight=wire.weight_of(sources, list((parts or {}).values())))
            self._job.sendall(_COMPILED_FRAME)
        return wire.OK, render(program, inputs, self._limits)

    def _compile(
        self, sources: list[str], parts: dict[str, str], links: dict[str, dict[str, str]] | None = None
    ) -> Program:
        self._watch.compiling = True
        try:
            return compile_program(sources, parts, links=links)
        except RenderRefused as refused:
            code = "template_invalid" if refused.code == "render_failed" else refused.code
            raise Refusal(code, refused.faults) from None
        finally:
            self._watch.compiling = False

    def _analyse(self, sources: list[str]) -> dict[str, object]:
        analysis = analyse(sources, self._limits)
        if not analysis.faults:
            self._compile(sources, {})
        return analysis.to_json()

    def _analyse_or_none(self, sources: list[str]) -> dict[str, object] | None:
        """One of many; None for a prompt that had better be asked about alone, where its refusal has an answer."""
        try:
            return self._analyse(sources)
        except (Refusal, MemoryError, RecursionError):
            return None

    def _reason(self) -> str:
        if self._watch.counts:
            return "outside:" + ",".join(sorted(self._watch.counts))
        return "memory" if _largest_size() - self._size_at_start > _GROWTH_KEPT else ""


def _largest_size() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RUSAGE_UNIT


def rehearse(limits: Limits) -> None:
    """Do once what jobs will do, so that a worker has nothing left to import or to look up on disk."""
    text = "{% for x in xs %}{{ loop.index }} {{ x|upper|tojson }}{% endfor %}{{ s|default('-')|yaml }}"
    here, there = socket.socketpair()
    with here, there:
        worker = Worker(here, limits, watch=Watch())
        facts: list[list[Any]] = [
            [wire.ANALYSE, [text]],
            [wire.ANALYSE, ["{% if %}"]],
            [wire.ANALYSE_MANY, [["{{ x }}"], ["{% if %}"]]],
            [wire.RENDER, "a", {"xs": ["é", "\n"], "s": {"k": [1]}}, [text], {}],
            [wire.RENDER, "a", {"xs": 1}],
            [wire.EXPAND, ["{% include 'a/b' %}"], {"a/b@1": "x"}, {"": {"a/b": "a/b@1"}}],
            [wire.RENDER, "b", {}, ["{{ missing }} {{ '\\u00e9' }}"], {}],
            [wire.SCHEMAS, [[{"type": "string", "pattern": "^a", "format": "date-time"}, 1], [{"$ref": "#/no"}]]],
            [wire.DIFF, {"template": "a\nb"}, {"template": "a\nc"}],
        ]
        for job in facts:
            worker._answer(json.dumps(job).encode())
    gc.collect()
