"""Every template made to do harm, through the pool: answered, contained, and nobody else notices.

How soon each is answered is a figure of the benchmark (`bench/hostile.py`).
"""

import asyncio
import hashlib
import itertools
import runpy
import sys
from pathlib import Path

import psutil
import pytest

from dakora_server.core.exceptions import Busy, DakoraError, RenderFailed, RenderLimitExceeded
from dakora_server.core.templates import pool_wire as wire
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.worker import RenderPool, _job

pytestmark = pytest.mark.alone

CASES = runpy.run_path(str(Path(__file__).with_name("hostile.py")))["CASES"]
MIB = 1024 * 1024

_callers = itertools.count()


@pytest.fixture(scope="module")
async def pool():
    started = RenderPool(workers=4, limits=Limits())
    await started.start()
    yield started
    await started.stop()


async def attack(pool, case):
    """What a case comes to. Each try is another caller's, so no breaker helps."""
    tenant = f"caller {next(_callers)}"
    analysis = await pool.analyse(case.sources, tenant=tenant)
    if analysis.faults:
        return analysis.faults[0].type
    key = hashlib.sha256(repr(case.sources).encode()).hexdigest()
    try:
        return await pool.render(key, case.sources, case.inputs, tenant=tenant)
    except DakoraError as error:
        return error


def resident(pid):
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.NoSuchProcess:
        return 0


async def audit(pool):
    """What the workers that are free now did outside, as they counted it."""
    calls = (pool._dispatch.do(_job(f"auditor {n}", [wire.AUDIT], 1.0)) for n in range(4))
    return [counts for counts in await asyncio.gather(*calls) if counts]


async def test_every_hostile_template_is_answered_and_contained(pool):
    mine = psutil.Process()
    before, largest_worker = mine.memory_info().rss, 0
    waiting, outcomes, reached = list(reversed(CASES)), {}, []

    async def work():
        nonlocal largest_worker
        while waiting:
            case = waiting.pop()
            outcomes[case.name] = await attack(pool, case)
            largest_worker = max(largest_worker, *map(resident, pool.stats().pids))
            if len(outcomes) % 25 == 0:
                reached.extend(await audit(pool))

    await asyncio.gather(work(), work())
    grown = mine.memory_info().rss - before

    assert len(outcomes) == len(CASES) >= 300
    answers = [outcome for outcome in outcomes.values() if isinstance(outcome, DakoraError)]
    assert {type(answer) for answer in answers} <= {RenderFailed, RenderLimitExceeded, Busy}
    assert [answer for answer in answers if any(fault.type == "worker_ended" for fault in answer.errors)] == []
    assert reached == []
    assert grown < 50 * MIB
    assert largest_worker <= 256 * MIB or sys.platform != "linux"


async def test_what_must_be_refused_is_refused_before_it_runs(pool):
    refused = [case for case in CASES if case.expect == "refused"][::10]

    for case in refused:
        assert (await pool.analyse(case.sources, tenant="author")).faults, case.name


async def test_after_all_that_the_pool_renders(pool):
    assert await pool.render("hello", ["Hello {{ name }}!"], {"name": "Ann"}, tenant="Ann") == ["Hello Ann!"]
    assert await audit(pool) == []
