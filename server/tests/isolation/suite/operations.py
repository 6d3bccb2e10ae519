"""A generator for every operation: what a caller, in its own place or in another's, might send.

Every prompt id, slug and name exists in every place. The ids in the address are drawn by `requests.py`; here is what
else an operation can name. A route that has no generator fails a test.
"""

import json
import uuid
from collections.abc import Callable
from typing import Any

from isolation_suite.calls import Draw, Said
from isolation_suite.tenants import ABSENT, DRAFTS, NOMADS, PROMPTS, SAME, STEADY, content_of
from standardwebhooks import Webhook

from dakora_server.core import clock

# As in `world.py`.
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
Generator = Callable[[Draw], Said]
GENERATORS: dict[str, Generator] = {}


def generates(*names: str) -> Callable[[Generator], Generator]:
    """Registers a generator for these operations."""

    def register(generator: Generator) -> Generator:
        GENERATORS.update(dict.fromkeys(names, generator))
        return generator

    return register


@generates(
    "health",
    "ready",
    "favicon",
    "favicon_ico",
    "openapi",
    "get_me",
    "get_context",
    "list_workspaces",
    "get_workspace",
    "get_project",
    "restore_prompt",
)
def plain(draw: Draw) -> Said:
    """Nothing but the address."""
    return Said()


@generates("hear_clerk")
def webhook(draw: Draw) -> Said:
    """News of a user, signed or not."""
    side = draw.tenants.sides[draw.rng.choice(("A", "B"))]
    kind = draw.rng.choice(("guest", "loner"))
    caller = next(one for one in draw.tenants.callers if one.user_id == side.users[kind])
    at = int(clock.now().timestamp() * 1000)
    data = {
        "id": side.subjects[kind],
        "first_name": f"Ada {caller.canary}",
        "email_addresses": [{"id": "e", "email_address": f"{caller.canary}@example.test"}],
        "primary_email_address_id": "e",
        "updated_at": at,
    }
    body = json.dumps({"type": "user.updated", "timestamp": at, "data": data})
    event = f"msg_{draw.rng.randint(0, 200)}_{kind}"
    now = clock.now()
    signature = Webhook(WEBHOOK_SECRET).sign(event, now, body)
    if draw.rng.random() < 0.3:
        signature = "v1,AAAA"
    headers = {"svix-id": event, "svix-timestamp": str(int(now.timestamp())), "svix-signature": signature}
    return Said(raw=body.encode(), headers=headers)


@generates("create_workspace")
def create_workspace(draw: Draw) -> Said:
    side = draw.here
    name = draw.rng.choice((f"Team {side.canary}", "The same"))
    body: dict[str, Any] = {"name": name}
    if draw.rng.random() < 0.6:
        body["slug"] = draw.rng.choice((f"team-{uuid.UUID(int=draw.rng.getrandbits(128)).hex[:12]}", draw.other().slug))

    def learn(status: int, headers: dict[bytes, bytes], answer: Any) -> None:
        if status == 201:
            draw.tenants.owners.add(answer["id"], draw.caller.side, *draw.caller.sides)
            side.workspaces.append((draw.caller.name, answer["id"]))

    return Said(body=body, headers=draw.repeat(), learn=learn)


@generates("accept_invitation")
def accept_invitation(draw: Draw) -> Said:
    own = list(draw.here.invitation_tokens)
    foreign = [token for side in draw.tenants.sides.values() for token in side.invitation_tokens]
    token = "x" * 75
    if own and draw.caller.role == "guest" and draw.rng.random() < 0.6:
        token = draw.rng.choice(own)
    elif foreign:
        # Somebody's workspace with somebody else's secret: a real pair would be a right to join.
        wanted = draw.rng.choice(list(draw.tenants.sides.values()))
        taken = draw.rng.choice(foreign)
        mixed = uuid.UUID(wanted.id).hex + taken[32:]
        token = mixed if mixed != taken else uuid.UUID(ABSENT[0]).hex + taken[32:]
    return Said(body={"token": token})


@generates("change_workspace")
def change_workspace(draw: Draw) -> Said:
    body: dict[str, Any] = {"name": f"Acme {draw.canary}"}
    if draw.rng.random() < 0.3:
        body["slug"] = draw.other().slug
    return Said(body=body)


@generates("archive_workspace")
def archive_workspace(draw: Draw) -> Said:
    if not draw.own:
        return Said()
    mine = [made for name, made in draw.here.workspaces if name == draw.caller.name]
    if not mine:
        return Said(ids={"workspace_id": draw.rng.choice(ABSENT)})
    return Said(ids={"workspace_id": draw.rng.choice(mine)})


def _user_id(draw: Draw, *own: str) -> str:
    """Of one's own place only who may come and go; of others anybody."""
    if draw.own:
        return draw.pick([draw.here.users[role] for role in own], list(draw.other().users.values()))
    return draw.rng.choice(list(draw.here.users.values()))


@generates("list_members", "list_invitations")
def pages(draw: Draw) -> Said:
    return Said(query=draw.page())


@generates("change_member")
def change_member(draw: Draw) -> Said:
    """Guests get other roles; the only owner of a spare workspace is refused."""
    body = {"role": draw.rng.choice(("viewer", "editor"))}
    mine = [made for name, made in draw.here.workspaces if name == draw.caller.name]
    if draw.own and mine and draw.rng.random() < 0.3:
        return Said(body=body, ids={"workspace_id": draw.rng.choice(mine), "user_id": draw.caller.user_id})
    return Said(body=body, ids={"user_id": _user_id(draw, "guest")})


@generates("remove_member")
def remove_member(draw: Draw) -> Said:
    return Said(ids={"user_id": _user_id(draw, "guest")})


@generates("hand_over_workspace")
def hand_over(draw: Draw) -> Said:
    return Said(body={"user_id": _user_id(draw, "owner", "admin")})


@generates("create_invitation")
def create_invitation(draw: Draw) -> Said:
    side = draw.here
    body = {
        "email": f"{draw.canary}.{draw.rng.randint(0, 5)}@example.test",
        "role": draw.rng.choice(("viewer", "editor")),
    }

    def learn(status: int, headers: dict[bytes, bytes], answer: Any) -> None:
        if status == 201 and draw.own:
            side.invitations.append(answer["id"])
            side.invitation_tokens.append(answer["link"].partition("#")[2])

    return Said(body=body, headers=draw.repeat(), learn=learn)


@generates("revoke_invitation")
def revoke_invitation(draw: Draw) -> Said:
    return Said(ids={"invitation_id": draw.pick(draw.here.invitations, draw.other().invitations)})


@generates("list_workspace_audit", "list_project_audit")
def audit(draw: Draw) -> Said:
    actor = draw.rng.choice((None, draw.rng.choice(list(draw.other().users.values()))))
    return Said(
        query=draw.page(
            actor=actor, action=draw.rng.choice((None, None, "prompt.saved", "api_key.created", "label.moved"))
        )
    )


@generates("list_projects")
def list_projects(draw: Draw) -> Said:
    return Said(query=draw.page(archived=draw.rng.choice((None, "true"))))


@generates("create_project")
def create_project(draw: Draw) -> Said:
    side = draw.here
    body: dict[str, Any] = {"name": f"Spare {draw.canary}", "slug": f"spare-{draw.rng.randint(0, 20)}"}
    body["samples"] = draw.rng.random() < 0.1

    def learn(status: int, headers: dict[bytes, bytes], answer: Any) -> None:
        if status == 201 and draw.own:
            draw.tenants.owners.add(answer["id"], side.name)
            side.projects.append(answer["id"])

    return Said(body=body, headers=draw.repeat(), learn=learn)


@generates("change_project")
def change_project(draw: Draw) -> Said:
    body: dict[str, Any] = {"name": f"Project {draw.canary}"}
    if draw.rng.random() < 0.3:
        body["slug"] = draw.rng.choice(("spare-1", "project-1", "project-2"))
        body |= {} if not draw.own else {"slug": None}
    return Said(body=body)


@generates("archive_project", "restore_project")
def spare_project(draw: Draw) -> Said:
    """Of one's own projects only the spare ones are closed."""
    if not draw.own:
        return Said()
    spare = draw.here.projects
    return Said(ids={"project_id": draw.rng.choice(spare) if spare else draw.rng.choice(ABSENT)})


@generates("list_api_keys")
def list_api_keys(draw: Draw) -> Said:
    return Said(query=draw.page(all=draw.rng.choice((None, "true"))))


@generates("create_api_key")
def create_api_key(draw: Draw) -> Said:
    labels = draw.rng.choice((None, ["latest", draw.canary], ["production"]))
    body = {"name": f"Key {draw.canary}", "scopes": ["read", "render"], "labels": labels}
    return Said(body=body, headers=draw.repeat(), learn=_learn_key(draw))


def _learn_key(draw: Draw) -> Callable[[int, dict[bytes, bytes], Any], None]:
    side, spot = draw.here, draw.spot

    def learn(status: int, headers: dict[bytes, bytes], answer: Any) -> None:
        if status == 201 and draw.own and spot is not None and ":" not in spot.label:
            draw.tenants.owners.add(answer["id"], spot.label)
            side.keys.append((spot.id, answer["id"]))

    return learn


def _key_id(draw: Draw) -> str:
    """Keys that callers use stay; somebody else's may be named, a sibling project's too."""
    siblings = [key for spot, key in draw.here.keys]
    if not draw.own:
        return draw.rng.choice([*draw.here.fixed_keys, *siblings])
    other = draw.other()
    return draw.pick(siblings, [*other.fixed_keys, *(key for _, key in other.keys)])


@generates("rotate_api_key")
def rotate_api_key(draw: Draw) -> Said:
    body = {"overlap_hours": draw.rng.choice((0, 1))}
    return Said(body=body, headers=draw.repeat(), ids={"key_id": _key_id(draw)}, learn=_learn_key(draw))


@generates("revoke_api_key")
def revoke_api_key(draw: Draw) -> Said:
    return Said(ids={"key_id": _key_id(draw)})


@generates("list_prompts")
def list_prompts(draw: Draw) -> Said:
    """Search terms that would find everybody's."""
    rng = draw.rng
    search = rng.choice((None, None, "cnry", "About", "greeting"))
    tag = rng.choice((None, None, "same", rng.choice(draw.other().spots).canary))
    label = rng.choice((None, None, "production", "staging"))
    return Said(query=draw.page(search=search, tag=tag, folder=rng.choice((None, None, "same")), label=label))


@generates("get_prompt")
def get_prompt(draw: Draw) -> Said:
    rng = draw.rng
    label = rng.choice(("latest", "production", "production", "staging", "none"))
    query = rng.choice(({}, {"version": rng.randint(1, 6)}, {"version": "1.0.1"}, {"label": label}, {"label": label}))
    etags = [*draw.other().etags, *draw.here.etags]
    headers = {"if-none-match": rng.choice(etags)} if etags and rng.random() < 0.4 else {}

    def learn(status: int, headers: dict[bytes, bytes], answer: Any) -> None:
        if status == 200 and draw.own and rng.random() < 0.1:
            draw.here.etags.append(headers[b"etag"].decode())

    return Said(query=dict(query), headers=headers, learn=learn)


@generates("list_versions")
def list_versions(draw: Draw) -> Said:
    return Said(query=draw.page())


@generates("get_version", "diff_versions")
def numbers(draw: Draw) -> Said:
    return Said(ids={"number": draw.rng.randint(1, 4), "other": draw.rng.randint(1, 4)})


@generates("render_prompt")
def render_prompt(draw: Draw) -> Said:
    rng = draw.rng
    inputs = rng.choice(({}, {"name": "Ada"}, {"name": f"Ada {draw.canary}"}, {"name": 1, "wrong": True}))
    body: dict[str, Any] = {"inputs": inputs}
    label = rng.choice(("latest", "production", "staging"))
    body |= rng.choice(({}, {}, {"version": rng.randint(1, 6)}, {"label": label}, {"resolve_includes_only": True}))
    return Said(body=body)


@generates("validate_template")
def validate_template(draw: Draw) -> Said:
    include = draw.rng.choice(("", "{% include 'tone/frame' %}", "{% include 'tone/polite@1' %}"))
    return Said(body={"template": f"{{{{ {draw.canary} }}}}{include}", "declared_variables": ["name"]})


def _content(draw: Draw, prompt_id: str) -> dict[str, Any]:
    canary = draw.text_of(prompt_id)
    note = None if prompt_id == SAME else f"Saved {canary}"
    folder = "" if prompt_id == SAME else f"same/{canary}"
    return {**content_of(prompt_id, canary, draw.rng.randint(0, 5)), "message": note, "folder": folder}


@generates("create_prompt")
def create_prompt(draw: Draw) -> Said:
    prompt_id = draw.rng.choice(DRAFTS if draw.rng.random() < 0.8 else PROMPTS)
    return Said(body={"id": prompt_id, **_content(draw, prompt_id)}, headers=draw.repeat())


def if_match(draw: Draw) -> dict[str, str]:
    """Nothing, or the ETag of something of one's own or another's."""
    etags = [*draw.other().etags, *draw.here.etags, "*"]
    return {"if-match": draw.rng.choice(etags)} if draw.rng.random() < 0.3 else {}


@generates("save_prompt")
def save_prompt(draw: Draw) -> Said:
    prompt_id = draw.rng.choice(PROMPTS)
    return Said(body=_content(draw, prompt_id), headers=if_match(draw), ids={"prompt_id": prompt_id})


@generates("delete_prompt")
def delete_prompt(draw: Draw) -> Said:
    return Said(ids={"prompt_id": draw.rng.choice(DRAFTS if draw.own else PROMPTS)}, headers=if_match(draw))


@generates("rollback_prompt")
def rollback_prompt(draw: Draw) -> Said:
    prompt_id = draw.rng.choice(PROMPTS)
    note = None if prompt_id == SAME else f"Back {draw.text_of(prompt_id)}"
    return Said(body={"version": draw.rng.randint(1, 3), "message": note}, ids={"prompt_id": prompt_id})


@generates("move_prompt")
def move_prompt(draw: Draw) -> Said:
    """Nomads go between the two projects of a workspace; everything is tried towards other workspaces."""
    mine = [spot for spot in draw.here.spots if spot in draw.caller.spots and draw.own]
    theirs = [spot for spot in draw.tenants.spots if spot not in draw.caller.spots]
    if draw.caller.role == "bridge":
        theirs = [spot for spot in draw.tenants.spots if spot.side != draw.here.name]
    if mine and draw.rng.random() < 0.6:
        return Said(body={"project_id": draw.rng.choice(mine).id}, ids={"prompt_id": draw.rng.choice(NOMADS)})
    target = draw.rng.choice(theirs).id if draw.rng.random() < 0.9 else draw.rng.choice(ABSENT)
    return Said(body={"project_id": target}, ids={"prompt_id": draw.rng.choice((*STEADY, *NOMADS))})
