"""The documents say what is true."""

import json
import re
import subprocess
import sys
from pathlib import Path

from dakora_server.core import exceptions

ROOT = Path(__file__).resolve().parents[2]


def _errors(base=exceptions.DakoraError):
    yield base
    for child in base.__subclasses__():
        yield from _errors(child)


def test_every_error_code_is_documented_with_its_status():
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", page, re.MULTILINE))
    assert documented == {error.code: str(error.status) for error in _errors()}


def test_openapi_json_is_what_the_server_says():
    printed = subprocess.run(
        [sys.executable, "-m", "dakora_server", "openapi"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    committed = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))
    assert json.loads(printed) == committed, "run: make openapi"


def test_links_between_documents_lead_somewhere():
    pages = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").glob("*.md"),
        *(ROOT / "bench").glob("*.md"),
    ]
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not target.startswith(("http:", "https:", "mailto:")) and not (page.parent / target).exists()
    ]
    assert broken == []
