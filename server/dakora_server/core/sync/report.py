"""What a comparison of the whole folder with the whole project did."""

from dataclasses import dataclass, field

_WORDS = (
    ("loaded", "loaded", "loaded"),
    ("updated", "new version", "new versions"),
    ("merged", "merged", "merged"),
    ("written", "file written", "files written"),
    ("moved", "moved", "moved"),
    ("archived", "archived", "archived"),
    ("removed", "file removed", "files removed"),
    ("held", "missing file, nothing archived", "missing files, nothing archived"),
)


@dataclass(slots=True)
class SyncReport:
    """How many prompts each thing happened to; `conflicts` and `faults` are lines for a person.

    `loaded` were created (or restored) on the server, `updated` got a new version, `merged` changed on both sides
    and have both changes now, `written` files came from the server, `moved` changed their folder on either side,
    `held` lost their files in such number that none was archived.
    """

    loaded: int = 0
    updated: int = 0
    merged: int = 0
    written: int = 0
    moved: int = 0
    unchanged: int = 0
    archived: int = 0
    removed: int = 0
    held: int = 0
    conflicts: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def has_news(self) -> bool:
        """Whether anything was done, or anything is wrong."""
        return any(getattr(self, name) for name, _, _ in _WORDS) or bool(self.conflicts or self.faults)

    def summary(self) -> str:
        """One line without what did not happen: `12 in step (3 loaded, 1 new version), 1 conflict`."""
        counted = [(getattr(self, name), one, many) for name, one, many in _WORDS]
        happened = [_count(number, one, many) for number, one, many in counted if number]
        in_step = self.unchanged + self.loaded + self.updated + self.written
        line = f"{in_step} in step" + (f" ({', '.join(happened)})" if happened else "")
        for lines, one, many in ((self.conflicts, "conflict", "conflicts"), (self.faults, "fault", "faults")):
            if lines:
                line += f", {_count(len(lines), one, many)}"
        return line


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
