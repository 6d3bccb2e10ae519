"""Projects with recorded runs."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest


class Runs:
    """A project's executions, as the API shows them."""

    def __init__(self, project):
        self.project = project
        self.client = project.client
        self.url = f"/api/projects/{project.id}"

    async def record(self, *runs, status=201):
        answer = await self.client.post(f"{self.url}/executions", json=list(runs))
        assert answer.status_code == status, answer.text
        return answer.json()

    async def list(self, **params):
        answer = await self.client.get(f"{self.url}/executions", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def get(self, execution_id):
        return await self.client.get(f"{self.url}/executions/{execution_id}")

    async def stats(self, **params):
        answer = await self.client.get(f"{self.url}/stats", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def keep(self, keep="full", days=None, status=200):
        answer = await self.client.put(f"{self.url}/execution-settings", json={"keep": keep, "retention_days": days})
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def runs(project):
    return Runs(project)


@pytest.fixture
def runs_of():
    return Runs


def ago(**fields):
    return (datetime.now(UTC) - timedelta(**fields)).isoformat()


@pytest.fixture
def run():
    """A run as a client sends it."""

    def made(**fields):
        return {
            "id": str(uuid.uuid4()),
            "started_at": ago(minutes=5),
            "prompt_id": "greeting",
            "version_number": 1,
            "provider": "openai",
            "model": "gpt-4o-mini",
            "input_tokens": 1000,
            "output_tokens": 100,
            "latency_ms": 420.5,
            **fields,
        }

    made.ago = ago
    return made
