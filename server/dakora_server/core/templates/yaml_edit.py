"""Changes to a person's file that leave alone what did not change: comments, order, spelling, blank lines."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import dropwhile, pairwise

import orjson
from pydantic import JsonValue

from dakora_server.core.templates.yaml_reader import Entry, Node, decode, read
from dakora_server.core.templates.yaml_writer import write_yaml

Fields = dict[str, JsonValue]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(slots=True)
class _Block:
    """The lines of one key and its value, and the blank lines and comments that follow."""

    key: str
    lines: list[str]
    gap: list[str]


def same(left: JsonValue, right: JsonValue) -> bool:
    """Whether two values would be written alike, the order of their keys included."""
    return orjson.dumps(left) == orjson.dumps(right)


def edit_yaml(original: str, old: Fields, new: Fields, *, rewrite: Collection[str] = ()) -> str | None:
    """`original`, which says `old`, changed to say `new`; None where its layout does not allow that.

    Mappings are changed member by member, anything else as a whole, and so are the fields named in `rewrite`. Whether
    the result really says `new` is for the caller to check: blank lines may have come to stand where they are text.
    """
    text = decode(original)
    root = read(text)
    lines = _LINE.findall(text)
    edit = _Edit(lines, newline="\r\n" if "\r\n" in text else "\n")
    changed = edit.mapping(root, old, new, start=0, end=len(lines), rewrite=rewrite)
    if changed is None:
        return None
    return "\ufeff" * original.startswith("\ufeff") + "".join(changed)


class _Edit:
    def __init__(self, lines: list[str], *, newline: str) -> None:
        self._lines = lines
        self._newline = newline

    def mapping(
        self, node: Node, old: Fields, new: Fields, *, start: int, end: int, rewrite: Collection[str] = ()
    ) -> list[str] | None:
        """The lines from `start` to `end`, which hold the members of `node`, changed; None where they cannot be."""
        entries = sorted((node.entries or {}).items(), key=lambda item: item[1].line)
        if not new or not entries or node.is_flow or not self._stand_in_column([entry for _, entry in entries]):
            return None
        column, first_line = entries[0][1].column, entries[0][1].line
        blocks: list[_Block] = []
        bounds = [*(entry.line for _, entry in entries), end]
        for (key, entry), (line, next_line) in zip(entries, pairwise(bounds), strict=True):
            block = self._block(key, self._lines[line:next_line], column)
            if key in new and not (key in old and same(old[key], new[key])):
                block.lines = self._changed(entry, key, old, new, block, whole=key in rewrite)
            elif key in old and key not in new:
                block.lines, block.gap = [], _without_blank_start(block.gap)
            blocks.append(block)
        self._insert_missing(blocks, old, new, column)
        return [*self._lines[start:first_line], *self._joined(blocks)]

    def _stand_in_column(self, entries: list[Entry]) -> bool:
        """Whether each key begins a line of its own, all in one column: block style, as nearly everyone writes it."""
        column = entries[0].column
        own_lines = len({entry.line for entry in entries}) == len(entries)
        return own_lines and all(
            entry.column == column and not self._lines[entry.line][:column].strip(" ") for entry in entries
        )

    def _block(self, key: str, lines: list[str], column: int) -> _Block:
        """Splits off what does not belong to the value: trailing blank lines, and comments no deeper than the key."""
        size = len(lines)
        while size > 1 and self._is_gap(lines[size - 1], column):
            size -= 1
        return _Block(key, lines[:size], lines[size:])

    def _is_gap(self, line: str, column: int) -> bool:
        text = line.lstrip(" ")
        is_shallow = len(line) - len(text) <= column
        return not text.strip() or (is_shallow and text.startswith(("#", "...", "---")))

    def _changed(self, entry: Entry, key: str, old: Fields, new: Fields, block: _Block, *, whole: bool) -> list[str]:
        before, after = old.get(key), new[key]
        is_below = entry.node.line > entry.line
        if not whole and is_below and isinstance(before, dict) and isinstance(after, dict):
            first, end = entry.line + 1, entry.line + len(block.lines)
            members = self.mapping(entry.node, before, after, start=first, end=end)
            if members is not None:
                return [block.lines[0], *members]
        lines = self._written(key, after, entry.column)
        if not lines[-1].strip() or (isinstance(before, str) and before.endswith("\n\n")):
            # Blank lines after a literal block can be part of its text: the old one's go, the new one has its own.
            block.gap = _without_blank_start(block.gap)
        return lines

    def _insert_missing(self, blocks: list[_Block], old: Fields, new: Fields, column: int) -> None:
        """Puts each new key right behind the one it follows in `new`; a comment stays with what it stands before."""
        position = 0
        for key, value in new.items():
            found = next((index for index, block in enumerate(blocks) if block.key == key), None)
            if found is not None:
                position = found + 1
            elif not (key in old and same(old[key], value)):
                gap: list[str] = []
                if position > 0:
                    gap, blocks[position - 1].gap = blocks[position - 1].gap, gap
                blocks.insert(position, _Block(key, self._written(key, value, column), gap))
                position += 1

    def _written(self, key: str, value: JsonValue, column: int) -> list[str]:
        lines = write_yaml({key: value}).removesuffix("\n").split("\n")
        return [(" " * column if line else "") + line + self._newline for line in lines]

    def _joined(self, blocks: list[_Block]) -> list[str]:
        """All lines; one that ended with the file gets its line break where something follows now."""
        lines = [line for block in blocks for line in (*block.lines, *block.gap)]
        return [line if line.endswith(("\n", "\r")) else line + self._newline for line in lines[:-1]] + lines[-1:]


def _without_blank_start(lines: list[str]) -> list[str]:
    return list(dropwhile(lambda line: not line.strip(), lines))
