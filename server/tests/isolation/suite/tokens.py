"""What betrays whose a text is: canaries, ids, content hashes. Every answer is searched for them."""

import re
import uuid
from collections import defaultdict
from collections.abc import Iterator

CANARY = "cnry"
# A canary; a UUID; a content hash; a UUID without hyphens, as an invitation's token begins with.
_TOKENS = re.compile(
    rb"cnry[0-9a-f]{12}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}|[0-9a-f]{32}"
)
_BARE_UUID = 32
Labels = frozenset[str]


def tokens_in(text: bytes) -> Iterator[str]:
    """Every token in a text, UUIDs in one spelling."""
    for found in _TOKENS.findall(text):
        token = found.decode()
        yield str(uuid.UUID(token)) if len(token) == _BARE_UUID else token


class Owners:
    """Whose every token is, as labels of places. A token may be several places' own."""

    def __init__(self) -> None:
        self._labels: defaultdict[str, set[str]] = defaultdict(set)
        self.sightings: defaultdict[str, set[tuple[Labels, str]]] = defaultdict(set)
        """Ids that nobody knew yet, with where they were seen: judged at the end, when the rows say whose they are."""

    def add(self, token: str, *labels: str) -> str:
        """This token is these places'."""
        self._labels[token].update(labels)
        return token

    def canary(self, *labels: str) -> str:
        """A new canary of these places."""
        return self.add(f"{CANARY}{uuid.uuid4().hex[:12]}", *labels)

    def labels(self, token: str) -> set[str]:
        """Whose it is; empty when nobody knows."""
        return self._labels.get(token, set())

    def strangers(self, text: bytes, view: Labels, where: str, *, learn: bool = True) -> Iterator[str]:
        """The tokens in `text` that somebody who sees `view` must not see."""
        for token in tokens_in(text):
            labels = self._labels.get(token)
            if labels is None:
                if learn:
                    self.sightings[token].add((view, where))
            elif view.isdisjoint(labels):
                yield token

    def late_strangers(self) -> list[str]:
        """What turned out, now that all rows' owners are known, to have been seen where it must not be."""
        known = ((token, self._labels.get(token), seen) for token, seen in self.sightings.items())
        return [
            f"{token} of {sorted(labels)} was seen by {sorted(view)}: {where}"
            for token, labels, seen in known
            if labels is not None
            for view, where in seen
            if view.isdisjoint(labels)
        ]
