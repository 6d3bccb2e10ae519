"""Keys, teams and the audit log from a terminal, against a platform with login."""

import asyncio
import json
import re
import stat

import pytest

KEY = re.compile(r"dk_proj_[0-9a-f-]{36}_[0-9A-Za-z]{32}\n")


@pytest.fixture
def signed_in(user, login_address):
    """Types commands as somebody who has signed in: with a token in the environment and no project named."""

    def types(member, **env):
        return typing(user.with_env(DAKORA_BASE_URL=login_address, DAKORA_TOKEN=member.token, **env))

    return types


@pytest.fixture
def with_key(user, login_address):
    """Types commands with an API key."""
    return lambda key: typing(user.with_env(DAKORA_BASE_URL=login_address, DAKORA_API_KEY=key))


def typing(user):
    async def type_(*words, **options):
        return await asyncio.to_thread(user, *words, **options)

    return type_


@pytest.fixture
async def member(world):
    return await world.user("Ada")


@pytest.fixture
def ada(signed_in, member):
    return signed_in(member)


async def test_a_key_is_alone_on_stdout_and_opens_its_project_until_it_is_revoked(ada, with_key):
    made = await ada("keys", "create", "ci", "--expires", "90")
    assert made.code == 0
    assert KEY.fullmatch(made.out)
    key = made.out.strip()
    assert key not in made.err
    assert "shown this once" in made.err
    assert "ci" in made.err

    program = with_key(key)
    assert (await program("render", "greeting", "-i", "name=Ada")).out.startswith("Hello Ada!")
    (row,) = [line.split("\t") for line in (await ada("keys", "list")).out.splitlines()]
    assert (row[1], row[2], row[3], row[4], row[5]) == ("ci", f"dk_proj_…{key[-4:]}", "read, render", "", "live")

    assert (await ada("keys", "revoke", row[0])).code == 0
    refused = await program("list")
    assert (refused.code, refused.out) == (1, "")
    assert "revoked (the key came from DAKORA_API_KEY)" in refused.err
    assert (await ada("keys", "list")).out == ""
    assert [one["status"] for one in (await ada("keys", "list", "--all", "--json")).json] == ["revoked"]


async def test_a_list_of_keys_never_holds_a_key(ada):
    key = (await ada("keys", "create", "ci", "--quiet")).out.strip()
    for words in (["keys", "list"], ["keys", "list", "--json"], ["audit"], ["audit", "--json"], ["whoami"]):
        for terminal in (True, False):
            shown = await ada(*words, terminal=terminal)
            assert shown.code == 0
            assert key.rpartition("_")[2] not in shown.out + shown.err


async def test_a_rotated_key_works_on_beside_the_new_one(ada, with_key):
    made = (await ada("keys", "create", "app", "--scope", "render", "--label", "latest", "--json")).json
    assert (made["scopes"], made["labels"]) == (["render"], ["latest"])
    rotated = await ada("keys", "rotate", made["id"], "--overlap-hours", "2")
    assert KEY.fullmatch(rotated.out)
    assert "2 hours" in rotated.err
    for key in (made["key"], rotated.out.strip()):
        words = ["render", "greeting", "-i", "name=Ada", "--label", "latest"]
        assert (await with_key(key)(*words)).code == 0
    again = await ada("keys", "rotate", made["id"])
    assert (again.code, again.out) == (1, "")


@pytest.mark.parametrize(
    "words",
    [
        ["create"],
        ["create", "ci", "--scope", "everything"],
        ["create", "ci", "--expires", "31"],
        ["rotate", "x", "--overlap-hours", "-1"],
        ["revoke"],
        ["nope"],
    ],
)
def test_what_no_key_can_be_is_wrong_use(user, words):
    failed = user("keys", *words)
    assert (failed.code, failed.out) == (2, "")
    assert failed.err.count("\n") == 1


def test_the_bare_group_shows_its_commands(user):
    shown = user("keys")
    assert shown.code == 0
    assert all(f"  {name} " in shown.out for name in ("list", "create", "rotate", "revoke"))


async def test_a_key_manages_no_keys_and_the_refusal_says_who_may(ada, with_key):
    key = (await ada("keys", "create", "ci", "--scope", "write")).out.strip()
    for words in (["keys", "list"], ["keys", "create", "more"], ["audit"]):
        refused = await with_key(key)(*words)
        assert (refused.code, refused.out) == (1, "")
        assert "DAKORA_TOKEN" in refused.err


async def test_whoami_says_who_where_and_as_what(ada, with_key, member):
    shown = await ada("whoami")
    assert "user       Ada <" in shown.out
    assert f"(owner, personal) {member.workspace_id}" in shown.out
    assert f"(default) {member.project_id}" in shown.out
    assert "session token from DAKORA_TOKEN" in shown.out
    assert member.token not in shown.out + shown.err

    key = (await ada("keys", "create", "ci")).out.strip()
    by_key = (await with_key(key)("whoami", "--json")).json
    assert (by_key["project"]["id"], by_key["workspaces"]) == (member.project_id, [])
    assert (by_key["shown"], by_key["shown_from"]) == ("API key", "DAKORA_API_KEY")
    assert key not in json.dumps(by_key)


async def test_whoami_without_login_names_the_local_user(cli):
    shown = await cli("whoami")
    assert shown.code == 0
    assert "without credentials" in shown.out


async def test_projects_are_those_of_every_workspace_and_a_keys_own(ada, with_key, world, member):
    place = await member.made("/api/workspaces", {"name": f"Acme {member.id}"})
    await member.made(f"/api/workspaces/{place['id']}/projects", {"name": "Second one"})
    rows = [line.split("\t") for line in (await ada("projects")).out.splitlines()]
    assert [(row[1], row[4]) for row in rows] == [("default", "owner"), ("second-one", "owner")]
    only = (await ada("projects", "--workspace", place["id"], "--json")).json
    assert [one["name"] for one in only] == ["Second one"]
    key = (await ada("keys", "create", "ci")).out.strip()
    assert [one["id"] for one in (await with_key(key)("projects", "--json")).json] == [member.project_id]
    foreign = (await world.user()).workspace_id
    assert (await ada("projects", "--workspace", foreign)).code == 1


async def test_an_invitations_link_lets_one_more_in(ada, signed_in, world, member):
    place = await member.made("/api/workspaces", {"name": f"Team {member.id}"})
    invited = await ada("invite", "grace@example.com", "--role", "viewer", "--workspace", place["id"])
    assert invited.code == 0
    token = invited.out.strip().partition("#")[2]
    assert token
    assert token not in invited.err
    grace = await world.user("Grace")
    await grace.made("/api/invitations/accept", {"token": token}, status=200)
    rows = [line.split("\t") for line in (await ada("members", "--workspace", place["id"])).out.splitlines()]
    assert {(row[0], row[1], row[3]) for row in rows} == {(member.id, "Ada", "owner"), (grace.id, "Grace", "viewer")}
    refused = await signed_in(grace)("invite", "eve@example.com", "--workspace", place["id"])
    assert (refused.code, refused.out) == (1, "")


async def test_members_are_those_of_the_projects_workspace(ada, signed_in, member):
    assert [one["user_id"] for one in (await ada("members", "--json")).json] == [member.id]
    named = signed_in(member, DAKORA_PROJECT=member.project_id)
    assert [one["user_id"] for one in (await named("members", "--json")).json] == [member.id]


async def test_the_audit_log_is_shown_newest_first_and_in_part(ada, member):
    made = (await ada("keys", "create", "ci", "--json")).json
    await ada("keys", "revoke", made["id"])
    rows = [line.split("\t") for line in (await ada("audit", "--limit", "2")).out.splitlines()]
    assert [(row[1], row[2], row[3]) for row in rows] == [
        ("api_key.revoked", made["id"], f"user {member.id}"),
        ("api_key.created", made["id"], f"user {member.id}"),
    ]
    (event,) = (await ada("audit", "--action", "api_key.created", "--json")).json
    assert event["after"]["scopes"] == ["read", "render"]
    everywhere = (await ada("audit", "--workspace", member.workspace_id, "--json")).json
    assert "user.created" in {event["action"] for event in everywhere}
    on_screen = await ada("audit", terminal=True)
    assert "ACTION" in on_screen.out


async def test_a_linked_key_brings_its_project(ada, user, login_address, member):
    key = (await ada("keys", "create", "ci", "--scope", "render")).out.strip()
    newcomer = typing(user)
    linked = await newcomer("link", login_address, "--api-key", "-", stdin=f"{key}\n")
    assert linked.code == 0, linked.err
    assert "project Default" in linked.err
    kept = user.config_dir / "link.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text()) == {"url": login_address, "api_key": key}
    assert (await newcomer("render", "greeting", "-i", "name=Ada")).out.startswith("Hello Ada!")
    assert (await newcomer("whoami", "--json")).json["project"]["id"] == member.project_id
    named = await newcomer("link", login_address, "--project", member.project_id, "--api-key", "-", stdin=f"{key}\n")
    assert named.code == 0, named.err


async def test_a_key_is_not_linked_to_a_project_that_is_not_its_own(ada, user, login_address, world):
    key = (await ada("keys", "create", "ci")).out.strip()
    other = (await world.user()).project_id
    refused = await typing(user)("link", login_address, "--project", other, "--api-key", "-", stdin=f"{key}\n")
    assert refused.code == 1
    assert not (user.config_dir / "link.json").exists()


async def test_a_token_is_used_and_never_remembered(ada, user, login_address, member):
    linked = await ada("link", login_address)
    assert linked.code == 0
    assert member.token not in (user.config_dir / "link.json").read_text() + linked.out + linked.err


def test_a_key_and_a_token_in_the_environment_are_wrong_use(user):
    both = user.with_env(DAKORA_API_KEY="dk_proj_a", DAKORA_TOKEN="a.b.c")
    failed = both("list")
    assert failed.code == 2
    assert failed.err == "Error: DAKORA_API_KEY and DAKORA_TOKEN are both set: unset one of them.\n"


def test_a_token_in_the_environment_goes_before_a_linked_key_and_a_flag_before_it(user, answer):
    sent = []

    def answers(request):
        sent.append(request.headers.get("authorization"))
        if request.url.path.endswith("/context"):
            facts = {"user_id": "u", "email": None, "name": "Ada", "workspace_id": "w"}
            return answer(200, json={**facts, "project_id": "p", "project_slug": "main", "project_name": "Main"})
        return answer(200, json={"status": "ok"} if request.url.path.endswith("/health") else [])

    server = user.facing(answers)
    server.with_env(DAKORA_API_KEY="dk_proj_linked")("link", "https://linked.example")
    server("list")
    assert sent[-1] == "Bearer dk_proj_linked"
    server.with_env(DAKORA_TOKEN="a.b.c")("list")
    assert sent[-1] == "Bearer a.b.c"
    server.with_env(DAKORA_TOKEN="a.b.c")("list", "--api-key", "dk_proj_flag")
    assert sent[-1] == "Bearer dk_proj_flag"
    warned = server.with_env(DAKORA_TOKEN="a.b.c")("list", "--url", "http://10.0.0.7")
    assert "session token travels unencrypted" in warned.err
