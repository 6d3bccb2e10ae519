"""Every filter removed in turn: row-level security alone keeps tenants apart.

A query without its filter may answer with too much of one's own, or fail; another's canary or a changed row of
another is what must not be.
"""

import os

import pytest
from isolation_suite.backstage import act
from isolation_suite.driver import Run, drive
from isolation_suite.filters import REACHED, filters, watched, without
from isolation_suite.requests import Composer
from isolation_suite.rows import Snapshot
from isolation_suite.tenants import QUIET

REQUESTS = int(os.environ.get("DAKORA_ISOLATION_FILTER_REQUESTS", "150"))
WATCHED = 2_000
# Some queries need a rare state: then further rounds are sent until one is built.
ROUNDS = 40
RARE = (
    "hear_clerk",
    "move_prompt",
    "save_part",
    "delete_part",
    "restore_part",
    "rollback_part",
    "hand_over_workspace",
    "change_member",
    "remove_member",
    "rotate_api_key",
    "archive_project",
    "delete_label",
    "unprotect_label",
    "approve_label_request",
    "reject_label_request",
    "withdraw_label_request",
    "import_project",
    "set_provider",
    "delete_provider",
    "change_budget",
    "execute_prompt",
)


class Stage:
    """A platform to break, and how it was before."""

    def __init__(self, scene, snapshot, digest, found) -> None:
        self.scene, self.snapshot, self.digest, self.found = scene, snapshot, digest, found


@pytest.fixture(scope="module")
async def stage(scene, seed):
    """The platform, with every filter's operations found by trying them all."""
    tenants = scene.tenants
    snapshot = Snapshot(scene.database.owner_url)
    with watched():
        run = await drive([scene.app], tenants, Composer(scene.app, tenants, warm=0.0), WATCHED, seed=seed)
        run.refuse(run.leaks)
        await snapshot.restore(scene.platform, tenants)
        rows = scene.rows()
        found = await act(scene.world, tenants, rows)
        for number in range(ROUNDS):
            if all(REACHED[place.name] for place in filters()):
                break
            # What is seldom sent, and in turn all: which of them is missing is a matter of chance.
            more = Composer(scene.app, tenants, warm=0.0, only=RARE if number % 2 else ())
            await drive([scene.app], tenants, more, WATCHED // 2, seed=f"{seed} {number}")
        await snapshot.restore(scene.platform, tenants)
    return Stage(scene, snapshot, rows.digest(tenants, QUIET), found)


def test_every_filter_is_reached_by_something(stage):
    assert len(filters()) > 60
    assert [place.name for place in filters() if not REACHED[place.name]] == []


@pytest.mark.parametrize("place", filters(), ids=lambda place: place.name)
async def test_without_a_filter_nothing_of_anothers_is_seen_or_changed(stage, seed, place):
    scene, tenants = stage.scene, stage.scene.tenants
    await stage.snapshot.restore(scene.platform, tenants)
    operations = REACHED[place.name] - {"backstage", ""}
    lenient, found = not place.by_project, None
    run = Run(seed)
    with without(place) as used:
        composer = Composer(scene.app, tenants, warm=0.0, only=operations)
        for number in range(ROUNDS if operations else 0):
            again = f"{seed} {place.name} {number}"
            run = await drive([scene.app], tenants, composer, REQUESTS, seed=again, lenient=lenient)
            run.refuse(run.leaks)
            if used:
                break
        if "backstage" in REACHED[place.name]:
            found = await act(scene.world, tenants, scene.rows())
    rows = scene.rows()
    run.refuse(tenants.owners.late_strangers())
    run.refuse(rows.strangers(tenants, lenient=lenient))
    assert rows.digest(tenants, QUIET) == stage.digest, run
    if found is not None and not operations:
        assert found == stage.found[: len(found)], run
    assert used, f"nothing built the query without {place.source}: {run}"
