"""Where in a prompt's file the faults stand that the server found in its template."""

from dataclasses import replace

from dakora_server.core.exceptions import Fault
from dakora_server.core.templates.yaml_reader import Node, UnreadableError, decode, read


def in_file(fault: Fault, raw: bytes) -> Fault:
    """A fault whose line and column count inside the text that `loc` names, with those of the file instead.

    Exact for literal blocks (`|`) and text on one line; for texts written in other ways, the place where they begin.
    """
    try:
        text = decode(raw)
        node: Node | None = read(text)
    except UnreadableError:
        return replace(fault, line=None, column=None)
    if len(fault.loc) == 2 and fault.loc[0] == "includes":
        return _at_name(fault, text)
    for step in fault.loc:
        entry = None if node is None else node.step(step)
        node = None if entry is None else entry.node
    if node is None:
        return replace(fault, line=None, column=None)
    line, column = _position(node, text.splitlines(), fault)
    return replace(fault, line=line, column=column)


def _at_name(fault: Fault, text: str) -> Fault:
    """A fault of a part that is included, where the file first names it."""
    for number, line in enumerate(text.splitlines(), start=1):
        column = line.find(str(fault.loc[1]))
        if column >= 0 and "include" in line[:column]:
            return replace(fault, line=number, column=column + 1)
    return replace(fault, line=None, column=None)


def _position(node: Node, lines: list[str], fault: Fault) -> tuple[int, int]:
    begin = node.line + 1, node.column + 1
    values = node.value.split("\n") if isinstance(node.value, str) else []
    if fault.line is None or fault.line > len(values):
        return begin
    value, column = values[fault.line - 1], fault.column or 1
    indicator = lines[node.line][node.column : node.column + 1]
    if indicator == "|":
        number = node.line + fault.line
        if number < len(lines) and lines[number].endswith(value):
            return number + 1, len(lines[number]) - len(value) + column
    elif value in lines[node.line][node.column :]:
        quote = 1 if indicator in {"'", '"'} else 0
        return begin[0], node.column + quote + column
    return begin
