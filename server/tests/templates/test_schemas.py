"""JSON Schema as a render worker applies it."""

import pytest

from dakora_server.core.templates.schemas import check_schema


def kinds(*checked):
    return [fault.type for fault in check_schema(*checked)]


def test_a_value_that_fits_has_no_fault():
    assert check_schema({"type": "object", "required": ["a"]}, {"a": 1}) == []


def test_every_fault_of_a_value_is_named_with_its_path():
    schema = {"properties": {"a": {"type": "string"}, "b": {"items": {"maximum": 3}}}, "required": ["c"]}

    faults = check_schema(schema, {"a": 1, "b": [1, 9]})

    assert {(fault.type, *fault.path) for fault in faults} == {
        ("schema_mismatch", "a"),
        ("schema_mismatch", "b", 1),
        ("schema_mismatch",),
    }


def test_no_message_quotes_a_value():
    schema = {"properties": {"a": {"type": "integer"}, "b": {"enum": [1]}, "c": {"pattern": "^x$"}, "d": {"not": {}}}}
    secret = "a-secret-value"

    faults = check_schema(schema, dict.fromkeys("abcd", secret))

    assert len(faults) == 4
    assert not any(secret in fault.message for fault in faults)


@pytest.mark.parametrize("schema", [{"type": 1}, {"type": "text"}, [1], "x", {"minimum": "a"}, {"$ref": "#/nowhere"}])
def test_a_schema_that_is_none_is_a_fault(schema):
    assert kinds(schema) == ["schema_invalid"]


@pytest.mark.parametrize(
    "reference",
    ["http://127.0.0.1:1/schema", "https://example.com/s.json", "file:///etc/passwd", "other.json", "//example.com/x"],
)
def test_nothing_is_ever_fetched(reference):
    assert kinds({"$ref": reference}) == ["schema_invalid"]
    assert kinds({"$id": "https://example.com/root", "$ref": reference}) == ["schema_invalid"]


def test_a_foreign_meta_schema_is_neither_fetched_nor_followed():
    assert kinds({"$schema": "https://example.com/meta", "type": "string"}, 1) == ["schema_mismatch"]
    assert kinds({"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": 3}, 3) == [
        "schema_mismatch"
    ]


def test_a_pattern_made_to_backtrack_takes_no_time():
    # An engine that backtracks needs 2 ** 40 steps here.
    assert kinds({"pattern": "^(a+)+$"}, "a" * 40 + "!") == ["schema_mismatch"]


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "((a{500}){500}){500}", "("])
def test_a_pattern_beyond_a_linear_engine_is_refused_with_the_schema(pattern):
    assert kinds({"pattern": pattern}) == ["schema_invalid"]


def test_a_reference_to_itself_ends():
    assert kinds({"$ref": "#"}, {"a": 1}) == []


def test_faults_are_bounded():
    assert len(check_schema({"items": {"type": "string"}}, [0] * 10_000)) == 50


def test_integers_of_any_length_are_compared_as_they_are():
    assert kinds({"maximum": 10**30}, 10**30 + 1) == ["schema_mismatch"]
    assert kinds({"maximum": 10**30}, 10**30) == []


def test_half_a_surrogate_pair_is_a_fault_and_no_failure():
    with pytest.raises(UnicodeEncodeError):  # which the worker answers in words
        check_schema({"type": "string"}, "\ud800")
