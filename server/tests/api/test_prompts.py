"""Prompts over HTTP: saved, read, listed, archived, and every refusal on the way."""

import asyncio

import pytest

CHAT = [{"role": "system", "content": "You help {{ name }}."}, {"role": "user", "content": "{{ question }}"}]


class TestCreate:
    async def test_a_saved_prompt_comes_back_as_it_was_sent(self, project):
        sent = {
            "id": "Greeting.v1_a-b",
            "version": "2.1.0",
            "description": "Says hello",
            "folder": "support/email",
            "template": "Hello {{ name }}!\n\n  two spaces, \u00e9, \U0001f600, a\\b, yes, 1.0, ~\n\n",
            "inputs": {"name": {"type": "string", "required": True, "description": "Who"}},
            "model": {"provider": "openai", "name": "gpt-5-mini", "parameters": {"temperature": 0.2}},
            "tools": [{"type": "function", "function": {"name": "look_up"}}],
            "response_schema": {"type": "object"},
            "metadata": {"tags": ["a", "b"], "owner": "ops"},
            "message": "First",
        }
        saved = await project.client.post(project.prompts, json=sent)
        read = await project.client.get(f"{project.prompts}/{sent['id']}")

        assert saved.status_code == 201
        assert saved.headers["location"].endswith(f"/prompts/{sent['id']}")
        assert read.json() == saved.json()
        assert read.headers["etag"] == saved.headers["etag"]
        for field in (
            "id",
            "version",
            "description",
            "folder",
            "template",
            "model",
            "tools",
            "response_schema",
            "metadata",
            "message",
        ):
            assert read.json()[field] == sent[field], field
        assert read.json()["inputs"]["name"] == {"type": "string", "required": True, "description": "Who"}
        assert read.json()["version_number"] == 1
        assert read.json()["labels"] == ["latest"]
        assert len(read.json()["content_hash"]) == 64

    async def test_a_chat_prompt_has_messages_and_no_template(self, project):
        saved = await project.client.post(project.prompts, json={"id": "chat", "messages": CHAT})
        assert saved.status_code == 201
        assert saved.json()["messages"] == CHAT
        assert "template" not in saved.json()

    async def test_the_first_version_is_1_0_0_unless_said_otherwise(self, project):
        assert (await project.create("a"))["version"] == "1.0.0"

    @pytest.mark.parametrize("second", ["twin", "TWIN"])
    async def test_an_id_is_unique_whatever_its_case(self, project, second):
        await project.create("Twin" if second == "TWIN" else "twin")
        refused = await project.client.post(project.prompts, json={"id": second, "template": "x"})
        assert (refused.status_code, refused.json()["code"]) == (409, "prompt_exists")

    async def test_of_two_first_saves_at_once_one_wins(self, project):
        body = {"id": "raced", "template": "x"}
        answers = await asyncio.gather(*(project.client.post(project.prompts, json=body) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7

    @pytest.mark.parametrize(
        ("body", "where"),
        [
            ({}, ["id"]),
            ({"id": "x"}, []),
            ({"id": "x", "template": "a", "messages": CHAT}, []),
            ({"id": "../x", "template": "a"}, ["id"]),
            ({"id": ".x", "template": "a"}, ["id"]),
            ({"id": "x/y", "template": "a"}, ["id"]),
            ({"id": "x\n", "template": "a"}, ["id"]),
            ({"id": "x" * 129, "template": "a"}, ["id"]),
            ({"id": "x", "template": 5}, ["template"]),
            ({"id": "x", "template": "a", "colour": "red"}, ["colour"]),
            ({"id": "x", "template": "a", "folder": "../up"}, ["folder"]),
            ({"id": "x", "template": "a", "folder": "/abs"}, ["folder"]),
            ({"id": "x", "template": "a", "folder": "parts"}, ["folder"]),
            ({"id": "x", "template": "a", "folder": "Parts/tone"}, ["folder"]),
            ({"id": "x", "template": "a", "inputs": {"n": {"type": "text"}}}, ["inputs", "n", "type"]),
            ({"id": "x", "messages": [{"role": "root", "content": "a"}]}, ["messages", 0, "role"]),
            ({"id": "x", "messages": []}, ["messages"]),
            ({"id": "x", "template": "a", "version": "1"}, ["version"]),
        ],
    )
    async def test_a_body_of_the_wrong_shape_is_refused_with_the_place(self, project, body, where):
        refused = await project.client.post(project.prompts, json=body)
        assert refused.status_code == 422, refused.text
        assert refused.headers["content-type"] == "application/problem+json"
        assert where in [fault["loc"] for fault in refused.json()["errors"]]

    async def test_a_broken_template_is_refused_with_line_and_column(self, project):
        refused = await project.client.post(
            project.prompts, json={"id": "x", "template": "one\n{{ name | nofilter }}\n{% if %}"}
        )
        assert (refused.status_code, refused.json()["code"]) == (422, "template_invalid")
        fault = refused.json()["errors"][0]
        assert fault["loc"] == ["template"]
        assert fault["line"] in {2, 3}
        assert fault["column"] >= 1

    async def test_an_include_is_refused_while_there_are_no_parts(self, project):
        refused = await project.client.post(project.prompts, json={"id": "x", "template": "{% include 'tone/calm' %}"})
        assert (refused.status_code, refused.json()["code"]) == (422, "template_invalid")
        assert refused.json()["errors"][0]["type"] == "unknown_part"

    async def test_a_schema_that_is_none_is_refused(self, project):
        body = {"id": "x", "template": "a", "inputs": {"o": {"type": "object", "schema": {"type": "nonsense"}}}}
        refused = await project.client.post(project.prompts, json=body)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["loc"][:3] == ["inputs", "o", "schema"]


class TestUpdate:
    async def test_a_change_is_the_next_version_and_raises_the_patch_number(self, project):
        await project.create("p", "one")
        saved = await project.save("p", "two", message="Better")
        assert (saved["version_number"], saved["version"], saved["template"], saved["message"]) == (
            2,
            "1.0.1",
            "two",
            "Better",
        )

    async def test_the_same_content_again_changes_nothing(self, project):
        first = await project.create("p", "one", description="d")
        again = await project.save("p", "one", description="d", message="No change")
        assert again == first

    async def test_a_given_version_must_be_higher(self, project):
        await project.create("p", "one", version="1.4.0")
        for version in ("1.4.0", "1.3.9", "0.1.0", "1.4.0-rc.1"):
            refused = await project.client.put(f"{project.prompts}/p", json={"template": "two", "version": version})
            assert (refused.status_code, refused.json()["code"]) == (422, "version_not_higher"), version
        assert (await project.save("p", "two", version="2.0.0"))["version"] == "2.0.0"

    async def test_a_higher_version_alone_is_a_new_version(self, project):
        await project.create("p", "one")
        assert (await project.save("p", "one", version="2.0.0"))["version_number"] == 2

    async def test_no_prompt_moves_to_where_parts_are_kept(self, project):
        await project.create("p", "one", folder="support/parts")
        refused = await project.client.put(f"{project.prompts}/p", json={"template": "one", "folder": "parts/tone"})
        assert (refused.status_code, refused.json()["errors"][0]["type"]) == (422, "reserved_folder")
        assert "choose another one" in refused.json()["detail"]
        assert (await project.save("p", "two"))["folder"] == "support/parts"

    async def test_a_move_to_another_folder_is_no_new_version_but_a_new_etag(self, project):
        await project.create("p", "one", folder="a")
        before = await project.client.get(f"{project.prompts}/p")
        moved = await project.save("p", "one", folder="a/b")
        assert (moved["folder"], moved["version_number"]) == ("a/b", 1)
        after = await project.client.get(f"{project.prompts}/p", headers={"if-none-match": before.headers["etag"]})
        assert after.status_code == 200

    async def test_a_stale_if_match_changes_nothing(self, project):
        await project.create("p", "one")
        stale = (await project.client.get(f"{project.prompts}/p")).headers["etag"]
        await project.save("p", "two")
        refused = await project.client.put(
            f"{project.prompts}/p", json={"template": "three"}, headers={"if-match": stale}
        )
        assert (refused.status_code, refused.json()["code"]) == (412, "stale_version")
        assert (await project.client.get(f"{project.prompts}/p")).json()["template"] == "two"

    async def test_a_save_repeated_because_its_answer_was_lost_succeeds(self, project):
        await project.create("p", "one")
        etag = (await project.client.get(f"{project.prompts}/p")).headers["etag"]
        answers = [
            await project.client.put(f"{project.prompts}/p", json={"template": "two"}, headers={"if-match": etag})
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json() == answers[1].json()

    async def test_of_two_editors_with_one_etag_exactly_one_wins_a_thousand_times(self, project):
        async def race(prompt_id: str) -> None:
            address = f"{project.prompts}/{prompt_id}"
            await project.create(prompt_id, "0")
            for turn in range(250):
                etag = (await project.client.get(address)).headers["etag"]
                saves = (
                    project.client.put(address, json={"template": f"{turn} {who}"}, headers={"if-match": etag})
                    for who in "ab"
                )
                answers = await asyncio.gather(*saves)
                assert sorted(answer.status_code for answer in answers) == [200, 412]

        await asyncio.gather(*(race(f"p{number}") for number in range(4)))

    async def test_the_id_in_the_body_must_be_the_one_in_the_address(self, project):
        await project.create("p", "one")
        refused = await project.client.put(f"{project.prompts}/p", json={"id": "q", "template": "two"})
        assert refused.status_code == 422

    async def test_what_is_not_there_cannot_be_changed(self, project):
        missing = await project.client.put(f"{project.prompts}/nowhere", json={"template": "x"})
        assert (missing.status_code, missing.json()["code"]) == (404, "prompt_not_found")


class TestRead:
    async def test_a_version_is_found_by_number_and_by_semver(self, project):
        await project.create("p", "one")
        await project.save("p", "two", version="3.0.0-rc.1+build.5")
        for version, text in (("1", "one"), ("1.0.0", "one"), ("2", "two"), ("3.0.0-rc.1+build.5", "two")):
            found = await project.client.get(f"{project.prompts}/p", params={"version": version})
            assert found.json()["template"] == text, version
        latest = await project.client.get(f"{project.prompts}/p", params={"label": "latest"})
        assert latest.json()["template"] == "two"
        assert (await project.client.get(f"{project.prompts}/p", params={"version": "1"})).json()["labels"] == []

    @pytest.mark.parametrize(
        ("params", "status", "code"),
        [
            ({"version": "9"}, 404, "version_not_found"),
            ({"version": "9.9.9"}, 404, "version_not_found"),
            ({"label": "production"}, 404, "label_not_found"),
            ({"version": "1", "label": "latest"}, 422, "invalid_request"),
            ({"version": "99999999999999999999"}, 404, "version_not_found"),
            ({"version": "1 or 1=1"}, 422, "invalid_request"),
        ],
    )
    async def test_a_version_that_is_not_there_is_said_to_be_so(self, project, params, status, code):
        await project.create("p")
        refused = await project.client.get(f"{project.prompts}/p", params=params)
        assert (refused.status_code, refused.json()["code"]) == (status, code)

    async def test_an_unchanged_prompt_answers_304_without_a_body(self, project):
        await project.create("p")
        first = await project.client.get(f"{project.prompts}/p")
        for header in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
            again = await project.client.get(f"{project.prompts}/p", headers={"if-none-match": header})
            assert (again.status_code, again.content) == (304, b""), header
            assert again.headers["etag"] == first.headers["etag"]
        await project.save("p", "new")
        changed = await project.client.get(f"{project.prompts}/p", headers={"if-none-match": first.headers["etag"]})
        assert changed.status_code == 200

    async def test_a_change_is_visible_in_the_very_next_read(self, project):
        await project.create("p", "0")
        for number in range(1, 20):
            await project.client.get(f"{project.prompts}/p")
            await project.save("p", str(number))
            assert (await project.client.get(f"{project.prompts}/p")).json()["template"] == str(number)

    async def test_a_foreign_project_is_as_absent_as_one_that_does_not_exist(self, project, platform):
        import uuid

        from sqlalchemy import insert

        from dakora_server.core.storage.tables import projects, workspaces
        from dakora_server.core.storage.tenant import Tenant

        foreign, workspace = uuid.uuid4(), uuid.uuid4()
        async with platform.database.transaction(Tenant(workspace_id=workspace)) as tx:
            await tx.execute(insert(workspaces).values(id=workspace, slug=str(workspace), name="Others"))
            await tx.execute(insert(projects).values(id=foreign, workspace_id=workspace, slug="s", name="Theirs"))
        answers = [
            await project.client.get(f"/api/projects/{some}/prompts", headers={"x-request-id": "same-request"})
            for some in (foreign, uuid.uuid4())
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content


class TestList:
    async def test_pages_together_hold_every_prompt_once_in_order(self, project):
        ids = [f"p{number:03}" for number in range(25)] + ["Zebra", "apple", "Mango"]
        await asyncio.gather(*(project.create(prompt_id) for prompt_id in ids))
        seen, address = [], f"{project.prompts}?limit=10"
        while address:
            answer = await project.client.get(address)
            assert len(answer.json()) <= 10
            seen += [item["id"] for item in answer.json()]
            address = answer.links.get("next", {}).get("url")
        assert seen == sorted(ids, key=str.lower)

    async def test_the_last_page_has_no_next(self, project):
        await asyncio.gather(*(project.create(f"p{number}") for number in range(3)))
        assert "next" in (await project.client.get(f"{project.prompts}?limit=2")).links
        assert "next" not in (await project.client.get(f"{project.prompts}?limit=3")).links

    async def test_filters_narrow_the_list(self, project):
        await project.create(
            "refund-mail", description="Answer 100% politely", folder="support/email", metadata={"tags": ["mail", "x"]}
        )
        await project.create("greeting", description="Hi", folder="support", metadata={"tags": ["mail"]})
        await project.create("other", folder="supporters")

        async def ids(**params):
            return [item["id"] for item in (await project.client.get(project.prompts, params=params)).json()]

        assert await ids(search="REFUND") == ["refund-mail"]
        assert await ids(search="100%") == ["refund-mail"]
        assert await ids(search="%") == ["refund-mail"]
        assert await ids(tag="mail") == ["greeting", "refund-mail"]
        assert await ids(folder="support") == ["greeting", "refund-mail"]
        assert await ids(folder="support/email") == ["refund-mail"]
        assert await ids(label="latest", tag="x") == ["refund-mail"]
        assert await ids(label="production") == []
        assert await ids(search="nothing like it") == []

    async def test_an_item_tells_what_it_is_without_its_text(self, project):
        await project.create(
            "p", "{{ n }}", inputs={"n": {"type": "number"}}, description="d", metadata={"tags": ["t"]}
        )
        (item,) = (await project.client.get(project.prompts)).json()
        assert item["inputs"] == {"n": {"type": "number", "required": True}}
        assert (item["description"], item["tags"], item["version"], item["version_number"]) == ("d", ["t"], "1.0.0", 1)
        assert "template" not in item

    @pytest.mark.parametrize(
        "params",
        [
            {"limit": 0},
            {"limit": 201},
            {"limit": "x"},
            {"cursor": "nonsense"},
            {"cursor": "NQ"},
            {"search": "\x00"},
        ],
    )
    async def test_a_senseless_page_is_refused(self, project, params):
        refused = await project.client.get(project.prompts, params=params)
        assert refused.status_code == 422


class TestArchive:
    async def test_an_archived_prompt_is_gone_and_can_be_restored(self, project):
        await project.create("p", "one")
        await project.save("p", "two")
        await project.client.get(f"{project.prompts}/p")
        gone = await project.client.delete(f"{project.prompts}/p")
        assert (gone.status_code, gone.content) == (204, b"")
        assert (await project.client.get(f"{project.prompts}/p")).status_code == 404
        assert (await project.client.get(project.prompts)).json() == []
        assert (await project.render("p", {})).status_code == 404
        back = await project.client.post(f"{project.prompts}/p/restore")
        assert (back.status_code, back.json()["template"], back.json()["version_number"]) == (200, "two", 2)
        assert (await project.client.get(f"{project.prompts}/p", params={"version": "1"})).json()["template"] == "one"

    async def test_an_archived_id_is_not_given_away_while_it_can_be_restored(self, project):
        await project.create("p")
        await project.client.delete(f"{project.prompts}/p")
        refused = await project.client.post(project.prompts, json={"id": "P", "template": "x"})
        assert (refused.status_code, refused.json()["code"]) == (409, "prompt_archived")

    async def test_after_30_days_it_is_gone_and_its_id_is_free(self, project, platform):
        from sqlalchemy import func, text, update

        from dakora_server.core.storage.tables import prompts
        from dakora_server.core.storage.tenant import Tenant

        await project.create("p", "old")
        await project.client.delete(f"{project.prompts}/p")
        async with platform.database.transaction(Tenant(project_id=project.id)) as tx:
            await tx.execute(
                update(prompts)
                .where(prompts.c.project_id == project.id)
                .values(archived_at=func.now() - text("interval '31 days'"))
            )
        assert (await project.client.post(f"{project.prompts}/p/restore")).status_code == 404
        assert (await project.create("p", "new"))["version_number"] == 1
        assert [v["version_number"] for v in (await project.client.get(f"{project.prompts}/p/versions")).json()] == [1]

    async def test_a_stale_delete_changes_nothing(self, project):
        await project.create("p")
        etag = (await project.client.get(f"{project.prompts}/p")).headers["etag"]
        await project.save("p", "two")
        assert (await project.client.delete(f"{project.prompts}/p", headers={"if-match": etag})).status_code == 412
        assert (await project.client.get(f"{project.prompts}/p")).status_code == 200

    async def test_what_never_was_cannot_be_archived_or_restored(self, project):
        assert (await project.client.delete(f"{project.prompts}/p")).status_code == 404
        assert (await project.client.post(f"{project.prompts}/p/restore")).status_code == 404


class TestManyWriters:
    async def test_64_writers_of_one_prompt_leave_dense_numbers_and_every_hash(self, project):
        await project.create("p", "0")
        acknowledged: dict[int, str] = {1: (await project.client.get(f"{project.prompts}/p")).json()["content_hash"]}

        async def write(who: int) -> None:
            for turn in range(50):
                answer = await project.client.put(f"{project.prompts}/p", json={"template": f"{who} {turn}"})
                assert answer.status_code == 200, answer.text
                acknowledged[answer.json()["version_number"]] = answer.json()["content_hash"]

        await asyncio.gather(*(write(who) for who in range(64)))
        assert sorted(acknowledged) == list(range(1, 64 * 50 + 2))
        limit = asyncio.Semaphore(16)

        async def read(number: int) -> None:
            async with limit:
                found = await project.client.get(f"{project.prompts}/p/versions/{number}")
            assert found.json()["content_hash"] == acknowledged[number]

        await asyncio.gather(*(read(number) for number in acknowledged))
