"""Templates made to do harm: to reach outside, to take time, memory or stack, to fill the answer, to break the parser.

All are ours, written after the classes of attack that are publicly known against Jinja2. One file, longer than most
because it is a list. It needs nothing but itself, so any test can load it by path:

    CASES = runpy.run_path(".../tests/templates/hostile.py")["CASES"]

`refused`: the analysis finds a fault, so it can never be saved. `harmless_or_refused`: it may be saved; rendering it
answers an error or a text that is none of the above, within the limits.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Expect = Literal["refused", "harmless_or_refused"]


@dataclass(frozen=True)
class HostileCase:
    """One attack: the texts of one prompt, and the inputs to render it with."""

    name: str
    family: str
    expect: Expect
    sources: tuple[str, ...]
    inputs: dict = field(default_factory=dict)

    @property
    def template(self) -> str | None:
        """The text, unless it is a chat prompt."""
        return self.sources[0] if len(self.sources) == 1 else None

    @property
    def messages(self) -> list[dict] | None:
        """The messages, if it is a chat prompt."""
        if len(self.sources) == 1:
            return None
        return [{"role": "user", "content": source} for source in self.sources]


CASES: list[HostileCase] = []

# What the templates find in their inputs, besides what a case brings.
INPUTS = {
    "x": "text",
    "n": 7,
    "items": ["a", "b", "c"],
    "o": {"a": 1, "b": {"c": [1, 2, 3]}, "format": "json", "_id": 5},
    "rows": [{"k": 1, "v": "x"}, {"k": 2, "v": "y"}],
    "big": "lorem ipsum " * 4_000,
    "many": list(range(5_000)),
    "words": [f"word{number % 977}" for number in range(5_000)],
    "names": ["a", "é", "ß", "\u0131"],
}


def add(family: str, expect: Expect, *templates: str, inputs: dict | None = None) -> None:
    """One case for each template."""
    for template in templates:
        _append(family, expect, (template,), inputs)


def chat(family: str, expect: Expect, *texts: str, inputs: dict | None = None) -> None:
    """One case of several messages."""
    _append(family, expect, texts, inputs)


def _append(family: str, expect: Expect, sources: tuple[str, ...], inputs: dict | None) -> None:
    number = sum(case.family == family for case in CASES) + 1
    CASES.append(HostileCase(f"{family}-{number:03}", family, expect, sources, {**INPUTS, **(inputs or {})}))


# Reaching outside: attributes that begin with an underscore, from anything a template can hold.
for root in (
    *("''", '""', "[]", "{}", "()", "1", "1.5", "true", "none", "x", "o", "items", "n.real", "self", "range", "dict"),
    *("namespace", "namespace()", "(x ~ x)", "(1, 2)", "''.join", "o.items()", "x.upper()", "undefined_name"),
):
    add("attribute", "refused", f"{{{{ {root}.__class__ }}}}")
for attribute in (
    *("__class__.__mro__[1].__subclasses__()", "__class__.__base__.__subclasses__()", "__init__.__globals__"),
    *("__class__.__bases__[0].__subclasses__()[40]('/etc/passwd').read()", "__reduce_ex__(2)", "__doc__", "__dict__"),
    *("__init__.__globals__['__builtins__']['eval']('1')", "__class__.__init_subclass__", "__getattribute__('x')"),
    *("__format__('%s')", "_TemplateReference__context", "_Macro__func", "__call__()", "__self__", "__func__"),
    *("__globals__.os.popen('id').read()", "__code__.co_consts", "__wrapped__", "__module__", "__subclasshook__"),
    *("_mutable", "__add__('x')", "__getitem__(0)", "__sizeof__()", "__setattr__('a', 1)", "__delattr__('a')"),
):
    add("attribute", "refused", f"{{{{ x.{attribute} }}}}")
add(
    "attribute",
    "refused",
    "{% for i in [1] %}{{ loop.__class__ }}{% endfor %}",
    "{% macro m() %}{{ caller.__class__ }}{% endmacro %}{% call m() %}{% endcall %}",
    "{% macro m() %}{% endmacro %}{{ m.__init__.__globals__ }}",
    "{% macro m() %}{{ varargs.__class__ }}{{ kwargs.__class__ }}{% endmacro %}{{ m(1, a=2) }}",
    "{% set c = ''.__class__ %}{{ c }}",
    "{% with c = x.__class__ %}{{ c.__mro__ }}{% endwith %}",
    "{% if x.__class__ %}y{% endif %}",
    "{{ x if x.__len__() else '' }}",
    "{{ items|map(attribute='a')|list if false else o.__class__ }}",
    "{% filter upper %}{{ x.__class__ }}{% endfilter %}",
    "{% do x.__class__ %}",
    "{% set ns = namespace() %}{% set ns.c = x.__class__ %}{{ ns.c }}",
    "{{ x|default(x.__class__) }}",
    "{{ dict(a=x.__class__) }}",
    "{{ [x.__class__, o.__class__] }}",
    "{% print x.__class__ %}",
    "{% block b %}{{ super.__class__ }}{{ self.__class__ }}{% endblock %}",
    "{{ (''\n.\n__class__) }}",
    "{{ x\t.__class__ }}",
    "{{ x.\x0c__class__ }}",
)

# The same by subscripts, computed names and filters that look attributes up.
add(
    "subscript",
    "refused",
    "{{ ''['__class__'] }}",
    '{{ x["__class__"]["__mro__"] }}',
    "{{ x['__cla' 'ss__'] }}",
    "{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ x['\\u005f\\u005fclass__'] }}",
    "{{ x['\\137\\137class__'] }}",
    "{{ x['\\N{LOW LINE}\\N{LOW LINE}class__'] }}",
    "{{ dict['__class__'] }}",
    "{{ [].append.__self__ }}",
)
add(
    "subscript",
    "harmless_or_refused",
    "{{ x['__cla' ~ 'ss__'] }}",
    "{{ x['__cla' + 'ss__'] }}",
    "{{ x['_' * 2 ~ 'class' ~ '_' * 2] }}",
    "{{ x['__ssalc__'[::-1]] }}",
    "{{ x['%s%sclass%s%s' % ('_', '_', '_', '_')] }}",
    "{{ x[['__class__'][0]] }}",
    "{{ x[{'a': '__class__'}.a] }}",
    "{{ x['__CLASS__'|lower] }}",
    "{{ x['  __class__  '|trim] }}",
    "{{ x['__clXass__'|replace('X', '')] }}",
    "{{ x[['__', 'class', '__']|join] }}",
    "{% set k = '__class__' %}{{ x[k] }}",
    "{% for k in ['__class__', '__mro__', '__dict__'] %}{{ x[k] }}{% endfor %}",
    "{{ x[k] }}",
    "{{ o[k]['__globals__'[0:11]] }}",
    "{{ range['__' ~ 'globals' ~ '__'] }}",
    "{{ dict['from' ~ 'keys']([1]) }}",
    "{{ dict['x'] }}",
    "{{ o.items['__' ~ 'self' ~ '__'] }}",
    "{{ namespace()['_Namespace' ~ '__attrs'] }}",
    "{{ self['_TemplateReference' ~ '__context'] }}",
    "{{ x['\uff3f\uff3fclass\uff3f\uff3f'] }}",
    "{{ x.\uff3f\uff3fclass\uff3f\uff3f }}",
    "{{ x['encode']('utf-16') }}",
    "{{ x.encode('utf-8') }}",
    "{{ x.translate({97: 'b'}) }}",
    "{{ x.maketrans('a', 'b') }}",
    "{{ n.to_bytes(8, 'big') }}",
    "{{ n.real.imag.numerator }}",
    "{{ 1.5.hex() }}",
    "{{ 1.5.as_integer_ratio() }}",
    "{{ o.fromkeys([1]) }}",
    "{{ o.clear() }}{{ o.pop('a') }}",
    "{{ o.update({'a': 2}) }}{{ o }}",
    "{{ items.append(1) }}{{ items.sort() }}{{ items }}",
    "{{ items.extend(items) }}",
    "{{ items.copy() }}",
    inputs={"k": "__class__"},
)
for look in (
    *(
        "map(attribute='__class__')",
        "map(attribute='__class__.__mro__')",
        "selectattr('__class__')",
        "map('attr', '__class__')",
    ),
    *(
        "rejectattr('__class__')",
        "groupby('__class__')",
        "sort(attribute='__class__')",
        "unique(attribute='__class__')",
    ),
    *(
        "sum(attribute='__class__')",
        "min(attribute='__class__')",
        "max(attribute='__class__')",
        "join(',', '__class__')",
    ),
    *(
        "map(attribute='upper.__self__')",
        "map('format', x)",
        "map('xmlattr')",
        "map('pprint')",
        "map('no_such_filter')",
    ),
    *("select('no_such_test')", "map('map', attribute='__class__')", "map('default', x, true)|map('string')"),
    *("map(**{'attribute': '__class__'})", "map(*['attr', '__class__'])", "selectattr('__class__', 'defined')"),
):
    add("lookup", "harmless_or_refused", f"{{{{ items|{look}|list }}}}")
add(
    "lookup",
    "refused",
    "{{ x|attr('__class__') }}",
    "{{ x|attr('format')('{0.__class__}') }}",
    "{{ request|attr('application') }}",
    "{{ (x|attr)('__class__') }}",
    "{{ {}|xmlattr }}",
    "{{ {'a b=c': 1}|xmlattr }}",
    "{{ {'onclick=alert(1) x': 1}|xmlattr(false) }}",
    "{{ x|pprint }}",
    "{{ items|random }}",
    "{{ big|urlize }}",
    "{{ big|wordwrap(1) }}",
    "{{ x|center(999999999) }}",
    "{{ x|forceescape }}",
    "{{ x|eval }}",
    "{{ x is evil }}",
    "{{ x|a.b.c }}",
)

# Formatting, the way round the sandbox of CVE-2024-56326 among them.
add(
    "format",
    "refused",
    "{{ '{0.__class__}'.format(x) }}",
    "{{ '{x.__class__.__mro__[1]}'.format(x=x) }}",
    "{{ '{a.__init__.__globals__}'.format_map({'a': x}) }}",
    "{{ ('{0' ~ '.__class__}').format(x) }}",
    "{{ '{:>999999999}'.format(x) }}",
    "{{ '%s'|format(x) }}",
    "{{ '%999999999d'|format(1) }}",
    "{{ x.format.format('a') }}",
    "{% filter format(1) %}%999999999d{% endfilter %}",
)
add(
    "format",
    "harmless_or_refused",
    "{% set f = '{0.__class__}'.format %}{{ f(x) }}",
    "{{ ('{0.__class__}'['format'])(x) }}",
    "{{ ('{0.__class__}'['for' ~ 'mat'])(x) }}",
    "{% macro m(f) %}{{ f(x) }}{% endmacro %}{{ m('{0.__class__.__mro__}'['format']) }}",
    "{% set ns = namespace(f='{0.__class__}'['format']) %}{{ ns.f(x) }}",
    "{{ ['{0.__class__}']|map(attribute='format')|first }}",
    "{{ (['{0.__class__}']|map(attribute='format')|list)[0](x) }}",
    "{{ {'f': '{0.__class__}'['format_map']}.f({'x': x}) }}",
    "{% for f in ['{0.__class__}'['format']] %}{{ f(x) }}{% endfor %}",
    "{{ (x|escape)['format'](x) }}",
    "{{ (x|safe)['format_map']({}) }}",
    "{{ '%(a)999999999s' % {'a': 1} }}",
    "{{ '%999999999d' % 1 }}",
    "{{ '%.999999999f' % 1.5 }}",
    "{{ '%*d' % (999999999, 1) }}",
    "{{ '%-*.*f' % (99999999, 99999999, 1.0) }}",
    "{{ '%((a))999999999s' % {'(a)': 1} }}",
    "{{ ('%' ~ '9' * 9 ~ 'd') % 1 }}",
    "{{ ('%1000d' * 2000) % ((1,) * 2000) }}",
    "{{ '%s' % o }}{{ '%r' % o }}{{ '%a' % 'é' }}",
    "{{ '%c' % 1114111 }}{{ '%c' % 55296 }}",
    "{{ '%s%s' % (x,) }}",
    "{{ '%z' % x }}",
    "{{ ('%(' * 20000) % o }}",
)

# Names that other programs put into their templates.
for name in (
    *(
        "lipsum()",
        "cycler('a')",
        "joiner()",
        "url_for('x')",
        "get_flashed_messages()",
        "gettext('x')",
        "_('x')",
        "open('x')",
    ),
    *("eval('1')", "exec('1')", "__import__('os')", "import_module('os')", "getattr(x, 'y')", "vars()", "globals()"),
    *(
        "locals()",
        "dir()",
        "type(x)",
        "object()",
        "super()",
        "print(x)",
        "breakpoint()",
        "input()",
        "compile('1')",
        "help()",
    ),
    *("undefined()", "context()", "environment()", "resolve('x')", "caller()", "varargs()", "missing()", "Markup(x)"),
):
    add("global", "refused", f"{{{{ {name} }}}}")
for name in (
    *(
        "config",
        "request.application",
        "self",
        "self.x",
        "g",
        "session",
        "context",
        "environment",
        "resolve",
        "missing",
    ),
    *("lipsum", "cycler", "joiner", "range", "dict", "namespace", "loop", "super", "caller", "Undefined", "concat"),
    *("parent_template", "l_0_x", "t_1", "event", "blocks", "name", "debug_info", "root", "str", "cond_expr_undefined"),
):
    add("global", "harmless_or_refused", f"{{{{ {name} }}}}")
add(
    "global",
    "harmless_or_refused",
    "{{ [range, dict, namespace] }}",
    "{{ {'f': range}|string }}",
    "{{ range ~ dict }}",
    "{{ [o.items]|join }}",
    "{{ items|map('upper') }}",
    "{{ o.items }}",
    "{{ namespace(a=1) }}",
    "{% macro m() %}{% endmacro %}{{ m }}{{ m.name }}{{ m.arguments }}",
    "{% for i in items %}{{ loop }}{{ loop.cycle }}{{ loop.changed }}{% endfor %}",
    "{% set range = 5 %}{{ range }}",
    "{% set self = 1 %}{{ self }}",
    "{% for dict in items %}{{ dict }}{% endfor %}",
    "{{ dict(o, **o) }}",
    "{{ namespace(__class__=1) }}",
    "{% set ns = namespace() %}{% set ns.__class__ = 1 %}{{ ns['a'] }}",
    "{% set o.a = 5 %}{{ o }}",
    "{% set x.y = 5 %}",
    "{% macro a(caller=1) %}{{ caller }}{% endmacro %}{{ a() }}",
    "{{ range(3)['start'] }}{{ range(3).stop }}",
    "{{ range(x) }}{{ range(1.5) }}",
    "{{ range() }}",
    "{{ range(1, 10, 0) }}",
    "{{ range(_loop_vars=1) }}",
    "{% for i in items %}{{ range(i, _block_vars=2) }}{% endfor %}",
)

# Other templates.
add(
    "include",
    "refused",
    "{% include x %}",
    "{% include 'a' ~ x %}",
    "{% include ['a', 'b'] %}",
    "{% include ('a', x) %}",
    "{% include 'a' * 10**9 %}",
    "{% include x if n else 'a' %}",
    "{% include %}",
    "{% include 5 %}",
    "{% include none ignore missing %}",
    "{% extends 'base' %}",
    "{% extends x %}",
    "{% extends 'a' * 10**9 %}",
    "{% import 'os' as os %}{{ os.system('id') }}",
    "{% import x as y with context %}",
    "{% from 'os' import system %}{{ system('id') }}",
    "{% from '{__import__(\"os\")}' import x %}",
    "{% from \"a'{1/0}'b\" import x as y without context %}",
    "{% block a %}{% endblock %}{% block a %}{% endblock %}",
    "{% block a required %}text{% endblock %}",
)
add(
    "include",
    "harmless_or_refused",
    "{% include '/etc/passwd' %}",
    "{% include '../../../../etc/passwd' %}",
    "{% include 'file:///etc/passwd' %}",
    "{% include 'http://169.254.169.254/latest' %}",
    "{% include 'a\\x00b' %}",
    "{% include '{1/0}' %}",
    '{% include "a\'b" ignore missing %}',
    "{% include 'a' ignore missing without context %}",
    "{% include '' %}",
    "{% include '#0' %}",
    "{% include '0' %}",
    "{% include 'category/part@-1' %}",
    "{% for i in range(10000) %}{% include 'a' ignore missing %}{% endfor %}",
    "{% block a %}{{ self.a() }}{% endblock %}",
    "{% block a %}{{ super() }}{% endblock %}",
    "{% block a %}{{ self.b() }}{% endblock %}{% block b %}{{ self.a() }}{% endblock %}",
)

# Time.
add(
    "time",
    "harmless_or_refused",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 9 ** (9 ** 9) }}",
    "{{ (9 ** 4000) ** 9 }}",
    "{{ 2 ** 16000 }}",
    "{{ (2 ** 16000)|string }}",
    "{{ (10 ** 5000)|tojson }}",
    "{{ 10 ** -999999999 }}",
    "{{ 1e308 * 10 }}",
    "{{ (-8) ** 0.5 }}",
    "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}",
    "{% for a in range(9999) %}{% for b in range(9999) %}{% if a == b %}x{% endif %}{% endfor %}{% endfor %}",
    "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}"
    "{% endfor %}{% endfor %}",
    "{% for a in many %}{% for b in many %}{% if a in many %}{% endif %}{% endfor %}{% endfor %}",
    "{% for a in many %}{{ big|upper|length }}{% endfor %}",
    "{% for a in many %}{% if 'zzz' in big %}{% endif %}{% endfor %}",
    "{% for a in words %}{{ words|sort|first }}{% endfor %}",
    "{% for a in words %}{{ words|unique|list|length }}{% endfor %}",
    "{% for a in many %}{{ words|groupby(0)|length }}{% endfor %}",
    "{% for a in many %}{{ words|join|length }}{% endfor %}",
    "{% for a in many %}{{ words|map('upper')|map('lower')|map('title')|list|length }}{% endfor %}",
    "{% for a in many %}{{ many|sum }}{% endfor %}",
    "{% for a in many %}{{ many|tojson|length }}{% endfor %}",
    "{% for a in many %}{{ many|yaml|length }}{% endfor %}",
    "{{ (many * 20)|yaml|length }}",
    "{{ (range(10000)|list * 10)|sort(reverse=true)|first }}",
    "{{ (words * 20)|sort(case_sensitive=true)|last }}",
    "{{ (words * 20)|batch(1)|list|length }}",
    "{{ many|slice(100000)|list|length }}",
    "{{ many|batch(3, 'x')|map('list')|list|length }}",
    "{{ many|map('string')|map('list')|sum(start=[])|length }}",
    "{{ (many|map('string')|map('list')|list * 10)|sum(start=[])|length }}",
    "{{ ('<' * 1000000)|striptags|length }}",
    "{{ ('<!--' * 200000)|striptags|length }}",
    "{{ ('<!-- -->' * 100000)|striptags|length }}",
    "{{ ('<a>' * 100000)|striptags|length }}",
    "{{ ('a ' * 500000)|wordcount }}",
    "{{ ('a\\n' * 500000)|indent(1)|length }}",
    "{{ ('a-' * 500000)|title|length }}",
    "{{ ('é' * 1000000)|urlencode|length }}",
    "{{ ('<>&' * 300000)|escape|length }}",
    "{{ ('ab' * 500000)|replace('a', 'bb')|replace('b', 'aa')|length }}",
    "{{ ('a' * 1000000)|replace('', 'xx')|length }}",
    "{{ ('a' * 1000000)|truncate(999999)|length }}",
    "{{ ('a' * 500000 ~ 'b') in ('a' * 1000000) }}",
    "{{ ('ab' * 499999).find('ba' * 250000) }}",
    "{{ ('a' * 1000000).count('a' * 500000) }}",
    "{{ ('a,' * 500000).split(',')|length }}",
    "{{ 'a'.join('b' * 1000000)|length }}",
    "{{ ('1' * 4000)|int * ('1' * 900)|int }}",
    "{{ ('1' * 1000000)|int }}",
    "{{ ('1' * 1000000)|float }}",
    "{{ ('f' * 1000000)|int(0, 16) }}",
    "{{ 1.5|round(999999999, 'ceil') }}",
    "{{ 1|round(99999999, 'floor') }}",
    "{{ 12345|filesizeformat(true) }}{{ (10 ** 400)|filesizeformat }}",
    "{% macro m(k) %}{{ m(k - 1) if k > 0 }}{{ m(k - 1) if k > 0 }}{% endmacro %}{{ m(60) }}",
    "{% macro m(k) %}{% if k > 0 %}{{ m(k - 1) ~ m(k - 2) }}{% endif %}{% endmacro %}{{ m(90) }}",
    "{% macro a() %}{% for i in range(10000) %}{{ caller() }}{% endfor %}{% endmacro %}"
    "{% call a() %}{% call a() %}{% call a() %}{% endcall %}{% endcall %}{% endcall %}",
    "{% for a in range(10000) recursive %}{{ loop(range(10000)) if loop.depth < 9 }}{% endfor %}",
    "{% for a in [[[]]] recursive %}{{ loop(a) }}{{ loop(a) }}{% endfor %}",
    "{% set ns = namespace(i=0) %}{% for a in range(10000) %}{% for b in range(10000) %}"
    "{% set ns.i = ns.i + 1 %}{% endfor %}{% endfor %}{{ ns.i }}",
    "{% set ns = namespace(v=3) %}{% for a in range(10000) %}{% set ns.v = ns.v * ns.v %}{% endfor %}{{ ns.v }}",
    "{% set ns = namespace(a=0, b=1) %}{% for i in range(10000) %}{% set ns.a = ns.a + ns.b %}"
    "{% set ns.b = ns.a + ns.b %}{% endfor %}{{ ns.b }}",
    "{% set ns = namespace(v='a') %}{% for i in range(10000) %}{% set ns.v = ns.v|title|lower ~ i %}"
    "{% endfor %}{{ ns.v }}",
    "{% filter upper %}{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}{% endfilter %}",
    "{% set b %}{% for a in range(10000) %}{{ big }}{% endfor %}{% endset %}{{ b|length }}",
    "{{ many == many|list and many < many|list }}",
    "{{ [many|list] * 200 == [many|list] * 200 }}",
    "{{ words|select('in', words)|list|length }}",
    "{{ words|selectattr('0', 'in', words)|list|length }}",
    "{{ many|select('divisibleby', 1)|map('pow', 2)|list }}",
)

# Memory.
add(
    "memory",
    "harmless_or_refused",
    "{{ 'a' * 10 ** 9 }}",
    "{{ ('a' * 10 ** 9)|length }}",
    "{{ 10 ** 9 * 'a' }}",
    "{{ 'a' * 10 ** 18 }}",
    "{% set l = [0] * 10 ** 9 %}{{ l|length }}",
    "{% set t = (0,) * 10 ** 9 %}{{ t|length }}",
    "{% if 'a' * 10 ** 9 %}y{% endif %}",
    "{{ 'x' if 'a' * 10 ** 9 else 'y' }}",
    "{{ ('a' * 10 ** 9)[0] }}",
    "{{ ['a' * 10 ** 9][0:1]|length }}",
    "{{ {'a' * 10 ** 9: 1}|length }}",
    "{{ 'a'|replace('a', 'b' * 10 ** 9)|length }}",
    "{{ 'a'|default('b' * 10 ** 9)|length }}",
    "{% with a = 'a' * 10 ** 9 %}{{ a|length }}{% endwith %}",
    "{% macro m(a='a' * 10 ** 9) %}{{ a|length }}{% endmacro %}{{ m() }}",
    "{% for i in 'a' * 10 ** 9 %}{% break %}{% endfor %}",
    "{% filter replace('a', 'b' * 10 ** 9) %}a{% endfilter %}",
    "{% set ns = namespace(s='a') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s|length }}",
    "{% set ns = namespace(s='a') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s|length }}",
    "{% set ns = namespace(l=[0]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l|length }}",
    "{% set ns = namespace(l=[0]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
    "{% set ns = namespace(l=[0]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson }}",
    "{% set ns = namespace(l=[0]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|yaml }}",
    "{% set ns = namespace(l=[0]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}"
    "{{ ns.l == ns.l }}",
    "{% set ns = namespace(d={}) %}{% for i in range(10000) %}"
    "{% set ns.d = dict(ns.d, **{'k' ~ i: big}) %}{% endfor %}{{ ns.d|length }}",
    "{% set ns = namespace(l=[]) %}{% for i in range(10000) %}{% set ns.l = ns.l + [big ~ i] %}"
    "{% endfor %}{{ ns.l|length }}",
    "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
    "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|tojson }}",
    "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|yaml }}",
    "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = {'a': ns.l} %}{% endfor %}"
    "{{ ns.l == ns.l }}",
    "{{ 'a'.ljust(10 ** 9)|length }}",
    "{{ 'a'.rjust(10 ** 9, 'b')|length }}",
    "{{ 'a'.center(10 ** 9)|length }}",
    "{{ '1'.zfill(10 ** 9)|length }}",
    "{{ '\\t'.expandtabs(10 ** 9)|length }}",
    "{{ ('\\t' * 1000).expandtabs(10 ** 7)|length }}",
    "{{ ('a' * 1000000).join(['b'] * 1000)|length }}",
    "{{ ('a' * 1000).replace('a', 'b' * 1000000)|length }}",
    "{{ ['a' * 1000000] * 1000000 }}",
    "{{ (['a' * 1000000] * 10000)|join|length }}",
    "{{ [1]|join('x' * 10 ** 9) }}",
    "{{ (['x'] * 100000)|join('y' * 100000)|length }}",
    "{{ 'a\\nb'|indent(10 ** 9)|length }}",
    "{{ 'a\\nb'|indent('x' * 1000000)|length }}",
    "{{ ('a\\n' * 1000)|indent('x' * 1000000, blank=true)|length }}",
    "{{ [1]|batch(10 ** 9, 'x')|list|length }}",
    "{{ [1]|slice(10 ** 9)|list|length }}",
    "{{ 'a'|truncate(10 ** 9, end='b' * 1000000)|length }}",
    "{{ range(10000)|list|map('string')|map('replace', '1', big)|list|length }}",
    "{{ range(10000)|map('list')|list }}",
    "{{ dict(range(10000)|map('string')|map('list')|list)|length }}",
    "{{ ('%s' * 500000) % ((big,) * 500000) }}",
    "{{ o|tojson(indent=8, separators=('x' * 1000000, 'y' * 1000000))|length }}",
    "{{ many|tojson(indent=999999999) }}",
    "{{ many|tojson(indent=-5) }}{{ many|tojson(indent=true) }}",
    "{{ many|tojson(indent='x' * 1000000)|length }}",
    "{{ (big * 20)|tojson|tojson|tojson|tojson|tojson|tojson|length }}",
    "{{ ('\"' * 100000)|tojson|tojson|tojson|tojson|tojson|tojson|tojson|tojson|tojson|tojson|tojson|tojson|length }}",
    "{{ ('\\x00' * 1000000)|tojson|length }}",
    "{{ ('\\n' * 300000)|yaml|length }}",
    "{{ range(10000)|list + range(10000)|list }}",
    "{{ range(10001) }}",
    "{{ range(10 ** 30)|length }}",
    "{{ range(0, 10 ** 9, 1)|list|length }}",
    "{{ range(-(10 ** 30), 10 ** 30) }}",
)

# Filling the answer.
add(
    "output",
    "harmless_or_refused",
    "{% for a in range(10000) %}{{ big }}{% endfor %}",
    "{% for a in range(10000) %}" + "x" * 1000 + "{% endfor %}",
    "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}",
    "{% for a in range(10000) %}{% for b in range(10000) %}{{ '' }}{% endfor %}{% endfor %}",
    "{{ big * 20 }}",
    "{{ big * 22 }}",
    "{{ (big ~ big) * 10 }}{{ (big ~ big) * 10 }}",
    "{{ 'é' * 600000 }}",
    "{{ '😀' * 300000 }}",
    "{% set b = big * 20 %}{% for a in range(1000) %}{{ b }}{% endfor %}",
    "{% macro m() %}{{ big }}{{ caller() }}{% endmacro %}" + "{% call m() %}" * 30 + "{% endcall %}" * 30,
    "{% for a in range(10000) recursive %}{{ big }}{% endfor %}",
    "{{ words }}" * 200,
    "{{ big }}" * 200,
)
chat("output", "harmless_or_refused", *["{{ big }}"] * 40)
chat("output", "harmless_or_refused", *["{{ 'x' * 1000000 }}"] * 20)

# The parser: deep, long, odd and unfinished texts, up to the limit of 64 KiB.
FULL = 64 * 1024


def fill(unit: str, before: str = "", after: str = "") -> str:
    """The unit as often as it goes into the largest template there may be."""
    room = FULL - len((before + after).encode())
    return before + unit * (room // len(unit.encode())) + after


for unit in ("(", "[", "{", "not ", "-", "+", "a if b else ", "[0](", "{1:", "(a,", "f(", "[[", "({"):
    add("parser", "refused", fill(unit, "{{ "), fill(unit, "{{ ", "a }}"))
for unit in (
    *(".b", "[0]", "()", "|e", "|e()", " ~ a", " + a", " and a", " or a", " * a", " ** a", " < a", " == a", " in a"),
    *(" is a", "[::]", "|default(a)", ".b()", ",a", " if a", " is a and a is not a"),
):
    add("parser", "refused", fill(unit, "{{ a", " }}"))
for tag in (
    *("if a", "for a in b", "with a=b", "macro a()", "filter upper", "set a", "block a", "call a()", "autoescape true"),
    *("if a %}{% for a in b", "raw", "else", "elif a", "endif", "endfor", "break", "continue", "do a", "set a=b", "x"),
):
    add("parser", "refused", fill("{% " + tag + " %}"))
add(
    "parser",
    "refused",
    fill("{{ a }}"),
    fill("{% if a %}{% endif %}"),
    fill("{% for a in b %}{% endfor %}"),
    fill("{% macro a() %}{% endmacro %}"),
    fill("1,", "{{ [", "1] }}"),
    fill("1:1,", "{{ {", "1:1} }}"),
    fill("a=1,", "{{ range(", "a=1) }}"),
    fill("a,", "{% macro m(", "b) %}{% endmacro %}"),
    fill("a=b,", "{% with ", "c=d %}{% endwith %}"),
    fill("1", "{{ ", " }}"),
    fill("f", "{{ 0x", " }}"),
    fill("1_", "{{ ", "1 }}"),
    fill("1", "{{ 1.", " }}"),
    fill("9", "{{ 1e", " }}"),
    fill("{", "", ""),
    fill("{{"),
    fill("{%"),
    fill("{#"),
    fill("{{ '"),
    fill("\\'", "{{ '"),
    fill('\\"', '{{ "'),
    fill(" ", "{{ "),
    fill("\n", "{% "),
    fill("a", "{{ "),
    fill("a", "{% ", " %}"),
    fill("{% raw %}"),
    fill("x", "{% raw %}"),
    fill("{% elif a %}", "{% if a %}", "{% endif %}"),
    "{% for a in b %}" * 40 + "{% endfor %}" * 40,
    "{% if a %}" * 150 + "{% endif %}" * 150,
    "{{ " + "(" * 60 + "a" + ")" * 60 + " }}",
    "{{ a" + ".b" * 150 + " }}",
    "{{ " + "a ~ " * 600 + "a }}",
    "{{ " + "a and " * 600 + "a }}",
    "{% if a %}" + "{% elif a %}" * 600 + "{% endif %}",
    "x" * (FULL + 1),
    "é" * (FULL // 2 + 1),
    "{{ 1e999 }}",
    "{{ 1" + "0" * 5000 + " }}",
    "{{ 0x" + "f" * 5000 + " }}",
    "{{ '\\x' }}",
    "{{ '\\u12' }}",
    "{{ '\\N{no such character}' }}",
    "{{ '\\U00110000' }}",
    "{{ a.1b }}",
    "{{ a..b }}",
    "{{ ² }}",
    "{{ a\u202eb }}",
    "{{ \x00 }}",
    "{{ a\x00b }}",
    "{% \x00 %}",
    "{{ $ }}{{ ` }}{{ ? }}",
    "{{ a; import os }}",
    "{{ lambda: 1 }}",
    "{{ [x for x in items] }}",
    "{{ a := 1 }}",
    "{{ *a }}",
    "{{ a if }}",
    "{{ }}",
    "{% %}",
    "{{ {{ a }} }}",
    "{% if %}{% endif %}",
    "{% for %}{% endfor %}",
    "{% for a.b in c %}{% endfor %}",
    "{% for loop in items %}{% endfor %}",
    "{% for i in items %}{% set loop = 1 %}{% endfor %}",
    "{% for 1 in items %}{% endfor %}",
    "{% set 1 = 2 %}",
    "{% set true = 2 %}",
    "{% set a.b.c = 2 %}",
    "{% macro m(a, a) %}{% endmacro %}",
    "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m(caller, b) %}{{ caller() }}{% endmacro %}",
    "{{ range(a=1, a=2) }}",
    "{{ x|default(a=1, a=2) }}",
    "{% call x %}{% endcall %}",
    "{% autoescape 'a' * 10 ** 9 %}{% endautoescape %}",
    "{% autoescape x %}{% endautoescape %}",
    "{% break %}",
    "{% continue %}",
    "{% if a %}{% break %}{% endif %}",
    "{% for a in items %}{% else %}{% break %}{% endfor %}",
    "{% for a in items %}{% macro m() %}{% continue %}{% endmacro %}{% endfor %}",
    "{% for a in items %}{% call x() %}{% break %}{% endcall %}{% endfor %}",
    "{% endfor %}",
    "{% unknown %}",
    "{% trans %}x{% endtrans %}",
    "{% debug %}",
    "{% load x %}",
    "{% python %}import os{% endpython %}",
)
chat("parser", "refused", "fine", "{{ ", "{% if %}", "{{ x.__class__ }}")
chat("parser", "refused", *["x" * 4096] * 17)
chat("parser", "refused", *["{{ a }}" * 1200 + "{{"] * 7)
chat("parser", "refused", *[""] * 4000)
add(
    "parser",
    "harmless_or_refused",
    fill("x"),
    fill("\n"),
    fill("é"),
    fill("😀"),
    fill("{ "),
    fill("}"),
    fill("{##}"),
    fill("{# {{ #}"),
    fill("{%raw%}{%endraw%}"),
    fill("{{ {% ", "{% raw %}", "{% endraw %}"),
    fill(" ", "{{ x", " }}"),
    fill("\n", "{{ x", " }}"),
    fill("a", "{{ ", "|default }}"),
    fill("\\n", "{{ '", "' }}"),
    fill("\\q", "{{ '", "' }}"),
    fill("\x00"),
    "{{ '\\x00' }}\x00",
    "{{ '\\ud800' }}",
    "{{ '\\ud83d\\ude00' }}",
    "{{ x ~ '\\udfff' }}",
    "{{ ['\\ud800']|tojson }}{{ {'\\ud800': 1}|yaml }}",
    "{{ '\\ufeff' }}\ufeff{{ '\\u202e' }}",
    "\ufeff{{ x }}",
    "{{ x }}\r{{ x }}\r\n{{ x }}\u2028{{ x }}",
    "{{ x|upper }}{{ 'ŉ' * 1000 }}",
    "{% set \ufb01 = 1 %}{% set fi = 2 %}{{ \ufb01 }}{{ fi }}",
    "{% set \u210c = 1 %}{{ \u210c }}",
    "{{ \u0435 }}",
    "{{ " + "(" * 25 + "x" + ")" * 25 + " }}",
    "{% if x %}" * 97 + "{% endif %}" * 97,
    "{{ " + "x ~ " * 400 + "x }}",
    "{{ " + "n + " * 400 + "n }}",
    "{{ " + "x and " * 400 + "x }}",
    "{{ " + "x or n and " * 200 + "x }}",
    "{% if x %}" + "{% elif x %}" * 400 + "{% endif %}",
    "{{ x" + "|upper" * 90 + " }}",
    "{{ " + "not " * 90 + "x }}",
    "{{ " + "-" * 90 + "n }}",
    "{{ " + "x if n else " * 90 + "x }}",
    "{% for a in items %}" * 15 + "{{ a }}" + "{% endfor %}" * 15,
    "".join(f"{{% set v{n} = {n} %}}" for n in range(900)) + "{{ v1 }}",
    "".join(f"{{% if v{n} is defined %}}{{% set w{n} = 1 %}}{{% endif %}}" for n in range(400)),
    "".join(f"{{% macro m{n}() %}}{{{{ m{n - 1}() }}}}{{% endmacro %}}" for n in range(1, 300)),
    "".join(f"{{% block b{n} scoped %}}{{% endblock %}}" for n in range(300)),
)

# Statements that other engines use for side effects, loops that never leave, functions that call themselves.
add(
    "control",
    "harmless_or_refused",
    "{% do items.append(1) %}{{ items }}",
    "{% do o.update(a=5) %}{{ o }}",
    "{% do o.setdefault('z', []).append(1) %}{{ o }}",
    "{% do 1 / 0 %}",
    "{% do [x, x.upper()] %}",
    "{% for a in range(10000) %}{% continue %}{{ a }}{% endfor %}",
    "{% for a in range(10000) %}{% for b in range(10000) %}{% continue %}{% endfor %}{% endfor %}",
    "{% for a in items %}{% break %}{% else %}never{% endfor %}",
    "{% for a in items recursive %}{% break %}{{ loop(items) }}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ caller() }}{% endcall %}",
    "{% macro m(f) %}{{ f(f) }}{% endmacro %}{{ m(m) }}",
    "{% for a in items recursive %}{{ loop(items) }}{% endfor %}",
    "{% for a in items recursive %}{{ loop() }}{% endfor %}",
    "{% for a in items recursive %}{{ loop(loop) }}{% endfor %}",
    "{% for a in items %}{{ loop(items) }}{% endfor %}",
    "{% for a in items %}{{ loop.cycle() }}{% endfor %}",
    "{% for a in items %}{{ loop.cycle(*many)|length }}{% endfor %}",
    "{% for a in items %}{{ loop.changed(big) }}{% endfor %}",
    "{% for a in items %}{{ loop.nextitem }}{% endfor %}",
    "{% for a, b in items %}{% endfor %}",
    "{% for a, b in rows %}{{ a }}{% endfor %}",
    "{% for a in n %}{% endfor %}",
    "{% for a in none %}{% endfor %}",
    "{% for a in x.nothing %}{% endfor %}",
    "{% for k, v in o.items() %}{{ o.pop(k) }}{% endfor %}",
    "{% set items = items + items %}{% for a in items %}{% set items = items + items %}{% endfor %}{{ items|length }}",
    "{% set ns = namespace() %}{% set ns.self = ns %}{{ ns.self.self.self.a }}",
    "{% set ns = namespace(l=[]) %}{% set ns.l = [ns] %}{{ ns.l }}",
    "{% with %}{% set x = 1 %}{% endwith %}{{ x }}",
    "{% filter upper|lower|title %}{{ x }}{% endfilter %}",
    "{% set a, b = items %}",
    "{% set a, b = 1, 2, 3 %}",
    "{% call(a) range(3) %}{{ a }}{% endcall %}",
    "{% macro m() %}{{ varargs|length }}{{ kwargs|length }}{% endmacro %}{{ m(*many, **o) }}",
    "{{ dict(**{'self': 1, 'context': 2, '_loop_vars': 3}) }}",
    "{{ range(*many) }}",
)

# Errors that could say more than they should.
add(
    "leak",
    "harmless_or_refused",
    "{{ nothing }}",
    "{{ nothing.of.this }}",
    "{{ o.nothing.here }}",
    "{{ o['no such key'].here }}",
    "{{ items[99].x }}",
    "{{ items['a'] }}{{ items[none] }}{{ items[[]] }}",
    "{{ x[5000] }}{{ x['a'] }}{{ x[1.5] }}",
    "{{ 1 / 0 }}",
    "{{ 1 // 0 }}{{ 1 % 0 }}",
    "{{ 0 ** -1 }}",
    "{{ 1.5 % 0 }}",
    "{{ 1 + x }}",
    "{{ x + 1 }}",
    "{{ x - x }}",
    "{{ items + o }}",
    "{{ o + o }}",
    "{{ none + 1 }}",
    "{{ -x }}{{ -items }}",
    "{{ x < 1 }}",
    "{{ items < o }}",
    "{{ o < o }}",
    "{{ x in 5 }}{{ 5 in x }}",
    "{{ x * x }}{{ x * 1.5 }}",
    "{{ {[]: 1} }}{{ {o: 1} }}",
    "{{ x() }}{{ o() }}{{ none() }}",
    "{{ x.upper(1, 2, 3) }}",
    "{{ x.split(1) }}{{ x.split('') }}",
    "{{ x.index('zzz') }}{{ items.index('zzz') }}",
    "{{ x|join(1, 2, 3, 4) }}",
    "{{ x|round }}{{ x|abs }}{{ none|length }}",
    "{{ n|sort }}{{ n|list }}{{ n|join }}",
    "{{ [1, 'a']|sort }}{{ rows|sort }}",
    "{{ items|map }}{{ items|map(1) }}{{ items|map(wrong=1) }}",
    "{{ rows|groupby('zzz') }}",
    "{{ x|dictsort }}{{ o|dictsort(by='zzz') }}",
    "{{ x|truncate(1) }}{{ x|truncate(-5) }}",
    "{{ n|tojson(zzz=1) }}{{ n|yaml(zzz=1) }}",
    "{{ range|tojson }}{{ range|yaml }}",
    "{{ o.items()|tojson }}",
    "{{ (items|map('upper'))|tojson }}",
    "{{ (1 / 3 * 1e308 * 1e308)|tojson }}",
    "{{ nothing|tojson }}{{ nothing|yaml }}",
    "{{ nothing|upper }}{{ nothing|default(nothing) }}",
    "{{ x is divisibleby 0 }}{{ n is divisibleby 0 }}",
    "{{ x is sameas }}",
    "{{ n is in 5 }}",
    "{{ 'a' if nothing }}",
    "{{ ('a' if false).b }}",
    "{{ items|first|first|first|first }}{{ []|first }}",
    "{{ []|last }}{{ []|min }}{{ []|max }}",
    "{{ n|filesizeformat('x') }}{{ x|filesizeformat }}",
    "{{ x|int('y', 99) }}{{ x|int(base=1) }}",
    "{{ x|replace }}{{ x|replace(1) }}{{ x|indent('a', 'b', 'c', 'd') }}",
    "{{ x|batch(0)|list }}{{ items|slice(0)|list }}{{ items|slice(-1)|list }}",
    "{{ items[::0] }}{{ items['a':'b'] }}{{ o[0:1] }}",
    "{{ 'x' ~ nothing }}{{ nothing ~ 'x' }}",
    "{{ x.upper.lower }}{{ x.upper().nothing }}",
    "{{ '%d' % x }}{{ '%s %s' % x }}{{ '%(a)s' % x }}",
)


def generated(count: int, *, seed: int = 2) -> Iterator[HostileCase]:
    """So many templates put together at random from the pieces attacks are made of; the same for the same seed."""
    chance = random.Random(seed)
    for number in range(count):
        text = "".join(_statement(chance, 3) for _ in range(chance.randint(1, 4)))
        yield HostileCase(f"generated-{seed}-{number:05}", "generated", "harmless_or_refused", (text,), INPUTS)


_ATOMS = (
    *("x", "n", "items", "o", "rows", "many", "words", "big", "names", "1", "0", "-1", "2.5", "10 ** 6", "'a'", "''"),
    *("[]", "{}", "[1, 2]", "{'a': 1}", "true", "none", "range(9)", "range(9999)", "'<b>'", "x", "n", "items", "o"),
)
_ODD_ATOMS = (
    *("nothing", "loop", "self", "range", "dict", "caller", "'__class__'", "'{0.__class__}'", "'%999d'", "'\\ud800'"),
    *("namespace(a=1)", "dict(a=1)", "9 ** 999", "'a' * 9999", "m", "super"),
)
_NAMES = (
    *(
        "upper",
        "format",
        "items",
        "keys",
        "__class__",
        "_x",
        "a",
        "b",
        "join",
        "append",
        "pop",
        "index",
        "split",
        "real",
    ),
    *("gi_frame", "mro", "encode", "copy", "cycle", "length", "super", "name", "func_globals", "replace", "count"),
)
_FILTERS = (
    *("upper", "list", "length", "first", "last", "join(',')", "sort", "unique", "map('upper')", "map(attribute='a')"),
    *("tojson", "yaml", "default('d')", "string", "int", "batch(3)", "slice(3)", "reverse", "sum", "min", "groupby(0)"),
    *(
        "replace('a', 'bb')",
        "indent(99)",
        "title",
        "striptags",
        "urlencode",
        "items",
        "dictsort",
        "select",
        "attr('a')",
    ),
    *(
        "format(1)",
        "tojson(indent=8)",
        "wordcount",
        "e",
        "truncate(9)",
        "round(2)",
        "abs",
        "xmlattr",
        "selectattr('a')",
    ),
)
_OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">", "in", "not in", "and", "or")


def _atom(chance: random.Random) -> str:
    return chance.choice(_ODD_ATOMS if chance.random() < 0.06 else _ATOMS)


def _expression(chance: random.Random, depth: int) -> str:
    if depth == 0 or chance.random() < 0.35:
        return _atom(chance)
    inner = _expression(chance, depth - 1)
    other = _atom(chance)
    return chance.choice(
        (
            f"({inner} {chance.choice(_OPERATORS)} {other})",
            f"({inner}).{chance.choice(_NAMES)}",
            f"({inner})['{chance.choice(_NAMES)}']",
            f"({inner})[{other}]",
            f"({inner})[{other}:]",
            f"({inner})|{chance.choice(_FILTERS)}",
            f"({inner}).{chance.choice(_NAMES)}({other})",
            f"({inner})({other})",
            f"({inner} if {other} else {_atom(chance)})",
            f"[{inner}, {other}]",
            f"{{{other}: {inner}}}",
            f"(not {inner})",
            f"({inner} is {chance.choice(('defined', 'none', 'iterable', 'odd', 'sequence', 'string'))})",
        )
    )


def _statement(chance: random.Random, depth: int) -> str:
    expression = _expression(chance, 3)
    if depth == 0:
        return f"{{{{ {expression} }}}}"
    body = _statement(chance, depth - 1)
    return chance.choice(
        (
            f"{{{{ {expression} }}}}",
            f"{{% set v = {expression} %}}{body}{{{{ v }}}}",
            f"{{% if {expression} %}}{body}{{% endif %}}",
            f"{{% for i in {expression} %}}{body}{{{{ loop.index }}}}{{% endfor %}}",
            f"{{% for i in {expression} recursive %}}{{{{ loop(i) }}}}{body}{{% endfor %}}",
            f"{{% macro m(a) %}}{body}{{{{ a }}}}{{% endmacro %}}{{{{ m({expression}) }}}}",
            f"{{% with v = {expression} %}}{body}{{% endwith %}}",
            f"{{% filter {chance.choice(_FILTERS)} %}}{body}{{% endfilter %}}",
            f"{{% set v %}}{body}{{% endset %}}{{{{ v * 9 }}}}",
            f"{{% do {expression} %}}{body}",
            f"{{% block b{chance.randint(0, 99)} %}}{body}{{% endblock %}}",
            f"{{% set ns = namespace(v={expression}) %}}{{% set ns.v = [ns.v, ns.v] %}}{body}{{{{ ns.v }}}}",
        )
    )
