"""Lists of prompts, and searches: what PostgreSQL is asked so that each is answered from an index.

`prompt_search` holds what prompts are found by. Its policy compares each row with the question, because PostgreSQL
looks nothing up in an index for a query's own `@>` behind a policy (decision 21). How many rows have the numbers of a
question no estimate tells, as runs of characters overlap; so few of them are fetched and put in order, and where they
are many, the first ones in order are soon met.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, or_, select, text, true

from dakora_server.core.prompts.finding import as_array, numbers_of, question
from dakora_server.core.prompts.queries import IS_HEAD, IS_LIVE, SAME_LABEL, record_of, versions_of
from dakora_server.core.prompts.records import EVERYTHING, PromptFilter, PromptRecord
from dakora_server.core.scope import ProjectReader, ProjectWriter
from dakora_server.core.storage.tables import labels, prompt_search, prompts, versions

_FEW = 1000
_SAME_KEY = and_(prompt_search.c.project_id == prompts.c.project_id, prompt_search.c.id_key == prompts.c.id_key)
_WANT = text("SELECT set_config('dakora.wanted', :numbers, true)")
_ENTER = text(
    "INSERT INTO prompt_search (project_id, id_key, words, numbers)"
    " VALUES (:project_id, :id_key, :words, cast(:numbers AS integer[]))"
    " ON CONFLICT (project_id, id_key) DO UPDATE SET words = excluded.words, numbers = excluded.numbers"
)


async def enter(project: ProjectWriter, record: PromptRecord) -> None:
    """Let the prompt be found by what its newest version says."""
    id_key, words = record.prompt_id.lower(), record.description.lower()
    numbers = numbers_of(project.project_id, id_key, words, tags=record.tags, folder=record.folder)
    values = {"project_id": project.project_id, "id_key": id_key, "words": words, "numbers": as_array(numbers)}
    await project.tx.execute(_ENTER, values)


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
        return await _of_many(project, wanted, after=after, limit=limit)
    return await _of_few(project, wanted, few, limit=limit)


async def _of_few(project: ProjectReader, wanted: PromptFilter, few: list[str], *, limit: int) -> list[PromptRecord]:
    found: list[PromptRecord] = []
    # Of the chosen some may be archived, and some have only the number of what is wanted.
    for start in range(0, len(few), limit):
        query = _newest(project).where(prompts.c.id_key.in_(few[start : start + limit]))
        read = await _page(project, query, prompts.c.id_key, after=None, limit=limit)
        found += [record for record in read if wanted.holds(record)]
        if len(found) >= limit:
            break
    return found[:limit]


async def _of_many(
    project: ProjectReader, wanted: PromptFilter, *, after: str | None, limit: int
) -> list[PromptRecord]:
    """The planner is kept from guessing how many there are: it would choose badly between order and index."""
    query = _newest(project).join(prompt_search, _SAME_KEY).where(*_matching(project, wanted))
    if wanted.tag or wanted.folder is not None:
        has_all = prompt_search.c.numbers.contains(question(project.project_id, wanted))
        query = query.where(case((has_all, true()), else_=false()))
    found: list[PromptRecord] = []
    while True:
        read = await _page(project, query, prompt_search.c.id_key, after=after, limit=limit)
        found += [record for record in read if wanted.holds(record)]
        if len(read) < limit or len(found) >= limit:
            return found[:limit]
        after = read[-1].prompt_id.lower()


def _newest(project: ProjectReader) -> Select[Any]:
    return versions_of(project).where(IS_HEAD, IS_LIVE)


async def _few(project: ProjectReader, wanted: PromptFilter, *, after: str | None) -> list[str] | None:
    """The ids of all that may be wanted, in order; None when they are many."""
    some = select(prompt_search.c.id_key).where(*_matching(project, wanted))
    if after is not None:
        some = some.where(prompt_search.c.id_key > after)
    chosen = some.limit(_FEW + 1).subquery()
    await project.tx.execute(_WANT, {"numbers": as_array(question(project.project_id, wanted))})
    found = (await project.tx.execute(select(chosen.c.id_key).order_by(chosen.c.id_key))).scalars().all()
    await project.tx.execute(_WANT, {"numbers": ""})
    return None if len(found) > _FEW else list(found)


def _matching(project: ProjectReader, wanted: PromptFilter) -> list[ColumnElement[bool]]:
    conditions = [project.owns(prompt_search)]
    if wanted.search:
        conditions.append(_contains(wanted.search, prompt_search.c.id_key, prompt_search.c.words))
    return conditions


def _labelled(project: ProjectReader, wanted: PromptFilter, label: str) -> Select[Any]:
    """Labelled versions. They are not entered in `prompt_search`: what has the label is gone through."""
    query = versions_of(project).join(labels, SAME_LABEL).where(IS_LIVE, project.owns(labels), labels.c.label == label)
    if wanted.search:
        query = query.where(_contains(wanted.search, prompts.c.id_key, func.lower(versions.c.description)))
    if wanted.tag:
        query = query.where(versions.c.tags.contains([wanted.tag]))
    if wanted.folder is not None:
        inside = prompts.c.folder.startswith(f"{wanted.folder}/", autoescape=True)
        query = query.where(or_(prompts.c.folder == wanted.folder, inside))
    return query


def _contains(search: str, *columns: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether one of these columns, all in lower case, contains the text. No character means anything but itself."""
    return or_(*(func.strpos(column, search.lower()) > 0 for column in columns))


async def _page(
    project: ProjectReader, query: Select[Any], order: ColumnElement[str], *, after: str | None, limit: int
) -> list[PromptRecord]:
    if after is not None:
        query = query.where(order > after)
    return [record_of(row) for row in await project.tx.execute(query.order_by(order).limit(limit))]
