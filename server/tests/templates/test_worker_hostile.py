"""Every template made to do harm, through the pool: answered in time, contained, and nobody else notices."""

import asyncio
import hashlib
import itertools
import runpy
import statistics
import sys
import time
from pathlib import Path

import psutil
import pytest

from dakora_server.core.exceptions import Busy, DakoraError, RenderFailed, RenderLimitExceeded
from dakora_server.core.templates import pool_wire as wire
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.worker import RenderPool, _job

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
    """What a case comes to, and how long its slower half took. Each try is another caller's, so no breaker helps."""
    tenant = f"caller {next(_callers)}"
    began = time.perf_counter()
    analysis = await pool.analyse(case.sources, tenant=tenant)
    analysed = time.perf_counter()
    if analysis.faults:
        return analysis.faults[0].type, analysed - began
    key = hashlib.sha256(repr(case.sources).encode()).hexdigest()
    try:
        outcome = await pool.render(key, case.sources, case.inputs, tenant=tenant)
    except DakoraError as error:
        outcome = error
    return outcome, max(analysed - began, time.perf_counter() - analysed)


def resident(pid):
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def processor_seconds(pool):
    """What the pool's processes have computed so far, those that have ended included."""
    zygote = psutil.Process(pool.stats().zygote_pid)
    spent = [zygote.cpu_times(), *(child.cpu_times() for child in zygote.children())]
    return sum(times.user + times.system + times.children_user + times.children_system for times in spent)


async def audit(pool):
    """What the workers that are free now did outside, as they counted it."""
    calls = (pool._dispatch.do(_job(f"auditor {n}", [wire.AUDIT], 1.0)) for n in range(4))
    return [counts for counts in await asyncio.gather(*calls) if counts]


async def test_every_hostile_template_is_answered_in_time_and_contained(pool):
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
    seconds = {name: took for name, (_, took) in outcomes.items()}
    by_name = {case.name: case for case in CASES}
    for name in [name for name, took in seconds.items() if took >= 0.25]:
        # The machine may be busy with other things: what looked slow is tried again, alone, and its processor time
        # counts if that is less.
        used = processor_seconds(pool)
        seconds[name] = min((await attack(pool, by_name[name]))[1], seconds[name])
        seconds[name] = min(processor_seconds(pool) - used, seconds[name])
    print(f"\n{len(CASES)} cases, slowest {max(seconds.values()) * 1000:.0f} ms, workers {largest_worker // MIB} MiB")

    assert len(outcomes) == len(CASES) >= 300
    assert {name: took for name, took in seconds.items() if took >= 0.4} == {}
    assert statistics.median(seconds.values()) < 0.25
    answers = [outcome for outcome, _ in outcomes.values() if isinstance(outcome, DakoraError)]
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
