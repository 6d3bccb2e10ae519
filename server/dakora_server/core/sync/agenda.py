"""What is to be compared, and in what order: parts before what includes them, edits before everything else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from dakora_server.core.exceptions import TemplateInvalid
from dakora_server.core.sync.names import is_part
from dakora_server.core.sync.records import Head
from dakora_server.core.templates.includes import walk_names


@dataclass(slots=True)
class Item:
    """One prompt or part to compare.

    `head` is its newest version where that is `known`; `ids` are the spellings heard of.
    """

    key: str
    ids: set[str] = field(default_factory=set)
    head: Head | None = None
    known: bool = False
    attempts: int = 0


def missing_parts(error: TemplateInvalid) -> set[str]:
    """The keys of the parts that a text includes and that are not there; none where something else is wrong too."""
    names = [str(fault.loc[-1]) for fault in error.errors if fault.type == "unknown_part" and fault.loc]
    found = {part_id.lower() for _, part_id, _ in walk_names(names)}
    return found if len(names) == len(error.errors) else set()


class Agenda:
    """Each prompt stands here at most once. What is put off waits until `retry`."""

    def __init__(self) -> None:
        self._parts: dict[str, Item] = {}
        self._first: dict[str, Item] = {}
        self._then: dict[str, Item] = {}
        self._later: dict[str, Item] = {}
        self._missing: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._parts) + len(self._first) + len(self._then)

    @property
    def waits(self) -> bool:
        """Whether something was put off."""
        return bool(self._later)

    def fill(self, heads: Mapping[str, Head | None]) -> None:
        """Compare all these, whose newest versions are known as of now."""
        for key, head in heads.items():
            self._withdraw(key)
            self._place(key, self._then)[key] = Item(key, head=head, known=True)

    def edited(self, key: str, *, first: bool) -> None:
        """A file of this prompt has changed; `first` puts it before what was not."""
        self._place(key, self._first if first else self._then)[key] = self._withdraw(key)

    def heard(self, key: str, prompt_id: str) -> None:
        """The server says that this prompt has changed.

        It goes behind the edits: while many files are loaded, all that is heard is the echo of our own saving.
        """
        target = self._place(key, self._first if key in self._first else self._then)
        item = target[key] = self._withdraw(key)
        item.ids.add(prompt_id)

    def again(self, item: Item) -> None:
        """It has changed under our hands."""
        item.attempts += 1
        item.known = False
        self._place(item.key, self._first).setdefault(item.key, item)

    def put_off(self, item: Item) -> None:
        """It cannot be done now."""
        item.known = False
        if not any(item.key in waiting for waiting in (self._parts, self._first, self._then)):
            self._later[item.key] = item

    def wait_for(self, item: Item, parts: set[str]) -> None:
        """It includes these parts, by key, which are not there: it is due again as soon as they are."""
        item.attempts += 1
        self._missing[item.key] = parts

    def arrived(self, found: str) -> None:
        """This is there now: if it is a part, whoever waits for it is due."""
        for key, parts in list(self._missing.items()) if is_part(found) else ():
            parts.discard(found)
            if not parts:
                del self._missing[key]
                self.edited(key, first=False)

    def retry(self) -> None:
        """What was put off is due again."""
        later, self._later = self._later, {}
        for key, item in later.items():
            self._place(key, self._then).setdefault(key, item)

    def clear(self) -> None:
        """Forget everything."""
        for waiting in (self._parts, self._first, self._then, self._later):
            waiting.clear()
        self._missing.clear()

    def take(self, most: int) -> list[Item]:
        """The next ones, which do not stand here any more. Parts come alone: what includes them comes after."""
        taken: list[Item] = []
        for waiting in (self._parts,) if self._parts else (self._first, self._then):
            taken += [waiting.pop(key) for key in list(islice(waiting, most - len(taken)))]
        return taken

    def unknown(self) -> list[str]:
        """The keys of those behind the edits whose newest version must be asked for."""
        return [key for key, item in self._then.items() if not item.known]

    def _place(self, key: str, otherwise: dict[str, Item]) -> dict[str, Item]:
        return self._parts if is_part(key) else otherwise

    def _withdraw(self, key: str) -> Item:
        """The item of this key out of wherever it waits, with nothing known any more."""
        for waiting in (self._parts, self._first, self._then, self._later):
            item = waiting.pop(key, None)
            if item is not None:
                item.known = False
                return item
        return Item(key)
