"""The installed command against the platform that `dakora dev` starts, each in a process of its own."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

DAKORA = str(Path(sys.executable).with_name("dakora"))


@pytest.fixture
def dakora(dev_server, tmp_path):
    """Runs the installed command."""
    own = {"DAKORA_BASE_URL": dev_server.address, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    env = {name: value for name, value in os.environ.items() if not name.startswith("DAKORA_")} | own

    def run(*words, **kwargs):
        return subprocess.run(
            [DAKORA, *words], cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60, **kwargs
        )

    return run


def test_a_prompt_goes_there_and_comes_back(dakora, tmp_path):
    prompt_id = f"e2e-{uuid.uuid4().hex[:8]}"
    file = tmp_path / "prompts" / "e2e" / "mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(
        f"# Mine\nid: {prompt_id}\nversion: 1.0.0\ntemplate: |\n  Hello {{{{ name }}}}, 🙂\n", encoding="utf-8"
    )

    assert dakora("validate").returncode == 0
    assert dakora("push", "--check").returncode == 1
    assert dakora("push").stdout == f"created {prompt_id} 1.0.0 (prompts/e2e/mine.yaml)\n"
    assert dakora("push", "--check").returncode == 0
    assert dakora("render", prompt_id, "-i", "name=Alice").stdout == "Hello Alice, 🙂"
    assert prompt_id in dakora("list", "--folder", "e2e").stdout

    file.write_text(file.read_text(encoding="utf-8").replace("Hello", "Goodbye"), encoding="utf-8")
    assert "+  Goodbye {{ name }}, 🙂" in dakora("diff", "prompts/e2e").stdout
    assert dakora("push").stdout == f"updated {prompt_id} 1.0.1 (prompts/e2e/mine.yaml)\n"
    file.unlink()
    assert dakora("pull", prompt_id).returncode == 0
    written = (tmp_path / "prompts" / "e2e" / f"{prompt_id}.yaml").read_text(encoding="utf-8")
    assert written == f"id: {prompt_id}\nversion: 1.0.1\ntemplate: |\n  Goodbye {{{{ name }}}}, 🙂\n"
    assert dakora("show", prompt_id).stdout == written


def test_the_platform_can_be_linked(dakora, dev_server, tmp_path):
    assert dakora("link", dev_server.address).returncode == 0
    assert dakora("link", "--print-env").stdout == f"export DAKORA_BASE_URL={dev_server.address}\n"
    assert (tmp_path / "config" / "dakora" / "link.json").stat().st_mode & 0o777 == 0o600
    assert f"at {dev_server.address}" in dakora("version").stdout


def test_render_refused_is_exit_code_1(dakora):
    refused = dakora("render", "greeting")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "Error: The input `name` is required.\n"
