"""What must be true once the killing is over: asked of the API, of the operator's commands, and of the rows."""

from typing import Any

import psycopg
from crash_suite.journal import Journal, State
from crash_suite.line import PROMPTS, Line

_PAGE = 200
_READ_WHOLE = 300
# One row for each creation, by the name that it carries.
_EFFECTS = {
    "create_prompt": ("SELECT count(*) FROM prompts WHERE prompt_id = %s", 1),
    "create_project": ("SELECT count(*) FROM projects WHERE name = %s", 1),
    "create_workspace": ("SELECT count(*) FROM workspaces WHERE name = %s", 1),
    "create_invitation": ("SELECT count(*) FROM invitations WHERE email = %s || '@example.test'", 1),
    "create_api_key": ("SELECT count(*) FROM api_keys WHERE name = %s", 1),
    # The key that was there, and the one that took its place.
    "rotate_api_key": ("SELECT count(*) FROM api_keys WHERE name = %s", 2),
    "create_label_request": ("SELECT count(*) FROM label_requests WHERE label = %s", 1),
    "comment_label_request": ("SELECT count(*) FROM label_comments WHERE text = %s", 1),
}


async def everything(line: Line, path: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    next_page: str | None = f"{path}?limit={_PAGE}"
    while next_page is not None:
        answer = await line.must("GET", next_page)
        assert answer.status_code == 200, answer.text
        found += answer.json()
        following = answer.links.get("next", {}).get("url")
        next_page = None if following is None else following.removeprefix(line.site.address)
    return found


async def lost_versions(line: Line, journal: Journal) -> list[str]:
    """Acknowledged versions that are not there, or not what they were; and numbers that were left out."""
    wrong: list[str] = []
    there: dict[tuple[str, int], str] = {}
    for prompt in sorted({prompt for prompt, _ in journal.versions}):
        state = journal.alive.get(prompt)
        if state is not None and state.told is not True:
            await line.must("POST", f"{PROMPTS}/{prompt}/restore")
        rows = await everything(line, f"{PROMPTS}/{prompt}/versions")
        there |= {(prompt, row["version_number"]): row["content_hash"] for row in rows}
        numbers = [row["version_number"] for row in rows]
        if numbers != list(range(len(numbers), 0, -1)):
            wrong.append(f"{prompt} has the versions {numbers}")
    for (prompt, number), (digest, _) in journal.versions.items():
        if there.get((prompt, number)) != digest:
            wrong.append(f"{prompt} version {number} is {there.get((prompt, number))}, was acknowledged as {digest}")
    few = line.rng.sample(sorted(journal.versions), min(_READ_WHOLE, len(journal.versions)))
    for prompt, number in few:
        answer = await line.must("GET", f"{PROMPTS}/{prompt}/versions/{number}")
        if answer.status_code != 200 or answer.json()["template"] != journal.versions[prompt, number][1]:
            wrong.append(f"{prompt} version {number} reads {answer.text}")
    return wrong


async def lost_returns(line: Line, journal: Journal) -> list[str]:
    """Prompts that are there and were archived last, or the other way round. Asked before anything is restored."""
    wrong: list[str] = []
    for prompt, state in journal.alive.items():
        answer = await line.must("GET", f"{PROMPTS}/{prompt}")
        if (answer.status_code == 200) != (state.told is True):
            wrong.append(f"{prompt} answers {answer.status_code}, alive was told as {state.told}")
    return wrong


async def lost_moves(line: Line, journal: Journal) -> list[str]:
    """Labels that point elsewhere than their last acknowledged move said, or whose history lacks a move."""
    wrong: list[str] = []
    for (prompt, label), state in journal.labels.items():
        answer = await line.must("GET", f"{PROMPTS}/{prompt}/labels/{label}")
        found = answer.json()["version_number"] if answer.status_code == 200 else None
        if found != state.told:
            wrong.append(f"{prompt}: {label} points to {found}, was told {state.told}")
        moves = list(reversed(await everything(line, f"{PROMPTS}/{prompt}/labels/{label}/history")))
        froms = [move["from_version"] for move in moves]
        tos = [move["to_version"] for move in moves]
        if froms != [None, *tos[:-1]][: len(moves)]:
            wrong.append(f"{prompt}: the history of {label} has a gap: {froms} to {tos}")
        if not _within(state, tos):
            wrong.append(f"{prompt}: the history of {label} is {tos}, acknowledged were {state.moves}")
    return wrong


def _within(state: State, tos: list[int]) -> bool:
    """Whether all acknowledged moves are in the history, in their order."""
    rest = iter(tos)
    return all(any(move == to for to in rest) for move in state.moves if move is not None)


def unequal_effects(journal: Journal, owner_url: str) -> list[str]:
    """Creations that had more than one effect, or none; events and rows that do not match each other."""
    wrong: list[str] = []
    with psycopg.connect(owner_url) as connection:

        def count(query: str, *values: str) -> int:
            row = connection.execute(query.encode(), values).fetchone()
            return 0 if row is None else int(row[0])

        for kind, name in journal.created:
            query, expected = _EFFECTS[kind]
            found = count(query, name)
            if found != expected:
                wrong.append(f"{kind} {name} had {found} effects")
        pairs = {
            "versions": "SELECT count(*) FROM audit_events WHERE action IN ('prompt.created', 'prompt.saved')",
            "label_moves": "SELECT count(*) FROM audit_events WHERE action = 'label.moved'",
            "label_requests": "SELECT count(*) FROM audit_events WHERE action = 'label_request.created'",
            "projects": "SELECT count(*) + 1 FROM audit_events WHERE action = 'project.created'",
        }
        for table, events in pairs.items():
            rows, told = count(f"SELECT count(*) FROM {table}"), count(events)
            if rows != told:
                wrong.append(f"{rows} rows of {table}, and {told} events that say so")
    return wrong
