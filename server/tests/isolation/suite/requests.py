"""Requests drawn from all operations of the application: by everybody, in one's own places and in others'."""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from isolation_suite.calls import Call, Draw, Said, body_of, headers_of
from isolation_suite.operations import GENERATORS
from isolation_suite.tenants import ABSENT, PROMPTS, QUIET, SIDES, STEADY, Caller, Spot, Tenants

from dakora_server.permissions import OPERATIONS, Place

# What only reads: all that those who keep still do in their own places.
READS = {name for name in OPERATIONS if name.startswith(("get_", "list_", "diff_", "render_", "validate_"))}
# Rarer: they ask every dependency, or the answer is a page.
_RARE = {"ready", "start_page", "favicon", "favicon_ico", "openapi", "hear_clerk", "health"}
_SLOW = {"create_workspace", "validate_template"}
_FOREIGN_SHARE = 0.3


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
    found = []
    for path, route in _routes(app.router.routes):
        rule = OPERATIONS.get(route.name)
        for method in sorted(set(route.methods or ()) - {"HEAD", "OPTIONS"}):
            found.append(Operation(route.name, method, path, rule.place if rule else Place.open))
    return found


def _routes(routes: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for route in routes:
        if getattr(route, "methods", None):
            yield route.path, route
        elif hasattr(route, "effective_route_contexts"):
            yield from ((one.path, one) for one in route.effective_route_contexts())
        else:
            yield from _routes(route.routes)


class Composer:
    """Draws requests. `only` narrows it to some operations; `warm` is the share of hot reads and renders."""

    def __init__(
        self, app: Any, tenants: Tenants, *, warm: float, only: Collection[str] = (), foreign: float = _FOREIGN_SHARE
    ) -> None:
        self._tenants = tenants
        self._warm = warm
        self._foreign = foreign
        wanted = [one for one in operations_of(app) if not only or one.name in only]
        self._operations = wanted
        self._weights = [0.1 if one.name in _RARE else 0.5 if one.name in _SLOW else 1.0 for one in wanted]
        self._hot = _hot_calls(tenants) if warm else []

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
        caller = rng.choice(tenants.callers)
        draw = Draw(rng, tenants, caller)
        if operation.place is Place.project:
            draw.spot = self._spot(rng, caller)
        elif operation.place is Place.workspace:
            draw.side = tenants.sides[rng.choice(SIDES) if rng.random() < self._foreign else caller.side]
        if draw.quiet and operation.name not in READS:
            return None
        said = GENERATORS[operation.name](draw)
        return self._finish(operation, draw, said)

    def _spot(self, rng: random.Random, caller: Caller) -> Spot:
        if rng.random() < self._foreign:
            return rng.choice([spot for spot in self._tenants.spots if spot not in caller.spots])
        return rng.choice(caller.spots)

    def _finish(self, operation: Operation, draw: Draw, said: Said) -> Call:
        caller, tenants = draw.caller, self._tenants
        drawn: dict[str, object] = {"prompt_id": draw.rng.choice(PROMPTS)}
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
            query=urlencode(given).encode(),
            headers=headers_of(None if operation.name in _RARE else caller, said.headers, body),
            body=body,
            learn=said.learn,
        )


def _hot_calls(tenants: Tenants) -> list[Call]:
    """Reads and renders as programs send them, answered from memory; one in fifty of a project that is not one's own."""
    found = []
    for caller in tenants.callers:
        strangers = [spot for spot in tenants.spots if spot not in caller.spots]
        for spot in [*caller.spots] * 10 + strangers[:1]:
            if ":" in spot.label:
                continue
            for prompt_id in STEADY:
                found += _hot_pair(tenants, caller, spot, prompt_id)
    return found


def _hot_pair(tenants: Tenants, caller: Caller, spot: Spot, prompt_id: str) -> list[Call]:
    view, foreign = tenants.at_spot(caller, spot), spot not in caller.spots
    path = f"/api/projects/{spot.id}/prompts/{prompt_id}"
    body = body_of(Said(body={"inputs": {"name": "Ada"}}))
    read = Call("get_prompt", caller.name, "GET", path, view, foreign, headers=headers_of(caller, {}, b""))
    render = Call("render_prompt", caller.name, "POST", f"{path}/render", view, foreign, body=body)
    render.headers = headers_of(caller, {}, body)
    # Renders that need a worker process are fewer: they cost ten times the others.
    return [read, read] if prompt_id == "looped" else [read, read, render]


