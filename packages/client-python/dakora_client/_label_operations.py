"""The operations on labels: pure functions, like `_operations`."""

from dakora_client import _answers, _label_answers
from dakora_client._answers import Page
from dakora_client._operations import given, prompt_path
from dakora_client._request import Call, encode, entity_tag, once, query, segment
from dakora_client.types import Label, LabelComment, LabelMove, LabelRequest, ProtectedLabel, RequestStatus

_PAGE_SIZE = 200
_REQUESTS = "/label-requests"
_PROTECTED = "/protected-labels"
_read_labels = _answers.page(_label_answers.label)
_read_moves = _answers.page(_label_answers.move)
_read_protected = _answers.one(_label_answers.protected)
_read_all_protected = _answers.page(_label_answers.protected)
_read_request = _answers.one(_label_answers.request)
_read_requests = _answers.page(_label_answers.request)
_read_comment = _answers.one(_label_answers.comment)


def _label(prompt_id: str, label: str) -> str:
    return f"{prompt_path(prompt_id)}/labels/{segment(label)}"


def _request(request_id: str) -> str:
    return f"{_REQUESTS}/{segment(request_id)}"


def list_labels(prompt_id: str) -> Call[Page[Label]]:
    """GET /api/projects/{project_id}/prompts/{prompt_id}/labels."""
    return Call("GET", f"{prompt_path(prompt_id)}/labels", _read_labels, repeatable=True)


def get_label(prompt_id: str, label: str) -> Call[Label]:
    """GET /api/projects/{project_id}/prompts/{prompt_id}/labels/{label}."""
    return Call("GET", _label(prompt_id, label), _label_answers.one_label, repeatable=True)


def put_label(
    prompt_id: str, label: str, version: int | str, *, message: str | None, if_match: Label | str | None
) -> Call[Label]:
    """PUT /api/projects/{project_id}/prompts/{prompt_id}/labels/{label}.

    Safe to repeat only with `if_match`: else a repeat could undo a move that somebody made in between.
    """
    body = encode(given({"version": version, "message": message}))
    tag = _tag(if_match)
    return Call(
        "PUT", _label(prompt_id, label), _label_answers.one_label, body, if_match=tag, repeatable=tag is not None
    )


def delete_label(prompt_id: str, label: str, *, if_match: Label | str | None) -> Call[None]:
    """DELETE /api/projects/{project_id}/prompts/{prompt_id}/labels/{label}."""
    return Call("DELETE", _label(prompt_id, label), _answers.nothing, if_match=_tag(if_match))


def list_label_moves(prompt_id: str, label: str, *, cursor: str | None) -> Call[Page[LabelMove]]:
    """GET /api/projects/{project_id}/prompts/{prompt_id}/labels/{label}/history."""
    path = f"{_label(prompt_id, label)}/history{query(limit=_PAGE_SIZE, cursor=cursor)}"
    return Call("GET", path, _read_moves, repeatable=True)


def list_protected_labels() -> Call[Page[ProtectedLabel]]:
    """GET /api/projects/{project_id}/protected-labels."""
    return Call("GET", _PROTECTED, _read_all_protected, repeatable=True)


def protect_label(label: str, *, needs_approval: bool) -> Call[ProtectedLabel]:
    """PUT /api/projects/{project_id}/protected-labels/{label}."""
    body = encode({"needs_approval": needs_approval})
    return Call("PUT", f"{_PROTECTED}/{segment(label)}", _read_protected, body, repeatable=True)


def unprotect_label(label: str) -> Call[None]:
    """DELETE /api/projects/{project_id}/protected-labels/{label}."""
    return Call("DELETE", f"{_PROTECTED}/{segment(label)}", _answers.nothing)


def list_label_requests(*, status: RequestStatus | None, cursor: str | None) -> Call[Page[LabelRequest]]:
    """GET /api/projects/{project_id}/label-requests."""
    path = _REQUESTS + query(status=status, limit=_PAGE_SIZE, cursor=cursor)
    return Call("GET", path, _read_requests, repeatable=True)


def create_label_request(
    prompt_id: str, label: str, version: int | str, *, message: str | None, idempotency_key: str | None
) -> Call[LabelRequest]:
    """POST /api/projects/{project_id}/prompts/{prompt_id}/label-requests."""
    body = encode(given({"label": label, "version": version, "message": message}))
    path = f"{prompt_path(prompt_id)}/label-requests"
    return Call("POST", path, _read_request, body, creates=True, idempotency_key=once(idempotency_key))


def get_label_request(request_id: str) -> Call[LabelRequest]:
    """GET /api/projects/{project_id}/label-requests/{request_id}."""
    return Call("GET", _request(request_id), _read_request, repeatable=True)


def comment_label_request(request_id: str, text: str, *, idempotency_key: str | None) -> Call[LabelComment]:
    """POST /api/projects/{project_id}/label-requests/{request_id}/comments."""
    path, body = f"{_request(request_id)}/comments", encode({"text": text})
    return Call("POST", path, _read_comment, body, creates=True, idempotency_key=once(idempotency_key))


def approve_label_request(request_id: str) -> Call[LabelRequest]:
    """POST /api/projects/{project_id}/label-requests/{request_id}/approve."""
    return Call("POST", f"{_request(request_id)}/approve", _read_request)


def reject_label_request(request_id: str) -> Call[LabelRequest]:
    """POST /api/projects/{project_id}/label-requests/{request_id}/reject."""
    return Call("POST", f"{_request(request_id)}/reject", _read_request)


def withdraw_label_request(request_id: str) -> Call[LabelRequest]:
    """POST /api/projects/{project_id}/label-requests/{request_id}/withdraw."""
    return Call("POST", f"{_request(request_id)}/withdraw", _read_request)


def _tag(if_match: Label | str | None) -> str | None:
    if if_match is None:
        return None
    return entity_tag(if_match if isinstance(if_match, str) else if_match.etag or "")
