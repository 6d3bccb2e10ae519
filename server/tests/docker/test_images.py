"""What can be said of the images and the Compose file without an engine."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dakora_server.config import Settings

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
COMPOSE = ROOT / "docker" / "compose.yaml"
NEEDED = {"POSTGRES_PASSWORD": "a", "DAKORA_DATABASE_PASSWORD": "b"}
only_where_it_comes_as_a_wheel = pytest.mark.skipif(
    not (BIN / "docker-compose").exists(), reason="Compose comes as a wheel for Linux only"
)


def compose(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [BIN / "docker-compose", "-f", COMPOSE, "config", "--format", "json"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin", **environment})


def test_the_image_is_made_as_hadolint_would():
    hadolint = shutil.which("hadolint", path=str(BIN))
    if hadolint is not None:
        found = subprocess.run([hadolint, ROOT / "docker" / "Dockerfile"], capture_output=True, text=True, check=False)
        assert (found.returncode, found.stdout) == (0, "")


@only_where_it_comes_as_a_wheel
def test_compose_takes_the_file_and_says_what_is_missing():
    assert "set it in docker/.env" in compose().stderr
    made = compose(**NEEDED)
    assert made.returncode == 0, made.stderr
    services = json.loads(made.stdout)["services"]
    # Without login nobody else may reach it, and only nginx is reached at all.
    assert [port["host_ip"] for one in services.values() for port in one.get("ports", ())] == ["127.0.0.1"]
    assert services["server"]["environment"]["ALLOW_PUBLIC_NO_AUTH"] == "true"
    with_login = json.loads(compose(**NEEDED, ALLOW_PUBLIC_NO_AUTH="").stdout)["services"]
    assert with_login["server"]["environment"]["ALLOW_PUBLIC_NO_AUTH"] == ""


def test_every_setting_in_the_file_is_one_of_the_servers():
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    example = (ROOT / "docker" / ".env.example").read_text()
    named = set(services["migrate"]["environment"]) | set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE))
    known = {name.upper() for name in Settings.model_fields} | {"<<", "DAKORA_BIND", *NEEDED}
    assert named <= known, named - known


def test_the_image_has_the_same_versions_as_the_tests():
    def pinned(path: Path) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", path.read_text(), re.MULTILINE))

    image, tests = pinned(ROOT / "docker" / "requirements-server.lock"), pinned(ROOT / "requirements.lock")
    assert len(image) > 50
    assert image.items() <= tests.items()
    assert "pytest" not in image
