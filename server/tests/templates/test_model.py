"""A prompt is checked once, completely, and in words a person understands."""

import json
import re

import pytest
from pydantic import ValidationError

from dakora_server.core.exceptions import TemplateInvalid
from dakora_server.core.templates.model import InputSpec, TemplateSpec, parse_spec
from dakora_server.core.templates.spec_faults import request_faults

TYPES = ["string", "number", "boolean", "array<string>", "object"]


def spec_of(**fields):
    return parse_spec({"id": "p", "template": "x", **fields})


def refused(fields):
    with pytest.raises(TemplateInvalid) as refusal:
        parse_spec(fields)
    assert refusal.value.detail.startswith(refusal.value.errors[0].message)
    return [(fault.loc, fault.type) for fault in refusal.value.errors]


def refused_with(**fields):
    return refused({"id": "p", "template": "x", **fields})


def nested(levels):
    value = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize("prompt_id", ["a", "A", "0", "a.b-c_d", "greeting", "a" * 128, "x..", "CON"])
def test_an_id_is_letters_digits_dots_hyphens_and_underscores(prompt_id):
    assert parse_spec({"id": prompt_id, "template": "x"}).id == prompt_id


@pytest.mark.parametrize(
    "prompt_id",
    [
        *(
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            ".a",
            "-a",
            "_a",
            "a b",
            "a\n",
            "\na",
            "a\0",
            "a%2fb",
            "ä",
            "\u0430",
            "a" * 129,
        ),
        *("\ud800", "a\u202eb", 5, None, True, ["a"], {"a": 1}),
    ],
)
def test_an_id_is_nothing_else(prompt_id):
    assert [loc for loc, _ in refused({"id": prompt_id, "template": "x"})] == [("id",)]


def test_a_prompt_has_a_template_or_messages_and_not_both():
    message = {"role": "user", "content": "x"}
    assert refused({"id": "p"}) == [((), "missing_field")]
    assert refused({"id": "p", "template": None, "messages": None}) == [((), "missing_field")]
    assert refused({"id": "p", "template": "x", "messages": [message]}) == [((), "template_and_messages")]
    assert refused({"id": "p", "messages": []}) == [(("messages",), "too_short")]
    assert refused({"id": "p", "messages": [message] * 257}) == [(("messages",), "too_long")]
    chat = parse_spec({"id": "p", "messages": [message, {"role": "assistant", "content": ""}]})
    assert (chat.is_chat, chat.sources) == (True, ("x", ""))
    assert (spec_of(template="").is_chat, spec_of(template="").sources) == (False, ("",))


@pytest.mark.parametrize("fields", [None, [], "x", 5])
def test_what_is_no_object_is_no_prompt(fields):
    assert refused(fields) == [((), "wrong_type")]


def test_every_fault_is_told_with_its_path_and_a_sentence():
    faulty = {
        "id": "../x",
        "version": "1.0",
        "description": "a\0",
        "messages": [{"role": "boss", "content": "\ud800"}, 3, {"role": "user", "content": "x", "name": "y"}],
        "inputs": {
            "a b": {"type": "string"},
            "n": {"type": "text"},
            "o": [],
            "r": {"type": "string", "required": "yes"},
        },
        "model": {"provider": "", "parameters": {"t": float("nan")}},
        "tools": [3],
        "response_schema": {"a": 2**64},
        "metadata": {"tags": ["", 4]},
        "colour": "red",
    }
    assert refused(faulty) == [
        (("id",), "invalid_id"),
        (("version",), "invalid_version"),
        (("description",), "nul_character"),
        (("messages", 0, "role"), "not_allowed"),
        (("messages", 0, "content"), "lone_surrogate"),
        (("messages", 1), "wrong_type"),
        (("messages", 2, "name"), "unknown_field"),
        (("inputs", "a b"), "invalid_input_name"),
        (("inputs", "n", "type"), "not_allowed"),
        (("inputs", "o"), "wrong_type"),
        (("inputs", "r", "required"), "wrong_type"),
        (("model", "provider"), "too_short"),
        (("model", "name"), "missing_field"),
        (("model", "parameters", "t"), "number_not_finite"),
        (("tools", 0), "wrong_type"),
        (("response_schema", "a"), "number_too_large"),
        (("metadata", "tags", 0), "too_long"),
        (("metadata", "tags", 1), "not_text"),
        (("colour",), "unknown_field"),
    ]
    with pytest.raises(TemplateInvalid) as refusal:
        parse_spec(faulty)
    for fault in refusal.value.errors:
        assert re.fullmatch(r"`[^`]+` .+\.", fault.message), fault
        assert not re.search(r"Input should|pydantic|dict|Spec\b|Error|valid_type", fault.message), fault
    assert refusal.value.detail.endswith("There are 18 more faults.")


def test_optional_fields_may_be_null_and_unknown_ones_may_not():
    empty = dict.fromkeys(
        ["version", "description", "messages", "inputs", "model", "tools", "response_schema", "metadata"]
    )
    assert spec_of(**empty) == spec_of()
    declared = {"type": "string", **dict.fromkeys(["required", "description", "enum", "schema"])}
    assert spec_of(inputs={"a": declared}).content() == spec_of(inputs={"a": {"type": "string"}}).content()
    assert refused_with(colour=None) == [(("colour",), "unknown_field")]
    assert refused_with(inputs={"a": {"type": None}}) == [(("inputs", "a", "type"), "not_allowed")]


class TestInputs:
    @pytest.mark.parametrize("name", ["a", "_", "A1", "class", "for", "loop", "import", "a" * 64, "range", "yes"])
    def test_names_a_template_can_read_are_taken(self, name):
        assert list(spec_of(inputs={name: {"type": "string"}}).inputs) == [name]

    @pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "a.b", "é", "a" * 65, "a\n", "\0"])
    def test_names_that_are_no_identifiers_are_refused(self, name):
        assert refused_with(inputs={name: {"type": "string"}}) == [(("inputs", name), "invalid_input_name")]

    @pytest.mark.parametrize("name", ["true", "False", "none", "None", "not", "and", "in", "is", "if", "else", "self"])
    def test_words_of_the_template_language_are_refused_as_names(self, name):
        assert refused_with(inputs={name: {"type": "string"}}) == [(("inputs", name), "reserved_input_name")]

    def test_an_input_is_required_unless_it_has_a_default_or_says_otherwise(self):
        inputs = spec_of(
            inputs={
                "plain": {"type": "string"},
                "default": {"type": "string", "default": "x"},
                "null": {"type": "string", "default": None},
                "optional": {"type": "string", "required": False},
                "both": {"type": "string", "required": True, "default": "x"},
            }
        ).inputs
        assert [declared.required for declared in inputs.values()] == [True, False, False, False, True]
        assert [declared.has_default for declared in inputs.values()] == [False, True, True, False, True]

    @pytest.mark.parametrize(
        ("kind", "given", "kept"),
        [
            ("string", 5, "5"),
            ("string", True, "true"),
            ("number", "1.50", 1.5),
            ("boolean", "ON", True),
            ("array<string>", "a", ["a"]),
            ("object", {"a": [1]}, {"a": [1]}),
        ],
    )
    def test_defaults_and_enums_are_kept_in_their_type(self, kind, given, kept):
        declared = InputSpec.model_validate({"type": kind, "default": given, "enum": [given]})
        assert json.dumps([declared.default, declared.enum]) == json.dumps([kept, [kept]])

    def test_defaults_and_enums_that_do_not_fit_are_refused(self):
        wrong = {"type": "number", "default": "x", "enum": [1, True, "2", None]}
        assert refused_with(inputs={"a": wrong}) == [
            (("inputs", "a", "enum", 1), "wrong_type"),
            (("inputs", "a", "enum", 3), "wrong_type"),
            (("inputs", "a", "default"), "wrong_type"),
        ]
        outside = {"type": "number", "default": 3, "enum": [1, 2]}
        assert refused_with(inputs={"a": outside}) == [(("inputs", "a", "default"), "not_in_enum")]
        assert refused_with(inputs={"a": {"type": "string", "enum": []}}) == [(("inputs", "a", "enum"), "too_short")]
        assert spec_of(inputs={"a": {"type": "number", "default": 1.0, "enum": [1, 2]}})
        assert spec_of(inputs={"a": {"type": "number", "default": None, "enum": [1, 2]}})

    def test_a_schema_is_for_objects(self):
        schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
        assert spec_of(inputs={"a": {"type": "object", "schema": schema}}).inputs["a"].schema_ == schema
        for kind in TYPES[:-1]:
            fields = {"a": {"type": kind, "schema": schema}}
            assert refused_with(inputs=fields) == [(("inputs", "a", "schema"), "schema_not_allowed")]

    def test_there_are_at_most_256(self):
        declared = {f"i{number}": {"type": "string"} for number in range(257)}
        assert refused_with(inputs=declared) == [(("inputs",), "too_long")]
        declared.popitem()
        assert len(spec_of(inputs=declared).inputs) == 256


class TestLimits:
    def test_templates_have_at_most_64_kib_together(self):
        assert spec_of(template="é" * 32_768)
        assert refused_with(template="é" * 32_768 + "x") == [(("template",), "template_too_long")]
        halves = [{"role": "user", "content": "x" * 32_768}] * 2
        assert parse_spec({"id": "p", "messages": halves})
        assert refused({"id": "p", "messages": [*halves, {"role": "user", "content": "x"}]}) == [
            (("messages",), "template_too_long")
        ]
        assert parse_spec({"id": "p", "template": "x" * 100_000}, max_source_bytes=100_000)

    def test_a_description_has_at_most_4_kib(self):
        assert spec_of(description="é" * 2048)
        assert refused_with(description="é" * 2048 + "x") == [(("description",), "too_long")]

    def test_tags_are_few_and_short(self):
        assert spec_of(metadata={"tags": ["é" * 64] * 64})
        assert refused_with(metadata={"tags": ["a"] * 65}) == [(("metadata", "tags"), "too_long")]
        assert refused_with(metadata={"tags": ["a" * 65]}) == [(("metadata", "tags", 0), "too_long")]
        assert refused_with(metadata={"tags": "a"}) == [(("metadata", "tags"), "wrong_type")]

    @pytest.mark.parametrize("field", ["metadata", "response_schema"])
    def test_a_document_is_at_most_32_levels_deep(self, field):
        assert spec_of(**{field: nested(31)})
        (loc, kind), *others = refused_with(**{field: nested(32)})
        assert (loc, kind, others) == ((field, *"a" * 31), "too_deep", [])
        assert refused_with(tools=[nested(31)])[0][1] == "too_deep"
        assert refused_with(inputs={"a": {"type": "object", "default": nested(30)}})[0][1] == "too_deep"
        assert refused_with(model={"provider": "a", "name": "b", "parameters": nested(31)})[0][1] == "too_deep"

    def test_absurd_depth_and_width_are_refused(self):
        assert refused_with(metadata=nested(900))[0][1] == "too_deep"
        # The prompt itself, its three keys, their values, and one key with a list in `metadata` make nine.
        assert spec_of(metadata={"a": [0] * 4_991})
        assert refused_with(metadata={"a": [0] * 4_992}) == [((), "too_many_values")]
        assert len(refused_with(metadata={"a": [float("inf")] * 100_000})) == 100
        assert len(refused_with(**{f"field{number}": 1 for number in range(10_000)})) == 100

    def test_whole_numbers_have_at_most_64_bits(self):
        assert spec_of(metadata={"a": [2**64 - 1, -(2**63)]})
        for number in (2**64, -(2**63) - 1, 10**5_000):
            assert refused_with(metadata={"a": number}) == [(("metadata", "a"), "number_too_large")]

    @pytest.mark.parametrize(("text", "kind"), [("a\0", "nul_character"), ("\udfff", "lone_surrogate")])
    def test_no_text_has_nul_or_half_a_character(self, text, kind):
        places = {
            ("template",): {"template": text},
            ("description",): {"description": text},
            ("metadata", "a"): {"metadata": {"a": text}},
            ("metadata", "a", 0, "b"): {"metadata": {"a": [{"b": text}]}},
            ("metadata",): {"metadata": {text: 1}},
            ("tools", 0): {"tools": [{text: 1}]},
            ("model", "name"): {"model": {"provider": "a", "name": text}},
            ("model", "parameters", "a"): {"model": {"provider": "a", "name": "b", "parameters": {"a": text}}},
            ("inputs", "a", "default"): {"inputs": {"a": {"type": "string", "default": text}}},
            ("inputs", "a", "description"): {"inputs": {"a": {"type": "string", "description": text}}},
        }
        for loc, fields in places.items():
            assert refused_with(**fields) == [(loc, kind)]

    def test_values_are_json(self):
        for value in (b"x", {1, 2}, (1,), object(), 1j):
            assert refused_with(metadata={"a": value}) == [(("metadata", "a"), "not_json")]
        assert refused_with(metadata={"a": {5: "x"}}) == [(("metadata", "a"), "key_not_text")]


def test_the_content_has_a_fixed_order_and_nothing_empty():
    spec = parse_spec(
        {
            "metadata": {"b": 1, "a": 2},
            "response_schema": {},
            "tools": [],
            "model": {"parameters": {}, "name": "m", "provider": "p"},
            "inputs": {
                "z": {"description": "", "type": "string"},
                "a": {"enum": ["x"], "type": "string", "default": "x"},
            },
            "template": "",
            "description": "",
            "version": "1.0.0",
            "id": "p",
        }
    )
    assert json.dumps(spec.content()) == json.dumps(
        {
            "id": "p",
            "template": "",
            "inputs": {
                "z": {"type": "string", "required": True, "description": ""},
                "a": {"type": "string", "required": False, "default": "x", "enum": ["x"]},
            },
            "model": {"provider": "p", "name": "m"},
            "tools": [],
            "response_schema": {},
            "metadata": {"b": 1, "a": 2},
        }
    )
    assert parse_spec(spec.content()) == spec.model_copy(update={"version": None})


def test_a_spec_does_not_change():
    given = {"id": "p", "template": "x", "metadata": {"a": [1]}}
    spec = parse_spec(given)
    given["metadata"]["a"].append(2)
    assert spec.metadata == {"a": [1]}
    with pytest.raises(ValidationError):
        spec.template = "y"


def test_faults_of_requests_read_the_same():
    with pytest.raises(ValidationError) as refusal:
        TemplateSpec.model_validate({"id": "..", "template": 5})
    errors = [{**error, "loc": ("body", *error["loc"])} for error in refusal.value.errors()]
    errors += [
        {"type": "int_parsing", "loc": ("query", "limit"), "input": "x", "msg": "", "ctx": {}},
        {"type": "less_than_equal", "loc": ("query", "limit"), "input": 999, "msg": "", "ctx": {"le": 200}},
        {"type": "something_new", "loc": ("header", "if-match"), "input": "x", "msg": "secret"},
    ]
    assert [fault.message for fault in request_faults(errors)] == [
        "`id` must be 1 to 128 letters, digits, dots, hyphens or underscores, the first a letter or digit.",
        "`template` must be text, not a number.",
        "`query.limit` must be a whole number.",
        "`query.limit` must be at most 200.",
        "`header.if-match` is not valid.",
    ]
