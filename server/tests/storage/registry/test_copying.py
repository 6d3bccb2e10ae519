"""`registry copy`: everything arrives, proved by its hash; what does not is named; started again, it goes on."""

import asyncio
import hashlib
import json
import os
import pty
import subprocess
import sys
import uuid

import pytest

from dakora_server.__main__ import main
from dakora_server.core.exceptions import RegistryUnavailable
from dakora_server.core.storage.registry.copying import CopyReport, copy
from peers.object_stores import CLOUDS
from peers.tcp_proxy import TcpProxy

KINDS = ("file", *CLOUDS)
DOCUMENTS = 40


def named(text):
    return hashlib.sha256(text).hexdigest()


async def fill(registry, count=DOCUMENTS):
    """Documents of two projects; what was put, by place."""
    put = {}
    for number in range(count):
        project, text = uuid.UUID(int=number % 2 + 1), os.urandom(number * 50)
        await registry.put(project, named(text), text)
        put[project, named(text)] = text
    return put


async def copied(source, target, **options):
    report = CopyReport()
    await copy(source, target, report, pauses=(), **options)
    return report


async def holds(registry, put):
    return all([await registry.get(*place) == text for place, text in put.items()])


@pytest.fixture
def pair(make_backend, tmp_path):
    def make(source, target):
        urls = {"url": f"file:{tmp_path / 'target'}"} if target == "file" else {}
        return make_backend(source), make_backend(target, **urls)

    return make


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
async def test_everything_arrives_from_every_kind_of_store_in_every_other(pair, source, target):
    source, target = pair(source, target)
    put = await fill(source.registry)
    await source.registry.keep("_audit/1.json", b"a head")
    report = await copied(source.registry, target.registry)
    assert (report.documents, report.copied, report.present, report.records) == (len(put), len(put), 0, 1)
    assert report.is_whole
    assert await holds(target.registry, put)
    assert [record async for record in target.registry.kept("_audit")] == [("_audit/1.json", b"a head")]
    again = await copied(source.registry, target.registry)
    assert (again.copied, again.present) == (0, len(put))


async def test_an_interrupted_copy_goes_on_where_it_was(pair):
    source, target = pair("file", "s3")
    put = await fill(source.registry)
    report = CopyReport()

    def interrupt():
        if report.copied == 15:
            raise KeyboardInterrupt

    # As Ctrl-C does: the loop ends in the middle of whatever it did.
    def run():
        asyncio.run(copy(source.registry, target.registry, report, at_once=4, tell=interrupt))

    with pytest.raises(KeyboardInterrupt):
        await asyncio.to_thread(run)
    rest = await copied(source.registry, target.registry)
    assert rest.present >= 15
    assert rest.copied == len(put) - rest.present
    assert await holds(target.registry, put)


async def test_a_damaged_document_is_named_and_left_out(pair):
    source, target = pair("az", "file")
    put = await fill(source.registry)
    (project, digest) = next(iter(put))
    await source.damage(project, digest, b"other")
    report = await copied(source.registry, target.registry)
    assert report.corrupt == [f"{project}/{digest}.yaml"]
    assert not report.is_whole
    del put[project, digest]
    assert await holds(target.registry, put)
    assert len([document async for document in target.registry.walk()]) == len(put)


@pytest.mark.parametrize("damage", [b"o", b"other bytes!"])
async def test_damage_at_the_target_is_replaced_also_where_its_size_is_right(pair, damage):
    source, target = pair("file", "az")
    project, text = uuid.uuid4(), b"sound bytes!"
    await source.registry.put(project, named(text), text)
    await target.damage(project, named(text), damage)
    assert (await copied(source.registry, target.registry)).copied == 1
    assert await target.registry.get(project, named(text)) == text


async def test_sizes_alone_are_believed_only_when_asked_to(pair):
    source, target = pair("file", "file")
    project, text = uuid.uuid4(), b"sound bytes!"
    await source.registry.put(project, named(text), text)
    await target.damage(project, named(text), b"other bytes!")
    assert (await copied(source.registry, target.registry, trust_size=True)).present == 1
    assert (await copied(source.registry, target.registry)).copied == 1


async def test_a_target_that_gives_other_bytes_is_found_out(make_backend, object_store):
    source = make_backend("file")
    put = await fill(source.registry, 5)
    text = b"Truth and nothing else"
    await source.registry.put(uuid.UUID(int=9), named(text), text)
    with TcpProxy(object_store("s3").port, mode="lie", truth=b"Truth", lie=b"Trash") as proxy:
        report = await copied(source.registry, make_backend("s3", port=proxy.port).registry)
    assert report.failed == [f"{uuid.UUID(int=9)}/{named(text)}.yaml"]
    assert report.copied == len(put)


async def test_a_store_that_stays_away_stops_the_copy_and_one_that_stumbles_does_not(make_backend, object_store):
    source = make_backend("file")
    put = await fill(source.registry)
    with TcpProxy(object_store("az").port) as proxy:
        target = make_backend("az", port=proxy.port, registry_timeout=1)

        def stumble(at, back_after=None):
            report = CopyReport()

            def tell():
                if report.done == at and proxy.mode == "pass":
                    proxy.become("reset")
                    if back_after is not None:
                        asyncio.get_running_loop().call_later(back_after, proxy.become, "pass")

            return report, tell

        report, tell = stumble(10)
        with pytest.raises(RegistryUnavailable):
            await copy(source.registry, target.registry, report, pauses=(0.05,), tell=tell)
        proxy.become("pass")
        target = make_backend("az", port=proxy.port, url=target.settings.registry_url, registry_timeout=1)
        report, tell = stumble(25, back_after=1)
        await copy(source.registry, target.registry, report, pauses=(0.2, 0.4, 0.8, 1.6), tell=tell)
        assert report.is_whole
        assert report.present >= 10
        assert await holds(target.registry, put)


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Credentials as an operator has them: in the environment, or in a file."""
    monkeypatch.chdir(tmp_path)

    def given(settings, file=None):
        lines = {name.upper(): value for name, value in settings.items() if name != "registry_url"}
        if file is None:
            for name, value in lines.items():
                monkeypatch.setenv(name, value)
        else:
            (tmp_path / file).write_text("".join(f"{name}='{value}'\n" for name, value in lines.items()))
        return settings["registry_url"]

    return given


def test_the_command_says_what_it_did(make_backend, object_store, environment, capfd):
    source = make_backend("file")
    asyncio.run(fill(source.registry))
    url = environment(object_store("az").settings())
    assert main(["registry", "copy", source.settings.registry_url, url]) == 0
    printed = capfd.readouterr()
    assert printed.out.startswith(f"{DOCUMENTS} documents: {DOCUMENTS} copied")
    assert "█" not in printed.err

    (document,) = [next(source.registry.root.glob("*/*.yaml"))]
    document.write_bytes(b"damage")
    back = f"file:{source.registry.root}-2"
    assert main(["registry", "copy", source.settings.registry_url, back, "--json"]) == 1
    report = json.loads(capfd.readouterr().out)
    assert report["corrupt"] == [f"{document.parent.name}/{document.name}"]
    assert (report["whole"], report["copied"]) == (False, DOCUMENTS - 1)


def test_two_stores_of_a_kind_have_credentials_of_their_own(make_backend, object_store, environment, monkeypatch):
    # Of the environment's nothing may get into either.
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of somebody else")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "of somebody else")
    with TcpProxy(object_store("s3").port) as one, TcpProxy(object_store("s3").port) as other:
        here = object_store("s3").settings(port=one.port)
        there = object_store("s3").settings(port=other.port)
        asyncio.run(fill(make_backend("s3", port=one.port, url=here["registry_url"]).registry, 5))
        urls = environment(here, "here.env"), environment(there, "there.env")
        one.requests.clear()
        assert main(["registry", "copy", *urls, "--from-env", "here.env", "--to-env", "there.env"]) == 0
        assert not [request for request in one.requests if request.startswith("PUT")]
        assert [request for request in other.requests if request.startswith("PUT")]
    assert os.environ["AWS_SESSION_TOKEN"] == "of somebody else"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere", "target"], "There is no folder nowhere"),
        ([".", "file:."], "the same store"),
        ([".", "ftp://x"], "REGISTRY_URL"),
        ([".", "az://documents"], "AZURE_STORAGE_CONNECTION_STRING"),
        ([".", "target", "--jobs", "0"], "--jobs"),
        ([".", "target", "--to-env", "none.env"], "none.env"),
    ],
)
def test_wrong_use_is_2_and_one_sentence(tmp_path, monkeypatch, capfd, arguments, says):
    monkeypatch.chdir(tmp_path)
    assert main(["registry", "copy", *arguments]) == 2
    printed = capfd.readouterr()
    assert says in printed.err
    assert printed.err.count("\n") == 1


def test_a_store_that_does_not_answer_is_3(tmp_path, environment, object_store, capfd):
    url = environment(object_store("s3").settings(port=9))
    assert main(["registry", "copy", str(tmp_path), url]) == 3
    assert "the same command goes on" in capfd.readouterr().err


def test_on_a_terminal_a_bar_shows_how_far_it_is(make_backend, tmp_path):
    source = make_backend("file")
    asyncio.run(fill(source.registry))
    terminal, its_end = pty.openpty()
    command = [sys.executable, "-m", "dakora_server", "registry", "copy", str(source.registry.root), "target"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=its_end) as process:
        said, _ = process.communicate(timeout=60)
    os.close(its_end)
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert process.returncode == 0
    assert f"{'█' * 30} {DOCUMENTS}/{DOCUMENTS}" in shown
    assert b"\r" not in said
