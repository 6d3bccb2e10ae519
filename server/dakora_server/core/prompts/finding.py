"""What prompts are found by: numbers that stand for short runs of characters, for tags and for folders.

A text that contains another contains each of its runs of three characters, so rows that have the numbers of all runs
of what is searched are the few worth comparing with it. Two runs may have the same number; comparing sorts that out.
"""

import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from uuid import UUID

from dakora_server.core.prompts.records import PromptFilter

_LONGEST_RUN = 3
# A long text is told from others by part of it, and each number costs PostgreSQL a look into the index.
_MOST_RUNS = 24
_TAG, _FOLDER = b"\x00t", b"\x00f"


def numbers_of(project_id: UUID, id_key: str, words: str, *, tags: Iterable[str], folder: str) -> list[int]:
    """The numbers of a prompt. `words` is its description in lower case.

    Shorter runs are here as well: who searches for one or two characters is answered by the same index.
    """
    salt = _salt(project_id)
    found = {_number(run, salt) for text in (id_key, words) for run in _runs(text)}
    found.update(_number(tag.encode(), salt, _TAG) for tag in tags)
    found.update(_number(place, salt, _FOLDER) for place in _places(folder))
    return list(found)


def question(project_id: UUID, wanted: PromptFilter) -> list[int]:
    """The numbers that whatever is `wanted` has."""
    salt = _salt(project_id)
    found = {_number(run, salt) for run in _searched((wanted.search or "").lower())}
    if wanted.tag:
        found.add(_number(wanted.tag.encode(), salt, _TAG))
    if wanted.folder is not None:
        found.add(_number(wanted.folder.encode(), salt, _FOLDER))
    return list(found)


def _salt(project_id: UUID) -> int:
    """Lets the numbers of each project begin elsewhere, so that two projects share hardly any entry of the index."""
    return zlib.crc32(project_id.bytes)


def _number(what: bytes, salt: int, kind: bytes = b"") -> int:
    return zlib.crc32(kind + what, salt) - 2**31


def as_array(numbers: Iterable[int]) -> str:
    """Numbers as PostgreSQL writes an array of them."""
    return "{" + ",".join(map(str, numbers)) + "}"


def _runs(text: str) -> set[bytes]:
    """Every run of one, two and three characters."""
    found = set(text)
    found.update(map("".join, pairwise(text)))
    found.update(map("".join, zip(text, text[1:], text[2:], strict=False)))
    return {run.encode() for run in found}


def _searched(text: str) -> Iterator[bytes]:
    """The runs to look for: all of three characters, or the whole of what is shorter."""
    last = max(len(text) - _LONGEST_RUN, 0)
    step = last // _MOST_RUNS + 1
    for start in range(0, last + 1 if text else 0, step):
        yield text[start : start + _LONGEST_RUN].encode()


def _places(folder: str) -> Iterator[bytes]:
    """`a/b/c` lies in itself, in `a/b` and in `a`; what is in no folder, in the one without a name."""
    parts = folder.split("/")
    for depth in range(1, len(parts) + 1):
        yield "/".join(parts[:depth]).encode()
