"""Write the blocking face from the awaiting one: `python packages/client-python/generate_sync.py`.

`client.py` and the modules of its nouns (`prompts.py`, `api_keys.py`, …) are written by hand; `sync_*.py` are what is
left of them without `await`. A test compares, so the two cannot drift apart.
"""

import re
from pathlib import Path

PACKAGE = Path(__file__).parent / "dakora_client"
NOUNS = (
    "ApiKeys",
    "Audit",
    "Executions",
    "Labels",
    "Models",
    "Parts",
    "Projects",
    "PromptRuns",
    "Prompts",
    "Workspaces",
)
SOURCES = {
    f"{name}.py": f"sync_{name}.py"
    for name in (
        "client",
        "api_keys",
        "audit",
        "executions",
        "labels",
        "models",
        "parts",
        "projects",
        "prompt_runs",
        "prompts",
        "workspaces",
    )
}
_NOUN = "|".join(NOUNS)
_NOTICE = "# Generated from {source} by generate_sync.py: change that file, then run this one.\n\n"
_REPLACEMENTS = (
    (r"# ruff: noqa: ASYNC109.*\n\n", ""),
    (r"\bAsyncIterator, Iterable\b", "Iterable, Iterator"),
    (r"\basync (def|for|with) ", r"\1 "),
    (r"\bawait ", ""),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\baclosing\b", "closing"),
    (r"\bAsyncSender\b", "SyncSender"),
    (r"\bAsync(Iterator|BaseTransport)\b", r"\1"),
    (r"for (\w+) in (.+):\n +yield \1\n", r"yield from \2\n"),
    (r"\[(\w+) for \1 in (.+)\]", r"list(\2)"),
    (rf"\bclass (\w+)\(({_NOUN})\)", r"class \1(\2Sync)"),
    (rf"\bclass (Dakora|{_NOUN})\b", r"class \1Sync"),
    (r"\bDakora\b(?=`: the client)", "DakoraSync"),
    (rf"dakora_client\.(\w+) import ({_NOUN})\b", r"dakora_client.sync_\1 import \2Sync"),
    (rf"\b(\w+): ({_NOUN})$", r"\1: \2Sync"),
    (rf"= ({_NOUN})\(", r"= \1Sync("),
    (r"for programs that await\b", "for programs that do not await; safe to share between threads"),
)


def without_await(source: str) -> str:
    """The text of the blocking module that belongs to the file `source`."""
    text = (PACKAGE / source).read_text(encoding="utf-8")
    for pattern, replacement in _REPLACEMENTS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    # The new names stand elsewhere in the alphabet.
    text = re.sub(r"(?:^from dakora_client[^(\n]*\n)+", lambda block: _sorted(block[0]), text, flags=re.MULTILINE)
    return _NOTICE.format(source=source) + text


def _sorted(lines: str) -> str:
    return "".join(sorted(lines.splitlines(keepends=True)))


if __name__ == "__main__":
    for source, target in SOURCES.items():
        (PACKAGE / target).write_text(without_await(source), encoding="utf-8")
