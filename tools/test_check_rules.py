"""The rules must bite."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_rules", Path(__file__).with_name("check_rules.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


check_rules = _load()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("server/dakora_server/core/prompts/service.py", "await tx.commit()"),
        ("server/dakora_server/core/prompts/service.py", "now = datetime.now(UTC)"),
        ("server/dakora_server/api/prompts.py", "from sqlalchemy import select"),
        ("package-lock.json", '"resolved": "' + 'https://example.test/x.tgz"'),
        ("server/dakora_server/x.py", "# TO" + "DO later"),
        ("server/dakora_server/x.py", "x = 1\n" * 500),
    ],
)
def test_a_breach_is_found(path: str, text: str) -> None:
    assert check_rules.breaches(path, text)


def test_what_is_allowed_is_left_alone() -> None:
    assert not check_rules.breaches("server/dakora_server/core/storage/database.py", "await connection.commit()")
    assert not check_rules.breaches("server/dakora_server/core/clock.py", "return datetime.now(UTC)")
