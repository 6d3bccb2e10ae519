"""The operations on archives: pure functions, like `_operations`."""

import json
from collections.abc import Mapping
from typing import Any

from dakora_client._answers import faults
from dakora_client._request import Answer, Call, query, segment
from dakora_client.archive_types import ImportedFile, ImportedLabel, ImportReport

_ZIP = "application/zip"
SECONDS = 600.0
"""How long an archive may take unless the caller says otherwise: thousands of prompts are not read in a moment."""


def export_project(project_id: str | None, *, history: bool) -> Call[bytes]:
    """GET /api/projects/{project_id}/export."""
    path = f"{_place(project_id)}/export{query(history=_flag(history))}"
    return Call("GET", path, _read_archive, repeatable=True, in_project=project_id is None)


def import_project(
    project_id: str | None, archive: bytes, *, dry_run: bool, partial: bool, message: str | None
) -> Call[ImportReport]:
    """POST /api/projects/{project_id}/import. Doing it again changes nothing, so it may be repeated."""
    wanted = query(dry_run=_flag(dry_run), partial=_flag(partial), message=message)
    path = f"{_place(project_id)}/import{wanted}"
    own = project_id is None
    return Call("POST", path, _read_report, archive, repeatable=True, in_project=own, media_type=_ZIP)


def _place(project_id: str | None) -> str:
    return "" if project_id is None else f"/api/projects/{segment(project_id)}"


def _flag(value: bool) -> str | None:
    return "true" if value else None


def _read_archive(answer: Answer) -> bytes:
    if not answer.headers["content-type"].startswith(_ZIP):
        raise ValueError("no archive")
    return answer.body


def _read_report(answer: Answer) -> ImportReport:
    data = json.loads(answer.body)
    return ImportReport(
        dry_run=data["dry_run"],
        counts=data["counts"],
        prompts=tuple(map(_file, data["prompts"])),
        labels=tuple(map(_label, data["labels"])),
        parts=tuple(map(_file, data.get("parts") or ())),
        part_counts=data.get("part_counts") or {},
    )


def _file(data: Mapping[str, Any]) -> ImportedFile:
    return ImportedFile(
        path=data["path"],
        id=data.get("id"),
        outcome=data["outcome"],
        version=data.get("version"),
        version_number=data.get("version_number"),
        errors=faults(data.get("errors") or ()),
    )


def _label(data: Mapping[str, Any]) -> ImportedLabel:
    return ImportedLabel(
        prompt=data["prompt"],
        label=data["label"],
        outcome=data["outcome"],
        version_number=data.get("version_number"),
        reason=data.get("reason"),
    )
