"""`promptvault.yaml`: what it says holds, what it must not say is refused with its line, and its page is complete."""

import re
from pathlib import Path

import pytest

from dakora_server.promptvault import KEYS, ProjectFile, ProjectFileInvalid, read_project_file

ROOT = Path(__file__).resolve().parents[3]


def read(tmp_path, text):
    (tmp_path / "promptvault.yaml").write_text(text)
    return read_project_file(tmp_path)


def test_every_key_has_its_place(tmp_path):
    text = "registry: docs\nprompt_dir: texts\nhost: 127.0.0.2\nport: 0\nlogging:\n  level: info\n  format: json\n"
    assert read(tmp_path, text) == ProjectFile(
        Path("texts"),
        {"registry_url": "file:docs", "host": "127.0.0.2", "port": 0, "log_level": "info", "log_format": "json"},
    )


def test_a_file_that_is_not_there_or_empty_says_nothing(tmp_path):
    assert read_project_file(tmp_path) == read(tmp_path, "") == read(tmp_path, "# later\n") == ProjectFile()


def test_a_registry_elsewhere_and_silence(tmp_path):
    said = read(tmp_path, "registry: s3://bucket\nlogging: {enabled: false}\n")
    assert said.settings == {"registry_url": "s3://bucket", "log_level": "error"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("host: a\npromt_dirs: b\n", ":2:1: `promt_dirs` is no key of this file; the nearest one is `prompt_dir`"),
        ("logging:\n  enable: true\n", ":2:3: `logging.enable` is no key of this file; the nearest one is `logging.en"),
        ("port: '1'\n", "promptvault.yaml:1:1: `port` must be a whole number, not text"),
        ("port: true\n", "`port` must be a whole number"),
        ("logging: yes please\n", "`logging` must hold keys such as `enabled`"),
        ("prompt_dir: [a]\n", "`prompt_dir` must be text, not a list"),
        ("port: 1\nport: 2\n", "promptvault.yaml:2:1: The key `port` stands twice"),
        ("- a\n", "promptvault.yaml:1:1: The file must hold keys"),
    ],
)
def test_what_it_must_not_say_is_refused_with_its_line(tmp_path, text, says):
    with pytest.raises(ProjectFileInvalid) as refused:
        read(tmp_path, text)
    assert says in str(refused.value)


def test_every_key_is_documented():
    page = (
        (ROOT / "docs" / "configuration.md")
        .read_text(encoding="utf-8")
        .partition("## promptvault.yaml")[2]
        .partition("\n## ")[0]
    )
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.+?) \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(name, key.wants, key.meaning) for name, key in KEYS.items()]
