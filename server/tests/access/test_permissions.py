"""Every operation of the application, tried by every kind of caller, against the one table."""

import json
import uuid
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute, iter_route_contexts

from dakora_server.api.strict import GuardedRoute
from dakora_server.permissions import OPERATIONS, Place, as_markdown

ROOT = Path(__file__).resolve().parents[3]
# The start page and its icons: nothing of anybody's is in them.
PAGES = {"studio_page", "studio_asset", "favicon", "favicon_ico"}
# What an operation is asked for, so that who may do it is answered for the operation's own reasons.
BODIES = {
    "accept_invitation": {"token": uuid.uuid4().hex * 2},
    "change_workspace": {},
    "change_member": {"role": "viewer"},
    "create_invitation": {"email": "ada@example.test"},
    "change_project": {},
    "create_api_key": {"name": "one more", "scopes": ["read"]},
    "render_prompt": {"inputs": {}},
    "validate_template": {"template": "Hello"},
    "save_prompt": {"template": "Hello"},
    "rollback_prompt": {"version": 1},
    "save_part": {"template": "Kindly"},
    "rollback_part": {"version": 1},
    "put_label": {"version": 1},
    "protect_label": {},
    "create_label_request": {"label": "production", "version": 1},
    "comment_label_request": {"text": "Why?"},
    "record_executions": {},
    "export_traces": {},
    "erase_executions": {"user": "ada"},
    "change_execution_settings": {"keep": "full"},
    "execute_prompt": {},
    "compare_prompt": {"runs": [{}]},
    "set_provider": {"kind": "openai_compatible", "base_url": "https://models.example.com/v1"},
    "change_budget": {"limit_usd": 1},
}
# What would take the ground from under the callers that come after it is asked of a prompt that is not there.
ELSEWHERE = {"delete_prompt", "restore_prompt", "move_prompt"}
PARTS_ELSEWHERE = {"delete_part", "restore_part"}
QUERIES = {"compare_stats": {"prompt": "hello", "version": 1, "against": 2}}
ABSENT = ("key_id", "user_id", "invitation_id", "request_id", "execution_id")
OWN_REASONS = {
    "execution_not_found",
    "api_key_not_found",
    "invitation_not_found",
    "label_not_found",
    "member_not_found",
    "model_required",
    "part_not_found",
    "prompt_not_found",
    "provider_not_found",
    "request_not_found",
    "too_many",
    "unsupported_media_type",  # it asks for an archive, which only who got in is told
    "version_not_found",
    "webhook_invalid",
}


def operations(app):
    """The application's own operations, as it routes them."""
    routes = [context.original_route for context in iter_route_contexts(app.routes)]
    found = [route for route in routes if isinstance(route, APIRoute) and route.name not in PAGES]
    assert len(found) > 40
    return found


def body_of(name, crowd):
    if name in {"create_workspace", "create_project"}:
        return {"name": f"Made {uuid.uuid4().hex[:12]}"}
    if name == "create_prompt":
        return {"id": f"p-{uuid.uuid4().hex}", "template": "Hello"}
    if name == "create_part":
        return {"id": f"made/p-{uuid.uuid4().hex}", "template": "Hello"}
    if name == "hand_over_workspace":
        return {"user_id": str(uuid.uuid4())}
    if name == "move_prompt":
        return {"project_id": crowd.second_project}
    return BODIES.get(name)


def url_of(route, crowd, *, workspace=None, project=None):
    return route.path.format_map(
        {
            "workspace_id": workspace or crowd.team.id,
            "project_id": project or crowd.team.project_id,
            "prompt_id": "absent" if route.name in ELSEWHERE else "hello",
            "category": "absent" if route.name in PARTS_ELSEWHERE else "tone",
            "part_id": "polite",
            "number": "1",
            "other": "1",
            "label": "staging",
            "provider": "absent" if route.name == "delete_provider" else "local",
            **{
                name: str(uuid.uuid4()) for name in ("key_id", "user_id", "invitation_id", "request_id", "execution_id")
            },
        }
    )


def headers_of(name, crowd):
    return {"x-dakora-project": crowd.team.project_id} if name == "export_traces" else {}


def expected(rule, knocker):
    """What the table says of this caller: the status, or None where it may."""
    if rule.place is Place.open:
        return None
    if knocker.standing == "unknown":
        return 401
    if knocker.standing in {"key", "foreign key"}:
        if rule.place in {Place.user, Place.workspace}:
            return 403
        # A key brings its own project along, whatever a header says.
        if rule.place is Place.project and knocker.standing == "foreign key":
            return 404
        return None if knocker.scopes & set(rule.scopes) else 403
    if rule.place in {Place.caller, Place.user}:
        return None
    if knocker.standing == "stranger":
        return 404
    return None if list(type(rule.role)).index(knocker.role) <= list(type(rule.role)).index(rule.role) else 403


def verdict(status, code):
    """The status of a refusal; None for whoever got through to the operation."""
    if 200 <= status < 300 or code in OWN_REASONS:
        return None
    return status


async def target(route, crowd):
    """Where an operation is tried by who may do it: one that ends a place, on a place of its own."""
    owner, team = crowd.team.owner, crowd.team
    if route.name == "archive_workspace":
        spare = await owner.made("/api/workspaces", {"name": f"Spare {uuid.uuid4().hex[:12]}"})
        return url_of(route, crowd, workspace=spare["id"])
    if route.name == "archive_project":
        spare = await owner.made(f"{team.url}/projects", {"name": f"Spare {uuid.uuid4().hex[:12]}"})
        return url_of(route, crowd, project=spare["id"])
    return url_of(route, crowd)


async def test_every_operation_lets_in_whom_the_table_says_and_nobody_else(world, crowd):
    wrong = []
    tried = 0
    for route in operations(world.app):
        rule, (method,) = OPERATIONS[route.name], route.methods
        for name, knocker in crowd.knockers.items():
            wanted = expected(rule, knocker)
            url = await target(route, crowd) if wanted is None else url_of(route, crowd)
            headers = headers_of(route.name, crowd)
            options = {"json": body_of(route.name, crowd), "params": QUERIES.get(route.name), "headers": headers}
            answer = await knocker.caller.request(method, url, **options)
            code = "" if answer.status_code < 300 else answer.json()["code"]
            tried += 1
            if verdict(answer.status_code, code) != wanted or (wanted == 401 and code != knocker.code):
                wrong.append(f"{route.name} by {name}: {answer.status_code} {code}, not {wanted or 'let in'}")
    assert not wrong, "\n".join(wrong)
    assert tried == len(OPERATIONS) * len(crowd.knockers)


async def test_a_caller_who_may_not_is_refused_before_the_body_is_read(world, crowd, ask):
    wrong = []
    hostile = [
        ({"content-type": "application/json", "content-length": "2"}, b'{"'),
        ({"content-type": "application/json", "content-length": str(10**12)}, b"[" * 100_000),
        ({"content-type": "text/plain", "content-length": "no number"}, b"\xff" * 100),
    ]
    for route in operations(world.app):
        rule, (method,) = OPERATIONS[route.name], route.methods
        for name, knocker in crowd.knockers.items():
            wanted = expected(rule, knocker)
            if wanted is None:
                continue
            for headers, body in hostile:
                given = {**knocker.caller.headers, **headers_of(route.name, crowd), **headers}
                answer = await ask(world.app, method, url_of(route, crowd), given, body=body)
                if answer.status != wanted or answer.reads:
                    wrong.append(f"{route.name} by {name}: {answer.status}, {answer.reads} reads of the body")
    assert not wrong, "\n".join(wrong)


async def test_a_stranger_cannot_tell_a_place_of_others_from_none(world, crowd):
    stranger = crowd.knockers["another tenant's owner"].caller
    key = crowd.knockers["another tenant's key"].caller
    for route in operations(world.app):
        place, (method,) = OPERATIONS[route.name].place, route.methods
        if place not in {Place.project, Place.workspace}:
            continue
        nowhere = str(uuid.uuid4())
        for caller in (stranger, key):
            answers = [
                await caller.request(method, url, json=body_of(route.name, crowd))
                for url in (url_of(route, crowd), url_of(route, crowd, workspace=nowhere, project=nowhere))
            ]
            bodies = [{**answer.json(), "request_id": ""} for answer in answers]
            assert bodies[0] == bodies[1], route.name
            headers = [{name for name in answer.headers if name != "x-request-id"} for answer in answers]
            assert headers[0] == headers[1], route.name


def test_the_table_and_the_application_have_the_same_operations(world):
    names = [route.name for route in operations(world.app)]
    assert sorted(names) == sorted(OPERATIONS)


def test_every_address_of_the_application_is_guarded_or_a_page(world):
    for context in iter_route_contexts(world.app.routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            assert isinstance(route, GuardedRoute) or route.name in PAGES, route.path
            assert len(route.methods) == 1, route.path
        else:
            assert (route.path, route.name) == ("/api/openapi.json", "openapi")


def test_an_operation_that_nobody_decided_on_cannot_be_made():
    router = APIRouter(route_class=GuardedRoute)
    with pytest.raises(LookupError, match="undecided is not in the table"):

        @router.get("/api/undecided")
        async def undecided() -> None:
            """Does something that no line of the table allows."""


def test_the_documented_table_is_the_one_that_is_enforced():
    assert (ROOT / "docs/permissions.md").read_text(encoding="utf-8") == as_markdown(), "run `make permissions`"
    for name in OPERATIONS:
        assert f"| `{name}` |" in as_markdown()


def test_the_openapi_document_names_the_same_operations(world):
    document = json.loads(json.dumps(world.app.openapi()))
    found = {operation["operationId"] for item in document["paths"].values() for operation in item.values()}
    assert found == set(OPERATIONS)
