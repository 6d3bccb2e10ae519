"""Templates put together at random from the pieces attacks are made of, through the pool: none reaches outside.

500 in every run; DAKORA_GENERATED=20000 before a release.
"""

import asyncio
import hashlib
import os
import runpy
from pathlib import Path

import pytest

from dakora_server.core.exceptions import Busy, RenderFailed, RenderLimitExceeded
from dakora_server.core.templates import pool_wire as wire
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.worker import RenderPool, _job

GENERATED = runpy.run_path(str(Path(__file__).with_name("hostile.py")))["generated"]
COUNT = int(os.environ.get("DAKORA_GENERATED", "500"))


@pytest.mark.timeout(1200)
async def test_generated_templates_never_reach_outside():
    pool = RenderPool(workers=2, limits=Limits())
    await pool.start()
    waiting = iter(GENERATED(COUNT, seed=20261123))
    tried, rendered, reached, unexpected = [], [], [], []

    async def work():
        for case in waiting:
            tenant = case.name
            analysis = await pool.analyse(case.sources, tenant=tenant)
            if analysis.faults:
                continue
            tried.append(case.name)
            key = hashlib.sha256(case.sources[0].encode()).hexdigest()
            try:
                rendered.extend(await pool.render(key, case.sources, case.inputs, tenant=tenant))
            except (RenderFailed, RenderLimitExceeded, Busy) as error:
                unexpected.extend(fault for fault in error.errors if fault.type == "worker_ended")
            if len(tried) % 25 == 0:
                reached.extend(filter(None, [await pool._dispatch.do(_job("auditor", [wire.AUDIT], 1.0))]))

    try:
        await asyncio.gather(work(), work())
        twice = "{% for a in x %}{% for b in x %}{{ a }}{% endfor %}{% endfor %}"
        good = await pool.render("good", (twice,), {"x": [1]}, tenant="a good one")
    finally:
        await pool.stop()
    assert good == ["1"]
    # Most end in an error of their own; enough must get as far as running, and some to a text.
    assert len(tried) > COUNT // 4
    assert rendered
    assert reached == []
    assert unexpected == []
