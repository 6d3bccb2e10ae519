"""The rules of labels: where they point, who moves them, and how a second person agrees."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from dakora_server.core import clock
from dakora_server.core.audit.service import record as note
from dakora_server.core.exceptions import (
    Forbidden,
    InvalidRequest,
    LabelNotAllowed,
    LabelNotFound,
    LabelProtected,
    PromptNotFound,
    RequestNotFound,
    RequestOver,
    StaleLabel,
    TooMany,
)
from dakora_server.core.prompts import label_queries, queries, rendering, service
from dakora_server.core.prompts.label_queries import LabelComment, LabelMove, LabelRecord, LabelRequest
from dakora_server.core.prompts.records import LATEST, PromptRecord, Selector
from dakora_server.core.scope import ProjectReader, ProjectWriter, Role

MOST_LABELS = 50
MOST_COMMENTS = 200


async def list_labels(project: ProjectReader, prompt_id: str) -> list[LabelRecord]:
    """The prompt's labels, in order of name; the automatic one is not among them. Raises PromptNotFound."""
    await _refuse_unknown(project, prompt_id)
    found = await label_queries.list_labels(project, prompt_id)
    return [one for one in found if project.labels is None or one.label in project.labels]


async def show_label(project: ProjectReader, prompt_id: str, label: str) -> LabelRecord:
    """One label. Raises PromptNotFound, LabelNotFound."""
    for record in await list_labels(project, prompt_id):
        if record.label == label:
            return record
    raise LabelNotFound(f"The prompt {prompt_id} has no label {label}.")


async def history(
    project: ProjectReader, prompt_id: str, label: str, *, before: int | None, limit: int
) -> list[LabelMove]:
    """Every move of a label, newest first. Raises PromptNotFound, LabelNotAllowed."""
    if project.labels is not None and label not in project.labels:
        raise LabelNotAllowed(f"This API key opens these labels only: {', '.join(sorted(project.labels))}.")
    await _refuse_unknown(project, prompt_id)
    return await label_queries.list_moves(project, prompt_id, label, before=before, limit=limit)


async def _refuse_unknown(project: ProjectReader, prompt_id: str) -> None:
    if not await queries.prompt_exists(project, prompt_id):
        raise PromptNotFound(f"There is no prompt {prompt_id}.")


async def move(
    project: ProjectWriter,
    prompt_id: str,
    label: str,
    which: Selector,
    *,
    message: str | None = None,
    if_match: Sequence[str] | None = None,
) -> LabelRecord:
    """Let a label point to a version. To where it points already changes nothing.

    Raises PromptNotFound, VersionNotFound, StaleLabel, TooMany; LabelProtected when it is not for this role to move, or
    needs a second person's approval.
    """
    _refuse_reserved(label)
    head, target = await _hold(project, prompt_id, which)
    await _refuse_protected(project, label)
    return await _point(project, head, label, target.number, message=message, if_match=if_match)


async def remove(project: ProjectWriter, prompt_id: str, label: str, *, if_match: Sequence[str] | None = None) -> None:
    """Let a label point nowhere. Raises PromptNotFound, LabelNotFound, StaleLabel, LabelProtected."""
    _refuse_reserved(label)
    head, _ = await _hold(project, prompt_id, Selector())
    await _refuse_protected(project, label)
    before = await _current(project, prompt_id, label)
    if before is None:
        raise LabelNotFound(f"The prompt {prompt_id} has no label {label}.")
    _refuse_stale(before, if_match)
    await label_queries.remove_label(project, prompt_id, label)
    await _write_down(project, head, label, before.number, None, message=None)


async def _hold(project: ProjectWriter, prompt_id: str, which: Selector) -> tuple[PromptRecord, PromptRecord]:
    """The prompt at its newest version, its row held, and the version that is meant."""
    await project.hold(prompt_id)
    head = await queries.lock_prompt(project, prompt_id)
    if head is None:
        raise PromptNotFound(f"There is no prompt {prompt_id}.")
    return head, head if which.is_newest else await service.find(project, prompt_id, which)


async def _current(project: ProjectReader, prompt_id: str, label: str) -> LabelRecord | None:
    found = await label_queries.list_labels(project, prompt_id, label=label)
    return found[0] if found else None


async def _point(
    project: ProjectWriter,
    head: PromptRecord,
    label: str,
    number: int,
    *,
    message: str | None,
    if_match: Sequence[str] | None = None,
) -> LabelRecord:
    before = await _current(project, head.prompt_id, label)
    if before is not None and before.number == number:
        # As with versions: a move repeated because its answer was lost succeeds.
        return before
    _refuse_stale(before, if_match)
    if before is None and await label_queries.count_labels(project, head.prompt_id) >= MOST_LABELS:
        raise TooMany(f"A prompt has at most {MOST_LABELS} labels.")
    await label_queries.put_label(project, head.prompt_id, label, number, at=clock.now())
    await _write_down(project, head, label, None if before is None else before.number, number, message=message)
    after = await _current(project, head.prompt_id, label)
    assert after is not None  # noqa: S101 - put just above, in this transaction
    return after


async def _write_down(
    project: ProjectWriter,
    head: PromptRecord,
    label: str,
    from_number: int | None,
    to_number: int | None,
    *,
    message: str | None,
) -> None:
    """The move in the label's history and in the trail, and word of it to everybody."""
    move = {"label": label, "from_number": from_number, "to_number": to_number, "message": message}
    await label_queries.add_move(project, head.prompt_id, {**move, "at": clock.now()})
    await queries.touch_labels(project, head.prompt_id)
    action = "label.removed" if to_number is None else "label.moved"
    facts = {"prompt": head.prompt_id, "version": to_number}
    await note(project, action, label, before={"prompt": head.prompt_id, "version": from_number}, after=facts)
    await project.announce(head.prompt_id)


def _refuse_stale(before: LabelRecord | None, if_match: Sequence[str] | None) -> None:
    if if_match is None:
        return
    if before is None or ("*" not in if_match and before.etag not in if_match):
        raise StaleLabel


def _refuse_reserved(label: str) -> None:
    if label == LATEST:
        raise InvalidRequest("The label latest is automatic: it points to the newest version.")


async def _refuse_protected(project: ProjectReader, label: str) -> None:
    needs_approval = await label_queries.protection_of(project, label)
    if needs_approval:
        raise LabelProtected(f"The label {label} moves by approval: make a request for it.")
    if needs_approval is False and not project.role.covers(Role.admin):
        raise LabelProtected(f"The label {label} is protected: an admin moves it.")


async def list_protected(project: ProjectReader) -> list[tuple[str, bool]]:
    """The protected labels, and whether each needs approval."""
    return await label_queries.list_protected(project)


async def protect(project: ProjectWriter, label: str, *, needs_approval: bool) -> None:
    """Protect a label in the whole project."""
    _refuse_reserved(label)
    await label_queries.protect(project, label, needs_approval=needs_approval)
    await note(project, "label.protected", label, after={"needs_approval": needs_approval})


async def unprotect(project: ProjectWriter, label: str) -> None:
    """Protect a label no longer. Raises LabelNotFound."""
    if not await label_queries.unprotect(project, label):
        raise LabelNotFound(f"The label {label} is not protected.")
    await note(project, "label.unprotected", label)


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request with all that whoever decides wants to see."""

    request: LabelRequest
    changes: list[dict[str, Any]]
    comments: list[LabelComment]


async def ask(
    project: ProjectWriter, prompt_id: str, label: str, which: Selector, *, message: str | None
) -> LabelRequest:
    """Ask for a move. Raises PromptNotFound, VersionNotFound, InvalidRequest when it points there already."""
    _refuse_reserved(label)
    head, target = await _hold(project, prompt_id, which)
    before = await _current(project, head.prompt_id, label)
    if before is not None and before.number == target.number:
        raise InvalidRequest(f"The label {label} points to version {target.number} already.")
    request = LabelRequest(
        id=uuid.uuid4(),
        prompt_id=head.prompt_id,
        label=label,
        from_number=None if before is None else before.number,
        to_number=target.number,
        message=message,
        status="open",
        requested_by=project.actor.user_id,
        created_at=clock.now(),
        decided_by=None,
        decided_at=None,
    )
    await label_queries.add_request(project, request)
    facts = {"prompt": head.prompt_id, "label": label, "version": target.number}
    await note(project, "label_request.created", request.id, after=facts)
    return request


async def list_requests(
    project: ProjectReader, *, status: str | None, after: tuple[datetime, UUID] | None, limit: int
) -> list[LabelRequest]:
    """The project's requests, newest first."""
    return await label_queries.list_requests(project, status=status, after=after, limit=limit)


async def show_request(project: ProjectReader, request_id: UUID) -> RequestView:
    """A request with the changes that it would bring and what was said. Raises RequestNotFound."""
    request = await label_queries.find_request(project, request_id)
    if request is None:
        raise RequestNotFound
    changes: list[dict[str, Any]] = []
    if request.from_number is not None:
        changes = await rendering.diff(project, request.prompt_id, request.from_number, request.to_number)
    return RequestView(request, changes, await label_queries.list_comments(project, request_id))


async def comment(project: ProjectWriter, request_id: UUID, text: str) -> LabelComment:
    """Say something about a request. Raises RequestNotFound, TooMany."""
    if await label_queries.lock_request(project, request_id) is None:
        raise RequestNotFound
    if len(await label_queries.list_comments(project, request_id)) >= MOST_COMMENTS:
        raise TooMany(f"A request has at most {MOST_COMMENTS} comments.")
    said = LabelComment(uuid.uuid4(), text, project.actor.user_id, clock.now())
    await label_queries.add_comment(project, request_id, said)
    await note(project, "label_request.commented", request_id, after={"comment": said.id})
    return said


async def decide(
    project: ProjectWriter, request_id: UUID, verdict: Literal["approved", "rejected", "withdrawn"]
) -> LabelRequest:
    """Approve, reject or withdraw a request; approving moves the label.

    Who asked may withdraw; an admin rejects, and one who did not ask approves. Raises RequestNotFound,
    RequestOver, Forbidden, StaleLabel when the label has moved since the request was made.
    """
    head = None
    if verdict == "approved":
        # The prompt before the request, as whoever moves or removes a prompt holds them: else each waits for the other.
        known = await label_queries.find_request(project, request_id)
        if known is None:
            raise RequestNotFound
        head, _ = await _hold(project, known.prompt_id, Selector())
    request = await label_queries.lock_request(project, request_id)
    if request is None:
        raise RequestNotFound
    if request.status != "open":
        raise RequestOver(f"The request was {request.status} already.")
    is_own = request.requested_by == project.actor.user_id
    if verdict == "withdrawn" and not (is_own or project.role.covers(Role.admin)):
        raise Forbidden("Who asked withdraws a request, or an admin.")
    if verdict != "withdrawn" and not project.role.covers(Role.admin):
        raise Forbidden
    if verdict == "approved" and is_own:
        raise Forbidden("A second person approves a request.")
    if head is not None:
        await _carry_out(project, head, request)
    await label_queries.decide(project, request_id, verdict, at=clock.now())
    await note(project, f"label_request.{verdict}", request_id, before={"status": "open"}, after={"status": verdict})
    decided = await label_queries.find_request(project, request_id)
    assert decided is not None  # noqa: S101 - held by this transaction
    return decided


async def _carry_out(project: ProjectWriter, head: PromptRecord, request: LabelRequest) -> None:
    current = await _current(project, request.prompt_id, request.label)
    if (None if current is None else current.number) != request.from_number:
        raise StaleLabel("The label has moved since the request was made: make a new one.")
    await _point(project, head, request.label, request.to_number, message=request.message)
