"""A platform with login, and people, teams, projects and keys in it; nothing about being let in is replaced."""

import itertools
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx2
from fastapi import FastAPI

from dakora_server.auth import Access
from dakora_server.core.scope import Platform

STUDIO = "https://studio.dakora.test"
SECRET_KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEF-tests"
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_numbers = itertools.count(1)


class Caller:
    """Somebody who calls: nobody, a user with a session token, or an API key."""

    def __init__(self, client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    async def request(self, method: str, url: str, **options: Any) -> httpx2.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        return await self.client.request(method, url, headers=headers, **options)

    async def get(self, url: str, **options: Any) -> httpx2.Response:
        return await self.request("GET", url, **options)

    async def post(self, url: str, json: Any = None, **options: Any) -> httpx2.Response:
        return await self.request("POST", url, json=json, **options)

    async def put(self, url: str, json: Any = None, **options: Any) -> httpx2.Response:
        return await self.request("PUT", url, json=json, **options)

    async def patch(self, url: str, json: Any = None, **options: Any) -> httpx2.Response:
        return await self.request("PATCH", url, json=json, **options)

    async def delete(self, url: str, **options: Any) -> httpx2.Response:
        return await self.request("DELETE", url, **options)

    async def made(self, url: str, json: Any = None, *, status: int = 201, **options: Any) -> dict[str, Any]:
        """The body of a POST that must succeed."""
        answer = await self.post(url, json, **options)
        assert answer.status_code == status, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def at(self, client: httpx2.AsyncClient) -> "Caller":
        """The same caller before another replica."""
        return Caller(client, self.headers)


class User(Caller):
    """Somebody who has signed in."""

    def __init__(self, client: httpx2.AsyncClient, token: str, subject: str) -> None:
        super().__init__(client, {"authorization": f"Bearer {token}"})
        self.subject = subject
        self.token = token
        self.id = ""
        self.workspace_id = ""
        self.project_id = ""


@dataclass
class Team:
    """A team workspace with one member of each role, and a project."""

    id: str
    project_id: str
    members: dict[str, User] = field(default_factory=dict)

    @property
    def owner(self) -> User:
        return self.members["owner"]

    @property
    def url(self) -> str:
        return f"/api/workspaces/{self.id}"

    @property
    def project(self) -> str:
        return f"/api/projects/{self.project_id}"


class World:
    """What tests ask for; everything is made through the API, by whoever may."""

    def __init__(self, app: FastAPI, client: httpx2.AsyncClient, key_server: Any) -> None:
        self.app = app
        self.client = client
        self.key_server = key_server
        self.nobody = Caller(client, {})

    @property
    def access(self) -> Access:
        found: Access = self.app.state.access
        return found

    @property
    def platform(self) -> Platform:
        return self.access.platform

    def token(self, subject: str, **claims: Any) -> str:
        """A session token as the issuer makes it, good for an hour."""
        now = int(self.key_server.session_claims()["iat"])
        return str(self.key_server.session(subject, **{"exp": now + 3600, **claims}))

    def stranger(self, subject: str | None = None, **claims: Any) -> User:
        """Somebody with a good token whom the server has never seen."""
        subject = subject or f"user_{next(_numbers)}_{uuid.uuid4().hex[:8]}"
        return User(self.client, self.token(subject, **claims), subject)

    async def user(self, name: str = "Ada", **claims: Any) -> User:
        """Somebody who has been here before, with a personal workspace and a default project."""
        subject = f"user_{next(_numbers)}_{uuid.uuid4().hex[:8]}"
        email = f"{subject}@example.test"
        user = self.stranger(subject, **{"name": name, "email": email, "email_verified": True, **claims})
        me = (await user.get("/api/me")).json()
        user.id = me["user"]["id"]
        user.workspace_id = me["workspaces"][0]["id"]
        user.project_id = me["default_project"]["id"]
        return user

    async def join(self, team_url: str, inviter: User, role: str) -> User:
        """A new member, by invitation."""
        member = await self.user(role.capitalize())
        invited = await inviter.made(f"{team_url}/invitations", {"email": f"{uuid.uuid4().hex}@x.test", "role": role})
        token = invited["link"].partition("#")[2]
        await member.made("/api/invitations/accept", {"token": token}, status=200)
        return member

    async def team(self, *roles: str) -> Team:
        """A team with an owner, a project, and a member of each of these roles."""
        owner = await self.user("Owner")
        name = f"team-{next(_numbers)}-{uuid.uuid4().hex[:8]}"
        workspace = await owner.made("/api/workspaces", {"name": name})
        team = Team(workspace["id"], "", {"owner": owner})
        project = await owner.made(f"{team.url}/projects", {"name": "First", "samples": False})
        team.project_id = project["id"]
        for role in roles:
            team.members[role] = await self.join(team.url, owner, role)
        return team

    async def key(self, project_id: str, maker: User, *scopes: str, **fields: Any) -> tuple[Caller, dict[str, Any]]:
        """An API key of a project, as a caller, and what the API answered when it was made."""
        body = {"name": "a key", "scopes": list(scopes) or ["read", "render"], **fields}
        made = await maker.made(f"/api/projects/{project_id}/api-keys", body)
        return Caller(self.client, {"x-api-key": made["key"]}), made
