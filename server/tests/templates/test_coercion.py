"""Inputs are brought to their declared types exactly as the published table says."""

import json
import math
from collections import UserDict
from pathlib import Path

import pytest

from dakora_server.core.exceptions import InvalidInputs
from dakora_server.core.templates.coercion import coerce_inputs, schema_checks
from dakora_server.core.templates.model import InputSpec

VECTORS = json.loads(Path(__file__).with_name("vectors").joinpath("coercion.json").read_text())
TYPES = ["string", "number", "boolean", "array<string>", "object"]


def declare(**inputs):
    return {name: InputSpec.model_validate(fields) for name, fields in inputs.items()}


def refused(declared, given):
    with pytest.raises(InvalidInputs) as refusal:
        coerce_inputs(declared, given)
    for fault in refusal.value.errors:
        assert fault.loc[0] == "inputs"
        assert str(fault.loc[1])[:60] in fault.message
    return [[fault.loc[1], fault.type] for fault in refusal.value.errors]


@pytest.mark.parametrize("kind", TYPES)
def test_every_value_becomes_what_the_table_says(kind):
    assert len(VECTORS["values"]) >= 40
    for row in VECTORS["values"]:
        declared, outcome = declare(x={"type": kind}), row[kind]
        if "refused" in outcome:
            assert refused(declared, {"x": row["given"]}) == [["x", outcome["refused"]]], row
        else:
            # repr tells 1 from 1.0 and from True, which == does not.
            assert repr(coerce_inputs(declared, {"x": row["given"]})) == repr({"x": outcome["becomes"]}), row


@pytest.mark.parametrize("call", VECTORS["calls"], ids=lambda call: call["about"])
def test_whole_calls_follow_the_vectors(call):
    declared = declare(**call["inputs"])
    if "refused" in call:
        assert refused(declared, call["given"]) == call["refused"]
    else:
        coerced = coerce_inputs(declared, call["given"])
        assert repr(coerced) == repr(call["becomes"])


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 2**64, -(2**63) - 1])
def test_no_type_takes_a_number_that_json_cannot_carry(number):
    for kind in TYPES:
        value = {"a": [number]} if kind == "object" else number
        assert refused(declare(x={"type": kind}), {"x": value}) == [["x", "wrong_type"]]
    assert refused({}, {"x": number, "y": 1}) == [["x", "wrong_type"]]


def nested(levels):
    value = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def test_objects_are_at_most_32_levels_deep():
    declared = declare(x={"type": "object"})
    assert coerce_inputs(declared, {"x": nested(32)}) == {"x": nested(32)}
    assert refused(declared, {"x": nested(33)}) == [["x", "wrong_type"]]
    assert refused({}, {"x": nested(33)}) == [["x", "wrong_type"]]


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "é\udfff"])
def test_text_that_cannot_be_stored_is_refused_wherever_it_hides(text):
    for kind, value in [("string", text), ("array<string>", ["a", text]), ("array<string>", text)]:
        assert refused(declare(x={"type": kind}), {"x": value}) == [["x", "wrong_type"]]
    for value in ({"a": [text]}, {text: 1}):
        assert refused(declare(x={"type": "object"}), {"x": value}) == [["x", "wrong_type"]]


def test_a_text_of_a_million_digits_is_no_number():
    assert refused(declare(x={"type": "number"}), {"x": "1" * 1_000_000}) == [["x", "wrong_type"]]


def test_a_default_cannot_be_changed_through_what_a_render_was_given():
    declared = declare(x={"type": "object", "default": {"a": [1]}})
    coerce_inputs(declared, {})["x"]["a"].append(2)
    assert coerce_inputs(declared, {}) == {"x": {"a": [1]}}


def test_any_mapping_of_inputs_is_taken():
    assert coerce_inputs(declare(x={"type": "string"}), UserDict(x="a")) == {"x": "a"}


def test_a_refusal_says_how_many_faults_there_are_and_which_values_would_do():
    declared = declare(tone={"type": "string", "enum": ["warm", "dry"]}, n={"type": "number"})
    with pytest.raises(InvalidInputs) as refusal:
        coerce_inputs(declared, {"tone": "loud"})
    assert refusal.value.detail == "The input `tone` must be one of warm, dry. There is one more fault."


def test_objects_with_a_schema_are_left_for_the_schema_check():
    schema = {"type": "object", "required": ["a"]}
    declared = declare(
        a={"type": "object", "schema": schema},
        b={"type": "object", "schema": schema, "required": False},
        c={"type": "object"},
        d={"type": "string"},
    )
    coerced = coerce_inputs(declared, {"a": {"b": 1}, "c": {}, "d": "x"})
    assert schema_checks(declared, coerced) == [(("inputs", "a"), schema, {"b": 1})]
    assert schema_checks(declared, {}) == []
