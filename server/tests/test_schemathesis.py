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


@pytest.mark.timeout(900)
def test_no_request_makes_a_server_error_or_an_undescribed_answer(abused_server, tmp_path):
    command = [
        str(Path(sys.executable).with_name("st")),
        "run",
        f"{abused_server.address}/api/openapi.json",
        f"--checks={CHECKS}",
        f"--max-examples={EXAMPLES}",
        "--phases=examples,coverage,fuzzing,stateful",
        "--mode=all",
        "--seed=20261123",
        "--request-timeout=20",
        "--max-failures=20",
        "--no-color",
    ]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
