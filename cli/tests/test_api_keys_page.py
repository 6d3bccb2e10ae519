"""docs/api-keys.md, as a reader with a token would run it, from top to bottom."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api-keys.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(bash|python)\n(.*?)```", re.DOTALL)


async def test_every_example_on_the_page_runs(world, login_address, tmp_path):
    reader = await world.user("Ada")
    binaries = Path(sys.executable).parent
    env = {
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "DAKORA_BASE_URL": login_address,
        "DAKORA_TOKEN": reader.token,
        "DAKORA_PROJECT": reader.project_id,
    }

    def run(language, text):
        command = ["bash", "-euo", "pipefail", "-c"] if language == "bash" else [sys.executable, "-c"]
        return subprocess.run([*command, text], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    printed = []
    for language, text in BLOCK.findall(PAGE):
        done = await asyncio.to_thread(run, language, text)
        assert done.returncode == 0, f"{text}\n{done.stderr}"
        printed.append(done.stdout)
    assert len(printed) == 5
    assert "Hello Ada!" in printed[3]
    assert '"key":"dk_proj_' in printed[1]
    assert "nightly job" in printed[2]
    assert not re.search(r"_[0-9A-Za-z]{32}", printed[2])

    keys = (await reader.get(f"/api/projects/{reader.project_id}/api-keys?all=true")).json()
    assert sorted((key["name"], key["status"]) for key in keys) == [
        ("invoice service", "live"),
        ("invoice service", "revoked"),
        ("newsletter", "live"),
        ("nightly job", "live"),
    ]
    assert (tmp_path / "invoice-service.key").stat().st_mode & 0o077 == 0
