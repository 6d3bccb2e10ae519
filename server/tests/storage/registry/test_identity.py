"""Azure without a key: the machine's own identity (DefaultAzureCredential) opens the store."""

import datetime as dt
import http.server
import ipaddress
import json
import os
import subprocess
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from peers.object_stores import AZURITE_ACCOUNT, start_azurite

SECRET_HEADER = "only the machine knows this"


@pytest.fixture(scope="module")
def certificate(scratch):
    """A certificate for this machine's loopback address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Dakora's tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = scratch / "azurite.crt", scratch / "azurite.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return paths


@pytest.fixture
def identity():
    """What hands out tokens to the programs of one machine, as Azure has it; and what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            wanted = parse_qs(urlsplit(self.path).query)["resource"][0]
            asked.append((wanted, self.headers.get("x-identity-header")))
            now = int(time.time())
            claims = {
                "aud": wanted,
                "iss": "https://sts.windows.net/tests/",
                "nbf": now - 60,
                "exp": now + 3600,
                "iat": now,
            }
            token = jwt.encode(claims, "0" * 32)
            body = json.dumps({"access_token": token, "expires_on": str(now + 3600), "token_type": "Bearer"}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/token", asked
        server.shutdown()


@pytest.fixture
def copy_to_azure(certificate, scratch, tmp_path):
    """`registry copy` of a folder with one document to Azurite, by identity; as a program of its own."""
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    document = tmp_path / "documents" / "00000000-0000-0000-0000-000000000001" / f"{digest}.yaml"
    document.parent.mkdir(parents=True)
    document.write_bytes(b"test")
    with start_azurite(scratch / "azurite-tls.log", certificate) as store:

        def run(**environment):
            plain = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE", "IDENTITY"))}
            given = {
                "AZURE_STORAGE_ACCOUNT_NAME": AZURITE_ACCOUNT,
                "AZURE_STORAGE_BLOB_ENDPOINT": f"https://127.0.0.1:{store.port}/{AZURITE_ACCOUNT}",
                "SSL_CERT_FILE": str(certificate[0]),
                "NO_PROXY": "*",
            }
            command = [sys.executable, "-m", "dakora_server", "registry", "copy", "documents", "az://documents/x"]
            return subprocess.run(
                command,
                capture_output=True,
                text=True,
                cwd=tmp_path,
                env={**plain, **given, **environment},
                timeout=120,
                check=False,
            )

        yield run


def test_the_machines_identity_opens_the_store(copy_to_azure, identity):
    address, asked = identity
    done = copy_to_azure(IDENTITY_ENDPOINT=address, IDENTITY_HEADER=SECRET_HEADER)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 documents: 1 copied")
    assert ("https://storage.azure.com", SECRET_HEADER) in asked
    assert SECRET_HEADER not in done.stderr


def test_a_machine_without_an_identity_is_told_so_and_shown_no_stack(copy_to_azure):
    done = copy_to_azure(IDENTITY_ENDPOINT="http://127.0.0.1:9/token", IDENTITY_HEADER=SECRET_HEADER)
    assert done.returncode == 3, done.stderr
    assert "The document store is not available" in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET_HEADER not in done.stderr
