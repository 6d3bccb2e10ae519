"""Projects whose prompts run on a provider of models on loopback, over real sockets."""

import pytest


class Runs:
    """A project's runs, as the API shows them."""

    def __init__(self, project, server):
        self.project = project
        self.client = project.client
        self.url = f"/api/projects/{project.id}"
        self.server = server

    async def set_provider(self, name="openai", *, status=200, **fields):
        path = "" if name == "anthropic" else "/v1"
        body = {"api_key": "sk-test-0123456789abcdefghij", "base_url": self.server.url + path, **fields}
        answer = await self.client.put(f"{self.url}/providers/{name}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def execute(self, prompt_id="p", *, status=200, **body):
        answer = await self.client.post(f"{self.url}/prompts/{prompt_id}/execute", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def compare(self, *runs, prompt_id="p", status=200, **body):
        answer = await self.client.post(f"{self.url}/prompts/{prompt_id}/compare", json={"runs": list(runs), **body})
        assert answer.status_code == status, answer.text
        return answer.json().get("runs")

    async def recorded(self, **params):
        answer = await self.client.get(f"{self.url}/executions", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def one(self, execution_id):
        return (await self.client.get(f"{self.url}/executions/{execution_id}")).json()

    async def budget(self, **body):
        if body:
            answer = await self.client.put(f"{self.url}/budget", json=body)
        else:
            answer = await self.client.get(f"{self.url}/budget")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def sent(self):
        """The body of the last request that the provider got."""
        return self.server.requests[-1]["body"]


@pytest.fixture
async def runs(project, model_server):
    """A project with the providers `openai` and `anthropic` set up."""
    model_server.retry_after = 1
    found = Runs(project, model_server)
    await found.set_provider("openai")
    await found.set_provider("anthropic")
    return found


@pytest.fixture
def on():
    """The model setting of a prompt: `on("echo")`."""

    def model(name, provider="openai", **parameters):
        return {"provider": provider, "name": name, "parameters": parameters}

    return model
