"""Lists of prompts, and searches: what PostgreSQL is asked so that each is answered from an index.

`prompt_search` has what lists are narrowed by, `prompt_numbers` what its rows are found by. The policy of the second
compares each row with the question, because PostgreSQL looks nothing up in an index for a query's own `@>` behind a
policy (decision 21). How many rows have the numbers of a question no estimate tells, as runs of characters overlap. So
a few are fetched and put in order; and where they are many, the first ones in order are soon met.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, any_, case, cast, false, func, or_, select, text, true
from sqlalchemy.dialects.postgresql import ARRAY

from dakora_server.core.prompts.finding import as_array, numbers_of, question
from dakora_server.core.prompts.queries import IS_HEAD, IS_LIVE, SAME_LABEL, record_of, versions_of
from dakora_server.core.prompts.records import EVERYTHING, PromptFilter, PromptRecord
from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.storage.tables import labels, prompt_numbers, prompt_search, prompts, versions

_FEW = 1000
_SAME_KEY = and_(prompt_search.c.project_id == prompts.c.project_id, prompt_search.c.id_key == prompts.c.id_key)
_WANT = text("SELECT set_config('dakora.wanted', :numbers, true)")
# Both in one statement; the one that comes second does not see the first, and need not.
_ENTER = text(
    "WITH entered AS (INSERT INTO prompt_search (project_id, id_key, words, folder, tags)"
    " VALUES (:project_id, :id_key, :words, :folder, :tags) ON CONFLICT (project_id, id_key)"
    " DO UPDATE SET words = excluded.words, folder = excluded.folder, tags = excluded.tags)"
    " INSERT INTO prompt_numbers (project_id, id_key, words, numbers)"
    " VALUES (:project_id, :id_key, :words, cast(:numbers AS integer[]))"
    " ON CONFLICT (project_id, id_key) DO UPDATE SET words = excluded.words, numbers = excluded.numbers"
)


async def enter(project: ProjectWriter, record: PromptRecord) -> None:
    """Let the prompt be found by what its newest version says."""
    id_key, words = record.prompt_id.lower(), record.description.lower()
    numbers = numbers_of(project.project_id, id_key, words, tags=record.tags, folder=record.folder)
    values = {"project_id": project.project_id, "id_key": id_key, "words": words, "numbers": as_array(numbers)}
    await project.tx.execute(_ENTER, {**values, "folder": record.folder, "tags": list(record.tags)})


async def list_prompts(
    project: ProjectReader, wanted: PromptFilter, *, after: str | None, limit: int
) -> list[PromptRecord]:
    """Live prompts by id, whatever the case, beginning behind `after`; at the newest version, or the labelled one."""
    if wanted == EVERYTHING:
        return await _page(project, _newest(project), prompts.c.id_key, after=after, limit=limit)
    if wanted.label is not None:
        labelled = _labelled(project, wanted, wanted.label)
        return await _page(project, labelled, prompts.c.id_key, after=after, limit=limit)
    few = await _few(project, wanted, after=after)
    if few is None:
        return await _rows(project, await _first_of_many(project, wanted, after=after, limit=limit))
    return await _first_of_few(project, wanted, few, limit=limit)


async def _first_of_many(
    project: ProjectReader, wanted: PromptFilter, *, after: str | None, limit: int
) -> Sequence[str]:
    """The ids of the first page, met in order. Rows are fetched apart: the planner would join them all first."""
    s = prompt_search.c
    query = select(s.id_key).join(prompts, _SAME_KEY).where(project.owns(prompt_search), project.owns(prompts), IS_LIVE)
    query = query.where(*_narrowed(wanted)).order_by(s.id_key).limit(limit)
    return (await project.tx.execute(query if after is None else query.where(s.id_key > after))).scalars().all()


async def _first_of_few(
    project: ProjectReader, wanted: PromptFilter, few: Sequence[str], *, limit: int
) -> list[PromptRecord]:
    """The first page of what was looked up, in order; hardly any of it is not wanted."""
    found: list[PromptRecord] = []
    start, size = 0, limit
    while start < len(few) and len(found) < limit:
        found += await _rows(project, few[start : start + size], *_narrowed(wanted))
        start, size = start + size, size * 2
    return found[:limit]


async def _rows(project: ProjectReader, ids: Sequence[str], *conditions: ColumnElement[bool]) -> list[PromptRecord]:
    query = _newest(project).where(prompts.c.id_key == any_(cast(ids, ARRAY(Text))))
    if conditions:
        query = query.join(prompt_search, _SAME_KEY).where(project.owns(prompt_search), *conditions)
    return [record_of(row) for row in await project.tx.execute(query.order_by(prompts.c.id_key))] if ids else []


def _newest(project: ProjectReader) -> Select[Any]:
    return versions_of(project).where(IS_HEAD, IS_LIVE)


async def _few(project: ProjectReader, wanted: PromptFilter, *, after: str | None) -> Sequence[str] | None:
    """The ids of all that may be wanted, in order; None when they are many, or there is nothing to look them up by."""
    numbers = question(project.project_id, wanted)
    if not numbers:
        return None
    query = select(prompt_numbers.c.id_key).where(project.owns(prompt_numbers))
    if wanted.search:
        query = query.where(_contains(wanted.search, prompt_numbers.c.id_key, prompt_numbers.c.words))
    if after is not None:
        query = query.where(prompt_numbers.c.id_key > after)
    await project.tx.execute(_WANT, {"numbers": as_array(numbers)})
    ids = query.limit(_FEW + 1).subquery()
    found = (await project.tx.execute(select(ids.c.id_key).order_by(ids.c.id_key))).scalars().all()
    await project.tx.execute(_WANT, {"numbers": ""})
    return None if len(found) > _FEW else found


def _narrowed(wanted: PromptFilter) -> Iterator[ColumnElement[bool]]:
    """What is wanted, of rows of `prompt_search`.

    Each condition is wrapped, so that the planner does not guess how many rows it holds for: it would multiply what it
    believes of each, find that hardly any row is left, and read all to put those in order.
    """
    s = prompt_search.c
    for condition in _conditions(wanted, s.id_key, s.words, s.folder, s.tags):
        yield case((condition, true()), else_=false())


def _conditions(
    wanted: PromptFilter,
    id_key: ColumnElement[str],
    words: ColumnElement[str],
    folder: ColumnElement[str],
    tags: ColumnElement[Any],
) -> Iterator[ColumnElement[bool]]:
    if wanted.search:
        yield _contains(wanted.search, id_key, words)
    if wanted.tag:
        yield tags.contains([wanted.tag])
    if wanted.folder is not None:
        yield or_(folder == wanted.folder, folder.startswith(f"{wanted.folder}/", autoescape=True))


def _contains(search: str, *columns: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether one of these columns, all in lower case, contains the text. No character means anything but itself."""
    return or_(*(func.strpos(column, search.lower()) > 0 for column in columns))


def _labelled(project: ProjectReader, wanted: PromptFilter, label: str) -> Select[Any]:
    """Labelled versions. They are not entered in `prompt_search`: what has the label is gone through."""
    query = versions_of(project).join(labels, SAME_LABEL).where(IS_LIVE, project.owns(labels), labels.c.label == label)
    words = func.lower(versions.c.description)
    return query.where(*_conditions(wanted, prompts.c.id_key, words, prompts.c.folder, versions.c.tags))


async def _page(
    project: ProjectReader, query: Select[Any], order: ColumnElement[str], *, after: str | None, limit: int
) -> list[PromptRecord]:
    if after is not None:
        query = query.where(order > after)
    return [record_of(row) for row in await project.tx.execute(query.order_by(order).limit(limit))]
