"""The Jinja2 environment of user templates: what they can reach.

Jinja2's sandbox forbids what it knows to be dangerous. Ours is turned round: an attribute or a callable is allowed
only if it is named here. So there is no `str.format`, no method of a function, generator or class, and nothing that
changes a value. The sandbox is one of two walls; the other is the worker process.
"""

import types
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template
from jinja2.exceptions import SecurityError, TemplateNotFound, TemplateRuntimeError
from jinja2.ext import ExprStmtExtension, LoopControlExtension
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, missing

from dakora_server.core.templates import arithmetic
from dakora_server.core.templates.codegen import PromptGenerator
from dakora_server.core.templates.filters import FILTERS
from dakora_server.core.templates.printing import joined
from dakora_server.core.templates.words import article

_TEXT_METHODS = (
    "capitalize casefold center count endswith expandtabs find index isalnum isalpha isascii isdecimal isdigit"
    " isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip partition"
    " removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip"
    " swapcase title upper zfill"
)
_LOOP_NAMES = "index index0 revindex revindex0 first last length depth depth0 previtem nextitem"

# What `value.name()` may call, by the value's type, and what `value.name` may read. Other types have neither.
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset(_TEXT_METHODS.split()),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    dict: frozenset({"get", "items", "keys", "values"}),
    int: frozenset({"bit_length"}),
    float: frozenset({"is_integer"}),
    LoopContext: frozenset({"cycle", "changed"}),
    BlockReference: frozenset({"super"}),
}
_ATTRIBUTES: dict[type, frozenset[str]] = {
    tuple: frozenset({"grouper", "list"}),
    LoopContext: frozenset(_LOOP_NAMES.split()),
    Macro: frozenset({"name", "arguments", "catch_kwargs", "catch_varargs", "caller"}),
}

_DICT_NAMES = frozenset(name for name in dir(dict) if not name.startswith("_"))


class MissingValue(StrictUndefined):
    """What a name or key that does not exist stands for: any use but `is defined` and `default` is an error."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        if self._undefined_obj is missing:
            return f"'{self._undefined_name}' is undefined"
        if isinstance(self._undefined_name, str):
            return f"{article(self._undefined_obj)} has no '{self._undefined_name}'"
        return f"{article(self._undefined_obj)} has no element {_short(self._undefined_name)}"


def _short(value: object) -> str:
    return str(value) if isinstance(value, int) and abs(value) < 10**9 else article(value)


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """The environment of one kind of program; it holds no state but the parts a program may include."""

    code_generator_class = PromptGenerator
    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, *, finalize: Callable[[Any], Any], longest_range: int) -> None:
        super().__init__(
            autoescape=False,
            cache_size=0,
            extensions=(ExprStmtExtension, LoopControlExtension),
            finalize=finalize,
            optimized=False,
            undefined=MissingValue,
        )
        self.parts: Mapping[str, Template] = {}
        # What the names of parts stand for in each part, and under "" in the prompt's own texts; None: for themselves.
        self.links: Mapping[str, Mapping[str, str]] | None = None
        self.filters = dict(FILTERS)
        self.globals = {}
        self.functions: Mapping[str, Callable[..., Any]] = {
            "range": arithmetic.range_up_to(longest_range),
            "dict": _dict,
            "namespace": _namespace,
        }
        self.joined = joined
        self.binop_table |= {"*": arithmetic.multiply, "**": arithmetic.power, "%": arithmetic.modulo}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`: what the type is allowed to give out, else the value under that key."""
        if type(obj) is dict and attribute not in _DICT_NAMES and not attribute.startswith("_"):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        found = self._attribute(obj, attribute)
        if found is not missing:
            return found
        return self._element(obj, attribute)

    def method(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute` where it is called, the only place where a method may stand."""
        for kind in type(obj).__mro__:
            if attribute in _METHODS.get(kind, ()):
                return getattr(obj, attribute)
        if isinstance(obj, TemplateReference):
            return self._element(obj, attribute)
        return self.getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`: the value under that key, else what the type is allowed to give out."""
        try:
            return obj[argument]
        except (TypeError, LookupError):
            if isinstance(argument, str):
                found = self._attribute(obj, str(argument))
                if found is not missing:
                    return found
        return self.undefined(obj=obj, name=argument)

    def _element(self, obj: Any, key: str) -> Any:
        try:
            return obj[key]
        except (TypeError, LookupError):
            return self.undefined(obj=obj, name=key)

    def _attribute(self, obj: Any, attribute: str) -> Any:
        """The attribute, `missing` if the object has none of that name, or the reason why it is not given out."""
        if isinstance(obj, Undefined):
            return getattr(obj, attribute)
        if isinstance(obj, Namespace) and not attribute.startswith("_"):
            return getattr(obj, attribute, missing)
        for kind in type(obj).__mro__:
            if attribute in _ATTRIBUTES.get(kind, ()):
                return getattr(obj, attribute, missing)
            if attribute in _METHODS.get(kind, ()):
                return self._refused(obj, attribute, f"is a function: write {attribute}() to call it")
        if attribute.startswith("_") or hasattr(obj, attribute):
            return self._refused(obj, attribute, "is not available in templates")
        return missing

    def _refused(self, obj: Any, attribute: str, why: str) -> Undefined:
        return self.undefined(f"'{attribute[:80]}' of {article(obj)} {why}", name=attribute, obj=obj, exc=SecurityError)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Nothing is safe by this door; `_attribute` is the only one."""
        return False

    def is_safe_callable(self, obj: Any) -> bool:
        """The three functions, what the template defined itself, and methods `_attribute` gave out."""
        if isinstance(obj, Macro | LoopContext | BlockReference | types.BuiltinMethodType | Undefined):
            return True
        if isinstance(obj, types.MethodType):
            return isinstance(obj.__self__, LoopContext)
        return any(obj is function for function in self.functions.values())

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A call in a template."""
        if not self.is_safe_callable(function):
            raise TemplateRuntimeError(f"{article(function)} cannot be called")
        return context.call(function, *args, **kwargs)

    def get_template(self, name: Any, parent: str | None = None, globals: Any = None) -> Template:  # noqa: A002 -- Jinja2's signature
        """A part of this program, compiled beforehand. Raises TemplateNotFound."""
        if self.links is not None:
            inside = "" if parent is None or parent.startswith("#") else parent
            exact = self.links.get(inside, {}).get(name)
        else:
            exact = name
        if exact is None or exact not in self.parts:
            raise TemplateNotFound(str(name)[:100])
        return self.parts[exact]

    def handle_exception(self, source: str | None = None) -> Any:
        """Let errors pass as they are: Jinja2's rewriting would take a packed position for a number of lines."""
        raise  # noqa: PLE0704 -- called from within an `except` block of Jinja2


def _dict(*args: Any, **kwargs: Any) -> dict[Any, Any]:
    return dict(*args, **kwargs)


def _namespace(*args: Any, **kwargs: Any) -> Namespace:
    return Namespace(*args, **kwargs)
