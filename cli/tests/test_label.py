"""Labels from a terminal: made, moved, looked up, removed."""


async def test_a_label_is_made_moved_shown_and_removed(cli, project):
    await project.create("released", "one")
    await project.save("released", "two")
    assert (await cli("label", "set", "released", "production", "1", "-m", "first")).code == 0
    assert (await cli("show", "released", "--label", "production", "--json")).json["template"] == "one"
    moved = await cli("label", "set", "released", "production", "1.0.1")
    assert "version 2 (1.0.1)" in moved.err
    (row,) = [line.split("\t") for line in (await cli("label", "list", "released")).out.splitlines()]
    assert row[:3] == ["production", "2", "1.0.1"]
    moves = (await cli("label", "history", "released", "production", "--json")).json
    assert [(move["from_version"], move["to_version"], move["message"]) for move in moves] == [
        (1, 2, None),
        (None, 1, "first"),
    ]
    assert (await cli("label", "remove", "released", "production")).code == 0
    gone = await cli("label", "remove", "released", "production")
    assert (gone.code, gone.out) == (1, "")
    assert "no label production" in gone.err


async def test_a_prompt_without_labels_says_how_to_make_one(cli, project):
    await project.create("new")
    shown = await cli("label", "list", "new")
    assert (shown.code, shown.out) == (0, "")
    assert "dakora label set new production 1" in shown.err
