"""Teams: who may let whom in, who leaves, and that a workspace always has an owner."""

import asyncio
import uuid


async def roles(team):
    members = (await team.owner.get(f"{team.url}/members")).json()
    return {member["user_id"]: member["role"] for member in members}


class TestWorkspaces:
    async def test_a_team_is_made_renamed_and_ended(self, world):
        owner = await world.user()
        slug = f"acme-{uuid.uuid4().hex[:8]}"
        made = await owner.made("/api/workspaces", {"name": "Acme & Söhne", "slug": slug})
        assert (made["slug"], made["role"], made["personal"]) == (slug, "owner", False)
        url = f"/api/workspaces/{made['id']}"
        renamed = await owner.patch(url, {"name": "Acme"})
        assert renamed.json()["name"] == "Acme"
        assert [w["personal"] for w in (await owner.get("/api/workspaces")).json()] == [True, False]
        assert (await owner.delete(url)).status_code == 204
        assert (await owner.get(url)).status_code == 404
        assert len((await owner.get("/api/workspaces")).json()) == 1

    async def test_a_slug_is_made_from_the_name_and_taken_once(self, world):
        owner = await world.user()
        name = f"Éclair {uuid.uuid4().hex[:8]}"
        made = await owner.made("/api/workspaces", {"name": name})
        assert made["slug"] == name.lower().replace("é", "e").replace(" ", "-")
        taken = await owner.post("/api/workspaces", {"name": name})
        assert (taken.status_code, taken.json()["code"]) == (409, "slug_taken")
        nameless = await owner.post("/api/workspaces", {"name": "日本"})
        assert nameless.status_code == 422

    async def test_a_personal_workspace_is_its_users_alone(self, world):
        user = await world.user()
        url = f"/api/workspaces/{user.workspace_id}"
        assert (await user.delete(url)).status_code == 403
        invited = await user.post(f"{url}/invitations", {"email": "a@example.test"})
        assert (invited.status_code, invited.json()["code"]) == (403, "forbidden")
        assert (await user.delete(f"{url}/members/{user.id}")).status_code == 403


class TestInvitations:
    async def test_a_link_lets_one_person_in_once(self, world):
        team = await world.team()
        invited = await team.owner.made(f"{team.url}/invitations", {"email": "new@example.test", "role": "editor"})
        assert invited["delivery"] == "link"
        address, _, token = invited["link"].partition("#")
        assert address.endswith("/invite")
        listed = (await team.owner.get(f"{team.url}/invitations")).json()
        assert [one["email"] for one in listed] == ["new@example.test"]
        assert "link" not in listed[0]
        joiner, late = await world.user(), await world.user()
        joined = await joiner.made("/api/invitations/accept", {"token": token}, status=200)
        assert (joined["id"], joined["role"]) == (team.id, "editor")
        again = await late.post("/api/invitations/accept", {"token": token})
        assert (again.status_code, again.json()["code"]) == (404, "invitation_not_found")
        assert (await roles(team))[joiner.id] == "editor"
        assert (await late.get(team.url)).status_code == 404
        assert (await team.owner.get(f"{team.url}/invitations")).json() == []

    async def test_of_fifty_who_use_one_link_at_once_one_gets_in(self, world):
        team = await world.team()
        invited = await team.owner.made(f"{team.url}/invitations", {"email": "one@example.test"})
        token = invited["link"].partition("#")[2]
        people = await asyncio.gather(*(world.user() for _ in range(50)))
        answers = await asyncio.gather(*(one.post("/api/invitations/accept", {"token": token}) for one in people))
        assert sorted(answer.status_code for answer in answers) == [200] + [404] * 49
        assert len(await roles(team)) == 2

    async def test_a_link_that_is_replaced_while_it_is_used_fails_neither(self, world):
        team, joiner = await world.team(), await world.user()
        for turn in range(25):
            body = {"email": f"{turn}@example.test"}
            token = (await team.owner.made(f"{team.url}/invitations", body))["link"].partition("#")[2]
            again, used = await asyncio.gather(
                team.owner.post(f"{team.url}/invitations", body),
                joiner.post("/api/invitations/accept", {"token": token}),
            )
            assert (again.status_code, used.status_code in {200, 404}) == (201, True), (again.text, used.text)

    async def test_a_revoked_or_replaced_link_opens_nothing(self, world):
        team, joiner = await world.team(), await world.user()
        first = await team.owner.made(f"{team.url}/invitations", {"email": "Same@example.test"})
        second = await team.owner.made(f"{team.url}/invitations", {"email": "same@example.test"})
        token = first["link"].partition("#")[2]
        assert (await joiner.post("/api/invitations/accept", {"token": token})).status_code == 404
        assert (await team.owner.delete(f"{team.url}/invitations/{second['id']}")).status_code == 204
        token = second["link"].partition("#")[2]
        assert (await joiner.post("/api/invitations/accept", {"token": token})).status_code == 404
        assert (await team.owner.delete(f"{team.url}/invitations/{second['id']}")).status_code == 404

    async def test_nobody_invites_above_their_own_role_or_twice(self, world):
        team = await world.team("admin", "editor")
        admin = team.members["admin"]
        above = await admin.post(f"{team.url}/invitations", {"email": "x@example.test", "role": "owner"})
        assert above.status_code == 403
        editor = await team.members["editor"].post(f"{team.url}/invitations", {"email": "x@example.test"})
        assert editor.status_code == 403
        address = f"{team.members['editor'].subject}@example.test"
        member = await admin.post(f"{team.url}/invitations", {"email": address.upper()})
        assert (member.status_code, member.json()["code"]) == (409, "already_member")

    async def test_an_address_that_is_none_is_refused(self, world):
        team = await world.team()
        for email in ("nobody", "a b@x.test", "a@x.test\nBcc: b@x.test", "<b>@x.test", "a@", "@x.test", "a" * 300):
            answer = await team.owner.post(f"{team.url}/invitations", {"email": email})
            assert answer.status_code == 422, email

    async def test_a_token_that_was_never_made_is_told_like_one_that_is_used_up(self, world):
        joiner = await world.user()
        for token in ("x" * 40, "0" * 75, uuid.uuid4().hex + "A" * 43):
            answer = await joiner.post("/api/invitations/accept", {"token": token})
            assert (answer.status_code, answer.json()["code"]) == (404, "invitation_not_found")


class TestMembers:
    async def test_roles_change_and_take_effect_on_the_next_request(self, world):
        team = await world.team("viewer")
        viewer = team.members["viewer"]
        prompt = {"id": "p", "template": "x"}
        assert (await viewer.post(f"{team.project}/prompts", prompt)).status_code == 403
        changed = await team.owner.patch(f"{team.url}/members/{viewer.id}", {"role": "editor"})
        assert changed.status_code == 204
        assert (await viewer.post(f"{team.project}/prompts", prompt)).status_code == 201
        await team.owner.patch(f"{team.url}/members/{viewer.id}", {"role": "viewer"})
        assert (await viewer.put(f"{team.project}/prompts/p", {"template": "y"})).status_code == 403

    async def test_an_admin_does_not_touch_owners(self, world):
        team = await world.team("admin", "editor")
        admin = team.members["admin"]
        for body in ({"role": "viewer"}, {"role": "owner"}):
            answer = await admin.patch(f"{team.url}/members/{team.owner.id}", body)
            assert answer.status_code == 403
        assert (await admin.delete(f"{team.url}/members/{team.owner.id}")).status_code == 403
        assert (await admin.patch(f"{team.url}/members/{admin.id}", {"role": "owner"})).status_code == 403
        assert (await admin.delete(f"{team.url}/members/{team.members['editor'].id}")).status_code == 204

    async def test_a_member_leaves_and_takes_its_keys_along(self, world):
        team = await world.team("admin")
        admin = team.members["admin"]
        key, _ = await world.key(team.project_id, admin)
        assert (await key.get(f"{team.project}/prompts")).status_code == 200
        assert (await admin.delete(f"{team.url}/members/{admin.id}")).status_code == 204
        assert (await admin.get(team.url)).status_code == 404
        assert (await admin.get(f"{team.project}/prompts")).status_code == 404
        gone = await key.get(f"{team.project}/prompts")
        assert (gone.status_code, gone.json()["code"]) == (401, "api_key_revoked")

    async def test_an_editor_removes_nobody_but_itself(self, world):
        team = await world.team("editor", "viewer")
        editor, viewer = team.members["editor"], team.members["viewer"]
        assert (await editor.delete(f"{team.url}/members/{viewer.id}")).status_code == 403
        assert (await editor.delete(f"{team.url}/members/{editor.id}")).status_code == 204

    async def test_the_last_owner_stays(self, world):
        team = await world.team("admin")
        for answer in (
            await team.owner.delete(f"{team.url}/members/{team.owner.id}"),
            await team.owner.patch(f"{team.url}/members/{team.owner.id}", {"role": "admin"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")

    async def test_two_owners_who_leave_at_once_do_not_both_get_away(self, world):
        for _ in range(10):
            team = await world.team("admin")
            other = team.members["admin"]
            await team.owner.patch(f"{team.url}/members/{other.id}", {"role": "owner"})
            answers = await asyncio.gather(
                team.owner.delete(f"{team.url}/members/{team.owner.id}"),
                other.delete(f"{team.url}/members/{other.id}"),
            )
            assert sorted(answer.status_code for answer in answers) == [204, 409]

    async def test_ownership_is_handed_over(self, world):
        team = await world.team("viewer")
        heir = team.members["viewer"]
        assert (await heir.put(f"{team.url}/owner", {"user_id": heir.id})).status_code == 403
        assert (await team.owner.put(f"{team.url}/owner", {"user_id": heir.id})).status_code == 204
        assert await roles(team) == {team.owner.id: "admin", heir.id: "owner"}
        stranger = await heir.put(f"{team.url}/owner", {"user_id": str(uuid.uuid4())})
        assert (stranger.status_code, stranger.json()["code"]) == (404, "member_not_found")

    async def test_members_come_in_pages(self, world):
        team = await world.team("viewer", "editor", "admin")
        url, seen = f"{team.url}/members?limit=3", []
        while url:
            answer = await team.owner.get(url)
            seen += [member["user_id"] for member in answer.json()]
            url = answer.headers.get("link", "").partition("<")[2].partition(">")[0]
        assert len(seen) == 4
        assert set(seen) == {member.id for member in team.members.values()}


class TestProjects:
    async def test_a_project_is_made_renamed_archived_and_restored(self, world):
        team = await world.team()
        made = await team.owner.made(f"{team.url}/projects", {"name": "Second one"})
        assert made["slug"] == "second-one"
        url = f"/api/projects/{made['id']}"
        assert (await team.owner.patch(url, {"slug": "other"})).json()["slug"] == "other"
        assert (await team.owner.post(f"{team.url}/projects", {"name": "Other"})).status_code == 409
        await team.owner.made(f"{url}/prompts", {"id": "p", "template": "x"})
        key, _ = await world.key(made["id"], team.owner)
        assert (await team.owner.delete(url)).status_code == 204
        for gone in (await team.owner.get(url), await team.owner.get(f"{url}/prompts/p")):
            assert (gone.status_code, gone.json()["code"]) == (404, "project_not_found")
        assert (await key.get(f"{url}/prompts")).status_code == 401
        listed = (await team.owner.get(f"{team.url}/projects")).json()
        assert made["id"] not in {project["id"] for project in listed}
        archived = (await team.owner.get(f"{team.url}/projects?archived=true")).json()
        assert [project["id"] for project in archived] == [made["id"]]
        assert (await team.owner.made(f"{url}/restore", status=200))["archived_at"] is None
        assert (await team.owner.get(f"{url}/prompts/p")).status_code == 200
        assert (await key.get(f"{url}/prompts")).status_code == 401

    async def test_an_archived_project_gives_its_slug_free_and_comes_back_only_to_a_free_one(self, world):
        team = await world.team()
        first = await team.owner.made(f"{team.url}/projects", {"name": "Twice"})
        await team.owner.delete(f"/api/projects/{first['id']}")
        await team.owner.made(f"{team.url}/projects", {"name": "Twice"})
        refused = await team.owner.post(f"/api/projects/{first['id']}/restore")
        assert (refused.status_code, refused.json()["code"]) == (409, "slug_taken")

    async def test_a_prompt_moves_with_all_its_versions(self, world):
        team = await world.team("editor")
        editor = team.members["editor"]
        target = await team.owner.made(f"{team.url}/projects", {"name": "Target"})
        prompts = f"{team.project}/prompts"
        await editor.made(prompts, {"id": "p", "template": "one", "folder": "a/b"})
        await editor.put(f"{prompts}/p", {"template": "two"})
        before = (await editor.get(f"{prompts}/p/versions")).json()
        moved = await editor.made(f"{prompts}/p/move", {"project_id": target["id"]}, status=200)
        assert (moved["template"], moved["version_number"], moved["folder"]) == ("two", 2, "a/b")
        there = f"/api/projects/{target['id']}/prompts/p"
        assert (await editor.get(f"{prompts}/p")).status_code == 404
        assert (await editor.get(f"{there}/versions")).json() == before
        assert (await editor.get(there)).json()["template"] == "two"
        assert (await editor.get(f"{there}?version=1")).json()["template"] == "one"
        # And on from there.
        assert (await editor.put(there, {"template": "three"})).json()["version_number"] == 3

    async def test_a_prompt_does_not_move_onto_another_or_out_of_the_workspace(self, world):
        team, other = await world.team("editor"), await world.team()
        editor = team.members["editor"]
        target = await team.owner.made(f"{team.url}/projects", {"name": "Target"})
        for project in (team.project, f"/api/projects/{target['id']}"):
            await editor.made(f"{project}/prompts", {"id": "p", "template": project})
        url = f"{team.project}/prompts/p/move"
        taken = await editor.post(url, {"project_id": target["id"]})
        assert (taken.status_code, taken.json()["code"]) == (409, "prompt_exists")
        foreign = await editor.post(url, {"project_id": other.project_id})
        assert (foreign.status_code, foreign.json()["code"]) == (404, "project_not_found")
        home = await editor.post(url, {"project_id": editor.project_id})
        assert home.status_code == 422
        itself = await editor.post(url, {"project_id": team.project_id})
        assert itself.status_code == 422
        assert (await editor.get(f"{team.project}/prompts/p")).json()["template"] == team.project

    async def test_a_prompt_that_everybody_moves_at_once_is_in_one_place(self, world):
        team = await world.team()
        targets = [await team.owner.made(f"{team.url}/projects", {"name": f"T{n}"}) for n in range(4)]
        await team.owner.made(f"{team.project}/prompts", {"id": "p", "template": "x"})
        url = f"{team.project}/prompts/p/move"
        answers = await asyncio.gather(*(team.owner.post(url, {"project_id": t["id"]}) for t in targets))
        assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
        found = [
            (await team.owner.get(f"/api/projects/{project}/prompts/p")).status_code
            for project in (team.project_id, *(t["id"] for t in targets))
        ]
        assert sorted(found) == [200, 404, 404, 404, 404]
