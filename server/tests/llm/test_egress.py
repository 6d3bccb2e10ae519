"""The way out: a tenant's address leads to the public internet, or nowhere."""

import asyncio
import socket

import httpx2
import pytest

from dakora_server.core.llm import egress
from dakora_server.core.llm.egress import AddressRefusedError, Egress, is_public
from dakora_server.core.run_exceptions import ProviderAddressRefused

PRIVATE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1", "2001:db8::1",
    "2001:0:7f00:1::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_address_is_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_are(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *(f"https://[{address}]/v1" if ":" in address else f"https://{address}/v1" for address in PRIVATE),
        "https://2130706433/v1", "https://0x7f.1/v1", "https://0177.0.0.1/v1", "https://127.1/v1",
        "https://localhost/v1", "https://localhost./v1", "https://LOCALHOST/v1",
        "http://example.com/v1", "ftp://example.com", "file:///etc/passwd", "https://user:pass@example.com/v1",
        "https://example.com/v1?x=1", "https://example.com/#x", "https:///v1", "not an address", "",
    ],
)  # fmt: skip
def test_with_login_such_an_address_is_not_even_kept(url):
    with pytest.raises(ProviderAddressRefused):
        Egress(()).check(url)


def test_what_the_operator_names_may_be_private_and_plain():
    allowed = Egress(("ollama.internal", "127.0.0.1"))
    assert allowed.check("http://ollama.internal:11434/v1/") == "http://ollama.internal:11434/v1"
    assert allowed.check("http://127.0.0.1:8000") == "http://127.0.0.1:8000"
    with pytest.raises(ProviderAddressRefused):
        allowed.check("http://127.0.0.2:8000")
    assert Egress(None).check("http://localhost:11434/v1") == "http://localhost:11434/v1"


class Names:
    """What the name server says, one answer after the other, and how often it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host, port):
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def listener():
    """A server on loopback that nobody must reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def was_reached(listener):
    try:
        listener.accept()[0].close()
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["::ffff:127.0.0.1"], []])
async def test_a_name_that_leads_inside_is_not_connected_to(monkeypatch, listener, addresses):
    monkeypatch.setattr(egress, "_addresses", Names(addresses))
    port = listener.getsockname()[1]
    async with Egress(()).client(connect_seconds=1) as client:
        with pytest.raises(AddressRefusedError):
            await client.get(f"https://models.example.com:{port}/v1")
    assert not was_reached(listener)


async def test_a_second_answer_of_the_name_server_changes_nothing(monkeypatch, listener):
    """The address that was looked at is the one that is connected to: the name is asked for once."""
    names = Names(["198.51.100.7"], ["127.0.0.1"])
    monkeypatch.setattr(egress, "_addresses", names)
    monkeypatch.setattr(egress, "is_public", lambda address: address == "198.51.100.7")
    port = listener.getsockname()[1]
    async with Egress(()).client(connect_seconds=0.2) as client:
        with pytest.raises(httpx2.TransportError):
            # Whoever asks the system's own resolver again is led to this machine.
            await client.get(f"https://localhost:{port}/v1")
    assert names.asked == 1
    assert not was_reached(listener)


async def test_plain_http_goes_nowhere_with_login(listener):
    async with Egress(()).client(connect_seconds=1) as client:
        with pytest.raises(AddressRefusedError):
            await client.get(f"http://models.example.com:{listener.getsockname()[1]}/v1")


async def test_redirects_are_not_followed(listener):
    async def redirect(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        target = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        writer.write(f"HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(redirect, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Egress(("127.0.0.1",)).client(connect_seconds=1) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/v1")).status_code == 302
    assert not was_reached(listener)


async def test_with_login_a_project_cannot_name_an_address_inside(world, model_server):
    team = await world.team()
    body = {"kind": "openai_compatible", "base_url": f"{model_server.url}/v1"}
    refused = await team.owner.put(f"{team.project}/providers/mine", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "provider_address_refused")
