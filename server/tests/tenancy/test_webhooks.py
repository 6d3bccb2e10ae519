"""Clerk's webhooks, signed by Svix's own library: each event has one effect, in whatever order it arrives."""

import asyncio
import json
import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from svix.webhooks import Webhook

from dakora_server.core import clock

URL = "/api/webhooks/clerk"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def event(kind, subject, *, name="Ada", email="ada@example.test", at=None):
    at = at or clock.now()
    milliseconds = int(at.timestamp() * 1000)
    if kind == "user.deleted":
        data = {"id": subject, "object": "user", "deleted": True}
    else:
        data = {
            "id": subject,
            "first_name": name,
            "last_name": "Lovelace",
            "email_addresses": [{"id": "idn_1", "email_address": email}],
            "primary_email_address_id": "idn_1",
            "created_at": milliseconds,
            "updated_at": milliseconds,
        }
    return {"type": kind, "object": "event", "data": data, "timestamp": milliseconds}


def signed(body, *, secret=SECRET, event_id=None, at=None, prefix="svix"):
    text = body if isinstance(body, str) else json.dumps(body)
    event_id, at = event_id or f"msg_{uuid.uuid4().hex}", at or clock.now()
    signature = Webhook(secret).sign(event_id, at, text)
    headers = {
        f"{prefix}-id": event_id,
        f"{prefix}-timestamp": str(int(at.timestamp())),
        f"{prefix}-signature": signature,
        "content-type": "application/json",
    }
    return {"content": text.encode(), "headers": headers}


async def send(world, body, **how):
    return await world.client.post(URL, **signed(body, **how))


def subject_of(world):
    return f"user_hook_{uuid.uuid4().hex[:10]}"


async def person(world, subject):
    """The user as the API shows it, whatever it may be."""
    return (await world.stranger(subject).get("/api/me")).json()


class TestEffects:
    async def test_a_created_user_finds_everything_ready(self, world):
        subject = subject_of(world)
        assert (await send(world, event("user.created", subject))).status_code == 204
        me = await person(world, subject)
        assert (me["user"]["name"], me["user"]["email"]) == ("Ada Lovelace", "ada@example.test")
        prompts = await world.stranger(subject).get(f"/api/projects/{me['default_project']['id']}/prompts")
        assert len(prompts.json()) == 3

    async def test_who_came_before_the_webhook_is_the_same_user(self, world):
        user = await world.user("Grace")
        await send(world, event("user.created", user.subject, name="Grace B."))
        me = (await user.get("/api/me")).json()
        assert (me["user"]["id"], me["user"]["name"]) == (user.id, "Grace B. Lovelace")

    async def test_an_updated_user_has_the_new_name(self, world):
        user = await world.user("Old")
        await send(world, event("user.updated", user.subject, name="New", email="new@example.test"))
        me = (await user.get("/api/me")).json()
        assert (me["user"]["name"], me["user"]["email"]) == ("New Lovelace", "new@example.test")

    async def test_a_deleted_user_gets_in_nowhere_and_leaves_no_name(self, world, owner_rows):
        team = await world.team("editor")
        editor = team.members["editor"]
        assert (await editor.get(f"{team.project}/prompts")).status_code == 200
        assert (await send(world, event("user.deleted", editor.subject))).status_code == 204
        for url in ("/api/me", f"{team.project}/prompts"):
            gone = await editor.get(url)
            assert (gone.status_code, gone.json()["code"]) == (401, "account_deleted")
        assert editor.id not in {m["user_id"] for m in (await team.owner.get(f"{team.url}/members")).json()}
        row = await owner_rows("SELECT name, email FROM users WHERE id = %s", editor.id)
        assert row == [("", None)]

    async def test_a_team_whose_only_owner_is_deleted_passes_to_who_has_been_there_longest(self, world):
        team = await world.team("viewer", "admin", "editor")
        key, _ = await world.key(team.project_id, team.owner)
        await send(world, event("user.deleted", team.owner.subject))
        members = (await team.members["admin"].get(f"{team.url}/members")).json()
        assert {m["user_id"]: m["role"] for m in members}[team.members["admin"].id] == "owner"
        assert (await key.get(f"{team.project}/prompts")).status_code == 401

    async def test_a_team_of_one_ends_with_its_user(self, world, owner_rows):
        team = await world.team()
        await send(world, event("user.deleted", team.owner.subject))
        found = await owner_rows("SELECT archived_at IS NOT NULL FROM workspaces WHERE id = %s", team.id)
        assert found == [(True,)]

    async def test_other_events_are_taken_and_change_nothing(self, world):
        body = {"type": "session.created", "data": {"id": "sess_1"}, "timestamp": 1}
        assert (await send(world, body)).status_code == 204


class TestOrder:
    async def test_older_news_that_comes_later_is_not_taken(self, world):
        user, now = await world.user("Start"), clock.now()
        await send(world, event("user.updated", user.subject, name="Newest", at=now))
        await send(world, event("user.updated", user.subject, name="Older", at=now - timedelta(seconds=30)))
        assert (await user.get("/api/me")).json()["user"]["name"] == "Newest Lovelace"

    async def test_deleted_before_created_stays_deleted(self, world):
        subject = subject_of(world)
        await send(world, event("user.deleted", subject))
        await send(world, event("user.created", subject, at=clock.now() - timedelta(seconds=20)))
        await send(world, event("user.updated", subject, at=clock.now() + timedelta(seconds=20)))
        gone = await world.stranger(subject).get("/api/me")
        assert (gone.status_code, gone.json()["code"]) == (401, "account_deleted")

    async def test_any_order_ends_like_the_right_one(self, world):
        base = clock.now()
        for seed in range(12):
            subject, chance = subject_of(world), random.Random(seed)
            news = [event("user.created", subject, name="N0", at=base)]
            news += [
                event("user.updated", subject, name=f"N{n}", at=base + timedelta(milliseconds=n)) for n in range(1, 6)
            ]
            chance.shuffle(news)
            answers = [await send(world, one) for one in news]
            assert {answer.status_code for answer in answers} == {204}
            assert (await person(world, subject))["user"]["name"] == "N5 Lovelace", seed

    async def test_fifty_times_the_same_event_at_once_has_one_effect(self, world, owner_rows):
        subject, event_id = subject_of(world), f"msg_{uuid.uuid4().hex}"
        body = event("user.created", subject)
        answers = await asyncio.gather(*(send(world, body, event_id=event_id) for _ in range(50)))
        assert {answer.status_code for answer in answers} == {204}
        me = await person(world, subject)
        count = "SELECT count(*) FROM audit_events WHERE action = 'user.created' AND subject = %s"
        assert await owner_rows(count, me["user"]["id"]) == [(1,)]
        heard = "SELECT count(*) FROM webhook_events WHERE id = %s"
        assert await owner_rows(heard, event_id) == [(1,)]


class TestSignatures:
    @pytest.mark.parametrize("seconds", [-301, 301, -100_000])
    async def test_what_is_late_or_early_is_refused(self, world, seconds):
        at = clock.now() + timedelta(seconds=seconds)
        refused = await send(world, event("user.created", subject_of(world)), at=at)
        assert (refused.status_code, refused.json()["code"]) == (400, "webhook_invalid")

    @pytest.mark.parametrize("seconds", [-290, 290])
    async def test_within_five_minutes_it_is_taken(self, world, seconds):
        at = clock.now() + timedelta(seconds=seconds)
        assert (await send(world, event("user.created", subject_of(world)), at=at)).status_code == 204

    async def test_what_was_changed_or_signed_by_another_is_refused(self, world):
        subject = subject_of(world)
        good = signed(event("user.created", subject))
        spoilt = {**good, "content": good["content"].replace(b"Ada", b"Eve")}
        answers = [
            await world.client.post(URL, **spoilt),
            await send(world, event("user.created", subject), secret=OTHER),
            await world.client.post(URL, content=good["content"], headers={"content-type": "application/json"}),
        ]
        for name, value in (
            ("svix-id", "msg_other"),
            ("svix-timestamp", "soon"),
            ("svix-timestamp", "nan"),
            ("svix-signature", "v1,!!!"),
            ("svix-signature", "v1"),
            ("svix-signature", "v2," + good["headers"]["svix-signature"].partition(",")[2]),
            ("svix-id", "m" * 300),
        ):
            answers.append(await world.client.post(URL, **{**good, "headers": {**good["headers"], name: value}}))
        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(400, "webhook_invalid")}

    async def test_of_two_secrets_either_counts_while_one_replaces_the_other(self, world_with):
        async with world_with(clerk_webhook_secret=f"{OTHER},{SECRET}") as world:
            for secret in (SECRET, OTHER):
                taken = await send(world, event("user.created", subject_of(world)), secret=secret)
                assert taken.status_code == 204

    async def test_the_standards_own_header_names_count_too(self, world):
        taken = await send(world, event("user.created", subject_of(world)), prefix="webhook")
        assert taken.status_code == 204

    async def test_a_signed_body_that_is_nonsense_is_refused(self, world):
        for body in (
            "[]",
            "{}",
            '{"type": "user.created"}',
            '{"type": "user.created", "data": {"id": 5}, "timestamp": 1}',
            '{"type": "user.created", "data": {"id": "u\\u0000"}, "timestamp": 1}',
            '{"type": "user.created", "data": {"id": "u"}, "timestamp": 1e300}',
            '{"type": "user.created", "data": {"id": "u"}, "timestamp": "x"}',
            '{"type": "user.created", "type": "user.deleted", "data": {"id": "u"}, "timestamp": 1}',
        ):
            assert (await send(world, body)).status_code == 400, body

    async def test_a_large_body_is_refused(self, world):
        body = {**event("user.created", subject_of(world)), "padding": "x" * 300_000}
        assert (await send(world, body)).status_code == 413

    async def test_without_clerk_there_is_no_such_address(self, client):
        answer = await client.post(URL, **signed(event("user.created", "u")))
        assert answer.status_code == 404


def test_the_times_in_these_tests_are_times():
    assert datetime.fromtimestamp(event("user.created", "u")["timestamp"] / 1000, UTC) <= clock.now()
