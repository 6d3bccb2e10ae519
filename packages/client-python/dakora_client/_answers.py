"""From the wire to the types: pure functions that read an answer. Fields nobody asked for are ignored."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import parse_qs

from dakora_client._frozen import freeze
from dakora_client._request import Answer
from dakora_client.diff_types import Change, Diff, DiffLine, DiffWord
from dakora_client.errors import UnexpectedAnswer
from dakora_client.part_types import PartUsed
from dakora_client.types import (
    Context,
    Fault,
    Health,
    Me,
    Preview,
    Project,
    Prompt,
    PromptSummary,
    PromptVersion,
    RenderResult,
    User,
    ValidationReport,
    Workspace,
)

T = TypeVar("T")
_NEXT = re.compile(r'<[^<>?]*\?([^<>#]*)[^<>]*>\s*;[^<,]*\brel="?next\b')


class Page(NamedTuple, Generic[T]):
    """One page of a list; `cursor` leads to the next one, None ends it."""

    items: tuple[T, ...]
    cursor: str | None

    def after(self, sent: str | None) -> str | None:
        """The cursor to go on with, `sent` having led here. Raises UnexpectedAnswer where that would never end."""
        if self.cursor is not None and self.cursor == sent:
            raise UnexpectedAnswer("The server answered with a page that leads to itself.")
        return self.cursor


def nothing(answer: Answer) -> None:
    """No body is expected."""


def one(item: Callable[[Mapping[str, Any]], T]) -> Callable[[Answer], T]:
    """A reader of single things that `item` reads."""
    return lambda answer: item(json.loads(answer.body))


def page(item: Callable[[Mapping[str, Any]], T]) -> Callable[[Answer], Page[T]]:
    """A reader of lists whose members are read by `item`."""

    def read(answer: Answer) -> Page[T]:
        return Page(tuple(map(item, json.loads(answer.body))), next_cursor(answer))

    return read


def next_cursor(answer: Answer) -> str | None:
    """Where the next page begins; None after the last one."""
    link = answer.headers.get("link")
    # Only the cursor is taken: an address in an answer must not decide where the API key is sent next.
    found = _NEXT.search(link) if link else None
    return parse_qs(found[1]).get("cursor", [None])[0] if found else None


def prompt(answer: Answer) -> Prompt:
    """A prompt in full."""
    data = json.loads(answer.body)
    get = data.get
    return Prompt(
        id=data["id"],
        folder=get("folder") or "",
        version=data["version"],
        version_number=data["version_number"],
        description=get("description") or "",
        template=get("template"),
        messages=freeze(get("messages")),
        inputs=freeze(get("inputs") or {}),
        model=freeze(get("model")),
        tools=freeze(get("tools")),
        response_schema=freeze(get("response_schema")),
        metadata=freeze(get("metadata") or {}),
        labels=tuple(get("labels") or ()),
        parts=parts_used(data),
        content_hash=data["content_hash"],
        portable=bool(get("portable")),
        message=get("message"),
        created_by=get("created_by"),
        created_at=moment(get("created_at")),
        updated_at=moment(get("updated_at")),
        etag=answer.headers.get("etag"),
    )


def summary(data: Mapping[str, Any]) -> PromptSummary:
    """A prompt in a list."""
    return PromptSummary(
        id=data["id"],
        folder=data.get("folder") or "",
        version=data["version"],
        version_number=data["version_number"],
        description=data.get("description") or "",
        tags=tuple(data.get("tags") or ()),
        labels=tuple(data.get("labels") or ()),
        label_versions=freeze(data.get("label_versions") or {}),
        inputs=freeze(data.get("inputs") or {}),
        content_hash=data.get("content_hash") or "",
        updated_at=moment(data.get("updated_at")),
    )


def version(data: Mapping[str, Any]) -> PromptVersion:
    """A line of a prompt's history."""
    return PromptVersion(
        version_number=data["version_number"],
        version=data["version"],
        content_hash=data["content_hash"],
        message=data.get("message"),
        created_by=data.get("created_by"),
        created_at=moment(data.get("created_at")),
        portable=bool(data.get("portable")),
    )


def rendered(answer: Answer) -> RenderResult:
    """A rendered prompt."""
    data = json.loads(answer.body)
    return RenderResult(
        text=data["rendered"],
        messages=freeze(data.get("messages")),
        inputs=freeze(data["inputs_used"]),
        prompt_id=data["prompt_id"],
        version=data["version"],
        version_number=data["version_number"],
        content_hash=data["content_hash"],
        parts=parts_used(data),
    )


def parts_used(data: Mapping[str, Any]) -> tuple[PartUsed, ...]:
    """The parts that a text is made with."""
    return tuple(PartUsed(id=part["id"], version_number=part["version_number"]) for part in data.get("parts") or ())


def report(answer: Answer) -> ValidationReport:
    """The verdict on a template."""
    data = json.loads(answer.body)
    return ValidationReport(
        ok=data["ok"],
        variables_used=tuple(data.get("variables_used") or ()),
        variables_missing=tuple(data.get("variables_missing") or ()),
        variables_unused=tuple(data.get("variables_unused") or ()),
        includes=tuple(data.get("includes") or ()),
        errors=faults(data.get("errors") or ()),
        warnings=faults(data.get("warnings") or ()),
        preview=None
        if data.get("preview") is None
        else Preview(text=data["preview"].get("rendered"), errors=faults(data["preview"].get("errors") or ())),
    )


def change(data: Mapping[str, Any]) -> Change:
    """One field that differs."""
    return Change(
        field=data["field"],
        op=data["op"],
        before=freeze(data.get("before")),
        after=freeze(data.get("after")),
        lines=None if data.get("lines") is None else tuple(map(_line, data["lines"])),
        words=_words(data.get("words")),
    )


def _line(data: Mapping[str, Any]) -> DiffLine:
    return DiffLine(op=data["op"], text=data["text"], words=_words(data.get("words")))


def _words(data: Sequence[Mapping[str, Any]] | None) -> tuple[DiffWord, ...] | None:
    return None if data is None else tuple(DiffWord(op=word["op"], text=word["text"]) for word in data)


def diff(answer: Answer) -> Diff:
    """What changed between two versions."""
    data = json.loads(answer.body)
    return Diff(
        from_version=data["from"],
        to_version=data["to"],
        changes=tuple(map(change, data["changes"])),
    )


def faults(entries: Sequence[Mapping[str, Any]]) -> tuple[Fault, ...]:
    """The list of what is wrong, in problems and in reports."""
    return tuple(
        Fault(
            message=entry["message"],
            loc=tuple(entry.get("loc") or ()),
            line=entry.get("line"),
            column=entry.get("column"),
            type=entry.get("type"),
        )
        for entry in entries
    )


def me(answer: Answer) -> Me:
    """The caller."""
    data = json.loads(answer.body)
    user, fallback = data["user"], data.get("default_project")
    return Me(
        user=User(id=user["id"], name=user.get("name") or "", email=user.get("email")),
        workspaces=tuple(map(workspace, data.get("workspaces") or ())),
        default_project=None if fallback is None else project(fallback),
    )


def workspace(data: Mapping[str, Any]) -> Workspace:
    """A workspace, as the caller sees it."""
    return Workspace(
        id=data["id"],
        slug=data.get("slug") or "",
        name=data["name"],
        role=data["role"],
        personal=bool(data.get("personal")),
        created_at=moment(data.get("created_at")),
    )


def project(data: Mapping[str, Any]) -> Project:
    """A project."""
    return Project(
        id=data["id"],
        slug=data["slug"],
        name=data["name"],
        workspace_id=data["workspace_id"],
        created_at=moment(data.get("created_at")),
        archived_at=moment(data.get("archived_at")),
    )


def context(answer: Answer) -> Context:
    """The caller's project."""
    data = json.loads(answer.body)
    return Context(
        user_id=data["user_id"],
        name=data.get("name") or "",
        email=data.get("email"),
        workspace_id=data["workspace_id"],
        project_id=data["project_id"],
        project_slug=data["project_slug"],
        project_name=data["project_name"],
    )


def health(answer: Answer) -> Health:
    """The server's sign of life."""
    data = json.loads(answer.body)
    return Health(status=data["status"], version=data.get("version"))


def moment(text: str | None) -> datetime | None:
    """A point in time."""
    return None if text is None else datetime.fromisoformat(text)
