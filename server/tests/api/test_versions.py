"""A prompt's history over HTTP."""


async def test_history_is_newest_first_and_paged(project):
    await project.create("p", "0", message="first")
    for number in range(1, 8):
        await project.save("p", str(number), message=f"change {number}")
    seen, address = [], f"{project.prompts}/p/versions?limit=3"
    while address:
        answer = await project.client.get(address)
        seen += answer.json()
        address = answer.links.get("next", {}).get("url")
    assert [line["version_number"] for line in seen] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert (seen[0]["message"], seen[-1]["message"], seen[-1]["version"]) == ("change 7", "first", "1.0.0")


async def test_the_history_of_nothing_is_404(project):
    assert (await project.client.get(f"{project.prompts}/p/versions")).status_code == 404


async def test_a_diff_names_each_field_that_changed(project):
    await project.create(
        "p", "Hello {{ name }}\nBye\n", inputs={"name": {"type": "string"}}, metadata={"owner": "a"}, description="same"
    )
    await project.save(
        "p",
        "Hello {{ name }}\nSee you\n",
        inputs={"name": {"type": "string"}, "tone": {"type": "string", "default": "calm"}},
        metadata={"owner": "b"},
        model={"provider": "openai", "name": "gpt-5"},
        description="same",
    )
    answer = await project.client.get(f"{project.prompts}/p/versions/1/diff/2")
    body = answer.json()
    assert (body["from"], body["to"]) == (1, 2)
    by_field = {change["field"]: change for change in body["changes"]}
    assert "description" not in by_field
    lines = [(line["op"], line["text"]) for line in by_field["template"]["lines"]]
    assert ("-", "Bye") in lines
    assert ("+", "See you") in lines
    assert any(field.startswith("inputs.tone") for field in by_field)
    assert any(field.startswith("metadata") for field in by_field)
    assert any(field.startswith("model") for field in by_field)
    same = await project.client.get(f"{project.prompts}/p/versions/2/diff/2")
    assert same.json()["changes"] == []
    assert (await project.client.get(f"{project.prompts}/p/versions/1/diff/9")).status_code == 404


async def test_a_diff_tells_the_words_of_a_changed_line(project):
    chat = {"messages": [{"role": "system", "content": "Be kind.\nAnswer in French."}]}
    await project.client.post(project.prompts, json={"id": "p", **chat, "description": "Greets a person"})
    chat["messages"][0]["content"] = "Be kind.\nAnswer in plain German."
    await project.client.put(f"{project.prompts}/p", json={**chat, "description": "Greets every person"})
    answer = await project.client.get(f"{project.prompts}/p/versions/1/diff/2")
    by_field = {change["field"]: change for change in answer.json()["changes"]}
    removed, added = by_field["messages[0].content"]["lines"][1:]
    assert removed["words"][:2] == [{"op": "equal", "text": "Answer in "}, {"op": "delete", "text": "French"}]
    assert added["words"][:2] == [{"op": "equal", "text": "Answer in "}, {"op": "insert", "text": "plain German"}]
    assert "words" not in by_field["messages[0].content"]["lines"][0]
    assert [word["op"] for word in by_field["description"]["words"]] == ["equal", "delete", "insert", "equal"]


async def test_a_rollback_is_a_new_version_with_the_old_content(project):
    first = await project.create("p", "one")
    await project.save("p", "two")
    back = await project.client.post(f"{project.prompts}/p/rollback", json={"version": 1})
    assert back.status_code == 200
    assert (back.json()["version_number"], back.json()["version"], back.json()["template"]) == (3, "1.0.2", "one")
    assert back.json()["content_hash"] == first["content_hash"]
    again = await project.client.post(f"{project.prompts}/p/rollback", json={"version": "1.0.0"})
    assert again.json()["version_number"] == 3
    assert (await project.client.post(f"{project.prompts}/p/rollback", json={"version": 9})).status_code == 404


async def test_a_stale_rollback_changes_nothing(project):
    await project.create("p", "one")
    etag = (await project.client.get(f"{project.prompts}/p")).headers["etag"]
    await project.save("p", "two")
    refused = await project.client.post(
        f"{project.prompts}/p/rollback", json={"version": 1}, headers={"if-match": etag}
    )
    assert refused.status_code == 412
