"""How Python is made from a syntax tree: as Jinja2 does it, but nothing is evaluated, and columns are kept."""

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame

from dakora_server.core.templates.faults import unpack
from dakora_server.core.templates.scopes import GLOBALS

_SUM: dict[type[nodes.Expr], str] = {nodes.Add: "+", nodes.Sub: "-"}
_ROWS: dict[type[nodes.Expr], dict[type[nodes.Expr], str]] = {
    nodes.And: {nodes.And: "and"},
    nodes.Or: {nodes.Or: "or"},
    nodes.Add: _SUM,
    nodes.Sub: _SUM,
}


# What an expression begins with. Jinja2 gives many the position of their last part; errors are found from the first.
_FIRST_PARTS: dict[type[nodes.Node], str] = {
    **dict.fromkeys((nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem, nodes.Call), "node"),
    **dict.fromkeys((nodes.And, nodes.Or, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div), "left"),
    **dict.fromkeys((nodes.FloorDiv, nodes.Mod, nodes.Pow), "left"),
    nodes.Compare: "expr",
    nodes.CondExpr: "expr1",
}


def _first(node: nodes.Node) -> nodes.Node:
    """The leftmost part of an expression."""
    while True:
        if isinstance(node, nodes.Concat):
            node = node.nodes[0]
            continue
        first = getattr(node, _FIRST_PARTS.get(type(node), ""), None)
        if first is None:
            return node
        node = first


class PromptGenerator(CodeGenerator):
    """Jinja2's code generator without its constant folding."""

    _callee: nodes.Node | None = None

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> str:
        # Folding would run `{{ 'a' * 10**9 }}` while compiling; `optimized=False` does not reach this place.
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)

    def newline(self, node: nodes.Node | None = None, extra: int = 0) -> None:
        super().newline(_first(node) if isinstance(node, nodes.Expr) else node, extra)

    def position(self, node: nodes.Node) -> str:
        return f"line {unpack(node.lineno)[0]}"

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802 -- Jinja2's name
        # A method or function may stand where it is called and nowhere else, so what is called is looked up apart.
        self._callee = node.node
        super().visit_Call(node, frame, forward_caller=forward_caller)

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802 -- Jinja2's name
        look_up = "method" if node is self._callee else "getattr"
        self.write(f"environment.{look_up}(")
        self.visit(node.node, frame)
        self.write(f", {node.attr!r})")

    def visit_Name(self, node: nodes.Name, frame: Frame) -> None:  # noqa: N802 -- Jinja2's name
        if node is self._callee and node.name in GLOBALS:
            ref = frame.symbols.ref(node.name)
            self.write(f"(environment.functions[{node.name!r}] if {ref} is missing else {ref})")
        else:
            super().visit_Name(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 -- Jinja2's name
        if frame.eval_ctx.volatile or frame.eval_ctx.autoescape:
            super().visit_Concat(node, frame)
            return
        self.write("environment.joined((")
        for operand in node.nodes:
            self.visit(operand, frame)
            self.write(", ")
        self.write("))")

    def _row(self, node: nodes.BinExpr, frame: Frame) -> None:
        """`a + b + c` in one pair of brackets instead of `((a + b) + c)`: Python stops at 200 nested ones."""
        signs = _ROWS[type(node)]
        pairs: list[tuple[str, nodes.Expr]] = []
        first: nodes.Expr = node
        while type(first) in signs and isinstance(first, nodes.BinExpr):
            pairs.append((signs[type(first)], first.right))
            first = first.left
        self.write("(")
        self.visit(first, frame)
        for sign, operand in reversed(pairs):
            self.write(f" {sign} ")
            self.visit(operand, frame)
        self.write(")")

    visit_And = visit_Or = visit_Add = visit_Sub = _row  # noqa: N815 -- the names by which Jinja2 calls them
