"""Nothing acknowledged is lost, whatever is killed and whenever: the server, its PostgreSQL, and both at once.

`make soak` runs the same with larger numbers, by DAKORA_CRASH_KILLS, DAKORA_CRASH_STOPS and DAKORA_CRASH_BOTH.
"""

import os
import random
import uuid

import pytest
from crash_suite import verdict
from crash_suite.havoc import havoc, plan
from crash_suite.journal import Journal
from crash_suite.line import Line
from crash_suite.site import Site
from crash_suite.steps import STEPS

KILLS = int(os.environ.get("DAKORA_CRASH_KILLS", "60"))
STOPS = int(os.environ.get("DAKORA_CRASH_STOPS", "20"))
BOTH = int(os.environ.get("DAKORA_CRASH_BOTH", "5"))
# Of the kills, those of a server that has its PostgreSQL to itself and takes it along.
EMBEDDED = KILLS // 4
SEED = os.environ.get("DAKORA_CRASH_SEED") or os.urandom(4).hex()


@pytest.fixture
def site(scratch, request):
    opened = Site(scratch / f"crash-{uuid.uuid4().hex[:8]}", own=request.param == "beside")
    try:
        opened.open()
        yield opened
    finally:
        opened.close()


@pytest.mark.timeout(300 + 6 * (KILLS + STOPS + BOTH))
@pytest.mark.parametrize("site", ["beside", "embedded"], indirect=True)
async def test_nothing_acknowledged_is_lost_and_nothing_is_done_twice(site):
    rng = random.Random(SEED)
    if site.own:
        lives = plan(rng, kills=KILLS - EMBEDDED, stops=STOPS, both=BOTH, steps=True)
    else:
        lives = plan(rng, kills=EMBEDDED)
    async with Line(site, Journal(), rng) as line:
        done = await havoc(line, lives)
        print(f"\nseed {SEED}: {done.to_text()}")
        assert done.journal.wrong == []
        assert await verdict.lost_returns(line, done.journal) == []
        assert await verdict.lost_moves(line, done.journal) == []
        assert await verdict.lost_versions(line, done.journal) == []
    site.end()
    with site.rows() as owner_url:
        assert verdict.unequal_effects(done.journal, owner_url) == []
    report = in_order(site, done)
    if site.own:
        sweep(site, report)


def in_order(site, done):
    """What `fsck` reports, which is nothing but what nobody names; and the trail's chain holds."""
    code, trail = site.operator("audit", "verify")
    assert (code, trail["holds"], trail["waiting"]) == (0, True, 0)
    code, report = site.operator("fsck")
    assert (code, report["clean"], report["missing"], report["gaps"]) == (0, True, [], [])
    assert report["versions"] >= len(done.journal.versions)
    assert report["leftovers"] >= done.steps.count("half a document written")
    return report


def sweep(site, report):
    """Nothing younger than the grace goes; with no grace all goes that nobody names, and nothing else."""
    assert report["orphans"] > 0, "so many kills, and no document without a row"
    _, careful = site.operator("fsck", "--sweep")
    assert careful["swept"] == 0
    _, swept = site.operator("fsck", "--sweep", "--grace", "0")
    assert swept["swept"] == report["orphans"] + report["leftovers"]
    code, after = site.operator("fsck")
    assert (code, after["clean"], after["orphans"], after["leftovers"]) == (0, True, 0, 0)
    assert after["versions"] == report["versions"]


def test_the_plan_ends_a_life_at_every_step():
    lives = plan(random.Random(1), kills=60 - 15, stops=20, both=5, steps=True)
    assert {life.step for life in lives if life.step} == set(STEPS)
    assert sum(life.stops for life in lives if life.step is None) == 20
