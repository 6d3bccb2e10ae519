import asyncio, time
from uuid import UUID
from dakora_server.core.prompts import queries
from dakora_server.core.scope import Grant, Principal, ProjectId, Role, WorkspaceId, writing

async def test_it(scene):
    side = scene.tenants.sides["A"]
    spot = side.spots[0]
    callers = {c.name: c for c in scene.tenants.callers}
    auth = lambda n: {"authorization": callers[n].header[1].decode()}
    asked = side.fixed_requests[0]
    grant = Grant(Principal(UUID(side.users["owner"]), "Ada"), WorkspaceId(UUID(side.id)), ProjectId(UUID(spot.id)), Role.owner)
    started = time.monotonic()
    async with writing(scene.platform, grant) as project:
        await project.hold("greeting")
        await queries.lock_prompt(project, "greeting")
        task = asyncio.create_task(scene.world.client.post(f"/api/projects/{spot.id}/label-requests/{asked.id}/approve", headers=auth("A.admin")))
        await asyncio.sleep(0.5)
        await queries.remove(project, "greeting")
    answer = await task
    print("TOOK", time.monotonic() - started, answer.status_code, answer.text)
    assert time.monotonic() - started < 5
    assert answer.status_code == 404


async def test_move(scene):
    side = scene.tenants.sides["B"]
    callers = {c.name: c for c in scene.tenants.callers}
    h = {"authorization": callers["B.owner"].header[1].decode()}
    url = f"/api/projects/{side.spots[0].id}/prompts/nomad-1"
    r = await scene.world.client.post(f"{url}/move", json={"project_id": side.spots[1].id}, headers=h)
    print("MOVE", r.status_code, r.text[:600])
    from isolation_suite.driver import drive
    from isolation_suite.requests import Composer
    run = await drive([scene.app], scene.tenants, Composer(scene.app, scene.tenants, warm=0.0), 6000, seed="f1")
    print("STAT", {k: v for k, v in run.statuses.items() if k[0] == "move_prompt" or "label" in k[0]})
    print("FAIL", run.failures[:3], run.leaks[:3])
