"""YAML read event by event into plain values that remember where they stood.

Nothing is expanded and nothing is guessed: aliases, anchors, tags, merge keys, duplicate keys and further documents are
refused as they are met, before anything is built from them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml
from pydantic import JsonValue

from dakora_server.core.exceptions import Fault
from dakora_server.core.templates.input_types import kind_of
from dakora_server.core.templates.json_rules import MAX_DEPTH
from dakora_server.core.templates.model import MAX_VALUES
from dakora_server.core.templates.spec_faults import shown
from dakora_server.core.templates.yaml_scalars import resolve, stand_ins

MAX_FILE_BYTES = 1024 * 1024
_MAX_NODES = MAX_VALUES + 2  # the version and its key are no part of the counted content
_ENOUGH_FAULTS = 20
_YAML_TAG = "tag:yaml.org,2002:"

# libyaml where there is a wheel of PyYAML with it: the same events, some twenty times as fast.
LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NOT_IN_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class UnreadableError(Exception):
    """The text is no YAML we take; `faults` say why and where."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults[0].message)
        self.faults = faults


@dataclass(slots=True)
class Node:
    """A value in the file. Lines and columns count from 0 here, as the parser counts."""

    value: JsonValue
    """Of a scalar; for lists and mappings see `plain`."""
    line: int
    column: int
    raw: str | None = None
    """The text of an unquoted scalar."""
    members: "list[Node] | None" = None
    entries: "dict[str, Entry] | None" = None
    is_flow: bool = False

    def plain(self) -> JsonValue:
        """The value as JSON."""
        if self.entries is not None:
            return {key: entry.node.plain() for key, entry in self.entries.items()}
        if self.members is not None:
            return [member.plain() for member in self.members]
        return self.value

    def get(self, key: str) -> "Node | None":
        """The value of a key, if this is a mapping that has it."""
        entry = self.step(key)
        return None if entry is None else entry.node

    def step(self, step: str | int) -> "Entry | None":
        """The member a path leads to next; a member of a list stands where its value stands."""
        if isinstance(step, str):
            return None if self.entries is None else self.entries.get(step)
        if self.members is None or step >= len(self.members):
            return None
        member = self.members[step]
        return Entry(member.line, member.column, member)


@dataclass(slots=True)
class Entry:
    """A key of a mapping, where it stands, and its value."""

    line: int
    column: int
    node: Node


def decode(text: str | bytes) -> str:
    """The text of a file, without a byte order mark.

    Raises:
        UnreadableError: it is too large, not UTF-8, or has characters YAML does not allow.
    """
    size = len(text) if isinstance(text, bytes) else len(text.encode(errors="replace"))
    if size > MAX_FILE_BYTES:
        raise UnreadableError([Fault("The file is larger than 1 MiB.", line=1, column=1, type="file_too_large")])
    decoded = (_utf8(text) if isinstance(text, bytes) else text).removeprefix("\ufeff")
    unfit = _NOT_IN_YAML.search(decoded)
    if unfit is not None:
        code = f"U+{ord(unfit[0]):04X}"
        message = f"The file contains the character {code}, which YAML allows in double quotes only, as an escape."
        if unfit[0] == "\0" or "\ud800" <= unfit[0] <= "\udfff":
            message = f"The file contains {code}, which is no character that can be stored."
        raise UnreadableError([_fault_after(decoded[: unfit.start()], message, "character_not_allowed")])
    return decoded


def _utf8(file: bytes) -> str:
    try:
        return file.decode()
    except UnicodeDecodeError as error:
        before = file[: error.start].decode()
        raise UnreadableError([_fault_after(before, "The file is not UTF-8.", "not_utf8")]) from None


def _fault_after(before: str, message: str, kind: str) -> Fault:
    return Fault(message, line=before.count("\n") + 1, column=len(before) - before.rfind("\n"), type=kind)


def read(text: str) -> Node:
    """The one document in `text`, which has been through `decode`.

    Raises:
        UnreadableError: with every refused construct, or with the one place where the syntax breaks.
    """
    return _Reader(text).document()


class _Reader:
    """One reading: the parser's events, the faults so far, the number of nodes."""

    def __init__(self, text: str) -> None:
        replaced = stand_ins(text)
        self._restore = {ord(stand_in): char for char, stand_in in replaced.items()}
        for char, stand_in in replaced.items():
            text = text.replace(char, stand_in)
        self._events: Iterator[Any] = yaml.parse(text, Loader=LOADER)
        self._faults: list[Fault] = []
        self._nodes = 0

    def document(self) -> Node:
        self._next()
        start = self._next()
        if isinstance(start, yaml.StreamEndEvent):
            raise UnreadableError([Fault("The file is empty.", line=1, column=1, type="empty_file")])
        if start.tags:
            self._refuse(start, "Tags are not used here; remove the %TAG line.", "tag_not_allowed")
        root = self._node(self._next(), level=1)
        self._next()
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            self._refuse(after, "A file holds one prompt; a second document starts here.", "several_documents")
        if self._faults:
            raise UnreadableError(self._faults)
        return root

    def _next(self) -> Any:
        try:
            return next(self._events)
        except yaml.MarkedYAMLError as error:
            raise UnreadableError([*self._faults, _syntax_fault(error)]) from None
        except (ValueError, OverflowError):
            # The parser written in Python leaves it to `chr` to refuse an escape such as "\\UFFFFFFFF".
            message = "An escape in double quotes names no character."
            raise UnreadableError([*self._faults, Fault(message, line=1, column=1, type="invalid_yaml")]) from None

    def _refuse(self, event: Any, message: str, kind: str) -> None:
        mark = event.start_mark
        self._faults.append(Fault(message, line=mark.line + 1, column=mark.column + 1, type=kind))
        if len(self._faults) >= _ENOUGH_FAULTS:
            raise UnreadableError(self._faults)

    def _stop(self, event: Any, message: str, kind: str) -> NoReturn:
        self._refuse(event, message, kind)
        raise UnreadableError(self._faults)

    def _node(self, event: Any, *, level: int) -> Node:
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            self._stop(event, f"The file has more than {MAX_VALUES:,} keys and values.", "too_many_values")
        mark = event.start_mark
        if event.anchor is not None:
            self._refuse(event, "Anchors and aliases are not used here; write the value out.", "alias_not_allowed")
        if isinstance(event, yaml.AliasEvent):
            return Node(None, mark.line, mark.column)
        if event.tag is not None:
            self._refuse(
                event,
                f"Tags are not used here; remove `{shown(event.tag.replace(_YAML_TAG, '!!'))}`.",
                "tag_not_allowed",
            )
        if isinstance(event, yaml.ScalarEvent):
            text = event.value.translate(self._restore) if self._restore else event.value
            if event.style:
                return Node(text, mark.line, mark.column)
            return Node(resolve(text), mark.line, mark.column, raw=text)
        if level > MAX_DEPTH:
            self._stop(event, f"The file is nested more than {MAX_DEPTH} levels deep.", "too_deep")
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(None, mark.line, mark.column, members=self._members(level))
        return Node(None, mark.line, mark.column, entries=self._entries(level), is_flow=bool(event.flow_style))

    def _members(self, level: int) -> list[Node]:
        members: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            members.append(self._node(event, level=level + 1))
        return members

    def _entries(self, level: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event, entries, level)
            node = self._node(self._next(), level=level + 1)
            if key is not None:
                entries[key] = Entry(event.start_mark.line, event.start_mark.column, node)
        return entries

    def _key(self, event: Any, entries: dict[str, Entry], level: int) -> str | None:
        node = self._node(event, level=level + 1)
        if not isinstance(event, yaml.ScalarEvent):
            if not isinstance(event, yaml.AliasEvent):
                self._refuse(event, "A key must be text, not a list or a mapping.", "key_not_text")
            return None
        if node.raw == "<<":
            self._refuse(event, "Merge keys are not used here; write the fields out.", "merge_key_not_allowed")
            return None
        if not isinstance(node.value, str):
            read_as = (
                f"{kind_of(node.value)}; put quotes around it" if node.raw else "null; write a key before the colon"
            )
            self._refuse(event, f"The key `{shown(node.raw or '')}` is read as {read_as}.", "key_not_text")
            return None
        if node.value in entries:
            first = entries[node.value].line + 1
            message = f"The key `{shown(node.value)}` stands twice; the first is in line {first}."
            self._refuse(event, message, "duplicate_key")
            return None
        return node.value


def _syntax_fault(error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
    problem = error.problem or "the syntax is broken"
    if "\\t" in problem or "tab character" in problem:
        return Fault("YAML is indented with spaces; there is a tab here.", line=line, column=column, type="tab")
    context = f" ({error.context})" if error.context else ""
    return Fault(f"This is not valid YAML: {problem}{context}.", line=line, column=column, type="invalid_yaml")
