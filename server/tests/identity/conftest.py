"""An issuer to trust, a clock to turn, and verifiers that are closed again."""

import asyncio
import importlib.util
import sys
from pathlib import Path

import pytest

from dakora_server.core.tenancy.identity import Issuer, Pace, TokenVerifier

PEERS = Path(__file__).resolve().parent.parent / "peers"
STUDIO = "https://studio.dakora.test"
IMPATIENT = Pace(timeout=0.3)
"""As in production, but for what a test would really have to wait for."""


def peer(name):
    """A module of the peers' folder, loaded once."""
    if (known := sys.modules.get(f"dakora_peers_{name}")) is not None:
        return known
    spec = importlib.util.spec_from_file_location(f"dakora_peers_{name}", PEERS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Clock:
    """The time of day and the time since the start, which pass when a test says so."""

    def __init__(self) -> None:
        self.passed = 0.0

    def unix(self):
        return 1_800_000_000.0 + self.passed

    def monotonic(self):
        return 1_000.0 + self.passed

    def advance(self, seconds):
        self.passed += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def key_server():
    with peer("keyserver").KeyServer() as server:
        yield server


@pytest.fixture(scope="session")
def keyserver_module():
    return peer("keyserver")


@pytest.fixture(scope="session")
def oidc(tmp_path_factory):
    with peer("oidc").start_oidc(tmp_path_factory.mktemp("oidc") / "said.txt") as server:
        yield server


@pytest.fixture
async def verifier_for(clock):
    """Makes verifiers; they live on the test's clock unless it says otherwise."""
    made = []

    def make(issuer, *, real_time=False, pace=IMPATIENT, **options):
        times = {} if real_time else {"now": clock.unix, "monotonic": clock.monotonic}
        made.append(TokenVerifier(issuer, pace=pace, **times, **options))
        return made[-1]

    yield make
    for verifier in made:
        await verifier.close()


@pytest.fixture
def clerk(key_server):
    """What a server that trusts Clerk is set to."""
    return Issuer(key_server.issuer, key_server.jwks_url, audience=None, parties=(STUDIO,), needs_session=True)


@pytest.fixture
def verifier(verifier_for, clerk):
    return verifier_for(clerk)


@pytest.fixture
def session(key_server, clock):
    """Makes session tokens on the test's clock; every one is another session."""

    def make(subject="user_1", **claims):
        return key_server.sign(key_server.session_claims(subject, now=clock.unix(), **claims))

    return make


@pytest.fixture
def eventually():
    """Waits for something that comes true by itself; gives up after a time no machine needs."""

    async def until(condition):
        async with asyncio.timeout(20):
            while True:
                answer = condition()
                if await answer if asyncio.iscoroutine(answer) else answer:
                    return
                await asyncio.sleep(0.01)

    return until
