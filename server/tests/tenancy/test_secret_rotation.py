"""The server's secret is replaced, and the API keys that programs use go on."""

OLD = "old-secret-0123456789-abcdefghijklmnopq"
NEW = "new-secret-9876543210-zyxwvutsrqponmlkj"


async def test_a_key_goes_on_under_the_next_secret_and_then_needs_the_old_one_no_more(world_with):
    async with world_with(secret_key=OLD) as before:
        team = await before.team()
        used, _ = await before.key(team.project_id, team.owner)
        unused, _ = await before.key(team.project_id, team.owner)
        url = f"{team.project}/prompts"
        assert (await used.get(url)).status_code == 200
    async with world_with(secret_key=NEW, secret_key_previous=OLD) as between:
        assert (await used.at(between.client).get(url)).status_code == 200
        assert (await used.at(between.client).get(url)).status_code == 200
    async with world_with(secret_key=NEW) as after:
        assert (await used.at(after.client).get(url)).status_code == 200
        gone = await unused.at(after.client).get(url)
        assert (gone.status_code, gone.json()["code"]) == (401, "api_key_invalid")
