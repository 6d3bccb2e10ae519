"""Every place where a query is kept inside its tenant, found in the code, and the same code without it.

A place is a call of `.owns(…)`, or a comparison of a column that names a tenant or joins to one. To remove one, its
module is compiled anew with `true` in its place, and the function that holds it is given that code. Whoever holds the
function goes on holding it.
"""

import ast
import contextlib
import importlib
import inspect
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import sqlalchemy
from isolation_suite.driver import OPERATION

import dakora_server

_ROOT = Path(dakora_server.__file__).resolve().parent
# Columns that name a tenant, or a row's own place in one.
_TENANTS = {"project_id", "workspace_id", "user_id", "tenant_id", "caller_id", "created_by"}
_PLACES = {"users", "workspaces", "projects"}
# What each place was reached by: filled while `watched()` holds.
REACHED: defaultdict[str, set[str]] = defaultdict(set)


@dataclass(frozen=True)
class Filter:
    """One such place."""

    module: str
    function: str
    line: int
    column: int
    source: str

    @property
    def name(self) -> str:
        """How it is called in a test's name."""
        return f"{self.module.removeprefix('dakora_server.core.')}.{self.function}:{self.line}:{self.column}"

    @property
    def by_project(self) -> bool:
        """Whether its rows are a project's own, that another project of the same workspace must not see either."""
        rooms = (".core.prompts.", ".core.parts.", ".core.archives.", ".core.executions.", ".core.llm.", ".core.runs.")
        return any(room in self.module for room in rooms)


def modules() -> list[str]:
    """Every module that asks PostgreSQL for rows of tenants."""
    found = sorted(_ROOT.glob("core/*/*queries.py"))
    return [".".join(("dakora_server", *path.relative_to(_ROOT).with_suffix("").parts)) for path in found]


def filters() -> list[Filter]:
    """All places, in order."""
    return [found for module in modules() for found in _in_module(module)]


def _in_module(name: str) -> Iterator[Filter]:
    for function in ast.walk(_tree(name)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if _is_filter(node):
                    yield Filter(name, function.name, node.lineno, node.col_offset, ast.unparse(node))


def _tree(name: str) -> ast.Module:
    return ast.parse(inspect.getsource(importlib.import_module(name)))


def _is_filter(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr == "owns"
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq):
        return False
    return any(_names_a_tenant(side) for side in (node.left, *node.comparators))


def _names_a_tenant(node: ast.expr) -> bool:
    """`t.c.project_id`, `table.tenant_id`, `projects.c.id`; not a value such as `project.project_id`."""
    if not isinstance(node, ast.Attribute):
        return False
    inner = node.value
    if node.attr == "id":
        return isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id in _PLACES
    is_column = (isinstance(inner, ast.Attribute) and inner.attr == "c") or (
        isinstance(inner, ast.Name) and inner.id in {"table", "v"}
    )
    return is_column and node.attr in _TENANTS


class _Rewrite(ast.NodeTransformer):
    def __init__(self, wanted: list[Filter], template: str) -> None:
        self._wanted = {(one.line, one.column, one.source): one for one in wanted}
        self._template = template

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        key = (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
        if not isinstance(node, ast.Call | ast.Compare):
            return node
        found = self._wanted.get((*key, ast.unparse(node)))
        if found is None:
            return node
        text = self._template.replace("NAME", repr(found.name))
        made = ast.parse(text, mode="eval").body
        for inner in ast.walk(made):
            if isinstance(inner, ast.Name) and inner.id == "ORIGINAL":
                return ast.copy_location(_Put(node).visit(made), node)
        return ast.copy_location(made, node)


class _Put(ast.NodeTransformer):
    def __init__(self, original: ast.AST) -> None:
        self._original = original

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._original if node.id == "ORIGINAL" else node


@contextlib.contextmanager
def _rewritten(wanted: list[Filter], template: str, **given: Any) -> Iterator[None]:
    """The functions of these places, running with the template in each place."""
    kept: list[tuple[FunctionType, CodeType]] = []
    loaded: list[ModuleType] = []
    try:
        for name in {one.module for one in wanted}:
            module = importlib.import_module(name)
            mine = [one for one in wanted if one.module == name]
            tree = ast.fix_missing_locations(_Rewrite(mine, template).visit(_tree(name)))
            codes = {
                code.co_name: code for code in compile(tree, module.__file__ or name, "exec").co_consts if _is(code)
            }
            vars(module).update(given)
            loaded.append(module)
            for function_name in {one.function for one in mine}:
                function = getattr(module, function_name)
                kept.append((function, function.__code__))
                function.__code__ = codes[function_name]
        yield
    finally:
        for function, code in kept:
            function.__code__ = code
        for module in loaded:
            for name in given:
                delattr(module, name)


def _is(constant: object) -> bool:
    return isinstance(constant, CodeType)


@contextlib.contextmanager
def without(place: Filter) -> Iterator[list[str]]:
    """The application without this filter. Answers how often the query was built without it, as a list that grows."""
    used: list[str] = []

    def everything(name: str) -> Any:
        used.append(name)
        return sqlalchemy.true()

    with _rewritten([place], "_isolation_everything(NAME)", _isolation_everything=everything):
        yield used


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """The application as it is, noting which operation reaches which place."""

    def passing(name: str, original: Any) -> Any:
        REACHED[name].add(OPERATION.get())
        return original

    with _rewritten(filters(), "_isolation_passing(NAME, ORIGINAL)", _isolation_passing=passing):
        yield
