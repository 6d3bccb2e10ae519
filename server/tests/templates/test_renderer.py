import re
import tracemalloc

import pytest
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dakora_server.core.templates.analysis import analyse
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.renderer import RenderRefused, compile_program, render

LIMITS = Limits()

INPUTS = {
    "name": "Zoë",
    "n": 7,
    "f": 2.5,
    "yes": True,
    "nothing": None,
    "empty": "",
    "words": ["pear", "Apple", "fig", "fig"],
    "o": {"b": [1, 2], "a": {"x": "y"}, "_id": 9},
    "rows": [{"k": "u", "v": 1}, {"k": "t", "v": 2}, {"k": "u", "v": 3}],
    "tree": [{"t": "a", "c": [{"t": "b", "c": []}]}, {"t": "c", "c": []}],
    "text": "one two\nthree <b>&amp;</b>\n",
}


def rendered(source, inputs=None, *, includes=None, **limits):
    bounds = Limits(**limits)
    assert analyse([source], bounds).faults == ()
    return render(compile_program([source], includes or {}, bounds), INPUTS if inputs is None else inputs, bounds)[0]


def refusal(source, inputs=None, **options):
    with pytest.raises(RenderRefused) as caught:
        rendered(source, inputs, **options)
    return caught.value


def fault(source, inputs=None, **options):
    (only,) = refusal(source, inputs, **options).faults
    return only


AS_JINJA = [
    "Hello {{ name }}!",
    "{{ n }} {{ f }} {{ yes }} {{ nothing }} {{ words }} {{ o }}",
    "{{ o.a.x }} {{ o['_id'] }} {{ words[0] }} {{ words.0 }}",
    "line\n",
    "line\n\n",
    "a\r\nb\rc\n",
    "  {%- if yes -%}  x  {%- endif -%}  y",
    "{%+ if yes +%}\n x\n{% endif %}\n",
    "{# gone #}{% raw %}{{ kept }}{% endraw %}",
    "{{ 'a\\tb\\u00e9\\'\\101\\N{DIGIT ONE}' }}{{ \"x\" 'y' }}{{ 'a\r\nb' }}",
    "{{ 0x1F + 0b11 + 0o7 + 1_000 + 1e3 }}",
    "{{ 7 // 2 }} {{ 7 % 3 }} {{ 7 / 2 }} {{ 2 ** 3 ** 2 }} {{ -n }} {{ +n }} {{ 1 + 2 - 3 + 4 * 5 }}",
    "{{ 1 - 2 - 3 - 4 }} {{ 1.5 + 2 - (3 - 4) }} {{ 'a' + 'b' + name }} {{ [1] + [2] }} {{ 'ab' * 3 }} {{ 3 * [1] }}",
    "{{ n > 3 and n < 9 and name }} {{ nothing or empty or 'last' }} {{ not n or not nothing and n }}",
    "{{ 1 < n < 9 }} {{ 'e' in 'pear' }} {{ 'fig' in words }} {{ 5 not in o.b }} {{ n == 7.0 }} {{ n != 7 }}",
    "{{ 'a' ~ n ~ nothing ~ yes ~ words }}",
    "{{ 'x' if n else 'y' }}{{ 'x' if not n else 'y' if nothing else 'z' }}",
    "{{ '%s-%03d-%.2f' % (name, n, f) }}{{ '%(a)s%%' % {'a': 1} }}",
    "{{ words[1:] }}{{ words[::-1] }}{{ name[:2] }}{{ (1, 2) }}{{ {'a': 1, 2: [3]} }}",
    "{{ name.upper() }}{{ 'a-b'.split('-') }}{{ ' x '.strip() }}{{ 'x'.join(words) }}",
    "{{ o.keys()|list }}{{ o.get('zz') }}{{ o.items()|list }}{{ words.index('fig') }}{{ words.count('fig') }}",
    "{{ 'ß'.casefold() }}{{ name.startswith('Z') }}{{ o.keys() }}{{ o.items() }}{{ range(3) }}",
    "{% if n == 1 %}a{% elif n == 7 %}b{% else %}c{% endif %}",
    "{% for w in words %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ w }},{% endfor %}",
    "{% for w in words %}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{% endfor %}",
    "{% for w in words if w != 'fig' %}{{ loop.length }}{{ w }}{% else %}none{% endfor %}",
    "{% for w in [] %}{% else %}none{% endfor %}",
    "{% for w in words %}{{ loop.cycle('a', 'b') }}{{ loop.changed(w) }}{{ loop.nextitem|default('x') }}{% endfor %}",
    "{% for k, v in o|dictsort %}{{ k }}{{ v }}{% endfor %}",
    "{% for a, b in rows|map('items')|map('first') %}{{ a }}{{ b }}{% endfor %}",
    "{% for t in tree recursive %}{{ loop.depth }}{{ t.t }}({{ loop(t.c) }}){% endfor %}",
    "{% for i in range(9) %}{% if i == 2 %}{% continue %}{% elif i > 5 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% set x = 1 %}{% for i in [1, 2] %}{% set x = i %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(x=1) %}{% for i in [1, 2] %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set x %}block {{ n }}{% endset %}{{ x|upper }}{% set y|upper %}z{% endset %}{{ y }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% macro m(a, b='d') %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }}{{ m(1, 2, 3, z=4) }}",
    "{% macro m(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) m(5) %}{{ y }}{{ n }}{% endcall %}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{% filter upper %}x{{ name }}{% endfilter %}",
    "{% do [1, 2] %}{% print n, name %}{% block b %}[{{ name }}]{% endblock %}{{ self.b() }}",
    "{% autoescape true %}{{ text }}{{ '<' ~ name }}{{ text|safe }}{% endautoescape %}{{ text }}",
    "{{ words|sort|join(', ') }}{{ words|unique|list }}{{ words|first }}{{ words|last }}",
    "{{ words|length }}{{ words|reverse|list }}{{ name|reverse }}",
    "{{ rows|map(attribute='v')|sum }}{{ rows|selectattr('k', 'eq', 'u')|list|length }}{{ rows|sum(attribute='v') }}",
    "{% for g in rows|groupby('k') %}{{ g.grouper }}{{ g.list|length }}{{ g }}{% endfor %}",
    "{% for k, l in rows|groupby('k') %}{{ k }}{% endfor %}",
    "{{ words|map('upper')|join }}{{ words|select('in', ['fig'])|list }}{{ words|reject('eq', 'fig')|list }}",
    "{{ words|batch(3, '-')|list }}{{ words|slice(3)|list }}{{ rows|max(attribute='v') }}{{ words|min }}",
    "{{ o|items|list }}{{ rows|join(',', 'k') }}",
    "{{ text|upper }}{{ text|title }}{{ text|capitalize }}{{ text|trim }}{{ text|trim('o\n') }}",
    "{{ text|replace('o', '0') }}{{ text|replace('o', '0', 1) }}{{ text|indent(2, true) }}{{ text|truncate(9) }}",
    "{{ text|wordcount }}{{ text|striptags }}{{ text|e }}{{ text|urlencode }}{{ o.a|urlencode }}",
    "{{ '12x'|int(5) }}{{ '12.7'|int }}{{ '2.5'|float }}{{ 2.567|round(1) }}{{ 2.1|round(0, 'ceil') }}",
    "{{ -3|abs }}{{ 1e6|filesizeformat }}{{ words|string }}",
    "{{ n is odd }}{{ n is number }}{{ zz is defined }}{{ zz is undefined }}{{ nothing is none }}{{ o is mapping }}",
    "{{ n is divisibleby 7 }}{{ words is iterable }}{{ name is string }}{{ yes is true }}{{ n is in [7] }}",
    "{{ 'upper' is filter }}{{ n is sameas n }}{{ name is lower }}{{ n is not none }}",
    "{{ zz|default('d') }}{{ name|default('d') }}{{ o.zz|default('d') }}{{ 0|default(5) }}{{ ''|default('x', true) }}",
    "{{ dict(a=1, b=n) }}{{ range(3)|list }}{{ range(1, 9, 3)|list }}",
    "{% if words %}{% for w in words %}{% if loop.first %}{{ w }}{% endif %}{% endfor %}{% endif %}",
    "{{ (n, name)|first }}{{ [n, [name]]|last|first }}{{ {'k': {'v': [1, 2]}}.k.v[1] }}",
]


class TestMeaning:
    @pytest.mark.parametrize("source", AS_JINJA)
    def test_a_template_means_what_jinja2_makes_of_it(self, source):
        jinja = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined, extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"]
        )
        assert rendered(source) == jinja.from_string(source).render(INPUTS)

    def test_a_backslash_before_any_letter_stays(self):
        # As in Jinja2, but Jinja2 warns.
        assert rendered(r"{{ '\d+\.\q\\n' }}") == r"\d+\.\q\n"

    def test_long_rows_mean_the_same_as_short_ones(self):
        assert rendered("{{ " + " + ".join(["1"] * 500) + " }}") == "500"
        assert rendered("{{ " + " - ".join(["1"] * 500) + " }}") == "-498"
        assert rendered("{{ " + " and ".join(["n"] * 499 + ["name"]) + " }}") == "Zoë"
        assert rendered("{{ " + " or ".join(["nothing"] * 499 + ["name"]) + " }}") == "Zoë"
        assert rendered("{{ " + " ~ ".join(["n"] * 500) + " }}") == "7" * 500
        assert rendered("{% if nothing %}" + "{% elif nothing %}" * 499 + "{% elif n %}x{% endif %}") == "x"

    def test_rows_stop_where_they_are_decided(self):
        assert rendered("{{ nothing and 1 / 0 and zz }}") == "None"
        assert rendered("{{ n or 1 / 0 or zz }}") == "7"

    def test_all_texts_are_filled_with_the_same_inputs(self):
        program = compile_program(["{{ a }}", "plain", "{{ a }}{{ b }}\n"], {})
        assert render(program, {"a": "{{ b }}", "b": 2}, LIMITS) == ["{{ b }}", "plain", "{{ b }}2"]

    def test_a_value_is_never_read_as_a_template(self):
        assert rendered("{{ name }}", {"name": "{{ n }}{% raw %}"}) == "{{ n }}{% raw %}"

    def test_inputs_stay_as_they_were(self):
        inputs = {"items": [1], "o": {"a": [2]}}
        rendered("{% set items = items + [3] %}{% set ns = namespace(o=o) %}{{ items }}{{ ns.o }}", inputs)
        assert inputs == {"items": [1], "o": {"a": [2]}}

    def test_a_nul_may_be_printed(self):
        assert rendered("a\x00{{ '\\x00' }}") == "a\x00\x00"

    def test_an_input_may_have_the_name_of_a_function(self):
        assert rendered("{{ range.a }}{{ dict }}", {"range": {"a": 1}, "dict": 2}) == "12"

    def test_parts_are_filled_with_what_is_there(self):
        includes = {"a/b": "[{{ n }}{{ x }}{% include 'c/d' %}]", "c/d": "{{ x }}"}
        assert rendered("{% for x in [1, 2] %}{% include 'a/b' %}{% endfor %}", includes=includes) == "[711][722]"
        assert rendered("{% include 'zz' ignore missing %}x") == "x"


class TestMissingVariables:
    def test_every_missing_variable_is_named_at_once_with_its_place(self):
        faults = refusal("{{ a }} {{ name }}\n{{ b.c }}{% for x in d %}{{ e }}{% endfor %}").faults
        assert [(each.message, each.line, each.column) for each in faults] == [
            ("'a' is undefined.", 1, 4),
            ("'b' is undefined.", 2, 4),
            ("'d' is undefined.", 2, 22),
            ("'e' is undefined.", 2, 29),
        ]
        assert {each.type for each in faults} == {"undefined_variable"}

    def test_variables_that_may_be_missing_are_not_named(self):
        source = (
            "{{ a|default(1) }}{% if b is defined %}{{ b }}{% endif %}{% if n %}{% else %}{{ c }}{% endif %}{{ d }}"
        )
        assert [each.message for each in refusal(source).faults] == ["'d' is undefined."]

    def test_a_variable_missing_on_one_way_only_is_named_when_it_is_taken(self):
        only = fault("{% if name %}\n{{ zz }}{% endif %}")
        assert (only.message, only.line, only.column) == ("'zz' is undefined.", 2, 4)

    def test_the_message_of_a_chat_is_told(self):
        with pytest.raises(RenderRefused) as caught:
            render(compile_program(["{{ n }}", "{{ a }}", "{{ b }}{{ a }}"], {}), INPUTS, LIMITS)
        assert [(each.source, each.message) for each in caught.value.faults] == [
            (1, "'a' is undefined."),
            (2, "'b' is undefined."),
        ]

    @pytest.mark.parametrize(
        "use", ["zz|upper", "zz + 1", "zz ~ ''", "zz.a", "zz[0]", "zz|length", "zz == 1", "not zz", "[zz]"]
    )
    def test_any_use_of_a_missing_variable_is_an_error(self, use):
        assert "'zz' is undefined" in fault(f"{{{{ {use} }}}}").message

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("{{ o.zz.a }}", "An object has no 'zz'."),
            ("{{ o['zz'].a }}", "An object has no 'zz'."),
            ("{{ words[9] }}", "A list has no element 9."),
            ("{{ name.zz }}", "A text has no 'zz'."),
            ("{{ nothing.zz }}", "Null has no 'zz'."),
            ("{{ n.zz }}", "A number has no 'zz'."),
            ("{{ []|first }}", "No first item, sequence was empty."),
        ],
    )
    def test_missing_keys_say_of_what(self, source, message):
        assert fault(source).message == message


class TestErrors:
    @pytest.mark.parametrize(
        ("source", "message", "line", "column"),
        [
            ("{{ 1 / 0 }}", "Division by zero.", 1, 4),
            ("x\n {{ n }}{{ n + name }}", "Unsupported operand for +: number and text.", 2, 12),
            ("{{ name + n }}", "Unsupported operand for +: text and number.", 1, 4),
            ("{{ nothing - 1 }}", "Unsupported operand for -: null and number.", 1, 4),
            ("{{ -name }}", "Unsupported operand for -: text.", 1, 4),
            ("{{ name < n }}", "A text and a number cannot be compared with <.", 1, 4),
            ("{% if name in n %}{% endif %}", "Nothing can be looked for in a number.", 1, 4),
            ("{% for x in n %}{% endfor %}", "A number cannot be looped over.", 1, 4),
            ("{% for a, b in words %}{% endfor %}", "There are more values than names to unpack them to.", 1, 4),
            ("{{ o.a() }}", "An object cannot be called.", 1, 4),
            ("{{ words|map('upper') }}", "This is not a list yet: add |list to print it.", 1, 4),
            ("{{ o.items }}", "'items' of an object is a function: write items() to call it.", 1, 4),
            ("{{ words|join(1, 2, 3, 4) }}", "The arguments do not fit what is called.", 1, 4),
            ("{{ o|tojson(indent=9) }}", "The indent of tojson is a number from 0 to 8.", 1, 4),
            ("{{ {words: 1} }}", "A list cannot be a key.", 1, 4),
            ("{{ words|map('nope')|list }}", "No filter named 'nope'.", 1, 4),
            ("{% filter length %}x{% endfilter %}", "A block has to become a text here, not a number.", 1, 4),
            ("{{ (10 ** 4500) }}", "A number has too many digits to be printed.", 1, 5),
            ("{% include 'a/b' %}", "There is no part 'a/b'.", 1, 4),
        ],
    )
    def test_an_error_is_a_sentence_with_a_place(self, source, message, line, column):
        refused = refusal(source)
        (only,) = refused.faults
        assert (only.message, only.line, only.column) == (message, line, column)
        assert refused.code == "render_failed"

    def test_an_error_in_a_macro_tells_the_line_in_the_macro(self):
        only = fault("{% macro m(x) %}\n{{ x / 0 }}{% endmacro %}\n{{ m(1) }}")
        assert (only.line, only.column) == (2, 4)

    def test_an_error_in_a_part_tells_the_part_and_the_place_of_its_include(self):
        only = fault("x\n {% include 'a/b' %}", includes={"a/b": "\n\n{{ 1 / 0 }}"})
        assert (only.message, only.line, only.column) == ("Division by zero (in the part 'a/b').", 2, 5)

    @pytest.mark.parametrize("source", ["{{ '\\ud800' }}", "x{{ name }}{{ '\\udfff' ~ name }}", "{{ '%c' % 55296 }}"])
    def test_half_a_surrogate_pair_cannot_be_printed(self, source):
        refused = refusal(source)
        assert refused.code == "render_failed"
        assert refused.faults[0].type == "invalid_text"
        assert refused.faults[0].line == 1

    @pytest.mark.parametrize(
        ("source", "type_"),
        [
            ("{{ 'a' * 10**9 }}", "too_much"),
            ("{{ [0] * 10**9 }}", "too_much"),
            ("{{ 9 ** (9 ** 9) }}", "too_much"),
            (
                "{% set ns = namespace(v=3) %}{% for i in range(99) %}{% set ns.v = ns.v * ns.v %}{% endfor %}",
                "too_much",
            ),
            ("{{ '%999999999d' % 1 }}", "too_much"),
            ("{{ '%*d' % (999999999, 1) }}", "too_much"),
            ("{{ range(10001) }}", "too_much"),
            ("{{ range(10 ** 30)|list }}", "too_much"),
            ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nesting_limit"),
            ("{% for x in words recursive %}{{ loop(words) }}{% endfor %}", "nesting_limit"),
        ],
    )
    def test_limits_are_told_from_errors(self, source, type_):
        refused = refusal(source)
        assert refused.code == "render_limit_exceeded"
        assert refused.faults[0].type == type_

    def test_the_length_of_a_range_is_a_setting(self):
        assert rendered("{{ range(3)|list }}", range=3) == "[0, 1, 2]"
        assert fault("{{ range(4) }}", range=3).type == "too_much"

    @pytest.mark.parametrize("value", ["a", 1, 1.5, None, True, [1], {"a": 1}])
    def test_no_message_says_how_the_server_is_written(self, value):
        uses = (
            "y() x+o x|abs x|dictsort x|round x.split(1) o|sum x[o] x%o x|tojson(zz=1) o<o x|first x|indent x|int(1,99)"
        )
        program = "{% set y = x %}{{ USE }}"
        messages = []
        for use in uses.split():
            try:
                rendered(program.replace("USE", use), {"x": value, "o": {"b": 2}})
            except RenderRefused as refused:
                messages.append(str(refused))
        assert len(messages) > 5
        internal = re.compile(r"0x|jinja|\b(str|int|dict|NoneType|float|list object|method)\b|/|<\w")
        assert [message for message in messages if internal.search(message)] == []


class TestOutput:
    def test_the_output_of_all_texts_is_cut_at_the_limit(self):
        program = compile_program(["{{ a }}", "{{ 1 }}{{ a }}é"], {})
        assert render(program, {"a": "x" * 48}, Limits(output_bytes=99)) == ["x" * 48, "1" + "x" * 48 + "é"]
        with pytest.raises(RenderRefused) as caught:
            render(program, {"a": "x" * 50}, Limits(output_bytes=100))
        (only,) = caught.value.faults
        assert caught.value.code == "render_limit_exceeded"
        assert (only.type, only.source, only.line, only.column) == ("output_too_large", 1, 1, 11)

    def test_rendering_stops_at_the_limit_and_not_after(self):
        source = "{% for a in range(10000) %}{% for b in range(10000) %}0123456789{% endfor %}{% endfor %}{{ 1 / 0 }}"
        assert fault(source).type == "output_too_large"


class TestCompiling:
    @pytest.mark.parametrize(
        "source",
        [
            "{{ 'a' * 10**9 }}",
            "{{ 9**(9**9) }}",
            "{% set x = [0] * 10**9 %}",
            "{% if 'a' * 10**9 %}{% endif %}",
            "{{ 'x' if 'a' * 10**9 else 'y' }}",
            "{{ ('a' * 10**9)|length }}{{ 'a'|indent(10**9) }}{{ 'a'|replace('a', 'b' * 10**9) }}",
            "{{ ('a' * 10**9)[0] }}{{ ('a' * 10**9)[0:5] }}{{ ['a' * 10**9] }}{{ {'a': 'a' * 10**9} }}",
            "{{ 'a' * 10**9 ~ 'b' }}{{ 'a' * 10**9 == 'b' }}{{ not 'a' * 10**9 }}{{ -(9**(9**9)) }}",
            "{% for x in 'a' * 10**9 %}{% endfor %}{% with x = 'a' * 10**9 %}{% endwith %}",
            "{% macro m(a='a' * 10**9) %}{% endmacro %}{% filter indent('a' * 10**9) %}{% endfilter %}",
            "{{ ('a' * 10**9) is string }}{{ range(10**9)|list }}{% do 'a' * 10**9 %}{% print 'a' * 10**9 %}",
        ],
    )
    def test_compiling_evaluates_nothing(self, source):
        # Any of these takes seconds and a gigabyte with Jinja2's own compiler.
        tracemalloc.start()
        compile_program([source], {})
        _, largest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert largest < 50_000_000

    @pytest.mark.parametrize(
        "source",
        [
            "{% if n %}" * 97 + "x" + "{% endif %}" * 97,
            "{{ o" + ".a" * 97 + " }}",
            "{{ name" + "|e" * 97 + " }}",
            "{{ " + "not " * 97 + "n }}",
            "{{ " + "-" * 97 + "n }}",
            "{{ " + "n if n else " * 97 + "n }}",
            "{{ " + "n * " * 97 + "n }}",
            "{{ " + "n ** " * 97 + "n }}",
            "{{ " + "(n ~ " * 24 + "n" + ")" * 24 + " }}",
            "{{ " + "dict(class=" * 24 + "n" + ")" * 24 + " }}",
            "{% for a in words %}" * 15 + "{% include 'x' %}" + "{% endfor %}" * 15,
            "{% filter upper %}" * 97 + "x" + "{% endfilter %}" * 97,
            "{% set a %}" * 97 + "x" + "{% endset %}" * 97,
            "{% with %}{% if n %}" * 48 + "x" + "{% endif %}{% endwith %}" * 48,
        ],
    )
    def test_what_is_deep_as_it_may_be_compiles(self, source):
        assert analyse([source], LIMITS).faults == ()
        compile_program([source], {})

    def test_a_text_that_python_cannot_compile_is_refused(self):
        source = "{% for a in words %}" * 30 + "x" + "{% endfor %}" * 30  # past what the analysis lets through
        with pytest.raises(RenderRefused) as caught:
            compile_program(["fine", source], {})
        assert caught.value.faults[0].type == "template_too_deep"
        assert caught.value.faults[0].source == 1


class TestSandbox:
    @pytest.mark.parametrize("method", ["append(1)", "clear()", "pop()", "sort()", "extend(words)", "copy()"])
    def test_lists_cannot_be_changed(self, method):
        assert fault(f"{{{{ words.{method} }}}}").type == "forbidden_attribute"

    @pytest.mark.parametrize(
        "method", ["clear()", "pop('a')", "update(o)", "setdefault('a', 1)", "popitem()", "fromkeys(o)"]
    )
    def test_objects_cannot_be_changed(self, method):
        assert fault(f"{{{{ o.{method} }}}}").type == "forbidden_attribute"

    @pytest.mark.parametrize("name", ["format", "format_map", "encode", "translate", "maketrans", "__class__", "_x"])
    def test_texts_give_out_what_is_listed_only(self, name):
        source = "{% set k = '" + name + "' %}{{ name[k] }}"
        assert fault(source).type in ("forbidden_attribute", "undefined_variable")

    @pytest.mark.parametrize(
        "source",
        [
            "{% set f = name.upper %}{{ f() }}",
            "{{ [name.upper] }}",
            "{{ words|map(attribute='upper')|list }}",
            "{{ name.upper ~ '' }}",
            "{{ name['upper'] }}",
        ],
    )
    def test_methods_are_called_where_they_stand_or_not_at_all(self, source):
        assert fault(source).type == "forbidden_attribute"

    @pytest.mark.parametrize("name", ["range", "dict", "namespace", "self", "lipsum", "cycler", "joiner"])
    def test_functions_are_no_values(self, name):
        assert refusal(f"{{{{ {name} }}}}").code == "render_failed"
        assert refusal(f"{{{{ [{name}] }}}}").code == "render_failed"
        assert refusal(f"{{{{ {name} ~ '' }}}}").code == "render_failed"

    @pytest.mark.parametrize("value", ["namespace(a=1)", "words|map('upper')", "words|reverse", "m", "o|items"])
    @pytest.mark.parametrize("shape", ["V", "[V]", "{'a': [V]}", "(V) ~ ''", "(V)|string", "'%s' % (V,)", "[V]|join"])
    def test_nothing_prints_where_it_lies_in_memory(self, value, shape):
        source = "{% macro m() %}{% endmacro %}{{ " + shape.replace("V", value) + " }}"
        assert refusal(source).code == "render_failed"
