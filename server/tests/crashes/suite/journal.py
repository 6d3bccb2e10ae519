"""What the writers were told: every acknowledged change, and nothing else."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class State:
    """Something with one writer: what it was last told to be, and what it may be since an answer was lost."""

    told: object = None
    doubts: set[object] = field(default_factory=set)
    moves: list[object] = field(default_factory=list)

    def acknowledge(self, value: object) -> None:
        """The change to `value` was acknowledged."""
        if value != self.told:
            self.moves.append(value)
        self.told = value
        self.doubts.clear()

    def settle(self, found: object) -> bool:
        """What is there is what was told, or one of the changes whose answer was lost; from now on it is known."""
        fits = found == self.told or found in self.doubts
        if found != self.told:
            self.moves.append(found)
        self.told = found
        self.doubts.clear()
        return fits


@dataclass
class Journal:
    """Shared by all writers. `wrong` collects what must never happen, as sentences."""

    versions: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    labels: dict[tuple[str, str], State] = field(default_factory=dict)
    alive: dict[str, State] = field(default_factory=dict)
    # What was created under an Idempotency-Key: its kind and name, and the one answer it got.
    created: dict[tuple[str, str], bytes] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    lost_answers: int = 0
    replays: int = 0
    acknowledged: int = 0
    wrong: list[str] = field(default_factory=list)

    def saved(self, prompt: str, number: int, digest: str, text: str) -> None:
        """A version was acknowledged."""
        self.acknowledged += 1
        known = self.versions.setdefault((prompt, number), (digest, text))
        if known != (digest, text):
            self.wrong.append(f"{prompt} version {number} was {known}, and is now {(digest, text)}")

    def newest(self, prompt: str) -> int:
        """The highest acknowledged number of a prompt, 0 if there is none."""
        return max((number for name, number in self.versions if name == prompt), default=0)
