"""Invitations by mail, through a real SMTP server on loopback."""

import asyncio
import email
import email.policy
import socket

import pytest
from aiosmtpd.controller import Controller

PUBLIC = "https://dakora.example.test"


class Inbox:
    """Takes mail, or refuses it when told to."""

    def __init__(self):
        self.mails = []
        self.answer = "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the library's name
        if self.answer.startswith("250"):
            self.mails.append(
                (envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default))
            )
        return self.answer


@pytest.fixture
def inbox():
    found = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found.port = probe.getsockname()[1]
    controller = Controller(found, hostname="127.0.0.1", port=found.port)
    controller.start()
    yield found
    controller.stop()


@pytest.fixture
async def mailing(world_with, inbox):
    settings = {
        "smtp_host": "127.0.0.1",
        "smtp_port": inbox.port,
        "smtp_security": "none",
        "smtp_from": "Dakora <dakora@example.test>",
        "public_url": PUBLIC,
    }
    async with world_with(**settings) as world:
        yield world


async def delivery(team, invitation_id):
    listed = (await team.owner.get(f"{team.url}/invitations")).json()
    return {one["id"]: one["delivery"] for one in listed}[invitation_id]


async def eventually(condition):
    for _ in range(500):
        if await condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")


async def test_the_link_goes_to_the_invited_person_and_to_nobody_else(mailing, inbox):
    team = await mailing.team()
    invited = await team.owner.made(f"{team.url}/invitations", {"email": "New.Person@example.test", "role": "viewer"})
    assert invited["link"] is None
    await eventually(lambda: _is(delivery(team, invited["id"]), "sent"))
    ((recipients, mail),) = inbox.mails
    assert recipients == ["New.Person@example.test"]
    assert (mail["from"], mail["to"]) == ("Dakora <dakora@example.test>", "New.Person@example.test")
    body = mail.get_content()
    link = next(line for line in body.splitlines() if line.startswith(PUBLIC))
    joiner = await mailing.user()
    joined = await joiner.made("/api/invitations/accept", {"token": link.partition("#")[2]}, status=200)
    assert joined["role"] == "viewer"


async def _is(found, expected):
    return await found == expected


async def test_a_server_that_refuses_fails_the_mail_and_not_the_request(mailing, inbox):
    inbox.answer = "550 no such person"
    team = await mailing.team()
    invited = await team.owner.made(f"{team.url}/invitations", {"email": "gone@example.test"})
    assert invited["delivery"] == "sending"
    await eventually(lambda: _is(delivery(team, invited["id"]), "failed"))


async def test_nothing_that_a_person_typed_gets_into_a_mail(mailing, inbox):
    owner = await mailing.user("<b>Click</b> https://evil.example\nBcc: all@example.test")
    name = "<script>alert(1)</script> https://evil.example"
    workspace = await owner.made("/api/workspaces", {"name": name, "slug": f"evil-{owner.id[:8]}"})
    await owner.made(f"/api/workspaces/{workspace['id']}/invitations", {"email": "victim@example.test"})

    async def arrived():
        return bool(inbox.mails)

    await eventually(arrived)
    whole = inbox.mails[0][1].as_string()
    assert not any(word in whole for word in ("script", "evil", "Bcc", "<b>"))


async def test_one_address_gets_a_few_mails_an_hour(mailing, inbox):
    team = await mailing.team()
    states = []
    for _ in range(8):
        invited = await team.owner.made(f"{team.url}/invitations", {"email": "often@example.test"})

        async def told(wanted=invited["id"]):
            return await delivery(team, wanted) != "sending"

        await eventually(told)
        states.append(await delivery(team, invited["id"]))
    assert states == ["sent"] * 5 + ["failed"] * 3
    assert len(inbox.mails) == 5
