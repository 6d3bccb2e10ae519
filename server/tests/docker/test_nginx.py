"""The nginx of the images in front of a real server: the Studio's files, its pages, and answers as they come."""

import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).resolve().parents[3]
MAIN = """
daemon off;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  include /etc/nginx/mime.types;
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/site.conf;
}}
"""
SCRIPT = b"let x = 1;\n" * 200


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def folder():
    """A folder that anybody may enter: nginx's workers are another user where it is started by root."""
    made = Path(tempfile.mkdtemp(prefix="nginx-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def studio(dev_server, folder):
    """A client of nginx, which stands before `dakora dev`."""
    (folder / "files" / "assets").mkdir(parents=True)
    (folder / "files" / "assets" / "index-abc.js").write_bytes(SCRIPT)
    (folder / "files" / "secret.txt").write_text("not yours")
    port = free_port()
    values = {
        "DAKORA_SERVER": dev_server.address.removeprefix("http://").replace("localhost", "127.0.0.1"),
        "DAKORA_PORT": f"127.0.0.1:{port}",
        "DAKORA_STUDIO": str(folder / "files"),
    }
    site = (ROOT / "docker" / "nginx.conf.template").read_text()
    for name, value in values.items():
        site = site.replace(f"${{{name}}}", value)
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    command = [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    assert subprocess.run([*command, "-t"], capture_output=True, check=False).returncode == 0
    with subprocess.Popen(command) as process:
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                deadline = time.monotonic() + 20
                while time.monotonic() < deadline:
                    try:
                        if client.get("/api/health").status_code == 200:
                            break
                    except httpx2.TransportError:
                        time.sleep(0.05)
                yield client
        finally:
            process.terminate()
            process.wait()


def test_files_of_the_studio_come_from_nginx_as_the_server_would_send_them(studio):
    small = studio.get("/assets/index-abc.js", headers={"accept-encoding": "gzip"})
    assert small.status_code == 200
    assert small.headers["content-encoding"] == "gzip"
    assert small.content == SCRIPT
    # What the server says of every answer, nginx says of its own.
    from_server = studio.get("/api/health").headers
    for name in (
        "x-content-type-options",
        "referrer-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
    ):
        assert small.headers[name] == from_server[name], name
    assert small.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "x-request-id" not in small.headers


@pytest.mark.parametrize(
    "path", ["/assets/missing.js", "/assets/../secret.txt", "/assets/%2e%2e/secret.txt", "/secret.txt"]
)
def test_no_other_file_is_reached(studio, path):
    answer = studio.get(path)
    assert answer.status_code in {400, 404, 422}
    assert "not yours" not in answer.text


def test_pages_come_from_the_server_each_with_its_own_policy(studio):
    for path in ("/", "/p/default/prompts", "/login"):
        answer = studio.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        nonces = re.findall(r"'nonce-([^']+)'", policy)  # none on the page that stands in where no Studio is built
        assert all(f'nonce="{nonce}"' in answer.text for nonce in nonces)


def test_an_answer_of_a_model_comes_word_by_word(studio, model_server):
    provider = {"api_key": "sk-test-0123456789abcdefghij", "base_url": model_server.url + "/v1"}
    assert studio.put("/api/projects/default/providers/openai", json=provider).status_code == 200
    prompt = {"id": "through-nginx", "template": "one two three four five six seven eight"}
    prompt["model"] = {"provider": "openai", "name": "echo-slow"}
    made = studio.post("/api/projects/default/prompts", json=prompt)
    assert made.status_code == 201, made.text
    came = []
    with studio.stream("POST", "/api/projects/default/prompts/through-nginx/execute?stream=true", json={}) as answer:
        came.extend((line, time.monotonic()) for line in answer.iter_lines() if line.startswith("event: "))
    assert [line for line, _ in came].count("event: delta") == 8
    # A proxy that keeps them back lets all of them go at once.
    assert len({round(at, 2) for _, at in came}) > 4


def test_a_large_body_reaches_the_server_which_decides(studio):
    answer = studio.post(
        "/api/projects/default/prompts",
        content=json.dumps({"id": "big", "template": "x" * 3_000_000}),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"


def test_the_image_puts_the_three_values_in_that_the_template_asks_for():
    template = (ROOT / "docker" / "nginx.conf.template").read_text()
    image = (ROOT / "docker" / "Dockerfile").read_text()
    for name in ("DAKORA_SERVER", "DAKORA_PORT", "DAKORA_STUDIO"):
        assert f"${{{name}}}" in template
        assert f"{name}=" in image
