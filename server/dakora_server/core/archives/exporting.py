"""A project as one archive: the same content is the same bytes, whenever and wherever it is asked for."""

import asyncio
import zipfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import IO

from dakora_server.core.archives import queries
from dakora_server.core.archives.layout import (
    MANIFEST,
    PAGE,
    VersionFacts,
    labels_path,
    labels_text,
    manifest_text,
    page_path,
    page_text,
    part_path,
    prompt_path,
    text_path,
)
from dakora_server.core.archives.queries import Head
from dakora_server.core.exceptions import LabelNotAllowed, TooMany
from dakora_server.core.scope import ProjectReader
from dakora_server.core.templates.serialization import file_text

# What the plain zip format can count; and a file each is left for what comes at the end.
MOST_FILES = 65_000
_PROMPTS_A_PAGE = 200
# Documents in memory at the same time.
_TEXTS_AT_ONCE = 32
# The first moment that a zip can name: an archive does not tell when it was made.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_ORDINARY_FILE = 0o100644 << 16

Text = tuple[str, str]
"""A path in the archive, and what the file says."""


async def write_archive(project: ProjectReader, file: IO[bytes], *, history: bool = False) -> None:
    """Write every live prompt and part into a zip: the newest versions and labels, with `history` all versions.

    Memory is bounded whatever the project's size; `file` is where the archive grows.
    Raises LabelNotAllowed for callers limited to labels, TooMany when the format cannot count the files,
    DocumentCorrupt, RegistryUnavailable, DatabaseUnavailable.
    """
    if project.labels is not None:
        raise LabelNotAllowed("This API key is limited to labels, and an archive has every prompt.")
    count = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packing:
        async for texts in _texts(project, history=history):
            count += len(texts)
            if count > MOST_FILES:
                raise TooMany("The project has too many versions for one archive.")
            # Packing takes a while: not on the event loop.
            await asyncio.to_thread(_pack, packing, texts)


def _pack(packing: zipfile.ZipFile, texts: Iterable[Text]) -> None:
    for path, text in texts:
        entry = zipfile.ZipInfo(path, _NO_TIME)
        entry.create_system, entry.external_attr = 3, _ORDINARY_FILE
        packing.writestr(entry, text.encode(), zipfile.ZIP_DEFLATED)


async def _texts(project: ProjectReader, *, history: bool) -> AsyncIterator[list[Text]]:
    """The files of the archive, some at a time and always in the same order."""
    yield [(MANIFEST, manifest_text(history=history))]
    async for texts in _parts(project, history=history):
        yield texts
    after: str | None = None
    while True:
        heads = await queries.list_heads(project, after=after, limit=_PROMPTS_A_PAGE)
        async for texts in _page(project, heads, history=history):
            yield texts
        if len(heads) < _PROMPTS_A_PAGE:
            return
        after = heads[-1].key


async def _page(project: ProjectReader, heads: Sequence[Head], *, history: bool) -> AsyncIterator[list[Text]]:
    ids = [head.prompt_id for head in heads]
    newest = [(prompt_path(head.folder, head.prompt_id), head.content_hash, head.semver) for head in heads]
    async for texts in _stored(project, newest):
        yield texts
    labels = await queries.labels_of(project, ids)
    yield [(labels_path(one), labels_text(labels[one])) for one in ids if one in labels]
    if not history:
        return
    async for texts in _pasts(project, ids, await queries.versions_of(project, ids)):
        yield texts


async def _parts(project: ProjectReader, *, history: bool) -> AsyncIterator[list[Text]]:
    after: str | None = None
    while True:
        heads = await queries.list_parts(project, after=after, limit=_PROMPTS_A_PAGE)
        newest = [(part_path(head.part_id), head.content_hash, head.semver) for head in heads]
        async for texts in _stored(project, newest):
            yield texts
        if history and heads:
            ids = [head.part_id for head in heads]
            async for texts in _pasts(project, ids, await queries.part_versions_of(project, ids)):
                yield texts
        if len(heads) < _PROMPTS_A_PAGE:
            return
        after = heads[-1].part_id


async def _pasts(
    project: ProjectReader, ids: Sequence[str], versions: Mapping[str, Sequence[VersionFacts]]
) -> AsyncIterator[list[Text]]:
    """The facts and texts of every version of these prompts or parts."""
    yield await asyncio.to_thread(_facts, ids, versions)
    every = [(one, version) for one in ids for version in versions[one]]
    older = [(text_path(one, version.number), version.content_hash, version.semver) for one, version in every]
    async for texts in _stored(project, older):
        yield texts


def _facts(ids: Sequence[str], versions: Mapping[str, Sequence[VersionFacts]]) -> list[Text]:
    pages = [(one, versions[one][first : first + PAGE]) for one in ids for first in range(0, len(versions[one]), PAGE)]
    return [(page_path(one, page[0].number), page_text(page)) for one, page in pages]


async def _stored(project: ProjectReader, wanted: Sequence[tuple[str, str, str]]) -> AsyncIterator[list[Text]]:
    """Documents, as files with their versions; `wanted` has a path, a hash and a semver for each."""
    for start in range(0, len(wanted), _TEXTS_AT_ONCE):
        some = wanted[start : start + _TEXTS_AT_ONCE]
        found = await asyncio.gather(*(project.vault.text_of(digest) for _, digest, _ in some))
        yield [(path, file_text(text, semver)) for (path, _, semver), text in zip(some, found, strict=True)]
