"""The proof that a template is plain: rendering it takes time in proportion to its inputs, with known factors.

A plain template may be compiled and rendered in the server process; every other one goes to a worker. It is also the
set that a client in another language can fill by itself with the same bytes (`portable`), so it is small:

1. It is short: at most 300 nodes, at most 16 nested. (And 16 KiB of text, which `analysis` sees to.)
2. Its tags are `{{ }}`, `if` and `for`; comments and `raw` leave no trace.
3. A value is a variable, a constant, or a path of constant keys from a variable: `customer.address['city']`.
4. Values are compared (`==`, `!=`, `<`, `<=`, `>`, `>=`), joined by `and`, `or`, `not`, asked about with tests that
   look at the type alone, chosen with `a if b else c`. No arithmetic and no `~` (they build numbers and texts), no
   call, no `in` (a search), no list or object in the template.
5. Filters are those of `_FILTERS`, which are linear, those that only look (`length`, `first`, `last`), and `default`.
   Their arguments are constants, but for `default`'s. At most one of an expression's filters makes texts longer
   (`escape`, `tojson`, `join`): one after the other, each could double the text.
6. A `for` has no `for` in it, no condition, no recursion, and goes over a path. What it prints, filters and compares
   with each other is the loop's own, so that all its rounds together see each byte once; a variable from outside is
   only asked whether it is true or defined, how long it is, or compared with what is the loop's own. Constants that
   are filtered in it are short.

So the cost of a render is at most `text` nanoseconds for each byte of the texts among the inputs, `value` for each byte
of all others as JSON, so much for each round of each loop, and `fixed`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import nodes

PLAIN_SOURCE_BYTES = 16 * 1024
_MOST_NODES = 300
_DEEPEST = 16

# Nanoseconds, measured with Python 3.11 on slow hardware and rounded up.
_NODE = 600  # to evaluate a node, without what depends on sizes
_PRINT_TEXT, _PRINT_VALUE = 2, 130  # the worst value is a list of short floats: 4 bytes each
_COMPARE_TEXT, _COMPARE_VALUE = 1, 40  # the worst are lists of empty objects
_GROWTH = 6  # `tojson` makes "\u0000" of a NUL, `escape` "&#34;" of a quote
_LONGEST_SEPARATOR = 4
_LONGEST_CONSTANT = 100

# Nanoseconds for each byte of text; other values are printed first. What is not here is not plain: `replace`, `indent`
# and `truncate` build texts of other sizes, `sort`, `unique` and `groupby` compare, `map` and `select` call, `int`,
# `float` and `round` read numbers by Python's own rules, `list`, `reverse` and `batch` serve only with those, `yaml` is
# long to write in other languages.
_TEXT_FILTERS = {"capitalize": 20, "lower": 20, "string": 2, "title": 300, "trim": 5, "upper": 20}
_GROWING_FILTERS = {"e": 20, "escape": 20, "join": 40, "tojson": 20}
_JOIN_VALUE = 500  # the members are looked at one by one
_LOOKING_FILTERS = frozenset({"count", "first", "last", "length"})
_DEFAULTS = frozenset({"default", "d"})
_FILTERS = _TEXT_FILTERS | _GROWING_FILTERS

_TYPE_TESTS = "boolean defined false float integer iterable mapping none number sequence string true undefined"
_TESTS = frozenset(_TYPE_TESTS.split())
_COMPARISONS = frozenset({"eq", "ne", "lt", "lteq", "gt", "gteq"})
_LOOP_ATTRIBUTES = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})


@dataclass(frozen=True, slots=True)
class LoopCost:
    """A loop: what it goes over, as a variable and keys from it, and nanoseconds for each round."""

    over: tuple[str | int, ...]
    each_round: int

    def rounds(self, inputs: Mapping[str, object]) -> int:
        """How often it goes round with these inputs."""
        value: object = inputs
        for key in self.over:
            try:
                value = value[key]  # type: ignore[index]  # what cannot be asked for a key raises TypeError
            except (TypeError, LookupError):
                return 0
        return len(value) if isinstance(value, str | list | dict) else 0


@dataclass(frozen=True, slots=True)
class PlainCost:
    """The most a render takes, in nanoseconds: for each byte of text, for each byte of other values, and at all."""

    text: int
    value: int
    fixed: int
    loops: tuple[LoopCost, ...] = ()

    def nanoseconds(self, inputs: Mapping[str, object], inputs_bytes: int) -> int:
        """The bound for these inputs, which are so many bytes of JSON."""
        texts = sum(
            len(value) if value.isascii() else len(value.encode()) for value in inputs.values() if type(value) is str
        )
        others = max(inputs_bytes - texts, 0)
        loops = sum(loop.each_round * loop.rounds(inputs) for loop in self.loops)
        return self.fixed + loops + texts * self.text + others * self.value


class NotPlain(Exception):
    """The template is outside of the plain set."""


def is_plain(tree: nodes.Template) -> bool:
    """Whether the proof holds."""
    try:
        plain_cost(tree)
    except NotPlain:
        return False
    return True


def plain_cost(tree: nodes.Template) -> PlainCost:
    """What rendering the template can cost at most. Raises NotPlain."""
    proof = _Proof()
    proof.body(tree.body, depth=1)
    return PlainCost(proof.text, proof.value, proof.nodes * _NODE, tuple(proof.loops))


@dataclass(frozen=True, slots=True)
class _Value:
    """What is known of an expression's value: in a loop, whether it is the round's own (or small); whether a filter may
    have made it longer than what it was made of."""

    own: bool = True
    grown: bool = False


_SMALL = _Value()


class _Proof:
    """The walk, and the cost so far."""

    def __init__(self) -> None:
        self.nodes = 0
        self.text = 0
        self.value = 0
        self.loops: list[LoopCost] = []
        self._loop: frozenset[str] | None = None

    def body(self, body: list[nodes.Node], *, depth: int) -> None:
        for statement in body:
            self._count(depth)
            if isinstance(statement, nodes.Output):
                for child in statement.nodes:
                    self._printed(child, depth + 1)
            elif isinstance(statement, nodes.If):
                self._if(statement, depth)
            elif isinstance(statement, nodes.For) and self._loop is None:
                self._for(statement, depth)
            else:
                raise NotPlain

    def _count(self, depth: int) -> None:
        self.nodes += 1
        if self.nodes > _MOST_NODES or depth > _DEEPEST:
            raise NotPlain

    def _pay(self, text: int, value: int, *operands: _Value) -> None:
        factor = _GROWTH if any(operand.grown for operand in operands) else 1
        self.text += text * factor
        self.value += value * factor

    def _printed(self, node: nodes.Expr, depth: int) -> None:
        if isinstance(node, nodes.TemplateData):
            self._count(depth)
            return
        value = self._expression(node, depth)
        self._must_be_own(value)
        self._pay(_PRINT_TEXT, _PRINT_VALUE, value)

    def _must_be_own(self, value: _Value) -> None:
        if self._loop is not None and not value.own:
            raise NotPlain

    def _if(self, node: nodes.If, depth: int) -> None:
        for branch in (node, *node.elif_):
            self._expression(branch.test, depth + 1)
            self.body(branch.body, depth=depth + 1)
        self.body(node.else_, depth=depth + 1)

    def _for(self, node: nodes.For, depth: int) -> None:
        if node.recursive or node.test is not None:
            raise NotPlain
        self._path(node.iter, depth + 1)
        targets = node.target.items if isinstance(node.target, nodes.Tuple) else [node.target]
        names = {target.name for target in targets if isinstance(target, nodes.Name)}
        if len(names) != len(targets) or "loop" in names:
            raise NotPlain
        before = self.nodes
        self._loop = frozenset(names)
        self.body(node.body, depth=depth + 1)
        self._loop = None
        each_round = (self.nodes - before + len(targets) + 1) * _NODE
        self.loops.append(LoopCost(_keys(node.iter), each_round))
        self.body(node.else_, depth=depth + 1)

    def _expression(self, node: nodes.Node, depth: int) -> _Value:
        if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
            return self._path(node, depth)
        self._count(depth)
        if isinstance(node, nodes.Const):
            long = isinstance(node.value, str) and len(node.value) > _LONGEST_CONSTANT
            return _Value(own=not long)
        if isinstance(node, nodes.Filter):
            return self._filter(node, depth)
        if isinstance(node, nodes.Test):
            return self._test(node, depth)
        if isinstance(node, nodes.Not):
            self._expression(node.node, depth + 1)
            return _SMALL
        if isinstance(node, nodes.And | nodes.Or):
            return self._either(node.left, node.right, depth)
        if isinstance(node, nodes.Compare):
            return self._compare(node, depth)
        if isinstance(node, nodes.CondExpr):
            self._expression(node.test, depth + 1)
            return self._either(node.expr1, node.expr2 or nodes.Const(None), depth)
        raise NotPlain

    def _either(self, left: nodes.Expr, right: nodes.Expr, depth: int) -> _Value:
        one, other = self._expression(left, depth + 1), self._expression(right, depth + 1)
        return _Value(own=one.own and other.own, grown=one.grown or other.grown)

    def _path(self, node: nodes.Node, depth: int) -> _Value:
        """A variable, or constant keys from one."""
        first_key: str | None = None
        while isinstance(node, nodes.Getattr | nodes.Getitem):
            self._count(depth)
            depth += 1
            if isinstance(node, nodes.Getattr):
                first_key = node.attr
            elif isinstance(node.arg, nodes.Const) and type(node.arg.value) in (str, int):
                first_key = None
            else:
                raise NotPlain
            node = node.node
        self._count(depth)
        if not isinstance(node, nodes.Name):
            raise NotPlain
        if self._loop is None:
            return _SMALL
        if node.name == "loop":
            if first_key not in _LOOP_ATTRIBUTES:
                raise NotPlain
            return _SMALL
        return _Value(own=node.name in self._loop)

    def _compare(self, node: nodes.Compare, depth: int) -> _Value:
        left = self._expression(node.expr, depth + 1)
        for operand in node.ops:
            right = self._expression(operand.expr, depth + 1)
            if operand.op not in _COMPARISONS or not (left.own or right.own):
                raise NotPlain
            self._pay(_COMPARE_TEXT, _COMPARE_VALUE, left, right)
            left = right
        return _SMALL

    def _test(self, node: nodes.Test, depth: int) -> _Value:
        if node.name not in _TESTS or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise NotPlain
        self._expression(node.node, depth + 1)
        return _SMALL

    def _filter(self, node: nodes.Filter, depth: int) -> _Value:
        if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise NotPlain
        operand = self._expression(node.node, depth + 1)
        if node.name in _DEFAULTS and len(node.args) <= 1:
            return self._default(operand, node.args, depth)
        if node.name in _LOOKING_FILTERS and not node.args:
            return _SMALL if node.name in ("length", "count") else operand
        if node.name not in _FILTERS or not self._takes(node):
            raise NotPlain
        self._must_be_own(operand)
        of_text = _FILTERS[node.name]
        self._pay(of_text, _JOIN_VALUE if node.name == "join" else _PRINT_VALUE + of_text, operand)
        if node.name in _GROWING_FILTERS:
            if operand.grown:
                raise NotPlain
            return _Value(own=operand.own, grown=True)
        return operand

    def _takes(self, node: nodes.Filter) -> bool:
        """Whether the filter's arguments are of the plain kind: none, but for the short separator of a `join`."""
        if not node.args:
            return True
        separator = node.args[0].value if isinstance(node.args[0], nodes.Const) else None
        short = isinstance(separator, str) and len(separator) <= _LONGEST_SEPARATOR
        return node.name == "join" and len(node.args) == 1 and short

    def _default(self, operand: _Value, arguments: list[nodes.Expr], depth: int) -> _Value:
        if not arguments:
            return operand
        fallback = self._expression(arguments[0], depth + 1)
        return _Value(own=operand.own and fallback.own, grown=operand.grown or fallback.grown)


def _keys(path: nodes.Node) -> tuple[str | int, ...]:
    """A path as the variable's name and the keys from it."""
    keys: list[str | int] = []
    while isinstance(path, nodes.Getattr | nodes.Getitem):
        keys.append(path.attr if isinstance(path, nodes.Getattr) else path.arg.value)  # type: ignore[attr-defined]  # a path's keys are constants
        path = path.node
    name = path.name if isinstance(path, nodes.Name) else ""
    return (name, *reversed(keys))
