"""Whatever changes something is in the trail, and what changed nothing is not."""

import io
import json
import uuid
import zipfile

import pytest

from dakora_server.permissions import OPERATIONS

# They change nothing that is kept, or nothing at all: each with its reason.
UNTOLD = {
    "record_executions": "records what a program did; the record is the trail",
    "export_traces": "the same, by way of OpenTelemetry",
    "execute_prompt": "runs a prompt; the record of the run is the trail",
    "compare_prompt": "the same, several times",
    "render_prompt": "fills a prompt and answers",
    "validate_template": "looks at a text and answers",
    "hear_clerk": "is not called by a caller; see tests of webhooks and the last test here",
}
CANARY = "canary-of-the-template"
ADDRESS = "canary-of-an-address"


class Call:
    """A caller's request, and who the trail must say it was."""

    def __init__(self, caller, actor_id, answer, *, kind="user"):
        self.caller = caller
        self.actor_id = actor_id
        self.answer = answer
        self.kind = kind

    @property
    def request_id(self):
        return self.answer.headers["x-request-id"]


async def by(user, method, url, json=None, **options):
    return Call(user, user.id, await user.request(method, url, json=json, **options))


def archive_of(text):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as packing:
        packing.writestr("brought.yaml", text)
    return packed.getvalue()


async def import_project(world, team):
    body = archive_of(f"id: brought\ntemplate: {CANARY}\n")
    headers = {"content-type": "application/zip"}
    url = f"{team.project}/import?message={CANARY}"
    return await by(team.owner, "POST", url, content=body, headers=headers)


async def prompt(team, name="p", *, versions=1):
    for number in range(versions):
        body = {"template": f"{CANARY} {number}"}
        if number == 0:
            await team.owner.made(f"{team.project}/prompts", {"id": name, **body})
        else:
            await team.owner.put(f"{team.project}/prompts/{name}", body)
    return f"{team.project}/prompts/{name}"


async def key_of(team):
    return await team.owner.made(f"{team.project}/api-keys", {"name": "k"})


async def invitation(team):
    body = {"email": f"{ADDRESS}-{uuid.uuid4().hex}@x.test", "role": "viewer"}
    return await team.owner.made(f"{team.url}/invitations", body)


async def accept_invitation(world, team):
    invited, guest = await invitation(team), await world.user()
    token = invited["link"].partition("#")[2]
    return await by(guest, "POST", "/api/invitations/accept", {"token": token})


async def revoke_invitation(world, team):
    return await by(team.owner, "DELETE", f"{team.url}/invitations/{(await invitation(team))['id']}")


async def restore_project(world, team):
    assert (await team.owner.delete(team.project)).status_code == 204
    return await by(team.owner, "POST", f"{team.project}/restore")


async def move_prompt(world, team):
    target = await team.owner.made(f"{team.url}/projects", {"name": "Target"})
    url = await prompt(team, versions=2)
    return await by(team.owner, "POST", f"{url}/move", {"project_id": target["id"]})


async def restore_prompt(world, team):
    url = await prompt(team)
    assert (await team.owner.delete(url)).status_code == 204
    return await by(team.owner, "POST", f"{url}/restore")


async def create_invitation(world, team):
    email = f"{ADDRESS}-{uuid.uuid4().hex}@x.test"
    return await by(team.owner, "POST", f"{team.url}/invitations", {"email": email, "role": "editor"})


async def rotate_api_key(world, team):
    made = await key_of(team)
    return await by(team.owner, "POST", f"{team.project}/api-keys/{made['id']}/rotate", {"overlap_hours": 1})


async def revoke_api_key(world, team):
    return await by(team.owner, "DELETE", f"{team.project}/api-keys/{(await key_of(team))['id']}")


async def create_workspace(world, team):
    return await by(team.owner, "POST", "/api/workspaces", {"name": "Other", "slug": f"other-{uuid.uuid4().hex[:12]}"})


async def change_member(world, team):
    return await by(team.owner, "PATCH", f"{team.url}/members/{team.members['viewer'].id}", {"role": "editor"})


async def hand_over_workspace(world, team):
    return await by(team.owner, "PUT", f"{team.url}/owner", {"user_id": team.members["viewer"].id})


async def create_prompt(world, team):
    body = {"id": "new", "template": CANARY, "message": CANARY, "description": CANARY}
    return await by(team.owner, "POST", f"{team.project}/prompts", body)


async def save_prompt(world, team):
    return await by(team.owner, "PUT", await prompt(team), {"template": f"{CANARY} anew", "message": CANARY})


async def rollback_prompt(world, team):
    return await by(team.owner, "POST", f"{await prompt(team, versions=2)}/rollback", {"version": 1})


async def part(team, *, versions=1):
    made = await team.owner.made(
        f"{team.project}/parts", {"id": "tone/polite", "template": f"{CANARY} 1", "message": CANARY}
    )
    url = f"{team.project}/parts/{made['id']}"
    for number in range(2, versions + 1):
        assert (await team.owner.put(url, {"template": f"{CANARY} {number}"})).status_code == 200
    return url


async def create_part(world, team):
    body = {"id": "tone/new", "template": CANARY, "message": CANARY, "description": CANARY}
    return await by(team.owner, "POST", f"{team.project}/parts", body)


async def save_part(world, team):
    return await by(team.owner, "PUT", await part(team), {"template": f"{CANARY} anew", "message": CANARY})


async def rollback_part(world, team):
    return await by(team.owner, "POST", f"{await part(team, versions=2)}/rollback", {"version": 1})


async def delete_part(world, team):
    return await by(team.owner, "DELETE", await part(team))


async def restore_part(world, team):
    url = await part(team)
    assert (await team.owner.delete(url)).status_code == 204
    return await by(team.owner, "POST", f"{url}/restore")


async def put_label(world, team):
    url = await prompt(team)
    return await by(team.owner, "PUT", f"{url}/labels/production", {"version": 1, "message": CANARY})


async def delete_label(world, team):
    await put_label(world, team)
    return await by(team.owner, "DELETE", f"{team.project}/prompts/p/labels/production")


async def protect_label(world, team):
    return await by(team.owner, "PUT", f"{team.project}/protected-labels/production", {"needs_approval": True})


async def unprotect_label(world, team):
    await protect_label(world, team)
    return await by(team.owner, "DELETE", f"{team.project}/protected-labels/production")


async def create_label_request(world, team, *, asker=None):
    url = await prompt(team)
    body = {"label": "production", "version": 1, "message": CANARY}
    return await by(asker or team.owner, "POST", f"{url}/label-requests", body)


async def comment_label_request(world, team):
    asked = (await create_label_request(world, team)).answer.json()
    url = f"{team.project}/label-requests/{asked['id']}/comments"
    return await by(team.owner, "POST", url, {"text": CANARY})


def decides(verdict):
    async def decide(world, team):
        editor = await world.join(team.url, team.owner, "editor")
        asked = (await create_label_request(world, team, asker=editor)).answer.json()
        return await by(team.owner, "POST", f"{team.project}/label-requests/{asked['id']}/{verdict}")

    return decide


async def erase_executions(world, team):
    await team.owner.made(f"{team.project}/executions", {"user": CANARY, "output": CANARY})
    return await by(team.owner, "POST", f"{team.project}/executions/erase", {"user": CANARY})


async def change_execution_settings(world, team):
    body = {"keep": "redacted", "retention_days": 30}
    return await by(team.owner, "PUT", f"{team.project}/execution-settings", body)


async def set_provider(world, team):
    body = {"kind": "openai", "api_key": CANARY, "base_url": "https://models.example.com/v1"}
    return await by(team.owner, "PUT", f"{team.project}/providers/mine", body)


async def delete_provider(world, team):
    await set_provider(world, team)
    return await by(team.owner, "DELETE", f"{team.project}/providers/mine")


async def change_budget(world, team):
    return await by(team.owner, "PUT", f"{team.project}/budget", {"limit_usd": 5})


CHANGES = {
    "set_provider": set_provider,
    "delete_provider": delete_provider,
    "change_budget": change_budget,
    "change_execution_settings": change_execution_settings,
    "erase_executions": erase_executions,
    "create_part": create_part,
    "delete_part": delete_part,
    "restore_part": restore_part,
    "rollback_part": rollback_part,
    "save_part": save_part,
    "approve_label_request": decides("approve"),
    "comment_label_request": comment_label_request,
    "create_label_request": create_label_request,
    "delete_label": delete_label,
    "protect_label": protect_label,
    "put_label": put_label,
    "reject_label_request": decides("reject"),
    "unprotect_label": unprotect_label,
    "withdraw_label_request": decides("withdraw"),
    "accept_invitation": accept_invitation,
    "archive_project": lambda _, team: by(team.owner, "DELETE", team.project),
    "archive_workspace": lambda _, team: by(team.owner, "DELETE", team.url),
    "change_member": change_member,
    "change_project": lambda _, team: by(team.owner, "PATCH", team.project, {"name": "Renamed"}),
    "change_workspace": lambda _, team: by(team.owner, "PATCH", team.url, {"name": "Renamed"}),
    "create_api_key": lambda _, team: by(team.owner, "POST", f"{team.project}/api-keys", {"name": "k"}),
    "create_invitation": create_invitation,
    "create_project": lambda _, team: by(team.owner, "POST", f"{team.url}/projects", {"name": "Another"}),
    "create_prompt": create_prompt,
    "create_workspace": create_workspace,
    "hand_over_workspace": hand_over_workspace,
    "import_project": import_project,
    "move_prompt": move_prompt,
    "remove_member": lambda _, t: by(t.owner, "DELETE", f"{t.url}/members/{t.members['viewer'].id}"),
    "restore_project": restore_project,
    "restore_prompt": restore_prompt,
    "revoke_api_key": revoke_api_key,
    "revoke_invitation": revoke_invitation,
    "rollback_prompt": rollback_prompt,
    "rotate_api_key": rotate_api_key,
    "save_prompt": save_prompt,
    "delete_prompt": lambda world, team: deleted(team),
}


async def deleted(team):
    return await by(team.owner, "DELETE", await prompt(team))


def test_no_operation_that_changes_something_is_left_out(world):
    methods = {}
    for path in world.app.openapi()["paths"].values():
        methods |= {details["operationId"]: method for method, details in path.items() if "operationId" in details}
    changing = {name for name, method in methods.items() if method != "get"}
    # What the description leaves out is in the table of permissions all the same.
    assert methods.keys() <= OPERATIONS.keys()
    assert changing == CHANGES.keys() | UNTOLD.keys()


@pytest.mark.parametrize("operation", sorted(CHANGES))
async def test_a_change_is_in_the_trail_with_who_did_it_and_from_where(world, events_of, operation):
    team = await world.team("viewer")
    call = await CHANGES[operation](world, team)
    assert call.answer.is_success, call.answer.text
    events = await events_of(request_id=call.request_id)
    assert events
    for event in events:
        assert (event["actor_kind"], str(event["actor_id"])) == (call.kind, call.actor_id)
        assert event["address"] == "127.0.0.1"
        assert event["subject"]
    # Each says where: an event of nobody's place would be seen by nobody.
    places = {str(event["workspace_id"]) for event in events}
    assert places == ({call.answer.json()["id"]} if operation == "create_workspace" else {team.id})


async def test_a_moved_prompt_is_in_the_trail_of_both_projects(world, events_of):
    call = await move_prompt(world, await world.team())
    events = await events_of(request_id=call.request_id)
    assert {event["action"] for event in events} == {"prompt.arrived", "prompt.left"}
    assert len({event["project_id"] for event in events}) == 2


async def test_what_a_key_does_is_the_keys_doing(world, events_of):
    team = await world.team()
    key, made = await world.key(team.project_id, team.owner, "read", "write")
    url = f"{team.project}/prompts/p"
    steps = (
        ("POST", f"{team.project}/prompts", {"id": "p", "template": "one"}, "prompt.created"),
        ("PUT", url, {"template": "two"}, "prompt.saved"),
        ("POST", f"{url}/rollback", {"version": 1}, "prompt.saved"),
        ("DELETE", url, None, "prompt.archived"),
        ("POST", f"{url}/restore", None, "prompt.restored"),
    )
    for method, address, body, action in steps:
        answer = await key.request(method, address, json=body, headers={"x-request-id": f"by-key-{uuid.uuid4().hex}"})
        assert answer.is_success, answer.text
        (event,) = await events_of(request_id=answer.headers["x-request-id"])
        assert (event["action"], event["actor_kind"], str(event["actor_id"])) == (action, "key", made["id"])


async def _slug_taken(world, team):
    await team.owner.made(f"{team.url}/projects", {"name": "Taken"})
    return await by(team.owner, "POST", f"{team.url}/projects", {"name": "Taken"})


async def _eleventh_key(world, team):
    for _ in range(10):
        await key_of(team)
    return await by(team.owner, "POST", f"{team.project}/api-keys", {"name": "k"})


async def _stale(world, team, method, body=None, suffix=""):
    url = await prompt(team, versions=2)
    return await by(team.owner, method, url + suffix, body, headers={"if-match": '"old"'})


async def _exists_there(world, team):
    target = await team.owner.made(f"{team.url}/projects", {"name": "Target"})
    await team.owner.made(f"/api/projects/{target['id']}/prompts", {"id": "p", "template": "x"})
    return await by(team.owner, "POST", f"{await prompt(team)}/move", {"project_id": target["id"]})


async def _exists(world, team):
    await prompt(team)
    return await by(team.owner, "POST", f"{team.project}/prompts", {"id": "p", "template": "x"})


async def _renamed_to_taken(world, team):
    await team.owner.made(f"{team.url}/projects", {"name": "Taken"})
    return await by(team.owner, "PATCH", team.project, {"slug": "taken"})


async def _member_invited(world, team):
    email = f"{team.members['viewer'].subject}@example.test"
    return await by(team.owner, "POST", f"{team.url}/invitations", {"email": email})


REFUSALS = {
    409: {
        "slug": _slug_taken,
        "rename": _renamed_to_taken,
        "prompt": _exists,
        "move": _exists_there,
        "member": _member_invited,
        "keys": _eleventh_key,
        "last owner": lambda _, team: by(team.owner, "DELETE", f"{team.url}/members/{team.owner.id}"),
    },
    412: {
        "save": lambda world, team: _stale(world, team, "PUT", {"template": "other"}),
        "delete": lambda world, team: _stale(world, team, "DELETE"),
        "rollback": lambda world, team: _stale(world, team, "POST", {"version": 1}, "/rollback"),
    },
    403: {
        "role": lambda _, team: by(team.members["viewer"], "POST", f"{team.url}/projects", {"name": "Mine"}),
        "member": lambda _, t: by(t.members["viewer"], "DELETE", f"{t.url}/members/{t.owner.id}"),
    },
    404: {
        "key": lambda _, team: by(team.owner, "DELETE", f"{team.project}/api-keys/{uuid.uuid4()}"),
        "invitation": lambda _, team: by(team.owner, "DELETE", f"{team.url}/invitations/{uuid.uuid4()}"),
    },
}


@pytest.mark.parametrize(("status", "name"), [(status, name) for status, some in REFUSALS.items() for name in some])
async def test_what_was_refused_is_not_in_the_trail(world, events_of, status, name):
    team = await world.team("viewer")
    call = await REFUSALS[status][name](world, team)
    assert call.answer.status_code == status, call.answer.text
    assert await events_of(request_id=call.request_id) == []


async def test_the_trail_keeps_no_text_no_secret_and_no_address(world, events_of):
    """It is kept for ever, and admins read it: what is in it can never be taken back."""
    team, secrets = await world.team("viewer"), []
    for name in sorted(CHANGES, key=lambda name: ("archive" in name, name)):
        another = await world.team("viewer")
        call = await CHANGES[name](world, another)
        assert call.answer.is_success, (name, call.answer.text)
        body = call.answer.json() if call.answer.content else {}
        secrets += [body[field] for field in ("key", "template") if body.get(field)]
        if body.get("link"):
            secrets.append(body["link"].partition("#")[2])
        people = [user for one in (team, another) for user in one.members.values()]
        secrets += [f"{user.subject}@example.test" for user in people] + [user.token for user in people]
        told = json.dumps(await events_of(workspace_id=another.id), default=str)
        assert len(told) > 100
        for secret in (CANARY, ADDRESS, *secrets):
            assert secret not in told, name
    assert any(secret.startswith("dk_proj_") for secret in secrets)
    assert len(secrets) > 50
