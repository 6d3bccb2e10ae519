"""What is another's and what is not there at all answer alike, to the byte, cold and warm."""

import uuid

import pytest
from isolation_suite.archive_operations import archive
from isolation_suite.calls import Call, Said, body_of, headers_of
from isolation_suite.driver import send
from isolation_suite.operations import GENERATORS
from isolation_suite.requests import operations_of
from isolation_suite.tenants import DRAFTS, content_of

REQUEST_ID = "the-same-for-everybody"
FULL = content_of("greeting", "cnry000000000000")
# A body that each operation would accept where it may go on.
BODIES = {
    "create_project": {"name": "New"},
    "change_project": {"name": "New"},
    "change_workspace": {"name": "New"},
    "create_invitation": {"email": "new@example.test"},
    "change_member": {"role": "viewer"},
    "create_api_key": {"name": "New"},
    "rotate_api_key": {"overlap_hours": 1},
    "create_prompt": {"id": "new", **FULL},
    "save_prompt": FULL,
    "render_prompt": {"inputs": {}},
    "validate_template": {"template": "Hello"},
    "rollback_prompt": {"version": 1},
    "create_part": {"id": "tone/new", "template": "Please"},
    "save_part": {"template": "Please"},
    "rollback_part": {"version": 1},
    "put_label": {"version": 2},
    "protect_label": {"needs_approval": True},
    "create_label_request": {"label": "production", "version": 2},
    "comment_label_request": {"text": "Well?"},
    "record_executions": {"output": "Hello"},
    "export_traces": {},
    "erase_executions": {"user": "ada"},
    "change_execution_settings": {"keep": "full"},
    "execute_prompt": {},
    "compare_prompt": {"runs": [{}]},
    "set_provider": {"kind": "openai_compatible", "base_url": "https://models.example.com/v1"},
    "change_budget": {"limit_usd": 1},
}
ARCHIVE = archive({"prompts/greeting.yaml": "id: greeting\ntemplate: Hello\n"})
WHO = ("A.owner", "A.viewer", "A.loner", "A1.key-1", "A1.key-2")


class Stage:
    """The platform, and everything that can be named."""

    def __init__(self, scene) -> None:
        self.scene, self.tenants = scene, scene.tenants
        self.callers = {caller.name: caller for caller in scene.tenants.callers}
        self.operations = operations_of(scene.app)

    async def ask(self, who, operation, ids, other_project):
        """The status, the headers and the body of an answer, with the ids that were asked for taken out."""
        path = operation.path
        for name in operation.parameters:
            path = path.replace(f"{{{name}}}", ids[name])
        body = BODIES.get(operation.name)
        if operation.name == "hand_over_workspace":
            body = {"user_id": ids["user_id"]}
        if operation.name == "move_prompt":
            body = {"project_id": other_project}
        said = Said(body=body, headers={"x-request-id": REQUEST_ID})
        if operation.name == "import_project":
            said.raw, said.headers["content-type"] = ARCHIVE, "application/zip"
        sent = body_of(said)
        headers = headers_of(self.callers[who], said.headers, sent)
        call = Call(operation.name, who, operation.method, path, frozenset(), True, frozenset(), b"", headers, sent)
        answer = await send(self.scene.app, call)
        text = (answer.status, tuple(answer.headers), answer.body)
        for one in sorted({*ids.values(), other_project}, key=len, reverse=True):
            text = tuple(blot(part, one) for part in text)
        return text


def blot(part, text):
    """The part without a text that the question itself held. Lengths stay comparable: ids are equally long."""
    if isinstance(part, bytes):
        return part.replace(text.encode(), b"*")
    return (
        tuple((name, value.replace(text.encode(), b"*")) for name, value in part) if isinstance(part, tuple) else part
    )


@pytest.fixture(scope="module")
async def stage(scene):
    return Stage(scene)


def ids_of(side, spot, **other):
    return {
        "workspace_id": side.id,
        "project_id": spot.id,
        "prompt_id": "greeting",
        "category": "tone",
        "part_id": "polite",
        "number": "1",
        "other": "2",
        "user_id": side.users["viewer"],
        "key_id": side.fixed_keys[0],
        "label": "production",
        "provider": "local",
        "request_id": side.fixed_requests[0].id,
        "execution_id": str(uuid.uuid5(uuid.NAMESPACE_OID, side.id)),
        "invitation_id": str(uuid.uuid5(uuid.NAMESPACE_URL, side.id)),
        **other,
    }


async def test_a_foreign_place_answers_as_one_that_is_not_there(stage):
    """Every operation with a place in its address, by members of another and by keys, before and after it is warm."""
    foreign = stage.tenants.sides["B"]
    spot = foreign.spots[0]
    tried = 0
    for round_number in range(2):
        for operation in stage.operations:
            place = {"workspace_id", "project_id"} & set(operation.parameters)
            if not place:
                continue
            for who in WHO:
                there = ids_of(foreign, spot)
                nowhere = {**there, next(iter(place)): str(uuid.uuid4())}
                answers = [await stage.ask(who, operation, ids, spot.id) for ids in (there, nowhere, there)]
                assert answers[0] == answers[1] == answers[2], (operation, who, round_number)
                expected = 403 if who.startswith("A1.") and "workspace_id" in place else 404
                assert answers[0][0] == expected, (operation, who, answers[0])
                tried += 1
        await warm(stage, foreign)
    assert tried > 300


async def warm(stage, side):
    """Whoever may reads everything there, so that it lies in memory."""
    owner = stage.callers[f"{side.name}.owner"]
    for spot in side.spots:
        for path in (f"/api/projects/{spot.id}/prompts/greeting", f"/api/projects/{spot.id}"):
            answer = await stage.scene.world.client.get(path, headers={"authorization": owner.header[1].decode()})
            assert answer.status_code == 200


async def test_what_only_another_has_answers_as_what_nobody_has(stage):
    """Ids below the place: prompts, keys, members, invitations of another, asked for in one's own place."""
    own, foreign = stage.tenants.sides["A"], stage.tenants.sides["B"]
    owner = stage.callers["B.owner"]
    headers = {"authorization": owner.header[1].decode()}
    client = stage.scene.world.client
    made = await client.post(
        f"/api/projects/{foreign.spots[0].id}/prompts", json={"id": "only-b", "template": "Hello"}, headers=headers
    )
    assert made.status_code == 201
    made = await client.post(
        f"/api/projects/{foreign.spots[0].id}/parts", json={"id": "only/of-b", "template": "Please"}, headers=headers
    )
    assert made.status_code == 201
    invited = await client.post(
        f"/api/workspaces/{foreign.id}/invitations", json={"email": "one@example.test"}, headers=headers
    )
    theirs = {
        "prompt_id": "only-b",
        "category": "only",
        "part_id": "of-b",
        "user_id": foreign.users["viewer"],
        "key_id": foreign.fixed_keys[0],
        "request_id": foreign.fixed_requests[0].id,
        "invitation_id": invited.json()["id"],
    }
    others = ("user_id", "key_id", "request_id", "invitation_id")
    nobodys = {
        "prompt_id": "only-x",
        "category": "only",
        "part_id": "of-x",
        **{name: str(uuid.uuid4()) for name in others},
    }
    tried = 0
    for operation in stage.operations:
        named = set(operation.parameters) & set(theirs) or (
            {"user_id"} if operation.name == "hand_over_workspace" else set()
        )
        if not named:
            continue
        for who in ("A.owner", "A.editor", "A1.key-1"):
            here = ids_of(own, own.spots[0])
            answers = [
                await stage.ask(who, operation, {**here, **other}, own.spots[1].id)
                for other in (theirs, nobodys, theirs)
            ]
            assert answers[0] == answers[1] == answers[2], (operation, who)
            assert answers[0][0] in {403, 404}, (operation, who, answers[0])
            tried += 1
    assert tried > 40


async def test_a_prompt_moves_to_a_foreign_project_as_to_one_that_is_not_there(stage):
    own, foreign = stage.tenants.sides["A"], stage.tenants.sides["B"]
    operation = next(one for one in stage.operations if one.name == "move_prompt")
    for who in ("A.owner", "A.editor", "A.viewer"):
        here = ids_of(own, own.spots[0], prompt_id=DRAFTS[0])
        answers = [await stage.ask(who, operation, here, to) for to in (foreign.spots[0].id, str(uuid.uuid4()))]
        assert answers[0] == answers[1]
        assert answers[0][0] == (403 if who == "A.viewer" else 404)


def test_every_operation_has_a_body_here_if_it_needs_one(stage):
    schema = stage.scene.app.openapi()
    needing = {
        operation["operationId"]
        for path in schema["paths"].values()
        for operation in path.values()
        if operation.get("requestBody", {}).get("required")
    }
    elsewhere = {"create_workspace", "accept_invitation", "move_prompt", "hand_over_workspace", "import_project"}
    assert needing <= {*BODIES, *elsewhere}
    assert set(BODIES) <= set(GENERATORS)
