"""Settings are documented, and what is unsafe does not start."""

import re
from pathlib import Path

import pytest

from dakora_server.config import Settings, UnsafeSettings, load_settings

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"host": "0.0.0.0"}, "HOST"),
        ({"host": "::"}, "HOST"),
        ({"host": "192.168.1.5"}, "ALLOW_PUBLIC_NO_AUTH"),
        ({"auth_required": True}, "AUTH_REQUIRED"),
        ({"registry_url": "s3://bucket"}, "REGISTRY_URL"),
        ({"database_url": "sqlite:///x.db"}, "DATABASE_URL"),
        ({"port": 70000}, "PORT"),
        ({"render_workers": 1}, "RENDER_WORKERS"),
    ],
)
def test_an_unsafe_or_senseless_setting_stops_the_start_with_one_sentence(given, says):
    with pytest.raises(UnsafeSettings) as refused:
        load_settings(**given)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_needs_nothing_else(host):
    assert load_settings(host=host).host == host


def test_a_public_address_is_possible_when_asked_for():
    assert load_settings(host="0.0.0.0", allow_public_no_auth=True).host == "0.0.0.0"


def test_every_setting_is_documented_with_its_default():
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `([A-Z_]+)` \| `?([^|`]*)`? \|", page, re.MULTILINE))
    assert set(documented) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        shown = documented[name.upper()].strip()
        default = field.default
        expected = "" if default is None else ",".join(default) if isinstance(default, tuple) else str(default)
        assert shown == (str(expected).lower() if isinstance(default, bool) else expected), name
        assert field.description, name
