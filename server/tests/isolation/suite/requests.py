"""Requests drawn from all operations of the application: by everybody, in one's own places and in others'."""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from isolation_suite.calls import Call, Draw, Said, body_of, headers_of
from isolation_suite.execution_operations import generates as _executions_are_known
from isolation_suite.label_operations import SELDOM
from isolation_suite.operations import GENERATORS
from isolation_suite.part_operations import generates as _parts_are_known
from isolation_suite.run_operations import generates as _runs_are_known
from isolation_suite.tenants import LABELLED, LABELS, PARTS, PROMPTS, QUIET, SIDES, STEADY, Caller, Spot, Tenants

from dakora_server.permissions import OPERATIONS, Place

assert _parts_are_known  # importing them is what registers them
assert _executions_are_known
assert _runs_are_known

# What only reads: all that those who keep still do in their own places.
_READING = ("get_", "list_", "diff_", "render_", "validate_", "export_project", "compare_")
READS = {name for name in OPERATIONS if name.startswith(_READING)} - {"compare_prompt"}
# Rarer: they ask every dependency, or the answer is a page.
_RARE = {"ready", "favicon", "favicon_ico", "openapi", "hear_clerk", "health"}
# The Studio: the same files for everybody, with nothing of anybody in them.
_STATIC = {"studio_page", "studio_asset"}
_SLOW = {"create_workspace", "validate_template", "export_project", "import_project"}
# A call of a model, though it is only one on loopback.
_COSTLY = {"execute_prompt", "compare_prompt", "list_models"}
_FOREIGN_SHARE = 0.3
# What must have happened for an operation to find something.
_BEFORE = {
    "accept_invitation": ("create_invitation",),
    "approve_label_request": ("create_label_request",),
    "archive_project": ("create_project",),
    "archive_workspace": ("create_workspace",),
    "change_member": ("create_workspace", "create_invitation", "accept_invitation"),
    "delete_label": ("put_label",),
    "get_execution": ("record_executions",),
    "compare_prompt": ("set_provider", "change_budget"),
    "delete_provider": ("set_provider",),
    "execute_prompt": ("set_provider", "change_budget"),
    "erase_executions": ("record_executions",),
    "reject_label_request": ("create_label_request",),
    "remove_member": ("create_invitation", "accept_invitation"),
    "restore_part": ("delete_part",),
    "restore_project": ("create_project", "archive_project"),
    "restore_prompt": ("delete_prompt",),
    "revoke_api_key": ("create_api_key",),
    "revoke_invitation": ("create_invitation",),
    "rotate_api_key": ("create_api_key",),
    "unprotect_label": ("protect_label",),
    "withdraw_label_request": ("create_label_request",),
}
_ABLE = {"owner", "admin"}


@dataclass(frozen=True)
class Operation:
    """A route of the application."""

    name: str
    method: str
    path: str
    place: Place

    @property
    def parameters(self) -> list[str]:
        """The names in its address."""
        return [part.strip("{}") for part in self.path.split("/") if part.startswith("{")]


def operations_of(app: Any) -> list[Operation]:
    """Every operation the application answers, from its own routes."""
    return [
        Operation(route.name, method, path, OPERATIONS[route.name].place if route.name in OPERATIONS else Place.open)
        for path, route in _routes(app.router.routes)
        if route.name not in _STATIC
        for method in sorted(set(route.methods or ()) - {"HEAD", "OPTIONS"})
    ]


def _routes(routes: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for route in routes:
        if getattr(route, "methods", None):
            yield route.path, route
        elif hasattr(route, "effective_route_contexts"):
            yield from ((one.path, one) for one in route.effective_route_contexts())
        else:
            yield from _routes(route.routes)


class Composer:
    """Draws requests.

    `warm` is the share of hot reads and renders. `only` narrows the rest to some operations, sent mostly by those who
    may; then whoever keeps still changes nothing anywhere, because a broken query may lead it back to its own place.
    """

    def __init__(self, app: Any, tenants: Tenants, *, warm: float, only: Collection[str] = ()) -> None:
        self._tenants = tenants
        self._warm = warm
        self._focused = bool(only)
        wider = {*only, *(before for name in only for before in _BEFORE.get(name, ()))}
        wanted = [one for one in operations_of(app) if not only or one.name in wider]
        self._operations = wanted
        weight = dict.fromkeys(_SLOW, 0.5) | ({} if only else dict.fromkeys(_COSTLY, 0.3))
        self._weights = [0.1 if one.name in _RARE else weight.get(one.name, 1.0) for one in wanted]
        self._hot = _hot_calls(tenants) if warm else []
        self._guests = [caller for caller in tenants.callers if caller.role == "guest"]
        self._able = [caller for caller in tenants.callers if caller.role in _ABLE]

    def draw(self, rng: random.Random) -> Call:
        """One request."""
        if rng.random() < self._warm:
            return rng.choice(self._hot)
        while True:
            call = self._compose(rng, rng.choices(self._operations, self._weights)[0])
            if call is not None:
                return call

    def _compose(self, rng: random.Random, operation: Operation) -> Call | None:
        """A request for an operation; None where nobody sends it, because its effects would spoil the rest."""
        tenants = self._tenants
        caller = rng.choice(self._able if self._focused and rng.random() < 0.4 else tenants.callers)
        if operation.name == "accept_invitation" and rng.random() < 0.5:
            caller = rng.choice(self._guests)
        if operation.name in SELDOM and rng.random() < 0.5:
            caller = rng.choice(self._able)
        draw = Draw(rng, tenants, caller)
        if operation.place is Place.project:
            draw.spot = self._spot(rng, caller)
        elif operation.place is Place.workspace:
            draw.side = tenants.sides[rng.choice(SIDES) if rng.random() < _FOREIGN_SHARE else caller.side]
        still = draw.quiet or (self._focused and caller.side == QUIET)
        if still and operation.name not in READS:
            return None
        said = GENERATORS[operation.name](draw)
        return self._finish(operation, draw, said)

    def _spot(self, rng: random.Random, caller: Caller) -> Spot:
        if rng.random() < _FOREIGN_SHARE:
            return rng.choice([spot for spot in self._tenants.spots if spot not in caller.spots])
        return rng.choice(caller.spots)

    def _finish(self, operation: Operation, draw: Draw, said: Said) -> Call:
        caller, tenants = draw.caller, self._tenants
        drawn: dict[str, object] = {"prompt_id": draw.rng.choice(PROMPTS), "label": draw.rng.choice(LABELS)}
        if "category" in operation.parameters:
            drawn["category"], drawn["part_id"] = draw.rng.choice(PARTS).split("/")
        if draw.spot is not None:
            drawn["project_id"] = draw.spot.id
            view = tenants.at_spot(caller, draw.spot)
        elif draw.side is not None:
            drawn["workspace_id"] = draw.side.id
            view = tenants.at_side(caller, draw.side)
        else:
            view = tenants.at_home(caller)
        drawn |= said.ids
        path = operation.path
        for name in operation.parameters:
            path = path.replace(f"{{{name}}}", quote(str(drawn[name])))
        body = body_of(said)
        given = {name: value for name, value in said.query.items() if value is not None}
        return Call(
            operation=operation.name,
            who=caller.name,
            method=operation.method,
            path=path,
            view=view,
            foreign=not draw.own,
            home=tenants.at_home(caller),
            query=urlencode(given).encode(),
            headers=headers_of(None if operation.name in _RARE else caller, said.headers, body),
            body=body,
            learn=said.learn,
        )


def _hot_calls(tenants: Tenants) -> list[Call]:
    """Reads and renders as programs send them, answered from memory; one in a hundred of somebody else's project."""
    own: list[Call] = []
    others: list[Call] = []
    for caller in tenants.callers:
        # Guests come and go: what they get is not kept.
        for spot in tenants.spots if caller.role != "guest" else ():
            for prompt_id in STEADY:
                calls = _hot_pair(tenants, caller, spot, prompt_id)
                (own if spot in caller.spots else others).extend(calls)
    return own * (100 * len(others) // len(own)) + others


def _hot_pair(tenants: Tenants, caller: Caller, spot: Spot, prompt_id: str) -> list[Call]:
    place = tenants.at_spot(caller, spot), spot not in caller.spots, tenants.at_home(caller)
    path = f"/api/projects/{spot.id}/prompts/{prompt_id}"
    body = body_of(Said(body={"inputs": {"name": "Ada"}}))
    read = Call("get_prompt", caller.name, "GET", path, *place, headers=headers_of(caller, {}, b""))
    render = Call("render_prompt", caller.name, "POST", f"{path}/render", *place, body=body)
    render.headers = headers_of(caller, {}, body)
    if prompt_id in LABELLED:
        labelled = Call("get_prompt", caller.name, "GET", path, *place, query=b"label=production", headers=read.headers)
        return [read, labelled, render]
    # Renders that need a worker process are left to the other requests: they cost ten times these.
    return [read, read] if prompt_id in {"looped", "framed"} else [read, read, render]
