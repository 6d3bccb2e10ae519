import tracemalloc

import pytest

from dakora_server.core.templates.analysis import Analysis, TemplateFault, analyse
from dakora_server.core.templates.limits import Limits

LIMITS = Limits()


def analysed(*sources, **limits):
    return analyse(sources, Limits(**limits))


def fault_of(source, **limits):
    (fault,) = analysed(source, **limits).faults
    return fault


class TestVariables:
    @pytest.mark.parametrize(
        ("source", "variables"),
        [
            ("plain text", ()),
            ("{{ b }}{{ a }}{{ b }}", ("a", "b")),
            ("{{ a.b['c'].d }}", ("a",)),
            ("{{ a[b] }}", ("a", "b")),
            ("{{ a|default(b) }}", ("a", "b")),
            ("{{ a is defined and b }}", ("a", "b")),
            ("{{ a if b else c }}", ("a", "b", "c")),
            ("{{ true }}{{ none }}{{ False }}", ()),
            ("{% raw %}{{ a }}{% endraw %}{# {{ b }} #}", ()),
            # Loops bind their target and `loop` inside, and nothing afterwards.
            ("{% for x in xs %}{{ x }}{{ loop.index }}{% endfor %}", ("xs",)),
            ("{% for x in xs %}{% endfor %}{{ x }}", ("x", "xs")),
            ("{% for x in xs %}{% else %}{{ x }}{% endfor %}", ("x", "xs")),
            ("{% for x in x %}{% endfor %}", ("x",)),
            ("{% for k, v in o.items() %}{{ k }}{{ v }}{% endfor %}", ("o",)),
            ("{% for x in xs if x > y %}{{ x }}{% endfor %}", ("xs", "y")),
            ("{% for x in xs recursive %}{{ loop(x.children) }}{% endfor %}", ("xs",)),
            ("{{ loop }}", ("loop",)),
            ("{% for x in xs %}{% set y = x %}{{ y }}{% endfor %}{{ y }}", ("xs", "y")),
            # `set` binds from where it stands on.
            ("{% set a = 1 %}{{ a }}", ()),
            ("{% set a = a %}{{ a }}", ("a",)),
            ("{{ a }}{% set a = 1 %}", ("a",)),
            ("{% set a, b = c %}{{ a }}{{ b }}", ("c",)),
            ("{% set a %}{{ b }}{% endset %}{{ a }}", ("b",)),
            ("{% set a|upper %}x{% endset %}{{ a }}", ()),
            # A branch binds only if all do.
            ("{% if c %}{% set a = 1 %}{% else %}{% set a = 2 %}{% endif %}{{ a }}", ("c",)),
            ("{% if c %}{% set a = 1 %}{% endif %}{{ a }}", ("a", "c")),
            ("{% if c %}{% set a = 1 %}{% elif d %}{% set a = 2 %}{% endif %}{{ a }}", ("a", "c", "d")),
            # Macros see what their surroundings bind by the time they are called.
            ("{% macro m(a, b=c) %}{{ a }}{{ b }}{{ d }}{% endmacro %}{{ m(1) }}", ("c", "d")),
            ("{% macro m() %}{{ a }}{{ n() }}{% endmacro %}{% set a = 1 %}{% macro n() %}{% endmacro %}", ()),
            ("{% macro m() %}{{ caller() }}{{ varargs }}{{ kwargs }}{% endmacro %}", ()),
            ("{% macro m(a) %}{% endmacro %}{{ a }}", ("a",)),
            ("{% macro m() %}{% endmacro %}{% call(x) m() %}{{ x }}{{ y }}{% endcall %}", ("y",)),
            # Other scopes.
            ("{% with a = 1, b = c %}{{ a }}{{ b }}{% endwith %}{{ a }}", ("a", "c")),
            ("{% filter replace(a, b) %}{{ c }}{% set d = 1 %}{% endfilter %}{{ d }}", ("a", "b", "c", "d")),
            ("{% block b %}{{ self.b() }}{{ super }}{{ a }}{% endblock %}", ("a",)),
            ("{% autoescape true %}{% set a = b %}{{ a }}{% endautoescape %}{{ a }}", ("a", "b")),
            ("{% set ns = namespace(n=a) %}{% set ns.n = b %}{{ ns.n }}", ("a", "b")),
            ("{% do a %}{% print b %}", ("a", "b")),
            # The three functions are no variables where they are called; everywhere else an input may have the name.
            ("{{ range(n) }}{{ dict(a=b) }}", ("b", "n")),
            ("{{ range.from }}", ("range",)),
        ],
    )
    def test_variables_are_the_names_taken_from_outside(self, source, variables):
        analysis = analysed(source)
        assert analysis.faults == ()
        assert analysis.variables == variables

    def test_all_messages_of_a_chat_count(self):
        assert analysed("{{ a }}", "{{ b }}{% set c = 1 %}", "{{ c }}").variables == ("a", "b", "c")

    @pytest.mark.parametrize(
        ("source", "bare"),
        [
            ("{{ a }}", (("a", 1),)),
            ("x\n{{ a|upper|trim }}", (("a", 2),)),
            ("{{ 'Dear ' ~ a }}", (("a", 1),)),
            ("{{ a|default('x') }}{{ b|d }}{{ c|tojson }}{{ d.e }}", ()),
            ("{% if a %}{{ a }}{% else %}{{ a }}{% endif %}", ()),
            ("{% if a is none %}{% elif b %}{{ b }}{{ c }}{% endif %}", (("c", 1),)),
            ("{{ a if a }}", ()),
            ("{% set a = 1 %}{{ a }}{% for b in c %}{{ b }}{% endfor %}", ()),
        ],
    )
    def test_bare_are_the_variables_that_would_print_none(self, source, bare):
        assert analysed(source).bare == bare

    def test_includes_are_named_in_order_and_once(self):
        analysis = analysed("{% include 'b/c' %}{% include 'a/b@3' ignore missing %}", "{% include 'b/c' %}")
        assert analysis.faults == ()
        assert analysis.includes == ("b/c", "a/b@3")


class TestFaults:
    @pytest.mark.parametrize(
        ("source", "type_", "line", "column"),
        [
            ("Hello {{ name }!", "syntax_error", 1, 15),
            ("a\n  {{ x y }}", "syntax_error", 2, 8),
            ("a\r\nb {% nope %}", "syntax_error", 2, 6),
            ("a\rb\r\n {{ ) }}", "syntax_error", 3, 5),
            ("{% if a %}\n x", "syntax_error", 2, 3),
            ("x {# never closed", "syntax_error", 1, 3),
            ("\n\n {% raw %} {{", "syntax_error", 3, 2),
            ("{{ 'abc }}", "syntax_error", 1, 4),
            ("{{ a }}  {%- if %}", "syntax_error", 1, 17),
            ("{{ '\\x' }}", "syntax_error", 1, 4),
            ("😀é {{ $ }}", "syntax_error", 1, 7),
            ("{{ a ²b }}", "syntax_error", 1, 6),
            ("{{ x|nope }}", "unknown_filter", 1, 6),
            ("{{ x|random }}", "unknown_filter", 1, 6),
            ("\n{{ x is nope }}", "unknown_test", 2, 6),
            ("a {{ nope() }}", "unknown_function", 1, 6),
            ("{{ x.__class__ }}", "forbidden_attribute", 1, 5),
            ("{{ x._id }}", "forbidden_attribute", 1, 5),
            ("{{ x['__class__'] }}", "forbidden_attribute", 1, 5),
            ("{{ '{}'.format(x) }}", "forbidden_attribute", 1, 8),
            ("{% extends 'x' %}", "forbidden_tag", 1, 4),
            ("{% import 'x' as y %}", "forbidden_tag", 1, 4),
            ("{% from 'x' import y %}", "forbidden_tag", 1, 4),
            ("{% include x %}", "dynamic_include", 1, 4),
            ("{% include ['a', 'b'] %}", "dynamic_include", 1, 4),
            ("{% autoescape x %}{% endautoescape %}", "syntax_error", 1, 4),
            ("{% break %}", "syntax_error", 1, 4),
            ("{% for a in b %}{% else %}{% continue %}{% endfor %}", "syntax_error", 1, 30),
            ("{% for a in b %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", "syntax_error", 1, 35),
            ("{% for loop in b %}{% endfor %}", "syntax_error", 1, 8),
            ("{% block a %}{% endblock %}{% block a %}{% endblock %}", "syntax_error", 1, 31),
            ("{% macro m(a, a) %}{% endmacro %}", "syntax_error", 1, 4),
            ("{% macro m(caller, a) %}{% endmacro %}", "syntax_error", 1, 4),
            ("{{ range(a=1, a=2) }}", "syntax_error", 1, 9),
            ("{{ 1e999 }}", "number_too_large", 1, 4),
            ("{{ 1" + "0" * 400 + " }}", "number_too_large", 1, 4),
            ("a\nb\ud800", "invalid_text", 2, 2),
        ],
    )
    def test_a_fault_has_its_type_line_and_column(self, source, type_, line, column):
        fault = fault_of(source)
        assert (fault.type, fault.line, fault.column, fault.source) == (type_, line, column, 0), fault

    def test_every_fault_is_found_at_once_in_every_text(self):
        analysis = analysed("{{ a|nope }}{{ b.__c__ }}\n{{ d is nope }}", "fine", "{% if %}", "{{ e() }}")
        assert [(fault.type, fault.source, fault.line) for fault in analysis.faults] == [
            ("unknown_filter", 0, 1),
            ("forbidden_attribute", 0, 1),
            ("unknown_test", 0, 2),
            ("syntax_error", 2, 1),
            ("unknown_function", 3, 1),
        ]
        assert analysis.variables == ("a", "b", "d")

    def test_unknown_names_are_variables_and_no_faults(self):
        assert analysed("{{ whatever }}").faults == ()

    def test_a_dropped_filter_says_what_to_write_instead(self):
        assert "tojson or yaml" in fault_of("{{ x|pprint }}").message

    def test_a_key_with_an_underscore_can_be_read_by_subscript(self):
        assert analysed("{{ row['_id'] }}").faults == ()
        assert "['_id']" in fault_of("{{ row._id }}").message

    def test_columns_count_characters_even_after_stripped_white_space(self):
        fault = fault_of("{{ a }}  \n\n   {%- if a -%}  \n  {{- b|nope -}}  {% endif %}")
        assert (fault.line, fault.column) == (4, 9)

    def test_messages_do_not_grow_with_the_template(self):
        assert len(fault_of("{% " + "x" * 60_000 + " %}").message) < 400

    def test_there_is_an_end_to_the_list_of_faults(self):
        assert len(analysed("{{ a|nope }}" * 1000).faults) == 50

    def test_an_analysis_survives_its_journey_as_json(self):
        analysis = Analysis(
            faults=(TemplateFault("m", "t", 1, 2, 3), TemplateFault("m", "t")),
            variables=("a", "b"),
            includes=("c/d",),
            bare=(("a", 4),),
            plain=True,
        )
        assert Analysis.from_json(analysis.to_json()) == analysis
        assert Analysis.from_json(Analysis().to_json()) == Analysis()


class TestLimits:
    def test_the_texts_of_a_prompt_share_the_limit_on_bytes(self):
        assert analysed("x" * 60, "é" * 20, source_bytes=100).faults == ()
        fault = analysed("x" * 60, "é" * 21, source_bytes=100).faults[0]
        assert (fault.type, fault.source) == ("template_too_large", 1)

    def test_the_texts_of_a_prompt_share_the_limit_on_nodes(self):
        assert analysed("{{ a }}" * 10, "{{ a }}" * 10, nodes=30).faults == ()
        fault = analysed("{{ a }}" * 10, "{{ a }}" * 20, nodes=30).faults[0]
        assert (fault.type, fault.source) == ("template_too_complex", 1)

    def test_reading_stops_where_the_limit_on_nodes_is_surely_passed(self):
        # This one would be a syntax error at its end, if anybody looked so far.
        assert fault_of("{{ a }}" * 1000 + "{{", nodes=30).type == "template_too_complex"

    @pytest.mark.parametrize("texts", [["{{ a }}" * 3000 + "{{"] * 3, [""] * 4000])
    def test_texts_that_cannot_be_read_use_up_the_limit_too(self, texts):
        assert analysed(*texts).faults[-1].type == "template_too_complex"

    @pytest.mark.parametrize(
        ("fits", "deeper"),
        [
            ("{% if a %}" * 90 + "{% endif %}" * 90, "{% if a %}" * 101 + "{% endif %}" * 101),
            ("{{ " + "not " * 90 + "a }}", "{{ " + "not " * 101 + "a }}"),
            ("{{ a" + ".b" * 90 + " }}", "{{ a" + ".b" * 101 + " }}"),
            ("{{ a" + "|e" * 90 + " }}", "{{ a" + "|e" * 101 + " }}"),
            ("{{ " + "(" * 25 + "a" + ")" * 25 + " }}", "{{ " + "(" * 26 + "a" + ")" * 26 + " }}"),
            ("{{ " + "[" * 25 + "]" * 25 + " }}", "{{ " + "[" * 26 + "]" * 26 + " }}"),
            (
                "{% for a in b %}" * 15 + "x" + "{% endfor %}" * 15,
                "{% for a in b %}" * 16 + "x" + "{% endfor %}" * 16,
            ),
        ],
    )
    def test_nesting_has_a_limit_and_reaches_it(self, fits, deeper):
        assert analysed(fits).faults == ()
        assert fault_of(deeper).type == "template_too_deep"

    @pytest.mark.parametrize("operator", [" + ", " - ", " and ", " or ", " ~ ", " < "])
    def test_a_row_of_operators_has_a_limit_and_reaches_it(self, operator):
        assert analysed("{{ " + operator.join(["a"] * 500) + " }}").faults == ()
        assert fault_of("{{ " + operator.join(["a"] * 502) + " }}").type == "chain_too_long"

    def test_a_row_of_branches_has_a_limit_and_reaches_it(self):
        assert analysed("{% if a %}" + "{% elif a %}" * 500 + "{% endif %}").faults == ()
        assert fault_of("{% if a %}" + "{% elif a %}" * 501 + "{% endif %}").type == "chain_too_long"

    @pytest.mark.parametrize(
        "source",
        [
            "{{ 'a' * 10**9 }}",
            "{{ 9**9**9 }}",
            "{{ 9**(9**9) }}",
            "{% set x = [0] * 10**9 %}",
            "{% if 'a' * 10**9 %}{% endif %}",
            "{% include 'a' * 10**9 %}",
            "{% extends 'a' * 10**9 %}",
            "{% autoescape 'a' * 10**9 %}{% endautoescape %}",
            "{{ 'a'|indent(10**9) }}",
            "{{ ('a' * 10**9)[0:10**9] }}",
            "{{ range(10**9)|list }}",
        ],
    )
    def test_nothing_is_evaluated(self, source):
        # Any of these would take seconds and a gigabyte.
        tracemalloc.start()
        analysed(source)
        _, largest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert largest < 50_000_000

    def test_the_largest_ordinary_template_fits(self):
        prose = (
            "A paragraph of instructions as long as they usually are in a prompt of this size, and a bit more.\n" * 3
        )
        loop = "{% for m in messages %}- {{ m.role }}: {{ m.content }}\n{% endfor %}"
        source = (prose + "{{ user.name }}{% if user.age > 18 %}{{ user.text|trim }}{% endif %}\n" + loop) * 110
        assert 46_000 < len(source) < 65_536
        assert analysed(source).faults == ()
