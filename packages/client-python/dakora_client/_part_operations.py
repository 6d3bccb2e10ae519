"""The operations on parts: pure functions, like `_operations`."""

from collections.abc import Mapping
from typing import Any

from dakora_client import _answers, _part_answers
from dakora_client._answers import Page
from dakora_client._operations import given, tag_of
from dakora_client._request import Call, encode, once, query, refused, segment
from dakora_client.diff_types import Diff
from dakora_client.part_types import Part, PartSummary, PartUsage, PartVersion

_PARTS = "/parts"
_PAGE_SIZE = 200
_read_versions = _answers.page(_part_answers.version)
_read_usages = _answers.page(_part_answers.usage)


def _path(part_id: str) -> str:
    """The part's address. Raises InvalidRequestError for what has not two halves."""
    category, slash, name = part_id.partition("/")
    if not slash:
        raise refused(
            f"The call was not sent: {part_id!r} is not the id of a part, `category/part_id`.", "invalid_request"
        )
    return f"{_PARTS}/{segment(category)}/{segment(name)}"


def list_parts(*, category: str | None, search: str | None, cursor: str | None) -> Call[Page[PartSummary]]:
    """GET /api/projects/{project_id}/parts."""
    wanted = query(category=category, search=search, limit=_PAGE_SIZE, cursor=cursor)
    return Call("GET", _PARTS + wanted, _part_answers.summaries, repeatable=True)


def get_part(part_id: str, *, version: int | str | None) -> Call[Part]:
    """GET /api/projects/{project_id}/parts/{category}/{part_id}."""
    return Call("GET", _path(part_id) + query(version=version), _part_answers.part, repeatable=True, cached=True)


def create_part(part_id: str, fields: Mapping[str, Any], *, idempotency_key: str | None) -> Call[Part]:
    """POST /api/projects/{project_id}/parts."""
    body = encode({"id": part_id, **given(fields)})
    return Call("POST", _PARTS, _part_answers.part, body, creates=True, idempotency_key=once(idempotency_key))


def save_part(part_id: str, fields: Mapping[str, Any], *, if_match: Part | str | None) -> Call[Part]:
    """PUT /api/projects/{project_id}/parts/{category}/{part_id}.

    Safe to repeat only with `if_match`: else a repeat could undo what somebody saved in between.
    """
    tag = None if if_match is None else tag_of(if_match)
    body = encode(given(fields))
    return Call("PUT", _path(part_id), _part_answers.part, body, if_match=tag, repeatable=tag is not None)


def delete_part(part_id: str, *, force: bool) -> Call[None]:
    """DELETE /api/projects/{project_id}/parts/{category}/{part_id}."""
    return Call("DELETE", _path(part_id) + query(force="true" if force else None), _answers.nothing)


def restore_part(part_id: str) -> Call[Part]:
    """POST /api/projects/{project_id}/parts/{category}/{part_id}/restore."""
    return Call("POST", f"{_path(part_id)}/restore", _part_answers.part)


def list_part_usages(part_id: str) -> Call[Page[PartUsage]]:
    """GET /api/projects/{project_id}/parts/{category}/{part_id}/usages."""
    return Call("GET", f"{_path(part_id)}/usages", _read_usages, repeatable=True)


def list_part_versions(part_id: str, *, cursor: str | None) -> Call[Page[PartVersion]]:
    """GET /api/projects/{project_id}/parts/{category}/{part_id}/versions."""
    path = f"{_path(part_id)}/versions{query(limit=_PAGE_SIZE, cursor=cursor)}"
    return Call("GET", path, _read_versions, repeatable=True)


def diff_part_versions(part_id: str, older: int, newer: int) -> Call[Diff]:
    """GET /api/projects/{project_id}/parts/{category}/{part_id}/versions/{number}/diff/{other}."""
    path = f"{_path(part_id)}/versions/{segment(str(older))}/diff/{segment(str(newer))}"
    return Call("GET", path, _answers.diff, repeatable=True)


def rollback_part(part_id: str, version: int | str, *, message: str | None) -> Call[Part]:
    """POST /api/projects/{project_id}/parts/{category}/{part_id}/rollback."""
    body = encode(given({"version": version, "message": message}))
    return Call("POST", f"{_path(part_id)}/rollback", _part_answers.part, body)
