"""What the page about the registry tells people to type does what it says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from dakora_server.config import load_settings
from dakora_server.core.storage.registry.addresses import parse_place
from dakora_server.core.storage.registry.opening import require_openable

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "registry.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)


def exported(block):
    words = [word for line in block.splitlines() for word in shlex.split(line) if word != "export"]
    return dict(word.split("=", 1) for word in words)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.startswith("export")])
def test_every_setup_on_the_page_starts(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key.json").write_text("{}")
    for name, value in exported(block).items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.registry_url == exported(block)["REGISTRY_URL"]
    require_openable(parse_place(settings.registry_url), settings.registry_credentials)


def test_the_copy_on_the_page_copies(tmp_path):
    (block,) = [block for block in BLOCKS if "registry copy" in block]
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    document = Path("00000000-0000-0000-0000-000000000001") / f"{digest}.yaml"
    (tmp_path / ".dakora" / "registry" / document).parent.mkdir(parents=True)
    (tmp_path / ".dakora" / "registry" / document).write_bytes(b"test")
    command = [sys.executable, *shlex.split(block)[1:]]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    assert (tmp_path / "copy-of-the-registry" / document).read_bytes() == b"test"
