"""Three workspaces with two projects each, alike in every name and id, and told apart only by their canaries.

`A` and `B` work, and attack whatever they can name. `C` only reads, and attacks: its rows must stay as they are.
"""

import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from isolation_suite.tokens import Labels, Owners

SIDES = ("A", "B", "C")
QUIET = "C"
# Where the provider of models listens: the suite's tests say so before the first request.
ADDRESS = {"url": "http://127.0.0.1:9/v1"}
ROLES = ("owner", "admin", "editor", "viewer")
# The one prompt whose text is the same everywhere, so that its hash tells nothing.
SAME = "shared"
STEADY = ("greeting", "chat", "looped", "framed", SAME)
NOMADS = ("nomad-1", "nomad-2")
DRAFTS = ("draft-1", "draft-2", "draft-3")
PROMPTS = (*STEADY, *NOMADS, *DRAFTS)
# Prompts that have labels from the beginning: `production` first of all.
LABELLED = ("greeting", "chat", SAME, *NOMADS)
LABELS = ("production", "staging", "guarded", "other", "absent")
# `framed` includes a frame, which includes the polite one; nothing includes the rest.
PARTS = ("tone/polite", "tone/frame", "tone/loose")
NEW_PARTS = ("tone/new-1", "tone/new-2")
ABSENT = tuple(str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://nobody.invalid/{n}")) for n in range(4))


@dataclass(frozen=True)
class Spot:
    """A project. `canary` is in its texts only; its id is known all over the workspace."""

    label: str
    id: str
    side: str
    canary: str


@dataclass
class Caller:
    """Somebody with credentials: a user, or a project's API key."""

    name: str
    side: str
    header: tuple[bytes, bytes]
    canary: str
    sides: frozenset[str]
    """The workspaces that it is a member of."""
    spots: tuple[Spot, ...]
    """The projects that it may open."""
    home: str | None = None
    """The label of a user's personal place."""
    user_id: str = ""
    role: str = ""

    @property
    def is_key(self) -> bool:
        """Whether this is an API key."""
        return self.header[0] == b"x-api-key"


@dataclass(frozen=True)
class Asked:
    """A request to move a label, made in a project by somebody."""

    spot_id: str
    id: str
    by: str


@dataclass
class Side:
    """A workspace with what was made in it so far."""

    name: str
    id: str
    slug: str
    canary: str
    repeat_canary: str
    spots: list[Spot] = field(default_factory=list)
    users: dict[str, str] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    fixed_keys: list[str] = field(default_factory=list)
    keys: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=12))
    invitations: deque[str] = field(default_factory=lambda: deque(maxlen=12))
    invitation_tokens: deque[str] = field(default_factory=lambda: deque(maxlen=12))
    projects: deque[str] = field(default_factory=lambda: deque(maxlen=12))
    workspaces: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=12))
    etags: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    fixed_requests: list[Asked] = field(default_factory=list)
    requests: deque[Asked] = field(default_factory=lambda: deque(maxlen=40))
    """Those that are open, as far as is known."""

    def forget(self) -> None:
        """Nothing was made: the rows are back to what they were at first."""
        for made in (self.keys, self.invitations, self.invitation_tokens, self.projects, self.workspaces, self.etags):
            made.clear()
        self.requests.clear()
        self.requests.extend(self.fixed_requests)


class Tenants:
    """The three workspaces, everybody who calls, and whose every token is."""

    def __init__(self) -> None:
        self.owners = Owners()
        self.sides: dict[str, Side] = {}
        self.callers: list[Caller] = []
        for absent in ABSENT:
            self.owners.add(absent, *self.everywhere)
        self.owners.add(str(uuid.UUID(int=0)), *self.everywhere)

    @property
    def everywhere(self) -> list[str]:
        """The label of what everybody may see."""
        return ["everybody"]

    @property
    def spots(self) -> list[Spot]:
        """All projects of all workspaces."""
        return [spot for side in self.sides.values() for spot in side.spots]

    def at_spot(self, caller: Caller, spot: Spot) -> Labels:
        """What the caller may see in an answer from this project."""
        mine = spot in caller.spots
        return frozenset((spot.label, spot.side, "everybody")) if mine else frozenset(("everybody",))

    def at_side(self, caller: Caller, side: Side) -> Labels:
        """What the caller may see in an answer from this workspace."""
        if caller.is_key or side.name not in caller.sides:
            return frozenset(("everybody",))
        return frozenset((side.name, *(spot.label for spot in side.spots), "everybody"))

    def at_home(self, caller: Caller) -> Labels:
        """What the caller may see in an answer about itself."""
        seen = {"everybody", *(spot.label for spot in caller.spots), *(spot.side for spot in caller.spots)}
        return frozenset(seen | caller.sides | ({caller.home} if caller.home else set()) | {caller.side})


async def build(world: Any) -> Tenants:
    """Make everything through the API."""
    tenants = Tenants()
    for name in SIDES:
        await _build_side(tenants, world, name)
    await _build_bridge(tenants, world)
    return tenants


async def _user(tenants: Tenants, world: Any, name: str, labels: tuple[str, ...]) -> tuple[Any, Caller]:
    """A user whose name and address hold a canary, with a personal place that is only its own."""
    home, canary = f"{labels[0]}:{name}", tenants.owners.canary(*labels)
    subject = f"user_{name}_{uuid.uuid4().hex[:10]}"
    claims = {"name": f"Ada {canary}", "email": f"{canary}@example.test", "email_verified": True}
    user = world.stranger(subject, **claims)
    me = (await user.get("/api/me")).json()
    user.id = me["user"]["id"]
    tenants.owners.add(user.id, *labels)
    tenants.owners.add(me["workspaces"][0]["id"], home)
    tenants.owners.add(me["default_project"]["id"], home)
    spot = Spot(home, me["default_project"]["id"], labels[0], canary)
    header = (b"authorization", user.headers["authorization"].encode())
    caller = Caller(f"{labels[0]}.{name}", labels[0], header, canary, frozenset(), (spot,), home, user.id)
    return user, caller


async def _build_side(tenants: Tenants, world: Any, name: str) -> None:
    canary = tenants.owners.canary(name)
    owner, owner_caller = await _user(tenants, world, "owner", (name,))
    slug = f"acme-{canary}"
    made = await owner.made("/api/workspaces", {"name": f"Acme {canary}", "slug": slug})
    side = Side(name, tenants.owners.add(made["id"], name), slug, canary, tenants.owners.canary(f"{name} repeats"))
    tenants.sides[name] = side
    for number, label in ((1, f"{name}1"), (2, f"{name}2")):
        token = tenants.owners.canary(label)
        body = {"name": f"Project {token}", "slug": f"project-{number}", "samples": False}
        project = await owner.made(f"/api/workspaces/{side.id}/projects", body)
        side.spots.append(Spot(label, tenants.owners.add(project["id"], name), name, token))
    members = [(owner, owner_caller, "owner")]
    for role in ("admin", "editor", "viewer"):
        member, caller = await _user(tenants, world, role, (name,))
        await join(side, owner, member, role)
        members.append((member, caller, role))
    for kind in ("guest", "loner"):
        member, caller = await _user(tenants, world, kind, (name,))
        members.append((member, caller, kind))
    for member, caller, role in members:
        inside = role != "loner"
        caller.sides = frozenset((name,)) if inside else frozenset()
        caller.spots = (*side.spots, *caller.spots) if inside else caller.spots
        caller.role = role
        side.users[role], side.subjects[role] = member.id, member.subject
        tenants.callers.append(caller)
    for spot in side.spots:
        await _fill(tenants, side, owner, spot)
        await _label(tenants, side, owner, spot)
        await _keys(tenants, side, owner, spot)
        url = f"/api/projects/{spot.id}"
        run = {"output": f"Hello {spot.canary}", "model": f"model-{spot.canary}", "user": "ada"}
        await owner.made(f"{url}/executions", run)
        await owner.put(f"{url}/execution-settings", {"keep": "full", "retention_days": 365})
        for provider_name, kind in (("local", "openai_compatible"), ("openai", "openai")):
            provider = {"kind": kind, "base_url": ADDRESS["url"], "api_key": f"sk-{spot.canary}"}
            assert (await owner.put(f"{url}/providers/{provider_name}", provider)).status_code == 200
        await owner.put(f"{url}/budget", {"limit_usd": 1000, "unpriced": "allow"})
        priced = {"model": {"provider": "openai", "name": "gpt-4o-mini"}, "inputs": {"name": spot.canary}}
        await owner.made(f"{url}/prompts/greeting/execute", priced, status=200)


async def join(side: Side, owner: Any, member: Any, role: str) -> None:
    """A new member, by invitation."""
    body = {"email": f"{side.canary}.{role}.{uuid.uuid4().hex[:6]}@example.test", "role": role}
    invited = await owner.made(f"/api/workspaces/{side.id}/invitations", body)
    await member.made("/api/invitations/accept", {"token": invited["link"].partition("#")[2]}, status=200)


def content_of(prompt_id: str, canary: str, turn: int = 0) -> dict[str, Any]:
    """A prompt's content with the canary in every field that takes text; `shared` is the same for everybody."""
    if prompt_id == SAME:
        return {"template": f"The same for {{{{ name }}}}, time {turn}", "inputs": {"name": {"type": "string"}}}
    text = f"Hello {{{{ name }}}}, {canary} {turn}"
    if prompt_id == "looped":
        text = f"{{% for n in range(2) %}}{{{{ name | replace('a', 'e') }}}} {canary} {turn}{{% endfor %}}"
    if prompt_id == "framed":
        text = f"{{% include 'tone/frame' %}} {canary} {turn} {{{{ name }}}}"
    body: dict[str, Any] = {"messages": [{"role": "system", "content": text}]} if prompt_id == "chat" else {}
    body |= {} if prompt_id == "chat" else {"template": text}
    return body | {
        "description": f"About {canary}",
        "inputs": {
            "name": {"type": "string", "default": f"nobody {canary}", "description": canary},
            canary: {"type": "object", "required": False, "schema": {"title": canary}, "default": {"a": canary}},
        },
        "model": {"provider": canary, "name": canary, "parameters": {"stop": canary}},
        "tools": [{"name": canary}],
        "response_schema": {"title": canary},
        "metadata": {"tags": [canary, "same"], "note": canary},
    }


def part_of(part_id: str, canary: str, turn: int = 0) -> dict[str, Any]:
    """A part's content with the canary in every field that takes text."""
    inner = "{% include 'tone/polite' %} " if part_id == "tone/frame" else ""
    return {
        "template": f"{inner}Please, {canary} {turn}",
        "description": f"About {canary}",
        "metadata": {"tags": [canary, "same"], "note": canary},
        "message": f"Saved {canary}",
    }


async def _fill(tenants: Tenants, side: Side, owner: Any, spot: Spot) -> None:
    """Prompts of the same ids everywhere; nomads lie in the first project and hold the workspace's canary."""
    for part_id in PARTS:
        await owner.made(f"/api/projects/{spot.id}/parts", {"id": part_id, **part_of(part_id, spot.canary)})
    for prompt_id in (*STEADY, *(NOMADS if spot is side.spots[0] else ()), *DRAFTS[:2]):
        canary = side.canary if prompt_id in NOMADS else spot.canary
        folder = "" if prompt_id == SAME else f"same/{canary}"
        note = None if prompt_id == SAME else f"Saved {canary}"
        url = f"/api/projects/{spot.id}/prompts"
        await owner.made(url, {"id": prompt_id, "folder": folder, "message": note, **content_of(prompt_id, canary)})
        for turn in (1, 2):
            saved = await owner.put(f"{url}/{prompt_id}", {"message": note, **content_of(prompt_id, canary, turn)})
            assert saved.status_code == 200, saved.text


async def _label(tenants: Tenants, side: Side, owner: Any, spot: Spot) -> None:
    """Labels with a history, a protected one, and open requests that somebody talks about."""
    url = f"/api/projects/{spot.id}"
    for prompt_id in LABELLED:
        if prompt_id in NOMADS and spot is not side.spots[0]:
            continue
        note = f"Moved {side.canary if prompt_id in NOMADS else spot.canary}"
        for label, version in (("production", 1), ("staging", 1), ("staging", 2)):
            body = {"version": version, "message": note}
            moved = await owner.put(f"{url}/prompts/{prompt_id}/labels/{label}", body)
            assert moved.status_code == 200, moved.text
    protected = await owner.put(f"{url}/protected-labels/guarded", {"needs_approval": True})
    assert protected.status_code == 200, protected.text
    for prompt_id in ("greeting", "chat"):
        body = {"label": "guarded", "version": 1, "message": f"Asked {spot.canary}"}
        made = await owner.made(f"{url}/prompts/{prompt_id}/label-requests", body)
        asked = Asked(spot.id, tenants.owners.add(made["id"], spot.label), owner.id)
        said = await owner.made(f"{url}/label-requests/{asked.id}/comments", {"text": f"Said {spot.canary}"})
        tenants.owners.add(said["id"], spot.label)
        side.fixed_requests.append(asked)
        side.requests.append(asked)


async def _keys(tenants: Tenants, side: Side, owner: Any, spot: Spot) -> None:
    rights: tuple[dict[str, Any], ...] = (
        {"scopes": ["read", "render"]},
        {"scopes": ["read", "render", "write"]},
        {"scopes": ["read", "render"], "labels": ["latest", "production"]},
    )
    for number, fields in enumerate(rights):
        headers = {"idempotency-key": f"{side.repeat_canary}-{spot.label}-{number}"}
        body = {"name": f"Key {spot.canary}", **fields}
        made = await owner.made(f"/api/projects/{spot.id}/api-keys", body, headers=headers)
        tenants.owners.add(made["id"], spot.label)
        side.fixed_keys.append(made["id"])
        header = (b"x-api-key", made["key"].encode())
        name = f"{spot.label}.key-{number}"
        tenants.callers.append(Caller(name, side.name, header, spot.canary, frozenset(), (spot,), role=name[3:]))


async def _build_bridge(tenants: Tenants, world: Any) -> None:
    """Somebody who is a member of two workspaces, and must find in each only what is there."""
    user, caller = await _user(tenants, world, "bridge", ("A", "B"))
    for name, role in (("A", "editor"), ("B", "viewer")):
        side = tenants.sides[name]
        owner = next(known for known in tenants.callers if known.name == f"{name}.owner")
        acting = world.stranger("unused")
        acting.headers = {"authorization": owner.header[1].decode()}
        await join(side, acting, user, role)
        caller.spots = (*caller.spots, *side.spots)
    caller.sides, caller.role = frozenset(("A", "B")), "bridge"
    tenants.callers.append(caller)
