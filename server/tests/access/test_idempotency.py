"""A creating POST that is sent again is answered again, and done once."""

import asyncio
import json
import uuid

import pytest
from fastapi.routing import iter_route_contexts

KEY = "idempotency-key"
CREATING = (
    "create_label_request",
    "comment_label_request",
    "create_workspace",
    "create_project",
    "create_invitation",
    "create_api_key",
    "rotate_api_key",
    "create_prompt",
    "create_part",
)
# What the database holds of the effects: a table, and the column that names the place.
EFFECTS = {
    "create_workspace": ("memberships", "user_id"),
    "create_project": ("projects", "workspace_id"),
    "create_invitation": ("invitations", "workspace_id"),
    "create_api_key": ("api_keys", "project_id"),
    "rotate_api_key": ("api_keys", "project_id"),
    "create_prompt": ("prompts", "project_id"),
    "create_part": ("parts", "project_id"),
    "create_label_request": ("label_requests", "project_id"),
    "comment_label_request": ("label_comments", "project_id"),
}


def named(text):
    return {KEY: text}


def fresh():
    return named(uuid.uuid4().hex)


async def asked(operation, team):
    """The address and a body for one creation."""
    name = f"x{uuid.uuid4().hex[:12]}"
    if operation == "create_workspace":
        return "/api/workspaces", {"name": name}
    if operation == "create_project":
        return f"{team.url}/projects", {"name": name, "samples": False}
    if operation == "create_invitation":
        return f"{team.url}/invitations", {"email": f"{name}@example.test", "role": "viewer"}
    if operation == "create_prompt":
        return f"{team.project}/prompts", {
            "id": name,
            "template": "Hello {{ who }}",
            "inputs": {"who": {"type": "string"}},
        }
    if operation == "create_part":
        return f"{team.project}/parts", {"category": "tone", "part_id": name, "template": "Hello {{ who }}"}
    if operation in {"create_label_request", "comment_label_request"}:
        return await _asked_of_a_label(operation, team, name)
    keys = f"{team.project}/api-keys"
    if operation == "create_api_key":
        return keys, {"name": name, "scopes": ["read"]}
    old = await team.owner.made(keys, {"name": name, "scopes": ["read"]})
    return f"{keys}/{old['id']}/rotate", {"overlap_hours": 1}


async def _asked_of_a_label(operation, team, name):
    await team.owner.made(f"{team.project}/prompts", {"id": name, "template": "x"})
    url, body = f"{team.project}/prompts/{name}/label-requests", {"label": "production", "version": 1}
    if operation == "create_label_request":
        return url, body
    made = await team.owner.made(url, body)
    return f"{team.project}/label-requests/{made['id']}/comments", {"text": name}


async def count(owner, operation, team):
    table, column = EFFECTS[operation]
    place = {"user_id": team.owner.id, "workspace_id": team.id, "project_id": team.project_id}[column]
    found = await owner.execute(f"SELECT count(*) FROM {table} WHERE {column} = %s", [place])
    events = await owner.execute("SELECT count(*) FROM audit_events WHERE actor_id = %s", [team.owner.id])
    return (await found.fetchone())[0], (await events.fetchone())[0]


def told(answer):
    """What a client sees of an answer, but for what names the one request."""
    headers = {name: answer.headers.get(name) for name in ("etag", "location", "content-type", "cache-control")}
    return answer.status_code, answer.content, headers


def test_every_operation_that_answers_201_takes_the_key(world):
    creating = {}
    for item in world.app.openapi()["paths"].values():
        for operation in item.values():
            if "201" in operation["responses"]:
                creating[operation["operationId"]] = [
                    one["name"].lower() for one in operation.get("parameters", ()) if one["in"] == "header"
                ]
    # Records bring their ids along, or nobody cares which of two is which: see `test_executions.py`.
    assert creating.pop("record_executions") == []
    assert sorted(creating) == sorted(CREATING)
    assert [name for name, headers in creating.items() if KEY not in headers] == []
    contexts = iter_route_contexts(world.app.routes)
    routed = {context.name for context in contexts if getattr(context.original_route, "status_code", None) == 201}
    assert routed == {*CREATING, "record_executions"}


@pytest.mark.parametrize("operation", CREATING)
async def test_sent_one_to_five_times_it_is_done_once_and_answered_alike(world, owner, operation):
    team = await world.team()
    for times in range(1, 6):
        url, body = await asked(operation, team)
        headers = fresh()
        rows, events = await count(owner, operation, team)
        answers = [await team.owner.post(url, body, headers=headers) for _ in range(times)]
        assert {told(answer)[0] for answer in answers} == {201}
        assert all(told(answer) == told(answers[0]) for answer in answers)
        replayed = [answer.headers.get("idempotent-replayed") for answer in answers]
        assert replayed == [None, *["true"] * (times - 1)]
        assert await count(owner, operation, team) == (rows + 1, events + 1)


@pytest.mark.parametrize("operation", CREATING)
async def test_sent_five_times_at_once_it_is_done_once(world, owner, operation):
    team = await world.team()
    url, body = await asked(operation, team)
    headers = fresh()
    rows, events = await count(owner, operation, team)

    async def until_answered():
        while (answer := await team.owner.post(url, body, headers=headers)).status_code == 409:
            assert answer.json()["code"] == "idempotency_in_progress"
            assert int(answer.headers["retry-after"]) >= 1
            await asyncio.sleep(0.01)
        return answer

    answers = await asyncio.gather(*(until_answered() for _ in range(5)))
    assert {told(answer)[:2] for answer in answers} == {(201, answers[0].content)}
    assert sorted(str(answer.headers.get("idempotent-replayed")) for answer in answers) == ["None", *["true"] * 4]
    assert await count(owner, operation, team) == (rows + 1, events + 1)


async def test_while_the_first_runs_the_second_is_told_to_come_back(world, owner):
    team = await world.team()
    url, body = await asked("create_project", team)
    headers = fresh()
    async with owner.transaction():
        # Whichever of them comes first waits for this row.
        await owner.execute("SELECT FROM workspaces WHERE id = %s FOR UPDATE", [team.id])
        sent = {asyncio.create_task(team.owner.post(url, body, headers=headers)) for _ in range(5)}
        refused = set()
        while len(refused) < 4:
            done, sent = await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
            refused |= done
        for answer in [task.result() for task in refused]:
            assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
            assert answer.headers["retry-after"] == "1"
    assert (await sent.pop()).status_code == 201


@pytest.mark.parametrize("operation", CREATING)
async def test_the_same_key_with_another_request_is_refused(world, owner, operation):
    team = await world.team()
    url, body = await asked(operation, team)
    headers = fresh()
    first = await team.owner.post(url, body, headers=headers)
    assert first.status_code == 201
    before = await count(owner, operation, team)
    other_url, other_body = await asked(operation, team)
    others = {
        "rotate_api_key": {"overlap_hours": 2},
        "create_label_request": {"label": "staging", "version": 1},
        "comment_label_request": {"text": "Something else"},
    }
    if operation in others:
        # What they are asked of was made anew just now.
        before, other_body = await count(owner, operation, team), others[operation]
    for wrong_url, wrong_body in ((url, other_body), (other_url, other_body)):
        answer = await team.owner.post(wrong_url, wrong_body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert await count(owner, operation, team) == before
    again = await team.owner.post(url, body, headers=headers)
    assert told(again) == told(first)


async def test_a_key_means_nothing_to_another_caller_or_in_another_project(world):
    team = await world.team("admin")
    second = await team.owner.made(f"{team.url}/projects", {"name": "Second"})
    key, _ = await world.key(team.project_id, team.owner, "write", "read")
    headers = fresh()
    prompts = "/api/projects/{}/prompts"
    made = set()
    for caller, project, name in (
        (team.owner, team.project_id, "one"),
        (team.members["admin"], team.project_id, "two"),
        (key, team.project_id, "three"),
        (team.owner, second["id"], "one"),
    ):
        answer = await caller.post(prompts.format(project), {"id": name, "template": "Hi"}, headers=headers)
        assert answer.status_code == 201
        assert "idempotent-replayed" not in answer.headers
        made.add((project, answer.json()["id"]))
    assert len(made) == 4
    stranger = await world.user()
    taken = await stranger.post(prompts.format(team.project_id), {"id": "one", "template": "Hi"}, headers=headers)
    assert taken.status_code == 404


async def test_a_replay_is_refused_to_whoever_may_no_longer_ask(world):
    team = await world.team("admin")
    admin = team.members["admin"]
    url, body = await asked("create_api_key", team)
    headers = fresh()
    assert (await admin.post(url, body, headers=headers)).status_code == 201
    lowered = await team.owner.patch(f"{team.url}/members/{admin.id}", {"role": "viewer"})
    assert lowered.status_code == 204
    again = await admin.post(url, body, headers=headers)
    assert (again.status_code, "dk_proj_" in again.text) == (403, False)


async def test_a_first_attempt_that_failed_leaves_nothing_behind(world, owner):
    team = await world.team()
    url, _ = await asked("create_api_key", team)
    keys = [await team.owner.made(url, {"name": f"k{number}"}) for number in range(10)]
    headers, body = fresh(), {"name": "eleventh"}
    refused = await team.owner.post(url, body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many")
    kept = await owner.execute("SELECT count(*) FROM idempotency_keys WHERE key = %s", [headers[KEY]])
    assert (await kept.fetchone())[0] == 0
    await team.owner.delete(f"{url}/{keys[0]['id']}")
    # Another body with it would do as well: nothing was kept of the first.
    made = await team.owner.post(url, {"name": "another"}, headers=headers)
    assert made.status_code == 201
    assert "idempotent-replayed" not in made.headers
    unreadable = await team.owner.request(
        "POST", url, content=b"{", headers={**fresh(), "content-type": "application/json"}
    )
    assert unreadable.status_code == 422


async def test_what_is_kept_of_an_answer_is_encrypted(world, owner):
    team = await world.team()
    for operation in ("create_api_key", "create_invitation"):
        url, body = await asked(operation, team)
        headers = fresh()
        answer = await team.owner.post(url, body, headers=headers)
        found = await owner.execute("SELECT fingerprint, answer FROM idempotency_keys WHERE key = %s", [headers[KEY]])
        fingerprint, sealed = await found.fetchone()
        secret = answer.json()["key"] if "key" in answer.json() else answer.json()["link"].partition("#")[2]
        for kept in (fingerprint, sealed):
            for part in (secret, secret[-32:], body.get("email", secret), '"id"', str(answer.json()["id"]), "201"):
                assert part.encode() not in kept
        # A byte more or less, and it is no answer: it was sealed for this caller, this place and this key.
        await owner.execute(
            "UPDATE idempotency_keys SET answer = set_byte(answer, 20, get_byte(answer, 20) # 1) WHERE key = %s",
            [headers[KEY]],
        )
        spoilt = await team.owner.post(url, body, headers=headers)
        assert (spoilt.status_code, spoilt.json()["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize("wrong", [b"", b"x" * 256, b"a b", b"\xe4", b"a\tb", b"\x7f", "ключ".encode()])
async def test_a_key_of_another_form_is_refused(world, ask, owner, wrong):
    team = await world.team()
    url, body = await asked("create_project", team)
    text = json.dumps(body).encode()
    headers = {**team.owner.headers, "content-type": "application/json", "content-length": str(len(text)), KEY: wrong}
    answer = await ask(world.app, "POST", url, headers, body=text)
    assert (answer.status, answer.code) == (422, "invalid_request")
    found = await owner.execute("SELECT count(*) FROM projects WHERE workspace_id = %s", [team.id])
    assert (await found.fetchone())[0] == 1


async def test_a_key_of_255_printable_characters_is_taken(world):
    team = await world.team()
    url, body = await asked("create_project", team)
    headers = named("".join(chr(33 + number % 94) for number in range(255)))
    first = await team.owner.post(url, body, headers=headers)
    again = await team.owner.post(url, body, headers=headers)
    assert (first.status_code, told(again)) == (201, told(first))
