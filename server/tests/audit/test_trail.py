"""The trail as people read it."""

import re

import pytest


def next_page(answer):
    found = re.search(r"<([^>]+)>; rel=\"next\"", answer.headers.get("link", ""))
    return found and found[1]


@pytest.fixture
async def team(world):
    return await world.team("admin", "editor", "viewer")


async def test_events_come_newest_first_and_page_by_page(team):
    for number in range(7):
        await team.owner.made(f"{team.project}/prompts", {"id": f"p{number}", "template": "x"})
    url, pages = f"{team.project}/audit?limit=3", []
    while url:
        answer = await team.owner.get(url)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        url = next_page(answer)
    assert [len(page) for page in pages] == [3, 3, 2]
    events = [event for page in pages for event in page]
    assert [event["subject"] for event in events[:7]] == [f"p{number}" for number in range(6, -1, -1)]
    assert events[7]["action"] == "project.created"
    assert [event["at"] for event in events] == sorted((event["at"] for event in events), reverse=True)
    assert len({event["id"] for event in events}) == 8


async def test_events_can_be_picked_by_action_and_by_who_did_it(world, team):
    key, made = await world.key(team.project_id, team.owner, "read", "write")
    await key.made(f"{team.project}/prompts", {"id": "p", "template": "x"})
    await team.members["editor"].made(f"{team.project}/prompts", {"id": "q", "template": "x"})

    async def subjects(query):
        return [event["subject"] for event in (await team.owner.get(f"{team.project}/audit?{query}")).json()]

    assert await subjects("action=prompt.created") == ["q", "p"]
    assert await subjects(f"actor={made['id']}") == ["p"]
    assert await subjects(f"actor={team.members['editor'].id}") == ["q"]
    assert await subjects(f"actor={team.owner.id}&action=prompt.created") == []
    assert await subjects("action=api_key.created") == [made["id"]]


async def test_a_workspace_shows_what_happened_in_all_its_projects_and_a_project_only_its_own(team):
    second = await team.owner.made(f"{team.url}/projects", {"name": "Second", "samples": False})
    await team.owner.made(f"/api/projects/{second['id']}/prompts", {"id": "elsewhere", "template": "x"})

    async def actions(url):
        return [(event["action"], event["project_id"]) for event in (await team.owner.get(f"{url}/audit")).json()]

    assert (await actions(team.url))[:2] == [("prompt.created", second["id"]), ("project.created", second["id"])]
    assert ("workspace.created", None) in await actions(team.url)
    assert await actions(team.project) == [("project.created", team.project_id)]


async def test_only_admins_read_the_trail(world, team):
    key, _ = await world.key(team.project_id, team.owner, "read", "render", "write", "execute", "log")
    stranger = await world.user()
    for url, of_key in ((f"{team.project}/audit", 403), (f"{team.url}/audit", 403)):
        for role, status in (("owner", 200), ("admin", 200), ("editor", 403), ("viewer", 403)):
            assert (await team.members[role].get(url)).status_code == status, (url, role)
        assert (await stranger.get(url)).status_code == 404
        assert (await key.get(url)).status_code == of_key
        assert (await world.nobody.get(url)).status_code == 401


@pytest.mark.parametrize("query", ["cursor=x", "action=A%27", "actor=me", "limit=0"])
async def test_a_question_that_makes_no_sense_is_refused(team, query):
    assert (await team.owner.get(f"{team.project}/audit?{query}")).status_code == 422
