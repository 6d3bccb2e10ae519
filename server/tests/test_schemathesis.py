"""Schemathesis over a real socket: no server error, nothing that the description does not say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = os.environ.get("DAKORA_SCHEMATHESIS_EXAMPLES", "25")
CHECKS = ",".join(
    ["not_a_server_error"]
    + [f"{what}_conformance" for what in ("status_code", "content_type", "response_headers", "response_schema")]
)


def schemathesis(address, *, checks, tmp_path, options=()):
    command = [
        str(Path(sys.executable).with_name("st")),
        *options[:2],
        "run",
        f"{address}/api/openapi.json",
        f"--checks={checks}",
        f"--max-examples={EXAMPLES}",
        *options[2:],
        "--phases=examples,coverage,fuzzing,stateful",
        "--mode=all",
        "--seed=20261123",
        "--request-timeout=20",
        "--max-failures=20",
        "--no-color",
        # An archive is no JSON, which is all that is made up here: `archives/` has hostile ones of its own.
        "--exclude-operation-id=import_project",
    ]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]


@pytest.mark.timeout(900)
def test_no_request_makes_a_server_error_or_an_undescribed_answer(abused_server, tmp_path):
    schemathesis(abused_server.address, checks=CHECKS, tmp_path=tmp_path)


@pytest.mark.timeout(900)
def test_with_login_the_same_holds_and_no_operation_ignores_missing_or_wrong_credentials(guarded_server, tmp_path):
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(f'[parameters]\n"path.project_id" = "{guarded_server.project_id}"\n', encoding="utf-8")
    schemathesis(
        guarded_server.address,
        checks=f"{CHECKS},ignored_auth",
        tmp_path=tmp_path,
        options=("--config-file", str(settings), "--header", f"X-API-Key: {guarded_server.key}"),
    )
