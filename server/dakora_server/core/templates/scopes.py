"""Which names a template reads from its inputs, by Jinja2's rules of scope.

Jinja2 has its own finder (`meta.find_undeclared_variables`), but that compiles the template, and so evaluates its
constants. This one only walks the tree.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from jinja2 import nodes

GLOBALS = frozenset({"range", "dict", "namespace"})

# Filters through which a null still reads `None`.
_TEXT_FILTERS = frozenset(
    {"capitalize", "e", "escape", "indent", "lower", "replace", "safe", "string", "title", "trim", "truncate", "upper"}
)
_DEFAULTS = frozenset({"default", "d"})

_MACRO_NAMES = frozenset({"caller", "varargs", "kwargs"})


@dataclass
class Names:
    """What was found: each name with the packed position of its first use.

    `certain` are the variables that every render needs: used outside any branch, without `default` or `is defined`.
    `functions` are the unknown names that are called. `bare` are the variables printed as they are.
    """

    free: dict[str, int] = field(default_factory=dict)
    certain: dict[str, int] = field(default_factory=dict)
    functions: list[tuple[str, int]] = field(default_factory=list)
    bare: list[tuple[str, int]] = field(default_factory=list)


def find_names(tree: nodes.Template) -> Names:
    """The names a template takes from outside. The tree must not be deeper than `Limits.nesting`."""
    finder = _Finder()
    finder.body(tree.body, _Scope(bound={"self"}, later=frozenset(_stored(tree.body))), _CERTAIN)
    return finder.names


class _Scope:
    """The names bound so far in a frame; `later` are those bound anywhere in it.

    From the scope of a function (a macro's body) outwards the later ones count too: it runs when they are bound.
    """

    __slots__ = ("bound", "is_function", "later", "outer")

    def __init__(
        self,
        outer: "_Scope | None" = None,
        *,
        bound: Iterable[str] = (),
        later: frozenset[str] = frozenset(),
        is_function: bool = False,
    ) -> None:
        self.outer = outer
        self.bound = set(bound)
        self.later = later
        self.is_function = is_function

    def has(self, name: str) -> bool:
        scope: _Scope | None = self
        called = False
        while scope is not None:
            if name in scope.bound or (called and name in scope.later):
                return True
            called = called or scope.is_function
            scope = scope.outer
        return False


@dataclass(frozen=True, slots=True)
class _Way:
    """How a piece of the template is reached: for sure or not, and which names were asked about on the way."""

    certain: bool = True
    guarded: frozenset[str] = frozenset()

    def maybe(self, guarded: Iterable[str] = ()) -> "_Way":
        return _Way(certain=False, guarded=self.guarded | set(guarded))


_CERTAIN = _Way()


class _Finder:
    """The walk. Statements recurse, at most `Limits.nesting` deep; expressions, which may be long rows, do not."""

    def __init__(self) -> None:
        self.names = Names()

    def body(self, body: Sequence[nodes.Node], scope: _Scope, way: _Way) -> None:
        for statement in body:
            if isinstance(statement, nodes.Output):
                for child in statement.nodes:
                    if not isinstance(child, nodes.TemplateData):
                        self._printed(child, scope, way)
                        self.expression(child, scope, way)
            else:
                self._statement(statement, scope, way)

    def _statement(self, node: nodes.Node, scope: _Scope, way: _Way) -> None:
        visit = _STATEMENTS.get(type(node))
        if visit is not None:
            visit(self, node, scope, way)
        else:
            for child in node.iter_child_nodes():
                self.expression(child, scope, way)

    def _assign(self, node: nodes.Assign, scope: _Scope, way: _Way) -> None:
        self.expression(node.node, scope, way)
        self._target(node.target, scope, way)

    def _assign_block(self, node: nodes.AssignBlock, scope: _Scope, way: _Way) -> None:
        if node.filter is not None:
            self.expression(node.filter, scope, way)
        self._inner(node.body, scope, way)
        self._target(node.target, scope, way)

    def _macro(self, node: nodes.Macro, scope: _Scope, way: _Way) -> None:
        scope.bound.add(node.name)
        self._function(node, scope, way)

    def _call_block(self, node: nodes.CallBlock, scope: _Scope, way: _Way) -> None:
        self.expression(node.call, scope, way)
        self._function(node, scope, way)

    def _with(self, node: nodes.With, scope: _Scope, way: _Way) -> None:
        for value in node.values:
            self.expression(value, scope, way)
        self._inner(node.body, scope, way, bound=_targets(node.targets))

    def _filter_block(self, node: nodes.FilterBlock, scope: _Scope, way: _Way) -> None:
        self._inner(node.body, scope, way)
        self.expression(node.filter, scope, way)

    def _block(self, node: nodes.Block, scope: _Scope, way: _Way) -> None:
        self._inner(node.body, scope, way, bound=("self", "super"))

    def _scope(self, node: nodes.Scope, scope: _Scope, way: _Way) -> None:
        self._inner(node.body, scope, way)

    def _escaping(self, node: nodes.ScopedEvalContextModifier, scope: _Scope, way: _Way) -> None:
        self.body(node.body, scope, way)

    def _inner(self, body: Sequence[nodes.Node], scope: _Scope, way: _Way, *, bound: Iterable[str] = ()) -> None:
        self.body(body, _Scope(scope, bound=bound, later=frozenset(_stored(body))), way)

    def _if(self, node: nodes.If, scope: _Scope, way: _Way) -> None:
        """Names that every branch binds are bound afterwards; a name asked about in a test is guarded in them all."""
        asked: set[str] = set()
        branches: list[_Scope] = []
        for number, branch in enumerate((node, *node.elif_)):
            self.expression(branch.test, scope, way if number == 0 else way.maybe(asked))
            asked |= names_in(branch.test)
            branches.append(_Scope(scope))
            self.body(branch.body, branches[-1], way.maybe(asked))
        if node.else_:
            branches.append(_Scope(scope))
            self.body(node.else_, branches[-1], way.maybe(asked))
            scope.bound |= set.intersection(*(branch.bound for branch in branches))

    def _for(self, node: nodes.For, scope: _Scope, way: _Way) -> None:
        self.expression(node.iter, scope, way)
        names = {*_targets([node.target])}
        if node.test is not None:
            self.expression(node.test, _Scope(scope, bound=names), way)
        self._inner(node.body, scope, way, bound=names | {"loop"})
        self._inner(node.else_, scope, way.maybe())

    def _function(self, node: nodes.Macro | nodes.CallBlock, scope: _Scope, way: _Way) -> None:
        """A body that runs when it is called: it sees what its surroundings have bound by then."""
        inner = _Scope(scope, bound=_MACRO_NAMES, later=frozenset(_stored(node.body)), is_function=True)
        inner.bound |= {argument.name for argument in node.args}
        for value in node.defaults:
            self.expression(value, inner, way.maybe())
        self.body(node.body, inner, way.maybe())

    def _target(self, target: nodes.Node, scope: _Scope, way: _Way) -> None:
        if isinstance(target, nodes.NSRef):
            self._use(target.name, target.lineno, scope, way, needed=True)
        elif isinstance(target, nodes.Tuple):
            for item in target.items:
                self._target(item, scope, way)
        elif isinstance(target, nodes.Name):
            scope.bound.add(target.name)

    def expression(self, node: nodes.Node, scope: _Scope, way: _Way) -> None:
        """Note every name an expression reads."""
        waiting: list[tuple[nodes.Node, _Way, bool]] = [(node, way, True)]
        while waiting:
            here, on, needed = waiting.pop()
            if isinstance(here, nodes.Name):
                self._use(here.name, here.lineno, scope, on, needed=needed)
                continue
            waiting.extend(reversed(list(self._parts(here, scope, on))))

    def _parts(self, node: nodes.Node, scope: _Scope, way: _Way) -> Iterator[tuple[nodes.Node, _Way, bool]]:
        """The parts of an expression, how each is reached, and whether a variable there has to exist."""
        if isinstance(node, nodes.CondExpr):
            asked = names_in(node.test)
            yield node.expr1, way.maybe(asked), True
            yield node.test, way, True
            if node.expr2 is not None:
                yield node.expr2, way.maybe(asked), True
        elif isinstance(node, nodes.And | nodes.Or):
            yield node.left, way, True
            yield node.right, way.maybe(), True
        elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and not scope.has(node.node.name):
            if node.node.name not in GLOBALS:
                self.names.functions.append((node.node.name, node.node.lineno))
            for child in node.iter_child_nodes(exclude=("node",)):
                yield child, way, True
        else:
            forgiving = (isinstance(node, nodes.Filter) and node.name in _DEFAULTS) or (
                isinstance(node, nodes.Test) and node.name in ("defined", "undefined")
            )
            for child in node.iter_child_nodes():
                yield child, way, not (forgiving and child is getattr(node, "node", None))

    def _use(self, name: str, position: int, scope: _Scope, way: _Way, *, needed: bool) -> None:
        if scope.has(name):
            return
        self.names.free.setdefault(name, position)
        if needed and way.certain:
            self.names.certain.setdefault(name, position)

    def _printed(self, node: nodes.Node, scope: _Scope, way: _Way) -> None:
        """Note a variable that is printed with nothing to say what to print when it is null."""
        while isinstance(node, nodes.Filter) and node.name in _TEXT_FILTERS and node.node is not None:
            node = node.node
        if isinstance(node, nodes.Concat):
            for part in node.nodes:
                self._printed(part, scope, way)
        elif isinstance(node, nodes.Name) and not scope.has(node.name) and node.name not in way.guarded:
            self.names.bare.append((node.name, node.lineno))


_STATEMENTS: dict[type[nodes.Node], Callable[..., None]] = {
    nodes.Assign: _Finder._assign,
    nodes.AssignBlock: _Finder._assign_block,
    nodes.Block: _Finder._block,
    nodes.CallBlock: _Finder._call_block,
    nodes.FilterBlock: _Finder._filter_block,
    nodes.For: _Finder._for,
    nodes.If: _Finder._if,
    nodes.Macro: _Finder._macro,
    nodes.Scope: _Finder._scope,
    nodes.ScopedEvalContextModifier: _Finder._escaping,
    nodes.With: _Finder._with,
}


def names_in(expression: nodes.Node) -> set[str]:
    """Every name in an expression."""
    names: set[str] = set()
    waiting: list[nodes.Node] = [expression]
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.Name):
            names.add(node.name)
        else:
            waiting.extend(node.iter_child_nodes())
    return names


def _targets(targets: Iterable[nodes.Node]) -> Iterator[str]:
    for target in targets:
        if isinstance(target, nodes.Name):
            yield target.name
        elif isinstance(target, nodes.Tuple):
            yield from _targets(target.items)


def _stored(body: Iterable[nodes.Node]) -> Iterator[str]:
    """The names a frame binds, anywhere in it."""
    for node in body:
        if isinstance(node, nodes.Assign | nodes.AssignBlock):
            yield from _targets([node.target])
        elif isinstance(node, nodes.Macro):
            yield node.name
        elif isinstance(node, nodes.If):
            yield from _stored(node.body)
            yield from _stored(node.elif_)
            yield from _stored(node.else_)
