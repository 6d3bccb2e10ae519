"""A request as it will be sent, and the choices it is drawn from."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from isolation_suite.tenants import ABSENT, PROMPTS, QUIET, Caller, Side, Spot, Tenants
from isolation_suite.tokens import Labels

from dakora_server.core.prompts.records import encode_cursor

Headers = tuple[tuple[bytes, bytes], ...]
Learn = Callable[[int, dict[bytes, bytes], Any], None]
_HOST = ((b"host", b"localhost"),)
_JSON = (b"content-type", b"application/json")


@dataclass(slots=True)
class Call:
    """One request: who, what, and what its answer may show.

    `foreign`: the place it names is not the caller's. `home` is all that the caller may see anywhere.
    """

    operation: str
    who: str
    method: str
    path: str
    view: Labels
    foreign: bool
    home: Labels
    query: bytes = b""
    headers: Headers = _HOST
    body: bytes = b""
    learn: Learn | None = None

    def carries(self, token: str) -> bool:
        """Whether the request itself named this, so that an answer that repeats it tells nothing."""
        sent = (self.path.encode(), self.query, self.body, *(value for _, value in self.headers))
        plain = token.replace("-", "")
        return any(token.encode() in text or plain.encode() in text for text in sent)

    def __str__(self) -> str:
        query = f"?{self.query.decode()}" if self.query else ""
        body = f" {self.body[:300]!r}" if self.body else ""
        return f"{self.operation} by {self.who}: {self.method} {self.path}{query}{body}"


@dataclass(slots=True)
class Said:
    """What a generator adds to a request: query, body, headers; other ids than those that were drawn."""

    query: dict[str, object] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    ids: dict[str, object] = field(default_factory=dict)
    learn: Learn | None = None
    raw: bytes | None = None


@dataclass(slots=True)
class Draw:
    """Who calls, where, and everything that can be named."""

    rng: random.Random
    tenants: Tenants
    caller: Caller
    spot: Spot | None = None
    side: Side | None = None

    @property
    def own(self) -> bool:
        """Whether the place is one the caller may open."""
        if self.spot is not None:
            return self.spot in self.caller.spots
        return self.side is None or (not self.caller.is_key and self.side.name in self.caller.sides)

    @property
    def quiet(self) -> bool:
        """Whether this must leave everything as it is, because the caller's own place is watched."""
        return self.own and self.caller.side == QUIET

    @property
    def here(self) -> Side:
        """The workspace it is about: the place's, or the caller's own."""
        if self.side is not None:
            return self.side
        name = self.spot.side if self.spot is not None and self.spot.side in self.tenants.sides else self.caller.side
        return self.tenants.sides[name]

    @property
    def canary(self) -> str:
        """What the caller writes into texts: the project's own canary where it may write, else its own."""
        if self.spot is not None:
            return self.spot.canary if self.own else self.caller.canary
        return self.here.canary if self.own else self.caller.canary

    def text_of(self, prompt_id: str) -> str:
        """The canary for a prompt's text. Nomads go from project to project with their workspace's."""
        movable = prompt_id.startswith("nomad") and self.own and self.spot is not None and ":" not in self.spot.label
        return self.here.canary if movable else self.canary

    def other(self) -> Side:
        """A workspace that the caller is a stranger to."""
        sides = [
            side for side in self.tenants.sides.values() if side.name not in (*self.caller.sides, self.caller.side)
        ]
        return self.rng.choice(sides)

    def pick(self, own: Sequence[str], foreign: Sequence[str]) -> str:
        """Something of one's own, somebody else's, or nobody's."""
        chance = self.rng.random()
        if own and chance < 0.6:
            return self.rng.choice(own)
        if foreign and chance < 0.9:
            return self.rng.choice(foreign)
        return self.rng.choice(ABSENT)

    def cursor(self) -> str:
        """The place behind something of another workspace, in one of the lists' forms."""
        other = self.other()
        forms = (
            self.rng.choice(PROMPTS),
            self.rng.randint(1, 50),
            self.rng.choice(list(other.users.values())),
            f"2026-01-01T00:00:00+00:00 {self.rng.choice(other.fixed_keys)}",
            f"2099-01-01T00:00:00+00:00 {self.rng.choice(other.fixed_keys)}",
            "project-1",
            str(ABSENT[0]),
        )
        return encode_cursor(self.rng.choice(forms))

    def page(self, **more: object) -> dict[str, object]:
        """How a list is asked for."""
        query = {name: value for name, value in more.items() if value is not None}
        if self.rng.random() < 0.5:
            query["limit"] = self.rng.choice((1, 3, 200))
        if self.rng.random() < 0.25:
            query["cursor"] = self.cursor()
        return query

    def repeat(self) -> dict[str, str]:
        """An Idempotency-Key: one's own, one that everybody uses, or somebody else's."""
        form = self.rng.random()
        if form < 0.4:
            return {}
        number = self.rng.randint(0, 400)
        if form < 0.6:
            return {"idempotency-key": f"{self.here.repeat_canary}-{number}" if self.own else f"mine-{number}"}
        if form < 0.8:
            return {"idempotency-key": f"the-same-{number % 40}"}
        other = self.other()
        return {"idempotency-key": f"{other.repeat_canary}-{self.rng.choice(other.spots).label}-{number % 3}"}


def headers_of(caller: Caller | None, extra: dict[str, str], body: bytes) -> Headers:
    """The headers of a request."""
    sent = [*_HOST, *([caller.header] if caller else [])]
    sent += [(name.encode(), value.encode()) for name, value in extra.items()]
    if body:
        sent += [_JSON, (b"content-length", str(len(body)).encode())]
    return tuple(sent)


def body_of(said: Said) -> bytes:
    """The body of a request."""
    if said.raw is not None:
        return said.raw
    return b"" if said.body is None else json.dumps(said.body).encode()
