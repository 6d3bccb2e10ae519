"""Labels: one pointer each, every move remembered, nobody overtaken, protected ones moved by the right person only."""

import asyncio
import uuid

import pytest

from dakora_server.core.prompts import queries
from dakora_server.core.scope import Grant, Principal, ProjectId, Role, WorkspaceId, writing


@pytest.fixture
async def released(project):
    """A prompt with three versions: one, two, three."""
    await project.create("p", "one")
    for text in ("two", "three"):
        await project.save("p", text)
    return project


def address(project, label, prompt_id="p"):
    return f"{project.prompts}/{prompt_id}/labels/{label}"


async def put(project, label, version, **options):
    body = {"version": version, **options.pop("fields", {})}
    return await project.client.put(address(project, label), json=body, **options)


class TestPointing:
    async def test_a_label_selects_its_version_everywhere_a_version_is_taken(self, released):
        assert (await put(released, "production", 2)).status_code == 200
        url = f"{released.prompts}/p"
        for _ in range(2):
            got = await released.client.get(f"{url}?label=production")
            assert (got.json()["template"], got.json()["labels"]) == ("two", ["production"])
        assert (await released.client.get(url)).json()["labels"] == ["latest"]
        rendered = await released.render("p", {}, label="production")
        assert (rendered.json()["rendered"], rendered.json()["version_number"]) == ("two", 2)
        listed = (await released.client.get(f"{released.prompts}?label=production")).json()
        assert [(one["id"], one["version_number"], one["labels"]) for one in listed] == [("p", 2, ["production"])]
        assert (await released.client.get(f"{released.prompts}?label=staging")).json() == []

    async def test_a_list_names_every_label_with_the_version_it_is_on(self, released):
        await released.create("q", "without")
        await put(released, "production", 1)
        await put(released, "staging", 3)
        listed = (await released.client.get(released.prompts)).json()
        assert {one["id"]: one["label_versions"] for one in listed} == {"p": {"production": 1, "staging": 3}, "q": {}}
        assert listed[0]["labels"] == ["latest", "staging"]
        await put(released, "production", 2)
        listed = (await released.client.get(released.prompts)).json()
        assert listed[0]["label_versions"] == {"production": 2, "staging": 3}

    async def test_a_moved_label_is_seen_by_the_next_read(self, released):
        url = f"{released.prompts}/p?label=production"
        for version, text in ((1, "one"), (3, "three"), (2, "two")):
            await put(released, "production", version)
            assert (await released.client.get(url)).json()["template"] == text
            assert (await released.render("p", {}, label="production")).json()["rendered"] == text

    async def test_a_label_names_a_semver_too_and_moves_back(self, released):
        assert (await put(released, "production", "1.0.2")).json()["version_number"] == 3
        assert (await put(released, "production", "1.0.0")).json()["version_number"] == 1

    async def test_what_is_not_there_is_told(self, released):
        for answer, code in (
            (await put(released, "production", 9), "version_not_found"),
            (await released.client.get(address(released, "none")), "label_not_found"),
            (await released.client.delete(address(released, "none")), "label_not_found"),
            (await released.client.get(f"{released.prompts}/p?label=none"), "label_not_found"),
            (await released.render("p", {}, label="none"), "label_not_found"),
            (await released.client.put(address(released, "production", "q"), json={"version": 1}), "prompt_not_found"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, code)

    async def test_latest_is_automatic_and_moved_by_nobody(self, released):
        for answer in (await put(released, "latest", 1), await released.client.delete(address(released, "latest"))):
            assert answer.status_code == 422
        assert (await released.client.get(f"{released.prompts}/p?label=latest")).json()["template"] == "three"

    async def test_a_label_that_is_removed_points_nowhere_and_its_history_stays(self, released):
        await put(released, "production", 2)
        assert (await released.client.delete(address(released, "production"))).status_code == 204
        assert (await released.client.get(f"{released.prompts}/p?label=production")).status_code == 404
        moves = (await released.client.get(f"{address(released, 'production')}/history")).json()
        assert [(move["from_version"], move["to_version"]) for move in moves] == [(2, None), (None, 2)]

    async def test_a_prompt_has_so_many_labels_and_no_more(self, released):
        for number in range(50):
            assert (await put(released, f"l{number}", 1)).status_code == 200
        refused = await put(released, "one-more", 1)
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many")
        assert (await put(released, "l7", 2)).status_code == 200
        assert len((await released.client.get(f"{released.prompts}/p")).json()["labels"]) == 1


class TestHistory:
    async def test_every_move_is_told_with_who_when_and_why(self, released):
        await put(released, "production", 1, fields={"message": "first release"})
        await put(released, "production", 2)
        await put(released, "production", 2)
        await put(released, "production", 1, fields={"message": "two was wrong"})
        moves = (await released.client.get(f"{address(released, 'production')}/history")).json()
        told = [(move["from_version"], move["to_version"], move["message"]) for move in moves]
        assert told == [(2, 1, "two was wrong"), (1, 2, None), (None, 1, "first release")]
        assert {move["actor_kind"] for move in moves} == {"user"}
        assert moves[0]["at"] > moves[2]["at"]

    async def test_it_comes_in_pages(self, released):
        for number in (1, 2, 3, 1, 2, 3, 1):
            await put(released, "production", number)
        url, seen = f"{address(released, 'production')}/history?limit=3", []
        while url:
            answer = await released.client.get(url)
            seen += [move["to_version"] for move in answer.json()]
            url = answer.headers.get("link", "").partition("<")[2].partition(">")[0]
        assert seen == [1, 3, 2, 1, 3, 2, 1]


class TestConflicts:
    async def test_a_stale_if_match_moves_nothing(self, released):
        first = (await put(released, "production", 1)).headers["etag"]
        assert (await put(released, "production", 2, headers={"if-match": first})).status_code == 200
        for answer in (
            await put(released, "production", 3, headers={"if-match": first}),
            await put(released, "new", 3, headers={"if-match": "*"}),
            await released.client.delete(address(released, "production"), headers={"if-match": first}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (412, "stale_label")
        assert (await released.client.get(address(released, "production"))).json()["version_number"] == 2

    async def test_of_two_who_move_it_with_one_etag_exactly_one_wins(self, released):
        for _ in range(50):
            etag = (await put(released, "production", 1)).headers["etag"]
            answers = await asyncio.gather(
                *(put(released, "production", number, headers={"if-match": etag}) for number in (2, 3))
            )
            assert sorted(answer.status_code for answer in answers) == [200, 412]

    async def test_a_label_that_moves_takes_nothing_from_an_editor(self, released):
        url = f"{released.prompts}/p"
        before = (await released.client.get(url)).headers["etag"]
        await put(released, "production", 3)
        after = (await released.client.get(url)).headers["etag"]
        assert before != after
        saved = await released.client.put(url, json={"template": "four"}, headers={"if-match": before})
        assert saved.status_code == 200
        late = await released.client.put(url, json={"template": "five"}, headers={"if-match": after})
        assert late.status_code == 412

    async def test_an_answer_in_memory_is_not_the_one_of_before_the_move(self, released):
        url = f"{released.prompts}/p"
        etag = (await released.client.get(url)).headers["etag"]
        assert (await released.client.get(url, headers={"if-none-match": etag})).status_code == 304
        await put(released, "production", 3)
        moved = await released.client.get(url, headers={"if-none-match": etag})
        assert (moved.status_code, moved.json()["labels"]) == (200, ["latest", "production"])


class TestProtection:
    async def test_a_protected_label_is_moved_by_admins_only(self, world):
        team = await world.team("admin", "editor")
        await team.owner.made(f"{team.project}/prompts", {"id": "p", "template": "one"})
        label = f"{team.project}/prompts/p/labels/production"
        editor, admin = team.members["editor"], team.members["admin"]
        key, _ = await world.key(team.project_id, team.owner, "read", "write")
        assert (await editor.put(label, {"version": 1})).status_code == 200
        protected = f"{team.project}/protected-labels/production"
        assert (await editor.put(protected, {})).status_code == 403
        assert (await admin.put(protected, {})).status_code == 200
        for caller in (editor, key):
            for refused in (await caller.put(label, {"version": 1}), await caller.delete(label)):
                assert (refused.status_code, refused.json()["code"]) == (403, "label_protected")
        assert (await admin.put(label, {"version": 1})).status_code == 200
        assert (await editor.get(f"{team.project}/protected-labels")).json() == [
            {"label": "production", "needs_approval": False}
        ]
        assert (await admin.delete(protected)).status_code == 204
        assert (await editor.delete(label)).status_code == 204

    async def test_a_move_by_approval_takes_two_people(self, world):
        team = await world.team("admin", "editor")
        editor, admin, owner = team.members["editor"], team.members["admin"], team.owner
        prompts = f"{team.project}/prompts"
        await editor.made(prompts, {"id": "p", "template": "Hello"})
        label = f"{prompts}/p/labels/production"
        await owner.put(label, {"version": 1})
        await editor.put(f"{prompts}/p", {"template": "Goodbye"})
        await owner.put(f"{team.project}/protected-labels/production", {"needs_approval": True})
        assert (await owner.put(label, {"version": 2})).json()["code"] == "label_protected"
        asked = await editor.made(
            f"{prompts}/p/label-requests", {"label": "production", "version": 2, "message": "ready"}
        )
        one = f"{team.project}/label-requests/{asked['id']}"
        await admin.made(f"{one}/comments", {"text": "Why?"})
        view = (await admin.get(one)).json()
        assert (view["from_version"], view["to_version"], view["status"]) == (1, 2, "open")
        assert [change["field"] for change in view["changes"]] == ["template"]
        assert [comment["text"] for comment in view["comments"]] == ["Why?"]
        assert (await editor.post(f"{one}/approve")).status_code == 403
        assert (await admin.made(f"{one}/approve", status=200))["status"] == "approved"
        assert (await editor.get(f"{prompts}/p?label=production")).json()["template"] == "Goodbye"
        again = await owner.post(f"{one}/approve")
        assert (again.status_code, again.json()["code"]) == (409, "request_over")
        moves = (await editor.get(f"{label}/history")).json()
        assert (moves[0]["actor_id"], moves[0]["message"]) == (admin.id, "ready")

    async def test_nobody_approves_their_own_request(self, world):
        team = await world.team("admin")
        admin, prompts = team.members["admin"], f"{team.project}/prompts"
        await admin.made(prompts, {"id": "p", "template": "x"})
        asked = await admin.made(f"{prompts}/p/label-requests", {"label": "production", "version": 1})
        one = f"{team.project}/label-requests/{asked['id']}"
        assert (await admin.post(f"{one}/approve")).status_code == 403
        assert (await admin.made(f"{one}/withdraw", status=200))["status"] == "withdrawn"
        assert (await team.owner.post(f"{one}/approve")).status_code == 409

    async def test_a_request_whose_label_has_moved_since_is_not_carried_out(self, world):
        team = await world.team("editor")
        prompts, editor = f"{team.project}/prompts", team.members["editor"]
        await editor.made(prompts, {"id": "p", "template": "one"})
        await editor.put(f"{prompts}/p", {"template": "two"})
        asked = await editor.made(f"{prompts}/p/label-requests", {"label": "production", "version": 2})
        await editor.put(f"{prompts}/p/labels/production", {"version": 1})
        refused = await team.owner.post(f"{team.project}/label-requests/{asked['id']}/approve")
        assert (refused.status_code, refused.json()["code"]) == (412, "stale_label")
        listed = (await editor.get(f"{team.project}/label-requests?status=open")).json()
        assert [request["id"] for request in listed] == [asked["id"]]

    async def test_two_who_approve_at_once_move_it_once(self, world):
        team = await world.team("admin", "editor")
        prompts, editor = f"{team.project}/prompts", team.members["editor"]
        await editor.made(prompts, {"id": "p", "template": "one"})
        asked = await editor.made(f"{prompts}/p/label-requests", {"label": "production", "version": 1})
        approve = f"{team.project}/label-requests/{asked['id']}/approve"
        answers = await asyncio.gather(*(one.post(approve) for one in (team.owner, team.members["admin"])))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert len((await editor.get(f"{prompts}/p/labels/production/history")).json()) == 1

    async def test_an_approval_whose_prompt_goes_away_meanwhile_does_not_wait_for_ever(self, world):
        team = await world.team("editor")
        prompts, editor = f"{team.project}/prompts", team.members["editor"]
        await editor.made(prompts, {"id": "p", "template": "one"})
        asked = await editor.made(f"{prompts}/p/label-requests", {"label": "production", "version": 1})
        actor = Principal(uuid.UUID(team.owner.id), "Owner")
        place = WorkspaceId(uuid.UUID(team.id)), ProjectId(uuid.UUID(team.project_id))
        async with writing(world.platform, Grant(actor, *place, Role.owner)) as project:
            await project.hold("p")
            await queries.lock_prompt(project, "p")
            approval = asyncio.create_task(team.owner.post(f"{team.project}/label-requests/{asked['id']}/approve"))
            await asyncio.sleep(0.3)
            await queries.remove(project, "p")
        # Each waiting for the other would end in a time-out of the database: 503.
        assert (await approval).status_code == 404


class TestKeys:
    async def test_a_key_limited_to_a_label_sees_what_was_released_and_nothing_else(self, world):
        team = await world.team()
        owner, prompts = team.owner, f"{team.project}/prompts"
        await owner.made(prompts, {"id": "p", "template": "released"})
        await owner.put(f"{prompts}/p/labels/production", {"version": 1})
        await owner.put(f"{prompts}/p", {"template": "draft"})
        await owner.put(f"{prompts}/p/labels/staging", {"version": 2})
        await owner.made(prompts, {"id": "q", "template": "draft"})
        key, _ = await world.key(team.project_id, owner, "read", "render", labels=["production"])
        for _ in range(2):
            assert (await key.get(f"{prompts}/p?label=production")).json()["template"] == "released"
            rendered = await key.post(f"{prompts}/p/render", {"inputs": {}, "label": "production"})
            assert rendered.json()["rendered"] == "released"
        (listed,) = (await key.get(f"{prompts}?label=production")).json()
        assert (listed["id"], listed["label_versions"]) == ("p", {"production": 1})
        assert [one["label"] for one in (await key.get(f"{prompts}/p/labels")).json()] == ["production"]
        for _ in range(2):
            for refused in (
                await key.get(f"{prompts}/p"),
                await key.get(f"{prompts}/p?label=staging"),
                await key.get(f"{prompts}/p?version=2"),
                await key.get(f"{prompts}/p/versions/2"),
                await key.get(f"{prompts}/p/labels/staging/history"),
                await key.get(prompts),
                await key.post(f"{prompts}/p/render", {"inputs": {}}),
                await key.post(f"{prompts}/p/render", {"inputs": {}, "label": "staging"}),
            ):
                assert (refused.status_code, refused.json()["code"]) == (403, "label_not_allowed")

    async def test_labels_and_their_history_go_along_when_a_prompt_moves(self, world):
        team = await world.team()
        owner, prompts = team.owner, f"{team.project}/prompts"
        target = await owner.made(f"{team.url}/projects", {"name": f"Target {uuid.uuid4().hex[:6]}"})
        await owner.made(prompts, {"id": "p", "template": "one"})
        await owner.put(f"{prompts}/p", {"template": "two"})
        await owner.put(f"{prompts}/p/labels/production", {"version": 1, "message": "go"})
        await owner.made(f"{prompts}/p/move", {"project_id": target["id"]}, status=200)
        there = f"/api/projects/{target['id']}/prompts/p"
        assert (await owner.get(f"{there}?label=production")).json()["template"] == "one"
        assert [move["message"] for move in (await owner.get(f"{there}/labels/production/history")).json()] == ["go"]
