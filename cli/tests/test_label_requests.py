"""Protected labels and requests for them from a terminal, against a platform with login."""

import asyncio
import uuid

import pytest

BEFORE = "Be kind.\nAnswer in French.\n" + "".join(f"Rule {number}\n" for number in range(12)) + "Last rule."
AFTER = BEFORE.replace("in French", "in plain German").replace("Last rule.", "Nothing more.")


@pytest.fixture
async def team(world):
    return await world.team("admin", "editor")


@pytest.fixture
def types(user, login_address, team):
    """Types commands as a member of the team, in the team's project."""

    def as_member(role):
        typist = user.with_env(
            DAKORA_BASE_URL=login_address, DAKORA_TOKEN=team.members[role].token, DAKORA_PROJECT=team.project_id
        )

        async def type_(*words, **options):
            return await asyncio.to_thread(typist, *words, **options)

        return type_

    return as_member


@pytest.fixture
async def editor(types, team):
    owner = team.owner
    await owner.made(f"{team.project}/prompts", {"id": "p", "template": BEFORE, "description": "Greets a person"})
    body = {"template": AFTER, "description": "Greets every person"}
    assert (await owner.put(f"{team.project}/prompts/p", body)).status_code == 200
    return types("editor")


@pytest.fixture
async def admin(types, editor):
    """Who has protected the label, once it stood somewhere."""
    admin = types("admin")
    assert (await admin("label", "set", "p", "production", "1")).code == 0
    assert (await admin("label", "protect", "production", "--needs-approval")).code == 0
    return admin


async def test_a_protected_label_is_listed_and_released(admin, editor):
    assert (await editor("label", "protected")).out == "production\trequests that a second person approves\n"
    assert (await admin("label", "protect", "production", "--json")).json == {
        "label": "production",
        "needs_approval": False,
    }
    assert (await editor("label", "protected")).out == "production\tadmins\n"
    assert (await admin("label", "unprotect", "production")).code == 0
    none = await editor("label", "protected")
    assert (none.out, "dakora label protect production" in none.err) == ("", True)


async def test_whoever_may_not_move_a_label_learns_how_to_ask(admin, editor):
    refused = await editor("label", "set", "p", "production", "2")
    assert (refused.code, refused.out) == (1, "")
    assert "`dakora label request`" in refused.err


async def test_a_request_is_made_looked_at_talked_about_and_approved(admin, editor):
    asked = await editor("label", "request", "p", "production", "2", "-m", "new tone")
    request_id = asked.out.strip()
    assert asked.out == f"{uuid.UUID(request_id)}\n"
    assert f"dakora label approve {request_id}" in asked.err
    (row,) = [line.split("\t") for line in (await admin("label", "requests")).out.splitlines()]
    assert (row[:6], row[7]) == ([request_id, "p", "production", "1", "2", "open"], "new tone")
    assert (await admin("label", "comment", request_id, "And in Swiss German?")).code == 0
    assert (await editor("label", "comment", request_id, "-", stdin="Not yet.\nLater.\n")).code == 0

    shown = (await admin("label", "show", request_id)).out.splitlines()
    assert shown[0] == "p: production from version 1 to version 2: open"
    assert shown[1].endswith(": new tone")
    assert shown[2:5] == ["description (changed)", "-Greets a person", "+Greets every person"]
    assert {"-Answer in French.", "+Answer in plain German.", " Rule 0", "@@", " Rule 11", "-Last rule."} <= set(shown)
    assert " Rule 6" not in shown
    assert shown[-2:] == ["  Not yet.", "  Later."]
    assert "  And in Swiss German?" in shown
    coloured = (await admin("label", "show", request_id, terminal=True)).out
    assert "\x1b[31;7mFrench\x1b[0m" in coloured
    assert "\x1b[32;7mplain German\x1b[0m" in coloured

    approved = await admin("label", "approve", request_id)
    assert (approved.code, approved.err) == (0, "Approved p: production from version 1 to version 2.\n")
    assert (await editor("show", "p", "--label", "production", "--json")).json["version_number"] == 2
    assert (await editor("label", "requests")).out == ""
    assert [one["status"] for one in (await editor("label", "requests", "--all", "--json")).json] == ["approved"]
    over = await admin("label", "reject", request_id)
    assert (over.code, "approved already" in over.err) == (1, True)


async def test_nobody_approves_alone_and_one_may_withdraw(admin, editor):
    asked = (await admin("label", "request", "p", "production", "2", "--json")).json
    assert (asked["status"], asked["from_version"], asked["to_version"]) == ("open", 1, 2)
    alone = await admin("label", "approve", asked["id"])
    assert (alone.code, "second person" in alone.err) == (1, True)
    assert (await editor("label", "approve", asked["id"])).code == 1
    withdrawn = await admin("label", "withdraw", asked["id"], "--json")
    assert (withdrawn.code, withdrawn.json["status"]) == (0, "withdrawn")
    assert "withdrawn by" in (await editor("label", "show", asked["id"])).out


async def test_a_rejected_request_moves_nothing(admin, editor):
    asked = (await editor("label", "request", "p", "production", "1.0.1", "--json")).json
    assert (await admin("label", "reject", asked["id"])).err.startswith("Rejected p: production")
    assert (await editor("show", "p", "--label", "production", "--json")).json["version_number"] == 1
    whole = (await editor("label", "show", asked["id"], "--json")).json
    assert [change["field"] for change in whole["changes"]] == ["description", "template"]


async def test_what_is_no_request_is_said(editor):
    unknown = await editor("label", "show", str(uuid.uuid4()))
    assert (unknown.code, unknown.out) == (1, "")
    assert (await editor("label", "approve", "not-an-id")).code == 2
    there = await editor("label", "requests", "--status", "rejected")
    assert (there.code, "There are no rejected requests" in there.err) == (0, True)
    new = (await editor("label", "request", "p", "staging", "1")).out.strip()
    assert "nothing to compare with" in (await editor("label", "show", new)).out
