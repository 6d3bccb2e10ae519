"""`dakora dev` as a person meets it: started, stopped, started again, killed, and never a thing lost."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import httpx2
import psutil
import pytest

PROMPTS = "/api/projects/default/prompts"


class Dev:
    """One `dakora dev` after the other on one data folder."""

    def __init__(self, folder: Path, address_when_ready: Callable[..., str]) -> None:
        self.address_when_ready = address_when_ready
        folder.mkdir(parents=True)
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.address = ""

    def command(self, *more: str) -> list[str]:
        return [str(Path(sys.executable).with_name("dakora")), "dev", "--data-dir", "data", *more]

    def start(self, *more: str) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        self.starts += 1
        log = self.folder / f"output-{self.starts}.txt"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                self.command("--port", "0", *more),
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        self.address = self.address_when_ready(self.process, log)

    def family(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: int = signal.SIGINT) -> int:
        assert self.process is not None
        family = self.family()
        self.process.send_signal(number)
        code = self.process.wait(40)
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []
        return code

    def fsck(self) -> dict:
        run = subprocess.run(
            [sys.executable, "-m", "dakora_server", "fsck", "--json", "--data-dir", "data"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return json.loads(run.stdout)


@pytest.fixture
def dev(scratch, address_when_ready):
    started = Dev(scratch / f"dev-{uuid.uuid4().hex[:8]}", address_when_ready)
    yield started
    if started.process is not None and started.process.poll() is None:
        started.end()


def save(address: str, prompt_id: str, template: str) -> httpx2.Response:
    with httpx2.Client(base_url=address, timeout=20) as client:
        answer = client.put(f"{PROMPTS}/{prompt_id}", json={"template": template})
        if answer.status_code == 404:
            answer = client.post(PROMPTS, json={"id": prompt_id, "template": template})
        return answer


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_is_clean_and_the_next_start_finds_the_data(dev, number):
    dev.start()
    assert save(dev.address, "kept", "Kept {{ x }}").status_code == 201
    assert dev.end(number) == 0
    dev.start()
    with httpx2.Client(base_url=dev.address) as client:
        assert client.get(f"{PROMPTS}/kept").json()["template"] == "Kept {{ x }}"
        assert client.post(f"{PROMPTS}/kept/render", json={"inputs": {"x": 1}}).json()["rendered"] == "Kept 1"


def test_a_second_start_on_the_same_folder_says_so(dev):
    dev.start()
    second = subprocess.run(
        dev.command("--port", "0"), cwd=dev.folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 2
    assert str(dev.process.pid) in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1


def test_a_taken_port_is_said_at_once_and_starts_nothing(dev):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = subprocess.run(
            dev.command("--port", port), cwd=dev.folder, capture_output=True, text=True, timeout=60, check=False
        )
    assert refused.returncode == 2
    assert port in refused.stderr
    assert not (dev.folder / "data").exists()


def test_a_misspelt_database_never_falls_back_to_the_embedded_one(dev):
    environment = {**os.environ, "DATABASE_URL": f"postgresql://nobody@/none?host={dev.folder}"}
    refused = subprocess.run(
        dev.command("--port", "0"),
        cwd=dev.folder,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )
    assert refused.returncode != 0
    assert not (dev.folder / "data" / "postgres").exists()


def test_promptvault_yaml_is_read_and_flags_win(dev):
    (dev.folder / "texts").mkdir()
    (dev.folder / "texts/greeting.yaml").write_text("id: greeting\ntemplate: From the folder that the file names\n")
    (dev.folder / "promptvault.yaml").write_text("prompt_dir: texts\nport: 1\nhost: 127.0.0.2\n")
    dev.start("--host", "127.0.0.1")
    with httpx2.Client(base_url=dev.address, timeout=20) as client:
        assert client.get(f"{PROMPTS}/greeting").json()["template"] == "From the folder that the file names"
    assert dev.end() == 0

    (dev.folder / "promptvault.yaml").write_text("prompt_dirs: texts\n")
    refused = subprocess.run(dev.command(), cwd=dev.folder, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 2
    assert "promptvault.yaml:1:1: `prompt_dirs` is no key of this file" in refused.stderr


def victims(dev: Dev, kind: str) -> list[psutil.Process]:
    """Whom to kill; empty when it is gone already."""
    if kind == "server":
        return [psutil.Process(dev.process.pid)]
    postgres, others = [], []
    for member in dev.family():
        with contextlib.suppress(psutil.NoSuchProcess):
            (postgres if "postgres" in member.name() else others).append((member, member.ppid()))
    if kind == "postgres":
        own = {member.pid for member, _ in postgres}
        return [member for member, parent in postgres if parent not in own]
    parents = {parent for _, parent in others}
    if kind == "zygote":
        return [member for member, _ in others if member.pid in parents]
    return [member for member, _ in others if member.pid not in parents][:1]


@pytest.mark.timeout(300)
def test_nothing_acknowledged_is_lost_whatever_is_killed(dev):
    rng = random.Random(11)
    acknowledged: dict[tuple[str, int], str] = {}
    stopping = threading.Event()
    dev.start()

    def write(who: int) -> None:
        turn = 0
        while not stopping.is_set():
            turn += 1
            prompt_id = f"p{rng.randrange(4)}"
            try:
                answer = save(dev.address, prompt_id, f"{who} {turn} {{% for a in xs %}}{{{{ a }}}}{{% endfor %}}")
            except httpx2.HTTPError:
                time.sleep(0.05)
                continue
            assert answer.status_code in {200, 201, 409, 500, 503}, answer.text
            if answer.status_code in {200, 201}:
                acknowledged[prompt_id, answer.json()["version_number"]] = answer.json()["content_hash"]
            else:
                time.sleep(0.02)

    writers = [threading.Thread(target=write, args=(who,)) for who in range(6)]
    for writer in writers:
        writer.start()
    try:
        for kind in ["server", "worker", "postgres", "zygote", "server", "postgres", "server", "server"]:
            before = len(acknowledged)
            for _ in range(100):
                if len(acknowledged) > before + 10:
                    break
                time.sleep(0.1)
            assert len(acknowledged) > before, f"no write went through before the kill of {kind}"
            time.sleep(rng.random() * 0.2)
            for victim in victims(dev, kind):
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.kill()
            if kind == "server":
                dev.process.wait(10)
                dev.start()
    finally:
        stopping.set()
        for writer in writers:
            writer.join(30)
    with httpx2.Client(base_url=dev.address, timeout=20) as client:
        for (prompt_id, version), digest in acknowledged.items():
            found = client.get(f"{PROMPTS}/{prompt_id}/versions/{version}")
            assert found.status_code == 200, found.text
            assert found.json()["content_hash"] == digest
    assert dev.end() == 0
    report = dev.fsck()
    assert report["clean"]
    assert report["versions"] >= len(acknowledged)
