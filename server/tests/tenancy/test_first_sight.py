"""Whoever comes for the first time finds a place to work in."""

import asyncio


async def test_a_user_seen_for_the_first_time_has_a_workspace_a_project_and_samples(world):
    user = await world.user("Ada")
    me = (await user.get("/api/me")).json()
    assert me["user"]["name"] == "Ada"
    assert [(w["personal"], w["role"]) for w in me["workspaces"]] == [(True, "owner")]
    context = (await user.get("/api/me/context")).json()
    assert (context["project_slug"], context["project_id"]) == ("default", me["default_project"]["id"])
    prompts = (await user.get(f"/api/projects/{context['project_id']}/prompts")).json()
    assert {prompt["id"] for prompt in prompts} == {"greeting", "summarizer", "support-reply"}
    url = f"/api/projects/{context['project_id']}/prompts/greeting/render"
    rendered = await user.made(url, {"inputs": {"name": "Ada"}}, status=200)
    assert rendered["rendered"] == "Hello Ada!\nWelcome to Dakora!"


async def test_a_sample_shows_how_a_part_is_used(world):
    user = await world.user()
    project = (await user.get("/api/me")).json()["default_project"]["id"]
    parts = (await user.get(f"/api/projects/{project}/parts")).json()["by_category"]
    assert [part["id"] for part in parts["tone"]] == ["tone/friendly"]
    body = {"inputs": {"company": "Acme", "question": "Where is it?"}}
    rendered = await user.made(f"/api/projects/{project}/prompts/support-reply/render", body, status=200)
    assert rendered["parts"] == [{"id": "tone/friendly", "version_number": 1}]
    assert "Be short and kind." in rendered["messages"][0]["content"]


async def test_a_new_project_begins_with_samples_unless_told_otherwise(world):
    team = await world.team()
    for body, count in (({"name": "With"}, 3), ({"name": "Without", "samples": False}, 0)):
        made = await team.owner.made(f"{team.url}/projects", body)
        prompts = (await team.owner.get(f"/api/projects/{made['id']}/prompts")).json()
        assert len(prompts) == count
        parts = (await team.owner.get(f"/api/projects/{made['id']}/parts")).json()["by_category"]
        assert len(parts) == (1 if count else 0)


async def test_twenty_first_requests_at_once_make_one_of_each(world):
    user = world.stranger(name="Grace")
    answers = await asyncio.gather(*(user.get("/api/me") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["user"]["id"] for answer in answers}) == 1
    assert len({answer.json()["default_project"]["id"] for answer in answers}) == 1
    project = answers[0].json()["default_project"]["id"]
    prompts = (await user.get(f"/api/projects/{project}/prompts")).json()
    assert {prompt["version_number"] for prompt in prompts} == {1}
    events = (await user.get(f"/api/projects/{project}/audit?action=user.created")).json()
    assert len(events) == 1


async def test_nobody_gets_in_without_credentials(world):
    for url in ("/api/me", "/api/workspaces", "/api/projects/default/prompts", f"/api/projects/{'0' * 8}/prompts"):
        answer = await world.nobody.get(url)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
