"""Everybody who may knock: one caller of each kind, and the team whose doors they try."""

import uuid
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from dakora_server.core import clock
from dakora_server.core.api_keys.secret import new_key
from dakora_server.core.onboarding import service as onboarding
from dakora_server.core.scope import NOWHERE, Role, Scope

Standing = Literal["unknown", "stranger", "member", "key", "foreign key"]


@dataclass(frozen=True)
class Knocker:
    """A caller, what it is to the team, and the code it is told where its credentials open nothing."""

    caller: Any
    standing: Standing
    code: str = ""
    role: Role | None = None
    scopes: frozenset[Scope] = frozenset()


@dataclass(frozen=True)
class Crowd:
    """The callers by name; the team; a second project of it, for what needs two."""

    team: Any
    second_project: str
    knockers: dict[str, Knocker]


async def gather(world: Any, owner_url: str) -> Crowd:
    """Make all of them, through the API as far as it goes; what takes time to happen, its owner writes."""
    team = await world.team("admin", "editor", "viewer")
    other = await world.team()
    second = await team.owner.made(f"{team.url}/projects", {"name": "Second"})
    shut = await team.owner.made(f"{team.url}/projects", {"name": "Shut"})
    for project in (team.project_id, second["id"]):
        await team.owner.made(f"/api/projects/{project}/prompts", {"id": "hello", "template": "Hello"})
        await team.owner.made(f"/api/projects/{project}/parts", {"id": "tone/polite", "template": "Please"})
    everything = [scope.value for scope in Scope]
    knockers = {
        "nobody": Knocker(world.nobody, "unknown", "unauthenticated"),
        "another scheme": _bearing(world, {"authorization": "Basic QWRhOkFkYQ=="}, "unauthenticated"),
        "garbage": _bearing(world, {"authorization": "Bearer garbage"}, "token_invalid"),
        "another tenant's owner": Knocker(other.owner, "stranger"),
    }
    for role in Role:
        knockers[role.value] = Knocker(team.members[role.value], "member", role=role)
    for scope in Scope:
        caller, _ = await world.key(team.project_id, team.owner, scope.value)
        knockers[f"key: {scope.value}"] = Knocker(caller, "key", scopes=frozenset({scope}))
    for name, project, maker in (
        ("another tenant's key", other.project_id, other.owner),
        ("another project's key", second["id"], team.owner),
    ):
        caller, _ = await world.key(project, maker, *everything)
        knockers[name] = Knocker(caller, "foreign key", scopes=frozenset(Scope))
    knockers |= await _keys_that_open_nothing(world, team, shut["id"], everything, owner_url)
    knockers["deleted user"] = await _deleted(world)
    return Crowd(team, second["id"], knockers)


def _bearing(world: Any, headers: dict[str, str], code: str) -> Knocker:
    return Knocker(type(world.nobody)(world.client, headers), "unknown", code)


async def _keys_that_open_nothing(
    world: Any, team: Any, shut: str, everything: list[str], owner_url: str
) -> dict[str, Knocker]:
    revoked, made = await world.key(team.project_id, team.owner, *everything)
    await team.owner.delete(f"{team.project}/api-keys/{made['id']}")
    expired, made = await world.key(team.project_id, team.owner, *everything, expires_in_days=30)
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
        await owner.execute("UPDATE api_keys SET expires_at = now() WHERE id = %s", [made["id"]])
    archived, _ = await world.key(shut, team.owner, *everything)
    await team.owner.delete(f"/api/projects/{shut}")
    good = new_key(uuid.UUID(team.project_id))
    mistyped = good[:-1] + ("0" if good[-1] != "0" else "1")
    return {
        "revoked key": Knocker(revoked, "unknown", "api_key_revoked"),
        "expired key": Knocker(expired, "unknown", "api_key_expired"),
        "archived project's key": Knocker(archived, "unknown", "api_key_invalid"),
        "unknown key": _bearing(world, {"x-api-key": good}, "api_key_invalid"),
        "mistyped key": _bearing(world, {"x-api-key": mistyped}, "api_key_invalid"),
        "mistyped key as a bearer": _bearing(world, {"authorization": f"Bearer {mistyped}"}, "api_key_invalid"),
        "token as a key": _bearing(world, {"x-api-key": team.owner.token}, "api_key_invalid"),
    }


async def _deleted(world: Any) -> Knocker:
    user = await world.user("Gone")
    person = onboarding.Person(world.key_server.issuer, user.subject)
    news = onboarding.News(f"msg_{uuid.uuid4().hex}", "user.deleted", person, clock.now())
    await onboarding.hear(world.platform, news, NOWHERE)
    return Knocker(user, "unknown", "account_deleted")
