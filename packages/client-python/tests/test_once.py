"""What creates is done once, however often it has to be sent."""

import httpx2
import pytest

from dakora_client import ConflictError, InvalidRequestError, Unavailable

CREATING = {
    "a prompt": lambda dakora, **key: dakora.prompts.create("a", "x", **key),
    "a key": lambda dakora, **key: dakora.api_keys.create("ci", **key),
    "a rotation": lambda dakora, **key: dakora.api_keys.rotate("k", **key),
    "a workspace": lambda dakora, **key: dakora.workspaces.create("W", **key),
    "a project": lambda dakora, **key: dakora.projects.create("w", "P", **key),
    "an invitation": lambda dakora, **key: dakora.workspaces.invite("w", "ada@example.com", **key),
}


class Lossy(httpx2.AsyncBaseTransport):
    """The way to a server on which the answer to each first attempt of a POST gets lost, after it was acted upon."""

    def __init__(self, app):
        self._inner = httpx2.ASGITransport(app=app)
        self.seen = set()

    async def handle_async_request(self, request):
        answer = await self._inner.handle_async_request(request)
        sent = request.headers.get("idempotency-key")
        if request.method == "POST" and sent not in self.seen:
            self.seen.add(sent)
            await answer.aread()
            raise httpx2.ReadError("the connection broke", request=request)
        return answer


@pytest.fixture
async def lossy(client_of, world):
    user = await world.user()
    dakora = await client_of(Lossy(world.app), token=user.token)
    return dakora, user


async def test_a_key_whose_answer_was_lost_is_made_once_and_still_shown(lossy, client_of, world):
    dakora, user = lossy
    made = await dakora.api_keys.create("ci")
    assert [key.id for key in await dakora.api_keys.list(all=True)] == [made.id]
    assert (await (await client_of(world.app, api_key=made.key)).context()).project_id == user.project_id

    new = await dakora.api_keys.rotate(made.id)
    assert {key.id for key in await dakora.api_keys.list(all=True)} == {made.id, new.id}
    assert (await (await client_of(world.app, api_key=new.key)).context()).project_id == user.project_id


async def test_a_prompt_whose_answer_was_lost_is_saved_once_and_is_no_conflict(lossy):
    dakora, _ = lossy
    saved = await dakora.prompts.create("note", "x")
    assert (saved.version_number, saved.template, saved.etag) == (1, "x", (await dakora.prompts.get("note")).etag)
    assert len(await dakora.prompts.versions("note")) == 1
    with pytest.raises(ConflictError):
        await dakora.prompts.create("note", "x")


async def test_workspaces_projects_and_invitations_are_made_once_too(lossy):
    dakora, user = lossy
    workspace = await dakora.workspaces.create("Acme", slug=f"once-{user.id}")
    await dakora.projects.create(workspace.id, "P")
    await dakora.workspaces.invite(workspace.id, "ada@example.com")
    assert [one.id for one in await dakora.workspaces.list() if not one.personal] == [workspace.id]
    assert [project.slug for project in await dakora.projects.list(workspace.id)] == ["p"]
    assert len(await dakora.workspaces.invitations(workspace.id)) == 1


async def test_a_key_of_ones_own_joins_two_calls_and_another_request_may_not_have_it(client_of, world):
    dakora = await client_of(world.app, token=(await world.user()).token)
    first = await dakora.api_keys.create("ci", idempotency_key="deploy-7")
    again = await dakora.api_keys.create("ci", idempotency_key="deploy-7")
    assert (again.id, again.key) == (first.id, first.key)
    with pytest.raises(InvalidRequestError) as other:
        await dakora.api_keys.create("another", idempotency_key="deploy-7")
    assert other.value.code == "idempotency_mismatch"


@pytest.mark.parametrize("call", CREATING.values(), ids=CREATING)
async def test_the_attempts_of_a_call_share_a_key_and_two_calls_do_not(connect, serve, problem, call):
    server = serve(problem(503, "busy"))
    dakora = connect(server, project="p")
    for _ in range(2):
        with pytest.raises(Unavailable):
            await call(dakora)
    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert (len(keys), len(set(keys[:3])), len(set(keys[3:])), len(set(keys))) == (6, 1, 1, 2)


@pytest.mark.parametrize("call", CREATING.values(), ids=CREATING)
async def test_a_key_of_ones_own_is_sent_as_it_is(connect, serve, problem, call):
    server = serve(problem(503, "busy"))
    with pytest.raises(Unavailable):
        await call(connect(server, max_retries=0), idempotency_key="mine/1")
    assert server.requests[0].headers["idempotency-key"] == "mine/1"


async def test_an_attempt_that_is_still_under_way_is_waited_for(connect, serve, problem, prompt_json, fake_time):
    under_way = problem(409, "idempotency_in_progress", headers={"retry-after": "1"})
    server = serve(httpx2.ReadError("gone"), under_way, httpx2.Response(201, json=prompt_json))
    assert (await connect(server).prompts.create("greeting", "x")).id == "greeting"
    assert len({request.headers["idempotency-key"] for request in server.requests}) == 1
    assert fake_time.slept[1] >= 1


@pytest.mark.parametrize("key", ["", "a b", "é", "a\r\nX-Evil: 1", "x" * 256])
async def test_what_is_no_idempotency_key_is_refused_before_anything_is_sent(connect, serve, key):
    server = serve(httpx2.Response(201, json={}))
    with pytest.raises(InvalidRequestError, match="idempotency_key"):
        await connect(server).prompts.create("a", "x", idempotency_key=key)
    assert server.requests == []
