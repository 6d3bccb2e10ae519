"""How soon each hostile template of the tests' corpus is answered by the pool that renders for the server.

`python -m bench.hostile` prints percentiles and the slowest. Each case is asked for alone, analysis and render timed
apart (two requests of a caller); the promise for either is 250 ms.
"""

import asyncio
import contextlib
import hashlib
import json
import runpy
import statistics
import time
from pathlib import Path

from dakora_server.core.exceptions import DakoraError
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.worker import RenderPool

CORPUS = Path(__file__).parents[1] / "server" / "tests" / "templates" / "hostile.py"


async def measure() -> dict[str, object]:
    """Milliseconds of each answer: how many, p50, p98, and the five slowest by name."""
    pool = RenderPool(workers=2, limits=Limits())
    await pool.start()
    taken: list[tuple[float, str]] = []
    for number, case in enumerate(runpy.run_path(str(CORPUS))["CASES"]):
        began = time.perf_counter()
        analysis = await pool.analyse(case.sources, tenant=f"caller {number}")
        analysed = time.perf_counter()
        taken.append((analysed - began, f"{case.name}, analysis"))
        if analysis.faults:
            continue
        key = hashlib.sha256(repr(case.sources).encode()).hexdigest()
        with contextlib.suppress(DakoraError):  # refusing it is the answer that is timed
            await pool.render(key, case.sources, case.inputs, tenant=f"caller {number}")
        taken.append((time.perf_counter() - analysed, f"{case.name}, render"))
    await pool.stop()
    each = sorted(1000 * seconds for seconds, _ in taken)
    slowest = {name: round(1000 * seconds, 1) for seconds, name in sorted(taken, reverse=True)[:5]}
    p98 = statistics.quantiles(each, n=100)[97]
    return {"answers": len(each), "p50": round(each[len(each) // 2], 2), "p98": round(p98, 1), "slowest": slowest}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure()), indent=2))
