"""JSON bodies mean one thing only, whichever way they are written."""

import json
import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dakora_server.core.exceptions import InvalidJson
from dakora_server.core.templates.strict_json import loads

EXAMPLES = int(os.environ.get("DAKORA_EXAMPLES", "2000"))

KEYS = st.sampled_from(["a", "b", ":", "a:b", "é", "\0", "😀", ""])
NUMBERS = st.sampled_from(
    [
        *("0", "-0", "1", "1.0", "1e2", "1e300", "-9223372036854775808", "-9223372036854775809"),
        *("9223372036854775808", "18446744073709551615", "18446744073709551616", "18446744073709551616.0"),
    ]
)


@st.composite
def written_texts(draw: st.DrawFn) -> str:
    """A JSON string, some of its characters escaped although they need not be."""
    text = draw(KEYS | st.text(max_size=8))
    written = json.dumps(text, ensure_ascii=draw(st.booleans()))
    for char in ":a":
        if draw(st.booleans()):
            written = written.replace(char, f"\\u{ord(char):04x}")
    return written


def written_objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(st.tuples(written_texts(), values), max_size=4)
    return members.map(lambda pairs: "{" + ", ".join(f"{key}:{value}" for key, value in pairs) + "}")


BODIES = st.recursive(
    written_texts() | NUMBERS | st.sampled_from(["null", "true"]),
    lambda values: written_objects(values) | st.lists(values, max_size=3).map(lambda some: f"[{','.join(some)}]"),
    max_leaves=12,
)


def reference(body: str) -> object:
    """What the body means, read slowly; ValueError where it should be refused. For bodies of few levels and keys."""

    def pairs(members: list[tuple[str, object]]) -> dict[str, object]:
        if len({key for key, _ in members}) < len(members):
            raise ValueError("duplicate")
        return dict(members)

    def whole(digits: str) -> int:
        if not -(2**63) <= int(digits) < 2**64:
            raise ValueError("large")
        return int(digits)

    value = json.loads(body, object_pairs_hook=pairs, parse_int=whole)
    # Every character of a text is printed as it is, but for the escapes JSON must have.
    if "\\u0000" in json.dumps(value, ensure_ascii=False).replace("\\\\", ""):
        raise ValueError("NUL")
    body.encode()
    return value


@settings(max_examples=EXAMPLES, deadline=None)
@given(BODIES)
@example('{"a":"::","a":"x"}')
@example('{"a":"x","\\u0061":":"}')
@example('{"\\u003a":1,"b":":"}')
@example('{"a":1,"a":"\\u003a"}')
def test_the_quick_reading_and_a_slow_one_agree(body):
    try:
        expected = reference(body)
    except ValueError:
        with pytest.raises(InvalidJson):
            loads(body.encode())
        return
    assert repr(loads(body.encode())) == repr(expected)


def fault(body: bytes, **limits: int):
    with pytest.raises(InvalidJson) as refusal:
        loads(body, **limits)
    assert len(refusal.value.errors) == 1
    assert refusal.value.errors[0].message == refusal.value.detail
    return refusal.value.errors[0]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"a": 1, "a": 2}', "duplicate_key"),
        (b'{"a": {"b": 1, "c": [{"x": 1, "x": 1}]}}', "duplicate_key"),
        (b'{"a": "x:y", "a": ":"}', "duplicate_key"),
        (b'{"a": 1, "\\u0061": 2}', "duplicate_key"),
        (b'{"__proto__": 1, "__proto__": 2}', "duplicate_key"),
        (b'{"a": "x\\u0000"}', "nul_character"),
        (b'{"a\\u0000": 1}', "nul_character"),
        (b'["\\u0000"]', "nul_character"),
        (b'"\\u0000"', "nul_character"),
        (b'"\\ud800"', "lone_surrogate"),
        (b'{"\\udc00": 1}', "lone_surrogate"),
        (b'"\\ud83d\\ud83d"', "lone_surrogate"),
        (b"18446744073709551616", "number_too_large"),
        (b"[-9223372036854775809]", "number_too_large"),
        (b"1e400", "number_too_large"),
        (b"1" * 100_000, "number_too_large"),
        (b"NaN", "invalid_syntax"),
        (b"[-Infinity]", "invalid_syntax"),
        (b"{'a': 1}", "invalid_syntax"),
        (b'{"a": 1,}', "invalid_syntax"),
        (b"[1] 2", "invalid_syntax"),
        (b"01", "invalid_syntax"),
        (b'"\x00"', "invalid_syntax"),
        (b'"\n"', "invalid_syntax"),
        (b"// no\n1", "invalid_syntax"),
        (b"\xef\xbb\xbf{}", "invalid_syntax"),
        (b"", "invalid_syntax"),
        (b" \n", "invalid_syntax"),
        (b'"\xff"', "not_utf8"),
        (b'"\xed\xa0\x80"', "not_utf8"),
        (b'"\xc0\x80"', "not_utf8"),
        ("{}".encode("utf-16"), "not_utf8"),
    ],
)
def test_what_could_be_misunderstood_is_refused(body, kind):
    assert fault(body).type == kind


def test_syntax_faults_have_the_line_and_column_of_the_body():
    found = fault('{\n  "ü": "é",\n  "b": tru\n}'.encode())
    assert (found.line, found.column) == (3, 8)
    undecodable = fault('{\n "é": "'.encode() + b'\xff"}')
    assert (undecodable.line, undecodable.column) == (2, 8)


def test_32_levels_are_read_and_33_are_not():
    assert loads(b"[" * 32 + b"]" * 32) is not None
    assert loads(b'{"a":' * 32 + b"1" + b"}" * 32) is not None
    assert fault(b"[" * 33 + b"]" * 33).type == "too_deep"
    assert fault(b'{"a":' * 33 + b"1" + b"}" * 33).type == "too_deep"
    assert fault(b"[[[]]]", max_depth=2).type == "too_deep"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 500_000,
        b"[" * 1_000 + b"]" * 1_000,
        b'{"a":' * 500_000,
        b'{"a":' * 1_000 + b"1" + b"}" * 1_000,
        b'{"a": 1, "a":' * 1_000 + b"1" + b"}" * 1_000,  # the deep one is the duplicate, and read twice
        b'{"n": "\\u0000", "a":' * 1_000 + b"1" + b"}" * 1_000,
    ],
)
@pytest.mark.timeout(20)  # reading it whole takes minutes
def test_absurd_depth_is_refused_at_once(body):
    assert fault(body).type == "too_deep"


def test_an_object_has_at_most_so_many_keys():
    body = json.dumps({"x": {str(number): number for number in range(300)}}).encode()
    assert fault(body).type == "too_many_keys"
    assert fault(b'{"n": "\\u003a", ' + body[1:]).type == "too_many_keys"
    assert fault(body, max_keys=299).type == "too_many_keys"
    assert loads(body, max_keys=300) == json.loads(body)


@pytest.mark.parametrize("text", ["\\u0000", "a: b", "::", "\\", '"', "\x7f", "é\u2028😀", "\\\\u0000"])
def test_text_that_only_looks_suspicious_is_read(text):
    for body in ({"k": text}, {text: ":"}, [text, text]):
        assert loads(json.dumps(body).encode()) == body
        assert loads(json.dumps(body, ensure_ascii=False).encode()) == body


def test_the_largest_numbers_keep_every_digit():
    numbers = [2**64 - 1, -(2**63), 2**53 + 1, 1e300, -1e19, 0.1]
    assert repr(loads(json.dumps(numbers).encode())) == repr(numbers)


def test_a_refusal_does_not_repeat_a_huge_key():
    key = "k" * 100_000
    body = f'{{"{key}": 1, "{key}": 2}}'.encode()
    assert len(fault(body).message) < 200
