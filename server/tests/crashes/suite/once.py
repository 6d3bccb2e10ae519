"""Every POST that creates something, sent one to five times under one Idempotency-Key, with kills between."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from crash_suite.line import PROMPTS, Line

_WORKSPACES = "/api/workspaces"
# Where there is a bound on how many there may be, or nothing to be gained by more.
_FEW = {
    "create_workspace": 40,
    "create_invitation": 60,
    "create_project": 250,
    "create_api_key": 250,
    "rotate_api_key": 250,
}


@dataclass
class Job:
    """A request that is sent `left` times more; `life` is the server's when it was sent last."""

    kind: str
    name: str
    path: str
    body: dict[str, object]
    key: str
    left: int
    life: int = 0


class Once:
    """The creations of one writer. Several are under way at a time, so that kills fall between their repeats."""

    def __init__(self, line: Line, who: int) -> None:
        self.line = line
        self.journal = line.journal
        self.who = who
        self._jobs: list[Job] = []
        self._made = 0
        self._team = ""
        self._kinds: dict[str, Callable[[str], Awaitable[tuple[str, dict[str, object]]]]] = {
            "create_prompt": self._prompt,
            "create_project": self._project,
            "create_workspace": self._workspace,
            "create_invitation": self._invitation,
            "create_api_key": self._api_key,
            "rotate_api_key": self._rotation,
            "create_label_request": self._label_request,
            "comment_label_request": self._comment,
        }

    async def turn(self) -> None:
        """Send one again that has seen another life since, or begin another."""
        due = [job for job in self._jobs if job.life != self.line.site.life]
        if due and len(self._jobs) >= 3 and self.line.rng.random() < 0.7:
            await self._send(self.line.rng.choice(due))
        elif len(self._jobs) < 6:
            await self._begin()
        else:
            await self._send(self.line.rng.choice(self._jobs))

    async def _begin(self) -> None:
        kind = self.line.rng.choice(list(self._kinds))
        begun = sum(name == kind for name, _ in self.journal.created)
        if begun >= _FEW.get(kind, 10**6):
            return
        self._made += 1
        name = f"once-{self.who}-{self._made}"
        path, body = await self._kinds[kind](name)
        job = Job(kind, name, path, body, uuid.uuid4().hex, left=self.line.rng.randint(1, 5))
        self._jobs.append(job)
        await self._send(job)

    async def _send(self, job: Job) -> None:
        job.life = self.line.site.life
        answer = await self.line.send("POST", job.path, job.body, {"idempotency-key": job.key})
        if answer is None or (answer.status_code == 409 and answer.json()["code"] == "idempotency_in_progress"):
            return
        if answer.status_code != 201:
            self.journal.wrong.append(f"{job.kind} {job.name}: {answer.status_code} {answer.text}")
            self._jobs.remove(job)
            return
        self.journal.replays += answer.headers.get("idempotent-replayed") == "true"
        self.journal.acknowledged += 1
        first = self.journal.created.setdefault((job.kind, job.name), answer.content)
        if answer.content != first:
            self.journal.wrong.append(f"{job.kind} {job.name}: answered {first!r}, then {answer.content!r}")
        if job.kind == "create_prompt":
            made = answer.json()
            self.journal.saved(made["id"], made["version_number"], made["content_hash"], made["template"])
        job.left -= 1
        if job.left == 0:
            self._jobs.remove(job)

    async def finish(self) -> None:
        """Send what is left to be sent."""
        while self._jobs:
            await self._send(self._jobs[0])

    async def _made_for(self, path: str, body: dict[str, object]) -> dict[str, str]:
        """Something that a creation needs to be there, whatever it takes."""
        made = await self.line.must("POST", path, body, {"idempotency-key": uuid.uuid4().hex})
        assert made.status_code == 201, made.text
        found: dict[str, str] = made.json()
        return found

    async def _context(self) -> dict[str, str]:
        found: dict[str, str] = (await self.line.must("GET", "/api/me/context")).json()
        return found

    async def _prompt(self, name: str) -> tuple[str, dict[str, object]]:
        return PROMPTS, {"id": name, "template": f"Made once: {name}"}

    async def _project(self, name: str) -> tuple[str, dict[str, object]]:
        return f"{_WORKSPACES}/{(await self._context())['workspace_id']}/projects", {"name": name}

    async def _workspace(self, name: str) -> tuple[str, dict[str, object]]:
        return _WORKSPACES, {"name": name}

    async def _invitation(self, name: str) -> tuple[str, dict[str, object]]:
        # A personal workspace, as the first one is, invites nobody.
        self._team = self._team or (await self._made_for(_WORKSPACES, {"name": f"team-{self.who}"}))["id"]
        return f"{_WORKSPACES}/{self._team}/invitations", {"email": f"{name}@example.test", "role": "viewer"}

    async def _api_key(self, name: str) -> tuple[str, dict[str, object]]:
        path, body = await self._project(f"for-{name}")
        project = await self._made_for(path, body)
        return f"/api/projects/{project['id']}/api-keys", {"name": name, "scopes": ["read"]}

    async def _rotation(self, name: str) -> tuple[str, dict[str, object]]:
        path, body = await self._api_key(name)
        key = await self._made_for(path, body)
        return f"{path}/{key['id']}/rotate", {"overlap_hours": 1}

    async def _label_request(self, name: str) -> tuple[str, dict[str, object]]:
        await self._made_for(PROMPTS, {"id": f"for-{name}", "template": "Asked for"})
        return f"{PROMPTS}/for-{name}/label-requests", {"label": name, "version": 1}

    async def _comment(self, name: str) -> tuple[str, dict[str, object]]:
        path, body = await self._label_request(name)
        request = await self._made_for(path, body)
        return f"/api/projects/default/label-requests/{request['id']}/comments", {"text": name}
