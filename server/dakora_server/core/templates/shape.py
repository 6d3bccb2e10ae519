"""What is wrong with a syntax tree: its size and depth, names of filters that do not exist, tags that are refused.

One pass without recursion, so that it may look at a tree of any depth.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from jinja2 import nodes

from dakora_server.core.templates.faults import TemplateFault
from dakora_server.core.templates.filters import DROPPED_FILTERS
from dakora_server.core.templates.limits import Limits

# CPython compiles at most 20 loops and `try`s within each other; an include or a call block in a loop needs some.
_DEEPEST_LOOP = 15

_SUM = (nodes.Add, nodes.Sub)
_ROWS: dict[type[nodes.Node], tuple[type[nodes.Node], ...]] = {
    nodes.And: (nodes.And,),
    nodes.Or: (nodes.Or,),
    nodes.Add: _SUM,
    nodes.Sub: _SUM,
}

_REFUSED_TAGS: dict[type[nodes.Node], str] = {
    nodes.Extends: "Templates do not extend each other; include a part instead.",
    nodes.Import: "Nothing can be imported; include a part instead.",
    nodes.FromImport: "Nothing can be imported; include a part instead.",
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk is: how deep, how many loops around (within this function), whether any loop at all."""

    depth: int = 0
    row: int = 1
    loops: int = 0
    in_for: bool = False


class ShapeCheck:
    """The faults and includes of one tree; `nodes` is how many it has."""

    def __init__(self, limits: Limits, *, filters: Mapping[str, object], tests: Mapping[str, object]) -> None:
        self._limits = limits
        self._filters = filters
        self._tests = tests
        self._blocks: set[str] = set()
        self.faults: list[TemplateFault] = []
        self.includes: list[str] = []
        self.nodes = 0
        self.too_deep = False

    def walk(self, tree: nodes.Template, *, most_nodes: int) -> None:
        """Look at every node, or stop at the first past `most_nodes`."""
        waiting: list[tuple[nodes.Node, _Place]] = [(tree, _Place())]
        while waiting:
            node, place = waiting.pop()
            self.nodes += 1
            if self.nodes > most_nodes:
                self._fault(node, "The template has too many parts.", "template_too_complex")
                return
            if place.depth > self._limits.nesting or place.loops > _DEEPEST_LOOP:
                if not self.too_deep:
                    self._fault(node, "The template nests too deeply here.", "template_too_deep")
                self.too_deep = True
                continue
            check = _CHECKS.get(type(node))
            if check is not None:
                check(self, node, place)
            self._row(node, place)
            waiting.extend(reversed(list(_children(node, place))))

    def _fault(self, node: nodes.Node, message: str, type: str) -> None:  # noqa: A002 -- the fault's field
        self.faults.append(TemplateFault.at(node.lineno, message, type=type))

    def _row(self, node: nodes.Node, place: _Place) -> None:
        length = place.row
        if isinstance(node, nodes.Concat):
            length = len(node.nodes)
        elif isinstance(node, nodes.Compare):
            length = len(node.ops)
        elif isinstance(node, nodes.If):
            length = len(node.elif_)
        if length == self._limits.chain + 1 or (length > self._limits.chain and length != place.row):
            self._fault(node, "There are too many operators or branches in a row here.", "chain_too_long")

    def filter(self, node: nodes.Filter, _: _Place) -> None:
        if node.name not in self._filters:
            hint = DROPPED_FILTERS.get(node.name)
            message = f"There is no filter '{node.name}'" + (f": {hint}." if hint else ".")
            self._fault(node, message, "unknown_filter")
        self._repeated_keywords(node)

    def test(self, node: nodes.Test, _: _Place) -> None:
        if node.name not in self._tests:
            self._fault(node, f"There is no test '{node.name}'.", "unknown_test")
        self._repeated_keywords(node)

    def call(self, node: nodes.Call, _: _Place) -> None:
        if isinstance(node.node, nodes.Getattr) and node.node.attr in ("format", "format_map"):
            self._fault(node.node, "Texts have no format here: join them with ~.", "forbidden_attribute")
        self._repeated_keywords(node)

    def _repeated_keywords(self, node: nodes.Call | nodes.Filter | nodes.Test) -> None:
        given = [keyword.key for keyword in node.kwargs if isinstance(keyword, nodes.Keyword)]
        if len(set(given)) < len(given):
            self._fault(node, "An argument is given twice.", "syntax_error")

    def attribute(self, node: nodes.Getattr, _: _Place) -> None:
        if node.attr.startswith("_"):
            hint = "" if node.attr.startswith("__") else f" To read such a key, write ['{node.attr}']."
            self._fault(node, f"'{node.attr}' is not available: it begins with '_'.{hint}", "forbidden_attribute")

    def subscript(self, node: nodes.Getitem, _: _Place) -> None:
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) and node.arg.value.startswith("__"):
            self._fault(node, f"'{node.arg.value}' is not available: it begins with '__'.", "forbidden_attribute")

    def include(self, node: nodes.Include, _: _Place) -> None:
        if isinstance(node.template, nodes.Const) and isinstance(node.template.value, str):
            self.includes.append(node.template.value)
        else:
            self._fault(node, "Write the part's name in quotes: it has to be known beforehand.", "dynamic_include")

    def refused(self, node: nodes.Node, _: _Place) -> None:
        self._fault(node, _REFUSED_TAGS[type(node)], "forbidden_tag")

    def escaping(self, node: nodes.ScopedEvalContextModifier, _: _Place) -> None:
        # Jinja2 evaluates this one while compiling, so it may only be a plain true or false.
        values = [option.value for option in node.options]
        if not all(isinstance(value, nodes.Const) and type(value.value) is bool for value in values):
            self._fault(node, "autoescape takes true or false.", "syntax_error")

    def leave_loop(self, node: nodes.Node, place: _Place) -> None:
        if place.loops == 0:
            tag = "break" if isinstance(node, nodes.Break) else "continue"
            self._fault(node, f"'{tag}' stands outside of a loop.", "syntax_error")

    def name(self, node: nodes.Name, place: _Place) -> None:
        if place.in_for and node.ctx == "store" and node.name == "loop":
            self._fault(node, "'loop' belongs to the loop and cannot be set in it.", "syntax_error")

    def block(self, node: nodes.Block, _: _Place) -> None:
        if node.name in self._blocks:
            self._fault(node, f"There are two blocks '{node.name}'.", "syntax_error")
        self._blocks.add(node.name)

    def function(self, node: nodes.Macro | nodes.CallBlock, _: _Place) -> None:
        names = [argument.name for argument in node.args]
        if len(set(names)) < len(names):
            self._fault(node, "Two parameters have the same name.", "syntax_error")
        if "caller" in names and names.index("caller") < len(names) - len(node.defaults):
            self._fault(node, "A parameter 'caller' needs a default.", "syntax_error")


def _children(node: nodes.Node, place: _Place) -> Iterator[tuple[nodes.Node, _Place]]:
    """The node's children in their order, each with its place."""
    for field in node.fields:
        value = getattr(node, field, None)
        if isinstance(value, nodes.Node):
            yield value, _step(node, field, place, type(value))
        elif isinstance(value, list):
            step = _step(node, field, place, None)
            for child in value:
                if isinstance(child, nodes.Node):
                    yield child, step


def _step(node: nodes.Node, field: str, place: _Place, child: type[nodes.Node] | None) -> _Place:
    """Where the walk is once it goes from a node to its child in that field."""
    if field == "left" and child in _ROWS.get(type(node), ()):
        return _Place(place.depth, place.row + 1, place.loops, place.in_for)
    if field == "elif_":
        return place
    depth = place.depth + 1
    if isinstance(node, nodes.For):
        return _Place(depth, 1, place.loops + (field == "body"), in_for=True)
    if isinstance(node, nodes.Macro | nodes.CallBlock | nodes.Block):
        return _Place(depth, 1, 0, place.in_for)
    return _Place(depth, 1, place.loops, place.in_for)


_CHECKS: dict[type[nodes.Node], Callable[..., None]] = {
    nodes.Filter: ShapeCheck.filter,
    nodes.Test: ShapeCheck.test,
    nodes.Call: ShapeCheck.call,
    nodes.Getattr: ShapeCheck.attribute,
    nodes.Getitem: ShapeCheck.subscript,
    nodes.Include: ShapeCheck.include,
    nodes.Extends: ShapeCheck.refused,
    nodes.Import: ShapeCheck.refused,
    nodes.FromImport: ShapeCheck.refused,
    nodes.ScopedEvalContextModifier: ShapeCheck.escaping,
    nodes.Break: ShapeCheck.leave_loop,
    nodes.Continue: ShapeCheck.leave_loop,
    nodes.Name: ShapeCheck.name,
    nodes.Block: ShapeCheck.block,
    nodes.Macro: ShapeCheck.function,
    nodes.CallBlock: ShapeCheck.function,
}
