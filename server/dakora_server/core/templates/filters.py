"""The filters that are ours, or that differ from Jinja2's: `default`, `tojson` and `yaml`."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import yaml
from jinja2.exceptions import FilterArgumentError, TemplateRuntimeError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import do_replace, make_attrgetter, sync_do_join
from jinja2.nodes import EvalContext
from jinja2.runtime import Undefined
from jinja2.utils import pass_eval_context

from dakora_server.core.templates.printing import printable_inside

_WIDEST_INDENT = 8

_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    """`default_value` in place of what is undefined, null, "", [] or {}; never of 0 or false.

    With `boolean=true`, as in Jinja2, of everything that counts as false.
    """
    if isinstance(value, Undefined) or value is None:
        return default_value
    if not value and (boolean or isinstance(value, str | list | dict)):
        return default_value
    return value


def tojson(
    value: Any,
    indent: int | None = None,
    *,
    ensure_ascii: bool = False,
    sort_keys: bool = False,
    separators: tuple[str, str] | None = None,
) -> str:
    """The value as JSON text, keys in their order, nothing escaped for HTML; `indent` is at most 8.

    Raises FilterArgumentError for another indent, TypeError and ValueError for what JSON cannot say.
    """
    if indent is None and separators is None and not ensure_ascii and not sort_keys:
        return _JSON.encode(_defined(value))
    if indent is not None and not (type(indent) is int and 0 <= indent <= _WIDEST_INDENT):
        raise FilterArgumentError(f"the indent of tojson is a number from 0 to {_WIDEST_INDENT}")
    return json.dumps(
        _defined(value),
        allow_nan=False,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


class _Dumper(yaml.SafeDumper):
    """PyYAML's emitter in Python, the same everywhere, without anchors; texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        # Lists are indented under their key.
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(str, _text)
_Dumper.add_multi_representer(tuple, yaml.SafeDumper.represent_list)


def to_yaml(value: Any) -> str:
    """The value as YAML for a reader: block style, keys in their order, and no `...` at the end.

    There is no line end at the end either, unless the value ends in a text that ends in one.

    Raises TemplateRuntimeError for what is neither text, number, boolean, null, list nor object.
    """
    try:
        written = yaml.dump(
            _defined(value),
            Dumper=_Dumper,
            allow_unicode=True,
            default_flow_style=False,
            sort_keys=False,
            width=sys.maxsize,
        )
    except yaml.representer.RepresenterError:
        raise TemplateRuntimeError("this kind of value cannot be written as YAML") from None
    text = str(written)
    if text.endswith("\n...\n"):
        text = text.removesuffix("...\n")
    return text if _last(value).endswith("\n") else text.removesuffix("\n")


def _last(value: Any) -> str:
    """The text that a value ends in, if it is one."""
    while value and isinstance(value, list | tuple | dict):
        value = value[-1] if not isinstance(value, dict) else next(reversed(value.values()))
    return value if isinstance(value, str) else ""


def _text_filter(name: str) -> Callable[..., Any]:
    """Jinja2's filter, but only for what may become text."""
    made = JINJA_FILTERS[name]

    def checked(value: Any, *args: Any, **kwargs: Any) -> Any:
        return made(printable_inside(value), *args, **kwargs)

    return checked


@pass_eval_context
def _replace(context: EvalContext, value: Any, *args: Any, **kwargs: Any) -> str:
    return do_replace(context, printable_inside(value), *args, **kwargs)


@pass_eval_context
def _join(context: EvalContext, value: Any, d: Any = "", attribute: str | int | None = None) -> str:
    if type(value) is str and attribute is None and not context.autoescape:
        return str(printable_inside(d)).join(value)
    members = value if attribute is None else map(make_attrgetter(context.environment, attribute), value)
    return sync_do_join(context, map(printable_inside, members), d)


def _defined(value: Any) -> Any:
    """The value; printing it raises the error for one that is undefined."""
    if isinstance(value, Undefined):
        str(value)
    return value


# Left out, and what to write instead. Everything else of Jinja2 is there.
DROPPED_FILTERS: Mapping[str, str] = {
    "attr": "write value.name or value['name']",  # attributes by computed names (CVE-2025-27516)
    "center": "it only pads",
    "forceescape": "use escape",
    "format": "join texts with ~",  # `'%999999999d'|format(1)`, and the way round the sandbox of CVE-2024-56326
    "pprint": "use tojson or yaml",  # shows the names of Python's classes
    "random": "the same inputs always give the same text",
    "urlize": "it makes HTML",  # with expressions that are slow on texts made for it
    "wordwrap": "it takes too long on long lines",
    "xmlattr": "it makes HTML",  # CVE-2024-22195, CVE-2024-34064
}

_MAKE_TEXT = "capitalize e escape lower string striptags title trim upper urlencode wordcount"

FILTERS: Mapping[str, Callable[..., Any]] = {
    **{name: function for name, function in JINJA_FILTERS.items() if name not in DROPPED_FILTERS},
    **{name: _text_filter(name) for name in _MAKE_TEXT.split()},
    "default": default,
    "d": default,
    "join": _join,
    "replace": _replace,
    "tojson": tojson,
    "yaml": to_yaml,
}

# Python imports a module the first time that these are used. A worker can import nothing once it serves.
b"\\N{SPACE}".decode("unicode-escape")
FILTERS["striptags"]("<a>")
