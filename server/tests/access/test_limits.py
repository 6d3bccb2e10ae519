"""Rate limits as a caller meets them: counted once a request, whichever way it is answered."""

import asyncio

import pytest

FIVE = {"rate_limit_read": "5/minute", "rate_limit_render": "5/minute", "rate_limit_write": "unlimited"}


@pytest.fixture(scope="module")
async def limited(world_with):
    """A platform that lets five of each kind through in a minute."""
    async with world_with(**FIVE, database_pool_size=4) as opened:
        yield opened


@pytest.fixture
async def place(world, limited):
    """A team with a prompt, made where nothing is counted, and a maker of keys as the limited platform sees them."""
    team = await world.team()
    await team.owner.made(f"{team.project}/prompts", {"id": "hello", "template": "Hello"})

    async def key(*scopes, **fields):
        caller, _ = await world.key(team.project_id, team.owner, *scopes, **fields)
        return caller.at(limited.client)

    return team, key


def left(answer):
    """What the answer says is left of the caller's own five."""
    name, _, rest = answer.headers["ratelimit"].partition(";")
    assert name in {'"read"', '"render"'}
    return int(dict(part.split("=") for part in rest.split(";"))["r"])


async def warmed(caller, url):
    """Asked once, so that the next one is answered before the routes."""
    answer = await caller.get(url)
    assert answer.status_code == 200
    return answer


@pytest.mark.parametrize("query", ["", "?label=latest"], ids=["before the routes", "by the route"])
async def test_the_sixth_read_is_refused_and_says_when_to_come_back(place, query):
    team, make = place
    caller = await make("read")
    url = f"{team.project}/prompts/hello{query}"
    answers = [await caller.get(url) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert [left(answer) for answer in answers] == [4, 3, 2, 1, 0, 0]
    refused = answers[5]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "rate_limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    for answer in answers:
        assert answer.headers["ratelimit-policy"].split(", ") == ['"read";q=5;w=60', '"workspace-read";q=25;w=60']
        assert answer.headers.get_list("ratelimit-policy") == [answer.headers["ratelimit-policy"]]


async def test_the_sixth_render_is_refused_also_with_a_body_that_the_route_has_to_read(place):
    team, make = place
    caller = await make("render")
    url = f"{team.project}/prompts/hello/render"
    plain = {"inputs": {}}
    # Plain ones are answered before the routes; these are passed on to them, and counted once all the same.
    passed_on = ({"inputs": {}, "nonsense": 1}, {"inputs": {}, "version": 1, "label": "latest"})
    answers = [await caller.post(url, body) for body in (plain, plain, *passed_on, plain, plain, passed_on[0])]
    assert [answer.status_code for answer in answers] == [200, 200, 422, 422, 200, 429, 429]
    assert [left(answer) for answer in answers] == [4, 3, 2, 1, 0, 0, 0]


async def test_a_read_that_is_passed_on_to_the_route_is_counted_once(place):
    team, make = place
    caller = await make("read")
    await warmed(caller, f"{team.project}/prompts/hello")
    # The caller is known, the prompt is not: looked at before the routes, answered by one.
    answers = [await caller.get(f"{team.project}/prompts/absent") for _ in range(2)]
    assert [(answer.status_code, left(answer)) for answer in answers] == [(404, 3), (404, 2)]


async def test_one_key_does_not_eat_what_another_has_nor_a_user_what_a_key_has(place, limited):
    team, make = place
    url = f"{team.project}/prompts/hello"
    callers = [await make("read"), await make("read"), team.owner.at(limited.client)]
    for caller in callers:
        assert [(await caller.get(url)).status_code for _ in range(6)] == [200] * 5 + [429]


async def test_reads_and_renders_are_counted_apart(place):
    team, make = place
    caller = await make("read", "render")
    url = f"{team.project}/prompts/hello"
    assert [(await caller.get(url)).status_code for _ in range(6)] == [200] * 5 + [429]
    answers = [await caller.post(f"{url}/render", {"inputs": {}}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert (await caller.get(url)).status_code == 429


async def test_a_workspace_has_five_times_what_one_key_has(place):
    team, make = place
    url = f"{team.project}/prompts/hello"
    statuses = []
    for _ in range(6):
        caller = await make("read")
        statuses += [(await caller.get(url)).status_code for _ in range(5)]
    assert statuses == [200] * 25 + [429] * 5


async def test_many_at_once_are_counted_exactly(place):
    team, make = place
    caller = await make("read")
    answers = await asyncio.gather(*(caller.get(f"{team.project}/prompts/hello") for _ in range(40)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 35


async def test_trying_doors_that_do_not_open_is_counted_and_charged_to_nobody_else(place, world, limited):
    team, make = place
    url = f"{team.project}/prompts/hello"
    scopeless, stranger = await make("render"), await world.user()
    statuses = [(await scopeless.get(url)).status_code for _ in range(6)]
    assert statuses == [403] * 5 + [429]
    statuses = [(await scopeless.get(team.url)).status_code for _ in range(2)]
    assert statuses == [429] * 2
    outside = stranger.at(limited.client)
    statuses = [(await outside.get(url)).status_code for _ in range(30)]
    assert statuses == [404] * 5 + [429] * 25
    # All of the workspace's own 25 but the 5 of its own key are left.
    for _ in range(4):
        caller = await make("read")
        assert [(await caller.get(url)).status_code for _ in range(5)] == [200] * 5
    late = await make("read")
    assert (await late.get(url)).status_code == 429


async def test_every_operation_that_is_counted_says_so(place):
    team, make = place
    caller = await make("read", "render", "write")
    answer = await caller.get("/api/me")
    assert left(answer) == 4
    answer = await caller.post(f"{team.project}/prompts/validate", {"template": "x"})
    assert left(answer) == 4
    saved = await caller.put(f"{team.project}/prompts/hello", {"template": "Hello"})
    assert (saved.status_code, "ratelimit" in saved.headers) == (200, False)


async def test_without_login_and_credentials_nothing_is_counted(project):
    await project.create("hello")
    for answer in (
        await project.client.get(f"{project.prompts}/hello"),
        await project.client.get(f"{project.prompts}/hello"),
        await project.client.get(project.prompts),
        await project.render("hello", {}),
    ):
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("ratelimit")]
