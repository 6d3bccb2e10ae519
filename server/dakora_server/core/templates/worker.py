"""The render pool: user templates run in worker processes that can be stopped at any moment.

Only there do user templates get compiled and run, JSON Schemas applied, and texts compared: everything whose cost a
user can choose. This process never does it, so nothing a template does can slow down or end the server.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dakora_server.core.exceptions import Fault, RenderFailed, RenderLimitExceeded, TemplateInvalid
from dakora_server.core.templates import pool_wire as wire
from dakora_server.core.templates.analysis import Analysis, TemplateFault
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.pool_dispatch import Dispatch
from dakora_server.core.templates.pool_link import Job
from dakora_server.core.templates.process_facts import resident_bytes

_log: Final = logging.getLogger(__name__)

_NO_PARTS: Final[Mapping[str, str]] = {}
_NO_LINKS: Final[Mapping[str, Mapping[str, str]]] = {}


class _Absent:
    """The one value that is not a value."""


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class SchemaCheck:
    """A JSON Schema, found at `loc`, and a value to hold against it; without one, the schema itself is checked."""

    loc: tuple[str | int, ...]
    schema: object
    value: object = ABSENT


@dataclass(frozen=True, slots=True)
class PoolStats:
    """How the pool is doing. `rss` is in bytes, of all its processes, 0 where the system does not say."""

    workers: int
    busy: int
    waiting: int
    kills: int
    respawns: int
    pids: tuple[int, ...]
    zygote_pid: int | None
    rss: int
    confinement: Mapping[str, bool]


class RenderPool:
    """A fixed number of confined worker processes.

    Every call raises RenderLimitExceeded when it had to be stopped; Busy when too much waits, its turn does not come
    within `queue_seconds`, or it got no processor to run on in its time; RendererUnavailable while the worker processes
    cannot be started. A fault's `loc` is `(n,)`, for the n-th source, where it lies in one.
    """

    def __init__(self, *, workers: int, limits: Limits, python: str = sys.executable) -> None:
        self._size = workers
        self._limits = limits
        self._dispatch = Dispatch(size=workers, limits=limits, python=python)

    async def start(self) -> None:
        """Start the worker processes. Raises RendererUnavailable if they cannot be started."""
        if sys.platform == "linux" and not _has_glibc():
            _log.warning(
                "This Linux does not use glibc. With the small stacks of musl, deeply nested templates crash their "
                "render worker and are refused; use an image with glibc."
            )
        await self._dispatch.crew.start()
        walls = self._dispatch.crew.confinement
        _log.info(
            "%d render workers, confined by: %s; not available here: %s",
            self._size,
            ", ".join(name for name, stands in walls.items() if stands) or "nothing",
            ", ".join(name for name, stands in walls.items() if not stands) or "nothing",
        )

    async def stop(self) -> None:
        """End the worker processes, none of which is left afterwards. Calls under way raise RendererUnavailable."""
        self._dispatch.unreachable()
        await self._dispatch.crew.stop()

    async def analyse(self, sources: Sequence[str], *, tenant: str) -> Analysis:
        """What can be said of a template, and whether it compiles. If that is too much work, a fault says so."""
        job = _job(tenant, [wire.ANALYSE, list(sources)], self._limits.compile_seconds)
        job.bounded = True
        try:
            found = await self._dispatch.do(job)
        except TemplateInvalid as error:
            return Analysis(faults=tuple(map(_template_fault, error.errors)))
        except (RenderLimitExceeded, RenderFailed):
            return Analysis(faults=(TemplateFault("The template is too complex.", "template_too_complex"),))
        return Analysis.from_json(found)

    async def analyse_many(self, prompts: Sequence[Sequence[str]], *, tenant: str) -> list[Analysis]:
        """What `analyse` says of each of some prompts; one that is too much for company is asked about alone.

        Meant for a few small ones: the way to a worker and back costs as much as a small prompt's analysis.
        """
        job = _job(tenant, [wire.ANALYSE_MANY, [list(sources) for sources in prompts]], self._limits.compile_seconds)
        job.bounded, job.parts = True, len(prompts)
        try:
            found: list[Any] = await self._dispatch.do(job)
        except (RenderLimitExceeded, RenderFailed):
            found = [None] * len(prompts)
        return [
            Analysis.from_json(one) if one is not None else await self.analyse(sources, tenant=tenant)
            for one, sources in zip(found, prompts, strict=True)
        ]

    async def render(
        self,
        key: str,
        sources: Sequence[str],
        inputs: Mapping[str, object],
        *,
        includes: Mapping[str, str] = _NO_PARTS,
        links: Mapping[str, Mapping[str, str]] = _NO_LINKS,
        tenant: str,
    ) -> list[str]:
        """The text of each source, filled with `inputs`, which are JSON values.

        `includes` are the texts of the parts; `links` say what the names in each of them stand for, those of the
        sources under "". Without links, a part's name is the one it is included by.
        `key` names sources and includes together, by their content: workers keep what they compiled under it. Raises
        TemplateInvalid, RenderFailed and RenderLimitExceeded; the last at once, for half a minute, after three kills
        of the same key within one.
        """
        values = dict(inputs)
        job = _job(tenant, [wire.RENDER, key, values], self._limits.render_seconds)
        job.key = key
        job.complete = [wire.RENDER, key, values, list(sources), dict(includes), dict(links)]
        job.weight = wire.weight_of(sources, list(includes.values()))
        job.compile_seconds = self._limits.compile_seconds
        texts: list[str] = await self._dispatch.do(job)
        return texts

    async def expand(
        self,
        sources: Sequence[str],
        includes: Mapping[str, str],
        links: Mapping[str, Mapping[str, str]],
        *,
        tenant: str,
    ) -> list[str]:
        """The sources with each include replaced by its part's text. Raises RenderLimitExceeded."""
        message: list[object] = [wire.EXPAND, list(sources), dict(includes), dict(links)]
        texts: list[str] = await self._dispatch.do(_job(tenant, message, self._limits.compile_seconds))
        return texts

    async def check_schemas(self, checks: Sequence[SchemaCheck], *, tenant: str) -> list[Fault]:
        """Everything wrong with these schemas and the values held against them; no message quotes a value."""
        message = [[check.schema] if check.value is ABSENT else [check.schema, check.value] for check in checks]
        found = await self._dispatch.do(_job(tenant, [wire.SCHEMAS, message], self._limits.render_seconds))
        return [
            Fault(sentence, loc=(*check.loc, *path), type=kind)
            for check, faults in zip(checks, found, strict=True)
            for kind, path, sentence in faults
        ]

    async def diff(self, before: Mapping[str, Any], after: Mapping[str, Any], *, tenant: str) -> list[dict[str, Any]]:
        """What `diff_documents` says. Raises RenderLimitExceeded if the texts take too long to compare."""
        job = _job(tenant, [wire.DIFF, dict(before), dict(after)], self._limits.render_seconds)
        changes: list[dict[str, Any]] = json.loads(await self._dispatch.do(job))
        return changes

    def stats(self) -> PoolStats:
        """How the pool is doing right now."""
        crew = self._dispatch.crew
        return PoolStats(
            workers=self._size,
            busy=self._dispatch.busy,
            waiting=self._dispatch.waiting,
            kills=self._dispatch.kills,
            respawns=crew.respawns,
            pids=tuple(crew.pids),
            zygote_pid=crew.zygote_pid,
            rss=sum(resident_bytes(pid) or 0 for pid in (crew.zygote_pid, *crew.pids) if pid is not None),
            confinement=crew.confinement,
        )


def _job(tenant: str, message: list[object], seconds: float) -> Job:
    return Job(tenant, message, seconds, asyncio.get_running_loop().create_future())


def _template_fault(fault: Fault) -> TemplateFault:
    source = fault.loc[0] if fault.loc and isinstance(fault.loc[0], int) else 0
    return TemplateFault(fault.message, fault.type or "syntax_error", fault.line, fault.column, source)


def _has_glibc() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError):
        return False
