"""Generators for labels, protected labels, and requests to move them."""

from collections.abc import Callable
from typing import Any

from isolation_suite.calls import Draw, Said
from isolation_suite.operations import generates, if_match
from isolation_suite.tenants import ABSENT, DRAFTS, LABELLED, LABELS, PROMPTS, STEADY, Asked

# What succeeds too rarely when just anybody sends it: half of these are sent by owners and admins.
SELDOM = {
    "approve_label_request",
    "create_label_request",
    "move_prompt",
    "protect_label",
    "reject_label_request",
    "unprotect_label",
    "withdraw_label_request",
}


def _target(draw: Draw) -> dict[str, object]:
    """A prompt of one's own or another's. A key leaves nomads alone: its id would go along to the other project."""
    movable = not (draw.own and draw.caller.is_key)
    return {"prompt_id": draw.rng.choice(PROMPTS if movable else (*STEADY, *DRAFTS))}


@generates("list_labels", "list_protected_labels")
def plain(draw: Draw) -> Said:
    """Nothing but the address."""
    return Said()


def _learn_etag(draw: Draw) -> Callable[[int, dict[bytes, bytes], Any], None]:
    def learn(status: int, headers: dict[bytes, bytes], answer: Any) -> None:
        if status == 200 and draw.own:
            draw.here.etags.append(headers[b"etag"].decode())

    return learn


@generates("get_label")
def get_label(draw: Draw) -> Said:
    return Said(learn=_learn_etag(draw))


@generates("list_label_moves")
def list_label_moves(draw: Draw) -> Said:
    return Said(query=draw.page())


@generates("put_label")
def put_label(draw: Draw) -> Said:
    target = _target(draw)
    version = draw.rng.choice((1, 2, 3, "1.0.1", draw.rng.randint(1, 6)))
    body = {"version": version, "message": f"Moved {draw.text_of(str(target['prompt_id']))}"}
    return Said(body=body, headers=if_match(draw), ids=target, learn=_learn_etag(draw))


@generates("delete_label")
def delete_label(draw: Draw) -> Said:
    """One's own `production` stays, for all who read through it."""
    label = draw.rng.choice(LABELS[1:] if draw.own else LABELS)
    return Said(headers=if_match(draw), ids={**_target(draw), "label": label})


def _protectable(draw: Draw) -> dict[str, object]:
    """Of one's own place only what need not move freely."""
    return {"label": draw.rng.choice(("guarded", "other") if draw.own else LABELS)}


@generates("protect_label")
def protect_label(draw: Draw) -> Said:
    return Said(body={"needs_approval": draw.rng.random() < 0.7}, ids=_protectable(draw))


@generates("unprotect_label")
def unprotect_label(draw: Draw) -> Said:
    return Said(ids=_protectable(draw))


@generates("list_label_requests")
def list_label_requests(draw: Draw) -> Said:
    return Said(query=draw.page(status=draw.rng.choice((None, None, "open", "approved", "withdrawn"))))


@generates("create_label_request")
def create_label_request(draw: Draw) -> Said:
    prompt_id = draw.rng.choice(LABELLED if draw.rng.random() < 0.7 else PROMPTS)
    body = {
        "label": draw.rng.choice((*LABELS, "guarded")),
        "version": draw.rng.choice((1, 2, 3, "1.0.1", draw.rng.randint(1, 6))),
        "message": f"Asked {draw.text_of(prompt_id)}",
    }
    side, spot, asker = draw.here, draw.spot, draw.caller.user_id

    def learn(status: int, headers: dict[bytes, bytes], answer: Any) -> None:
        if status == 201 and draw.own and spot is not None:
            draw.tenants.owners.add(answer["id"], spot.label)
            side.requests.append(Asked(spot.id, answer["id"], asker))

    return Said(body=body, headers=draw.repeat(), ids={"prompt_id": prompt_id}, learn=learn)


def _request_id(draw: Draw, own: list[str]) -> dict[str, object]:
    """In one's own place its requests, a sibling project's and another workspace's; in others' theirs."""
    assert draw.spot is not None
    here, other = draw.here, draw.other()
    if not draw.own:
        theirs = [asked.id for asked in (*here.fixed_requests, *here.requests)]
        return {"request_id": draw.rng.choice([*theirs, ABSENT[0]])}
    siblings = [asked.id for asked in here.fixed_requests if asked.spot_id != draw.spot.id]
    foreign = [asked.id for asked in (*other.fixed_requests, *other.requests)]
    return {"request_id": draw.pick(own, draw.rng.choice((siblings, foreign)))}


def _any_request(draw: Draw) -> dict[str, object]:
    known = (*draw.here.fixed_requests, *draw.here.requests)
    return _request_id(draw, [asked.id for asked in known if draw.spot is not None and asked.spot_id == draw.spot.id])


@generates("get_label_request")
def get_label_request(draw: Draw) -> Said:
    return Said(ids=_any_request(draw))


@generates("comment_label_request")
def comment_label_request(draw: Draw) -> Said:
    spot = draw.spot

    def learn(status: int, headers: dict[bytes, bytes], answer: Any) -> None:
        if status == 201 and draw.own and spot is not None:
            draw.tenants.owners.add(answer["id"], spot.label)

    return Said(body={"text": f"Said {draw.canary}"}, headers=draw.repeat(), ids=_any_request(draw), learn=learn)


def _decision(draw: Draw, suits: Callable[[Asked], bool]) -> Said:
    """About a request that is open still, where there is one that this caller may decide about."""
    side, spot = draw.here, draw.spot
    open_here = [asked for asked in side.requests if spot is not None and asked.spot_id == spot.id]
    ids = _request_id(draw, [asked.id for asked in open_here if suits(asked)])

    def learn(status: int, headers: dict[bytes, bytes], answer: Any) -> None:
        for asked in [asked for asked in side.requests if asked.id == answer["id"]]:
            side.requests.remove(asked)

    return Said(ids=ids, learn=learn)


@generates("approve_label_request")
def approve(draw: Draw) -> Said:
    return _decision(draw, lambda asked: asked.by != draw.caller.user_id)


@generates("reject_label_request")
def reject(draw: Draw) -> Said:
    return _decision(draw, lambda asked: True)


@generates("withdraw_label_request")
def withdraw(draw: Draw) -> Said:
    return _decision(draw, lambda asked: asked.by == draw.caller.user_id or draw.caller.role in {"owner", "admin"})
