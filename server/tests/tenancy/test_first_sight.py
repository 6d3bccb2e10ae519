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
