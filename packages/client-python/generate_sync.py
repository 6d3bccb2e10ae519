"""Write the blocking face from the awaiting one: `python packages/client-python/generate_sync.py`.

`client.py` and `prompts.py` are written by hand; `sync_client.py` and `sync_prompts.py` are what is left of them
without `await`. A test compares, so the two cannot drift apart.
"""

import re
from pathlib import Path

PACKAGE = Path(__file__).parent / "dakora_client"
SOURCES = {"client.py": "sync_client.py", "prompts.py": "sync_prompts.py"}
_NOTICE = "# Generated from {source} by generate_sync.py: change that file, then run this one.\n\n"
_REPLACEMENTS = (
    (r"# ruff: noqa: ASYNC109.*\n\n", ""),
    (r"\bAsyncIterator, Iterable\b", "Iterable, Iterator"),
    (r"\basync (def|for|with) ", r"\1 "),
    (r"\bawait ", ""),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\bAsyncSender\b", "SyncSender"),
    (r"\bAsync(Iterator|BaseTransport)\b", r"\1"),
    (r"for (\w+) in (.+):\n +yield \1\n", r"yield from \2\n"),
    (r"\bclass (Dakora|Prompts)\b", r"class \1Sync"),
    (r"\bDakora\b(?=`: the client)", "DakoraSync"),
    (r"dakora_client\.prompts import Prompts\b", "dakora_client.sync_prompts import PromptsSync"),
    (r"\bprompts: Prompts\b", "prompts: PromptsSync"),
    (r"= Prompts\(", "= PromptsSync("),
    (r"for programs that await\b", "for programs that do not await; safe to share between threads"),
)


def without_await(source: str) -> str:
    """The text of the blocking module that belongs to the file `source`."""
    text = (PACKAGE / source).read_text(encoding="utf-8")
    for pattern, replacement in _REPLACEMENTS:
        text = re.sub(pattern, replacement, text)
    return _NOTICE.format(source=source) + text


if __name__ == "__main__":
    for source, target in SOURCES.items():
        (PACKAGE / target).write_text(without_await(source), encoding="utf-8")
