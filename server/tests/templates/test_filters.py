import json

import pytest
import yaml
from jinja2.exceptions import FilterArgumentError, TemplateRuntimeError

from dakora_server.core.templates.environment import MissingValue
from dakora_server.core.templates.filters import DROPPED_FILTERS, FILTERS, default, to_yaml, tojson


class TestDefault:
    @pytest.mark.parametrize("empty", [MissingValue(name="x"), None, "", [], {}])
    def test_what_is_missing_or_empty_is_replaced(self, empty):
        assert default(empty, "other") == "other"
        assert default(empty) == ""

    @pytest.mark.parametrize("value", [0, 0.0, False, " ", [0], {"a": None}, "0"])
    def test_zero_false_and_everything_else_stay(self, value):
        assert default(value, "other") is value

    @pytest.mark.parametrize("value", [0, 0.0, False, ""])
    def test_whoever_asks_for_jinjas_second_argument_gets_it(self, value):
        assert default(value, "other", True) == "other"
        assert default(value, "other", boolean=True) == "other"


class TestToJson:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("<b> & 'é' \U0001f600", "\"<b> & 'é' \U0001f600\""),
            ({"b": 1, "a": [True, None, 1.5]}, '{"b": 1, "a": [true, null, 1.5]}'),
            ((1, 2), "[1, 2]"),
            ("\x00\n", '"\\u0000\\n"'),
        ],
    )
    def test_json_is_plain_text_with_keys_in_their_order(self, value, text):
        written = tojson(value)
        assert written == text
        assert type(written) is str

    def test_indents_go_up_to_eight(self):
        assert tojson([1], 8) == "[\n        1\n]"
        assert tojson([1], indent=0) == "[\n1\n]"
        for indent in (9, -1, True, "  "):
            with pytest.raises(FilterArgumentError):
                tojson([1], indent=indent)

    def test_the_options_of_json_are_there(self):
        assert tojson({"b": "é", "a": 1}, sort_keys=True, ensure_ascii=True) == '{"a": 1, "b": "\\u00e9"}'
        assert tojson({"a": 1}, separators=(",", ":")) == '{"a":1}'

    def test_infinity_is_no_json(self):
        with pytest.raises(ValueError, match="JSON"):
            tojson(float("inf"))


class TestYaml:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("word", "word"),
            (5, "5"),
            (None, "null"),
            ({"b": 1, "a": ["x", "y"]}, "b: 1\na:\n  - x\n  - y"),
            ({"text": "one\ntwo"}, "text: |-\n  one\n  two"),
            ({"é": "\U0001f600"}, "é: \U0001f600"),
            (["yes", "1.0", "", "~", "a: b"], "- 'yes'\n- '1.0'\n- ''\n- '~'\n- 'a: b'"),
            ((1, 2), "- 1\n- 2"),
            ([], "[]"),
            ({}, "{}"),
        ],
    )
    def test_yaml_is_written_for_readers(self, value, text):
        assert to_yaml(value) == text

    def test_long_lines_stay_whole(self):
        assert "\n" not in to_yaml("word " * 500 + "end")

    def test_what_is_written_twice_is_written_twice(self):
        shared = ["a"]
        assert to_yaml([shared, shared]) == "- - a\n- - a"

    @pytest.mark.parametrize(
        "value", ["a\n", "\n\n", " a\nb ", "a: |\n  b", "---", "...", "# a", "\x00", "é\u2028", "- x\n"]
    )
    def test_yaml_reads_back_as_it_was(self, value):
        assert yaml.safe_load(to_yaml({"k": value})) == {"k": value}
        assert yaml.safe_load(to_yaml([value])) == [value]

    def test_functions_are_no_yaml(self):
        with pytest.raises(TemplateRuntimeError):
            to_yaml({"a": print})


def test_dangerous_filters_are_gone_and_the_rest_is_there():
    assert not FILTERS.keys() & DROPPED_FILTERS.keys()
    assert {"map", "sort", "groupby", "batch", "truncate", "indent", "tojson", "yaml"} <= FILTERS.keys()


@pytest.mark.parametrize("name", ["upper", "string", "e", "title", "trim", "urlencode"])
def test_what_lies_somewhere_in_memory_becomes_no_text(name):
    with pytest.raises(TemplateRuntimeError):
        FILTERS[name](iter([]))
    with pytest.raises(TemplateRuntimeError):
        FILTERS[name]([print])


def test_json_and_yaml_agree():
    value = {"a": [1, 2.5, None, True, "x\ny", {"b": []}], "é": {}}
    assert json.loads(tojson(value)) == yaml.safe_load(to_yaml(value)) == value
