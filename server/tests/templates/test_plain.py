"""One test for each rule of `plain`, numbered as there."""

import json
import sys

import pytest

from dakora_server.core.templates.analysis import analyse
from dakora_server.core.templates.limits import Limits
from dakora_server.core.templates.renderer import IN_PROCESS_NANOSECONDS, affordable, compile_program, render

LIMITS = Limits()


def is_plain(*sources):
    analysis = analyse(sources, LIMITS)
    assert analysis.faults == ()
    return analysis.plain


class TestTheRules:
    def test_1_a_plain_template_is_short(self):
        assert is_plain("{{ a }}" * 299)
        assert not is_plain("{{ a }}" * 300)
        assert is_plain("x" * 16_384)
        assert not is_plain("x" * 16_385)
        assert not is_plain("x" * 9000, "x" * 9000)

    def test_1_a_plain_template_is_shallow(self):
        assert is_plain("{% if a %}" * 14 + "{% endif %}" * 14)
        assert not is_plain("{% if a %}" * 17 + "{% endif %}" * 17)
        assert is_plain("{{ a" + ".b" * 13 + " }}")
        assert not is_plain("{{ a" + ".b" * 16 + " }}")

    @pytest.mark.parametrize(
        "source",
        [
            "",
            "text only",
            "{# comment #}{% raw %}{{ {% endraw %}",
            "{{ a }}",
            "{% if a %}1{% elif b %}2{% else %}3{% endif %}",
            "{% for x in xs %}{{ x }}{% else %}none{% endfor %}",
        ],
    )
    def test_2_output_if_and_for_are_plain(self, source):
        assert is_plain(source)

    @pytest.mark.parametrize(
        "source",
        [
            "{% set a = 1 %}",
            "{% set a %}x{% endset %}",
            "{% macro m() %}{% endmacro %}",
            "{% with a = 1 %}{% endwith %}",
            "{% filter upper %}x{% endfilter %}",
            "{% do a %}",
            "{% block b %}{% endblock %}",
            "{% include 'a/b' %}",
            "{% autoescape true %}{% endautoescape %}",
            "{% for x in xs %}{% break %}{% endfor %}",
        ],
    )
    def test_2_other_tags_are_not_plain(self, source):
        assert not is_plain(source)

    @pytest.mark.parametrize(
        "value", ["a", "a.b.c", "a['b']", "a[0]", "a.b['c'][2].d", "'text'", "5", "1.5", "none", "true"]
    )
    def test_3_variables_constants_and_paths_are_plain(self, value):
        assert is_plain(f"{{{{ {value} }}}}")

    @pytest.mark.parametrize(
        "value", ["a[b]", "a[0:2]", "a[1.5]", "a['x' ~ 'y']", "(a or b).c", "'text'[0]", "(a|first).b"]
    )
    def test_3_computed_paths_are_not_plain(self, value):
        assert not is_plain(f"{{{{ {value} }}}}")

    @pytest.mark.parametrize(
        "value",
        [
            "a == b",
            "a != 'x'",
            "1 < a <= b",
            "a > 1 or b >= 2",
            "a and not b",
            "a is defined",
            "a is not none",
            "a is string",
            "a is mapping",
            "a if b else c",
            "a if b == 'x' and c is defined else 'd'",
        ],
    )
    def test_4_simple_questions_are_plain(self, value):
        assert is_plain(f"{{% if ({value}) %}}x{{% endif %}}{{{{ {value} }}}}")

    @pytest.mark.parametrize(
        "value",
        [
            *("a + 1", "a - b", "a * 2", "a / 2", "a // 2", "a % 2", "a ** 2", "-a", "+a", "a ~ b"),
            *("a in b", "'x' not in a", "a.b()", "a.items()", "range(3)", "[a]", "(a, b)", "{'a': b}"),
            *(
                "a is odd",
                "a is divisibleby 3",
                "a is eq 1",
                "a is in b",
                "a is upper",
                "a is sameas b",
                "a is callable",
            ),
        ],
    )
    def test_4_arithmetic_texts_calls_searches_and_literals_are_not_plain(self, value):
        assert not is_plain(f"{{{{ {value} }}}}")

    @pytest.mark.parametrize(
        "value",
        [
            *("a|upper", "a|lower", "a|capitalize", "a|title", "a|trim", "a|string", "a|e", "a|escape", "a|tojson"),
            *("a|length", "a|count", "a|first", "a|last", "a|join", "a|join(', ')", "a|default('x')", "a|d(b.c)"),
            *("a|default", "a|trim|upper|tojson", "a|default('x')|lower|title", "a|escape|upper"),
        ],
    )
    def test_5_linear_filters_are_plain(self, value):
        assert is_plain(f"{{{{ {value} }}}}")

    @pytest.mark.parametrize(
        "value",
        [
            *(
                "a|replace('x', 'y')",
                "a|indent",
                "a|truncate(5)",
                "a|sort",
                "a|unique|list",
                "a|groupby('b')",
                "a|map('upper')",
            ),
            *(
                "a|select",
                "a|int",
                "a|float",
                "a|round",
                "a|list",
                "a|reverse",
                "a|batch(2)",
                "a|yaml",
                "a|sum",
                "a|striptags",
            ),
            *(
                "a|tojson(indent=2)",
                "a|tojson(2)",
                "a|trim('x')",
                "a|join('a long separator')",
                "a|join(b)",
                "a|join(',', 'c')",
            ),
            *("a|default('x', true)", "a|default('x', boolean=true)", "a|default(*b)", "a|upper(**b)"),
            *("a|tojson|tojson", "a|e|tojson", "a|join|escape", "a|escape|upper|tojson", "(a|e if b else c)|tojson"),
        ],
    )
    def test_5_other_filters_arguments_and_growth_upon_growth_are_not_plain(self, value):
        assert not is_plain(f"{{{{ {value} }}}}")

    @pytest.mark.parametrize(
        "loop",
        [
            "{% for x in xs %}{{ x }}{{ x.a|upper }}{{ loop.index }}{% if loop.first %}-{% endif %}{% endfor %}",
            "{% for x in a.b['c'] %}{{ x }}{% endfor %}",
            "{% for a, b in xs %}{{ a }}{{ b }}{% endfor %}",
            "{% for x in xs %}{% if x.kind == wanted %}{{ x.text }}{% endif %}{% endfor %}",
            "{% for x in xs %}{% if verbose %}{{ x }}{% endif %}{% endfor %}",
            "{% for x in xs %}{% if others|length == 1 %}{{ x }}{% endif %}{% endfor %}",
            "{% for x in xs %}{{ x }}{% endfor %}{% for y in ys %}{{ y }}{% endfor %}{{ long|upper }}",
        ],
    )
    def test_6_a_loop_over_a_path_that_prints_its_own_is_plain(self, loop):
        assert is_plain(loop)

    @pytest.mark.parametrize(
        "loop",
        [
            "{% for x in xs %}{% for y in x %}{% endfor %}{% endfor %}",
            "{% for x in xs %}{% if x %}{% for y in ys %}{% endfor %}{% endif %}{% endfor %}",
            "{% for x in xs if x %}{{ x }}{% endfor %}",
            "{% for x in xs recursive %}{{ x }}{% endfor %}",
            "{% for x in xs|sort %}{{ x }}{% endfor %}",
            "{% for x in xs or ys %}{{ x }}{% endfor %}",
            "{% for x in 'abc' %}{{ x }}{% endfor %}",
            "{% for k, v in o.items() %}{{ k }}{% endfor %}",
            "{% for x, (y, z) in xs %}{% endfor %}",
            "{% for x in xs %}{{ other }}{% endfor %}",
            "{% for x in xs %}{{ other|upper|length }}{% endfor %}",
            "{% for x in xs %}{{ x|default(other) }}{% endfor %}",
            "{% for x in xs %}{{ x or other }}{% endfor %}",
            "{% for x in xs %}{{ x if x else other }}{% endfor %}",
            "{% for x in xs %}{% if other|tojson %}{% endif %}{% endfor %}",
            "{% for x in xs %}{% if other == another %}{% endif %}{% endfor %}",
            "{% for x in xs %}{% if x == 1 or other == another %}{% endif %}{% endfor %}",
            "{% for x in xs %}{{ '" + "a" * 101 + "'|upper|length }}{% endfor %}",
            "{% for x in xs %}{{ loop.cycle('a', 'b') }}{% endfor %}",
            "{% for x in xs %}{{ loop.previtem }}{% endfor %}",
            "{% for x in xs %}{{ loop }}{% endfor %}",
        ],
    )
    def test_6_other_loops_are_not_plain(self, loop):
        assert not is_plain(loop)

    def test_what_is_not_plain_makes_the_whole_prompt_not_plain(self):
        assert is_plain("{{ a }}", "{{ b }}")
        assert not is_plain("{{ a }}", "{{ a ~ b }}")


def events(program, inputs):
    """How many calls a render makes, in Python and in C: work that can be counted the same on every machine."""
    count = 0

    def seen(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        render(program, inputs, LIMITS)
    finally:
        sys.setprofile(None)
    return count


def size(inputs):
    return len(json.dumps(inputs, separators=(",", ":"), ensure_ascii=False).encode())


GREEDY = {
    "a loop over letters": ("{% for c in x %}{{ c }}{% endfor %}", {"x": "a" * 3000}),
    "a loop over letters inside": ("{% for c in x.y %}{{ c }}{% endfor %}", {"x": {"y": "a" * 3000}}),
    "a loop of questions": (
        "{% for c in x %}" + "{% if c.b is defined %}{% endif %}" * 20 + "{% endfor %}",
        {"x": [1] * 300},
    ),
    "a loop of misses": ("{% for c in x %}" + "{{ c['b']|d }}" * 20 + "{% endfor %}", {"x": [1] * 300}),
    "a loop of filters": (
        "{% for c in x %}" + "{{ c|upper|title|tojson|lower }}" * 9 + "{% endfor %}",
        {"x": [1] * 300},
    ),
    "a loop of numbers": ("{% for c in x %}" + "{{ loop.revindex }}" * 40 + "{% endfor %}", {"x": [1] * 300}),
    "many prints": ("{{ x }}" * 140, {"x": [5e-324] * 400}),
    "many joins": ("{{ x|join(',') }}" * 70, {"x": [1] * 600}),
    "many titles": ("{{ x|title }}" * 70, {"x": "-a" * 500}),
    "many comparisons": ("{% if x == y %}{% endif %}" * 70, {"x": [[]] * 700, "y": [[]] * 700}),
}


class TestTheCost:
    @pytest.mark.parametrize("case", GREEDY)
    def test_what_takes_long_is_not_affordable(self, case):
        source, inputs = GREEDY[case]
        program = compile_program([source], {})
        assert program.cost is not None
        assert not affordable(program, size(inputs), inputs)

    @pytest.mark.parametrize("case", GREEDY)
    def test_the_bound_is_above_the_work_that_can_be_counted(self, case):
        # A call takes 40 ns at the least, so a bound below this would be wrong.
        source, inputs = GREEDY[case]
        program = compile_program([source], {})
        assert events(program, inputs) * 40 < program.cost.nanoseconds(inputs, size(inputs))

    @pytest.mark.parametrize("case", GREEDY)
    def test_the_bound_is_linear_in_the_inputs(self, case):
        source, inputs = GREEDY[case]
        program = compile_program([source], {})
        doubled = {
            name: {key: part * 2 for key, part in value.items()} if isinstance(value, dict) else value * 2
            for name, value in inputs.items()
        }
        bound = program.cost.nanoseconds(inputs, size(inputs))
        assert program.cost.nanoseconds(doubled, size(doubled)) <= 2.1 * bound
        assert events(program, doubled) <= 2.1 * events(program, inputs)

    def test_ordinary_prompts_are_affordable(self):
        source = (
            "You help the customers of {{ company }}. Answer in {{ language|default('English') }}.\n"
            "{% if tone %}Be {{ tone }}.{% endif %}\n{{ customer.name }} asks:\n{{ question }}\n"
            "{% for turn in turns %}{{ turn.role }}: {{ turn.text }}\n{% endfor %}"
        )
        inputs = {
            "company": "Acme",
            "tone": None,
            "language": "",
            "customer": {"name": "Jo"},
            "question": "Where is my parcel? " * 1000,
            "turns": [{"role": "user", "text": "Hello there, how are you?"}] * 20,
        }
        assert is_plain(source)
        assert affordable(compile_program([source], {}), size(inputs), inputs)

    def test_the_messages_of_a_chat_cost_together(self):
        inputs = {"x": list(range(300))}
        one, many = (compile_program(["{{ x }}"] * count, {}) for count in (1, 100))
        assert affordable(one, size(inputs), inputs)
        assert not affordable(many, size(inputs), inputs)

    def test_what_is_not_plain_is_never_affordable(self):
        assert not affordable(compile_program(["{{ 1 + 1 }}"], {}), 2, {})
        assert not affordable(compile_program(["x"], {"a": "b"}), 2, {})

    def test_the_budget_is_a_few_milliseconds(self):
        assert IN_PROCESS_NANOSECONDS <= 5_000_000
