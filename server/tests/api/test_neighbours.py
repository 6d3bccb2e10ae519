"""A hostile caller leaves its neighbours alone: they are answered, rightly, and about as fast as before."""

import asyncio
import time
import uuid

import pytest

from dakora_server.core.scope import Role
from dakora_server.core.storage.tenant import Tenant
from dakora_server.core.tenancy import queries as tenancy
from dakora_server.core.tenancy.provisioning import LOCAL_USER

pytestmark = pytest.mark.alone

ENDLESS = "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}"
GREEDY = "{% set n = namespace(s='aaaaaaaa') %}{% for _ in range(40) %}{% set n.s = n.s ~ n.s %}{% endfor %}"
POOLED = "{% for a in xs %}{% for b in xs %}{{ a * b }} {% endfor %}{% endfor %}"


@pytest.fixture
async def hostile(platform, project):
    """A project of another workspace, in which everything is bad."""
    other, workspace_id = type(project)(uuid.uuid4(), project.client), uuid.uuid4()
    tenant = Tenant(user_id=LOCAL_USER.user_id, workspace_id=workspace_id)
    async with platform.database.transaction(tenant) as tx:
        await tenancy.ensure_workspace(tx, workspace_id, slug=f"bad-{other.id}", name="Bad")
        await tenancy.ensure_member(tx, workspace_id, LOCAL_USER.user_id, role=Role.owner)
        await tenancy.ensure_project(tx, other.id, workspace_id=workspace_id, slug="bad", name="Bad")
    for number in range(20):
        await other.create(f"endless-{number}", f"{number} {ENDLESS}")
        await other.create(f"greedy-{number}", f"{number} {GREEDY}")
    return other


async def latencies(project, seconds):
    """Seconds of each render, one after the other."""
    found, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        answer = await project.render("pooled", {"xs": [1, 2, 3]})
        assert answer.status_code == 200, answer.text
        assert answer.json()["rendered"] == "1 2 3 2 4 6 3 6 9 "
        found.append(time.perf_counter() - started)
    return sorted(found)


async def test_a_neighbour_is_answered_while_hostile_templates_loop(project, hostile):
    await project.create("pooled", POOLED)
    await latencies(project, 0.3)
    stopping = asyncio.Event()

    async def attack(number):
        statuses = []
        while not stopping.is_set():
            kind = "endless" if number % 2 else "greedy"
            answer = await hostile.render(f"{kind}-{len(statuses) % 20}", {})
            statuses.append(answer.status_code)
        return statuses

    attacks = [asyncio.create_task(attack(number)) for number in range(4)]
    during = await latencies(project, 4)
    stopping.set()
    statuses = [status for found in await asyncio.gather(*attacks) for status in found]
    assert set(statuses) <= {422, 503}
    # How much slower is a figure of the benchmark (`bench/neighbours.py`); here every answer was there and right.
    assert during
