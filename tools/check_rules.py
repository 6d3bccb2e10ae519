"""Our own small rules, those no linter knows. Prints what breaks one, and exits 1 if anything does.

- nobody below the transaction's owner commits;
- only `clock.py` asks for the time;
- only queries, storage and migrations build SQL;
- no file is longer than it can be read;
- nothing committed names a package registry's host or a path of one machine.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FILE = 400
_SERVER = "server/dakora_server/"


@dataclass(frozen=True)
class Rule:
    """A pattern that must not occur in the files that `where` matches, save those that `allowed` matches."""

    name: str
    pattern: str
    where: str
    allowed: str = r"(?!)"


RULES = (
    Rule("only the transaction's owner commits", r"\.commit\(", _SERVER, r"core/storage/|alembic/"),
    Rule(
        "only clock.py asks for the time",
        r"datetime\.(now|utcnow|today)\(|time\.time\(",
        _SERVER,
        r"core/clock\.py|templates/(zygote|confine)\.py",
    ),
    Rule(
        "only queries, storage and migrations build SQL",
        r"from sqlalchemy[. ]",
        _SERVER,
        r"queries\.py|core/storage/|alembic/|core/scope\.py",
    ),
    Rule(
        "no registry host in a committed file",
        r"files\.pythonhosted|registry\.npmjs|pypi\.org/simple|\"resolved\": \"http",
        r"",
        r"tools/check_rules\.py",
    ),
    Rule(
        "no path of one machine", r"(^|[\s\"'=(])/(root|home/[a-z]+|Users/[a-z]+)/", r"", r"tools/check_rules\.py|\.md$"
    ),
    Rule("nothing is left for later", r"\b(TODO|FIXME|XXX|HACK)\b", r"\.py$|\.ts$|\.tsx$", r"tools/check_rules\.py"),
)


def committed_files() -> list[str]:
    """Paths of every file git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        return [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file() and ".venv" not in p.parts]
    return listed.stdout.splitlines()


def breaches(path: str, text: str) -> list[str]:
    """What this file breaks, a line each."""
    found = []
    for rule in RULES:
        if re.search(rule.where, path) and not re.search(rule.allowed, path):
            for number, line in enumerate(text.splitlines(), 1):
                if re.search(rule.pattern, line):
                    found.append(f"{path}:{number}: {rule.name}")
    lines = text.count("\n")
    if path.endswith(".py") and lines > LONGEST_FILE and "/tests/" not in path:
        found.append(f"{path}: {lines} lines; split it (at most {LONGEST_FILE})")
    return found


def main() -> int:
    """Check the whole tree."""
    found: list[str] = []
    for path in committed_files():
        file = ROOT / path
        if not file.is_file() or path.endswith((".lock", ".png", ".svg")):
            continue
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += breaches(path, text)
    print("\n".join(found) if found else "rules: kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
