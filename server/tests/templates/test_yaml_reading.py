"""Files are read as they are meant, and refused with the line and column a person can go to."""

import json
import subprocess
import sys

import pytest
import yaml

from dakora_server.core.exceptions import TemplateInvalid
from dakora_server.core.templates import yaml_reader
from dakora_server.core.templates.serialization import parse_yaml

HEAD = "id: p\ntemplate: x\n"


@pytest.fixture(params=[yaml.CSafeLoader, yaml.SafeLoader], ids=["libyaml", "python"])
def parser(request, monkeypatch):
    """Both of PyYAML's parsers; what one refuses or reads, the other must."""
    monkeypatch.setattr(yaml_reader, "LOADER", request.param)


def faults(text):
    with pytest.raises(TemplateInvalid) as refusal:
        parse_yaml(text, filename="support/a.yaml")
    found = refusal.value.errors
    first = found[0]
    assert refusal.value.detail.startswith(f"support/a.yaml, line {first.line}, column {first.column}: {first.message}")
    return [(fault.type, fault.line, fault.column) for fault in found]


def test_the_example_of_the_contract_is_read():
    spec = parse_yaml(
        "id: greeting\n"
        "version: 1.0.0\n"
        "description: A simple greeting template\n"
        "template: |\n"
        "  Hello {{ name }}!\n"
        "  {% if message %}{{ message }}{% endif %}\n"
        "inputs:\n"
        "  name:\n"
        "    type: string\n"
        "    required: true\n"
        "  message:\n"
        "    type: string\n"
        "    required: false\n"
        '    default: "Welcome to Dakora!"\n'
        "metadata:\n"
        '  tags: ["example", "greeting"]\n'
    )
    assert spec.version == "1.0.0"
    assert spec.sources == ("Hello {{ name }}!\n{% if message %}{{ message }}{% endif %}\n",)
    assert spec.content()["inputs"] == {
        "name": {"type": "string", "required": True},
        "message": {"type": "string", "required": False, "default": "Welcome to Dakora!"},
    }
    assert spec.metadata == {"tags": ["example", "greeting"]}


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("written", "value"),
    [
        *(
            (word, word)
            for word in ("yes", "No", "on", "y", "tRue", "nil", "None", "none", "Infinity", "nan", "=", "+", ".")
        ),
        *((date, date) for date in ("2024-01-01", "2024-01-01T00:00:00Z", "12:30:00", "1:30", "1.2.3", "1,5", "5%")),
        *((octal, octal) for octal in ("010", "0o17", "0b1", "-012", "00.5", "1_000", "0xZZ", "-0x10", "1e", "1.e5x")),
        *((null, None) for null in ("~", "null", "Null", "NULL", "")),
        *((true, True) for true in ("true", "True", "TRUE")),
        *((false, False) for false in ("false", "False", "FALSE")),
        *((str(number), number) for number in (0, 7, -7, 2**64 - 1, -(2**63))),
        *(
            ("+7", 7),
            ("0x10", 16),
            ("1.0", 1.0),
            ("-1.5", -1.5),
            (".5", 0.5),
            ("1.", 1.0),
            ("1e3", 1000.0),
            ("1E+3", 1000.0),
        ),
        *(('"1"', "1"), ("'true'", "true"), ('""', ""), ("'~'", "~"), ("|-\n    5", "5"), (">-\n    5\n    6", "5 6")),
    ],
)
def test_an_unquoted_scalar_is_what_yaml_1_2_says_unless_1_1_says_otherwise(written, value):
    read = parse_yaml(HEAD + f"metadata:\n  a: {written}\n").metadata
    assert json.dumps(read) == json.dumps({"a": value})


@pytest.mark.parametrize("written", ["1.10", "0x10", "True", "010", "1e3", "1_000", "yes", "1" * 40, ".inf", "-0"])
def test_the_default_of_a_text_input_is_text_as_it_was_written(written):
    spec = parse_yaml(HEAD + f"inputs:\n  a: {{type: string, default: {written}, enum: [x, {written}]}}\n")
    assert spec.inputs["a"].default == written
    assert spec.inputs["a"].enum == ["x", written]
    many = parse_yaml(HEAD + f"inputs:\n  a:\n    type: array<string>\n    default: [{written}]\n")
    assert many.inputs["a"].default == [written]


def test_null_is_a_default_and_no_text():
    spec = parse_yaml(HEAD + "inputs:\n  a: {type: string, default: ~}\n  b: {type: string, default: '~'}\n")
    assert (spec.inputs["a"].default, spec.inputs["a"].has_default, spec.inputs["a"].required) == (None, True, False)
    assert spec.inputs["b"].default == "~"


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("char", ["\x85", "\u2028", "\u2029", "\ufeff", "\u3000", "\xa0", "😀", "\U0010ffff", "\ue000"])
def test_a_character_that_only_yaml_1_1_takes_for_a_line_break_is_read_as_itself(char):
    spec = parse_yaml(
        f'id: p\ntemplate: |\n  a {char} b\n  c{char}\nmetadata:\n  plain: a{char}b\n  quoted: "a {char} b"\n'
    )
    assert spec.template == f"a {char} b\nc{char}\n"
    assert spec.metadata == {"plain": f"a{char}b", "quoted": f"a {char} b"}


def test_line_breaks_of_windows_and_byte_order_marks_do_not_matter():
    expected = parse_yaml("id: p\ntemplate: |\n  a\n\n  b\n")
    for text in ("\ufeffid: p\ntemplate: |\n  a\n\n  b\n", "id: p\r\ntemplate: |\r\n  a\r\n\r\n  b\r\n"):
        assert parse_yaml(text) == parse_yaml(text.encode()) == expected


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [("empty_file", 1, 1)]),
        ("# only a comment\n", [("empty_file", 1, 1)]),
        ("just text\n", [("wrong_type", 1, 1)]),
        ("- id: p\n", [("wrong_type", 1, 1)]),
        ("id: p\n", [("missing_field", 1, 1)]),
        (HEAD + "colour: red\n", [("unknown_field", 3, 1)]),
        (HEAD + "inputs:\n  a:\n    type: string\n    defualt: x\n", [("unknown_field", 6, 5)]),
        (HEAD + "id: q\n", [("duplicate_key", 3, 1)]),
        (HEAD + "metadata:\n  a: {b: [{c: 1, d: 2, 'c': 3}]}\n", [("duplicate_key", 4, 24)]),
        (HEAD + "metadata: &a {b: 1}\n", [("alias_not_allowed", 3, 11)]),
        (HEAD + "metadata:\n  a: &x 1\n  b: *x\n", [("alias_not_allowed", 4, 6), ("alias_not_allowed", 5, 6)]),
        (HEAD + "metadata:\n  <<: {a: 1}\n", [("merge_key_not_allowed", 4, 3)]),
        (HEAD + "metadata: !!map {}\n", [("tag_not_allowed", 3, 11)]),
        (HEAD + "metadata:\n  a: !!python/object/apply:os.system [ls]\n", [("tag_not_allowed", 4, 6)]),
        (HEAD + "description: !custom x\n", [("tag_not_allowed", 3, 14)]),
        (HEAD + "description: ! x\n", [("tag_not_allowed", 3, 14)]),
        ("%TAG ! tag:x,2024:\n---\n" + HEAD, [("tag_not_allowed", 1, 1)]),
        (HEAD + "---\n" + HEAD, [("several_documents", 3, 1)]),
        (
            HEAD + "metadata:\n  5: x\n  true: y\n  ~: z\n",
            [("key_not_text", 4, 3), ("key_not_text", 5, 3), ("key_not_text", 6, 3)],
        ),
        (HEAD + "metadata:\n  ? [a]\n  : 1\n", [("key_not_text", 4, 5)]),
        (HEAD + "metadata:\n  {a: 1}: 1\n", [("key_not_text", 4, 3)]),
        ("id: p\n\ttemplate: x\n", [("tab", 2, 1)]),
        ('id: p\ntemplate: "x\n', [("invalid_yaml", 3, 1)]),
        ('id: p\ntemplate: "\\x1"\n', [("invalid_yaml", 2, 14)]),
        ("id: p\ntemplate: {{ name }}\n", [("key_not_text", 2, 12)]),
        ("id: p\ntemplate: x\0y\n", [("character_not_allowed", 2, 12)]),
        ("id: p\ntemplate: é\x1b\n", [("character_not_allowed", 2, 12)]),
        ("id: p\ntemplate: \ud800\n", [("character_not_allowed", 2, 11)]),
        (b"id: p\ntemplate: \xc3\xa9\xff\n", [("not_utf8", 2, 12)]),
        ("id: p\ntemplate: x\n".encode("utf-16"), [("not_utf8", 1, 1)]),
        ('id: p\ntemplate: "\\0"\n', [("nul_character", 2, 11)]),
        (HEAD + 'metadata: {"a\\0": 1}\n', [("nul_character", 3, 11)]),
        (
            HEAD + "metadata: {a: .inf, b: -.INF, c: .nan, d: 1e999}\n",
            [("number_not_finite", 3, column) for column in (15, 24, 34, 43)],
        ),
        (
            HEAD + f"metadata: {{a: {2**64}, b: {'9' * 5_000}}}\n",
            [("number_too_large", 3, 15), ("number_too_large", 3, 40)],
        ),
        (HEAD + "inputs:\n  a: {}\n", [("missing_field", 4, 3)]),
        (
            HEAD + "inputs:\n  a b: {type: string}\n  in: {type: string}\n",
            [("invalid_input_name", 4, 3), ("reserved_input_name", 5, 3)],
        ),
        (HEAD + "inputs:\n  a: {type: number, default: x}\n", [("wrong_type", 4, 30)]),
        (HEAD + "inputs:\n  a:\n    type: string\n    enum: [a, [b]]\n", [("wrong_type", 6, 15)]),
        (
            "id: p\nmessages:\n  - role: boss\n    content: x\n  - role: user\n",
            [("not_allowed", 3, 11), ("missing_field", 5, 5)],
        ),
        ("id: ../x\ntemplate: x\nversion: '1'\n", [("invalid_id", 1, 5), ("invalid_version", 3, 10)]),
        ("id: p\ntemplate: " + "x" * 65_537, [("template_too_long", 2, 11)]),
    ],
)
def test_what_is_refused_is_refused_where_it_stands(text, found):
    assert faults(text) == found


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("id: p\ntemplate: x\nversion: 1.0\n", "write three numbers, such as 1.0.0"),
        ("id: p\ntemplate: 5\n", 'YAML reads 5 as a number: write "5", in quotes'),
        ("id: p\ntemplate: x\ndescription: true\n", 'YAML reads true as a boolean: write "true", in quotes'),
        ("id: 12\ntemplate: x\n", 'write "12", in quotes'),
        ("id: p\ntemplate: x\nmetadata:\n  tags: [2024]\n", 'write "2024", in quotes'),
        ("id: p\ntemplate: x\nmetadata:\n  2024: x\n", "put quotes around it"),
        ("id: p\n\ttemplate: x\n", "indented with spaces"),
        ("id: p\ntemplate: x\ncolor: 1\n", "known here are id, version, description, template"),
        ("id: p\ntemplate: x\ninputs:\n  a: {kind: string}\n", "known here are type, required, default"),
    ],
)
def test_a_fault_says_what_to_write_instead(text, advice):
    with pytest.raises(TemplateInvalid) as refusal:
        parse_yaml(text)
    assert any(advice in fault.message for fault in refusal.value.errors)


def test_all_faults_of_a_file_come_together_in_the_order_of_its_lines():
    text = "colour: red\nid: a b\nversion: 1.0\ntemplate: 5\ninputs:\n  x: {type: text}\n  if: {type: string}\n"
    lines = [line for _, line, _ in faults(text)]
    assert lines == [1, 2, 3, 4, 6, 7]


def test_32_levels_are_read_and_33_are_not():
    def nested(levels):
        # The document is one level, and `metadata` the next.
        return HEAD + "metadata: {a: " + "[" * (levels - 2) + "]" * (levels - 2) + "}\n"

    assert parse_yaml(nested(32)).metadata
    assert faults(nested(33)) == [("too_deep", 3, 45)]


def test_a_file_of_1_mib_is_read_and_a_longer_one_is_not():
    room = 1024 * 1024 - len(HEAD) - 2
    assert parse_yaml(HEAD + "# " + "x" * room)
    assert faults(HEAD + "# " + "x" * (room + 1)) == [("file_too_large", 1, 1)]
    assert faults((HEAD + "# " + "é" * (room // 2 + 1)).encode()) == [("file_too_large", 1, 1)]


MIB = 1024 * 1024
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMBS = {
    "billion laughs": LAUGHS,
    "quadratic blow-up": "a: &a " + "x" * 500_000 + "\nb: [" + "*a, " * 100_000 + "]",
    "merge keys": "a: &a {x: 1}\nb: {<<: [" + "*a, " * 100_000 + "]}",
    "an anchor within itself": "a: &a [*a]",
    "anchors": "a: [" + "&x y, " * 150_000 + "]",
    "aliases": "a: [" + "*x, " * 200_000 + "]",
    "tags": "a: [" + "!!str x, " * 100_000 + "]",
    "a long tag": "a: !" + "t" * 1_000_000 + " x",
    "a tag directive": "%TAG ! " + "t" * 1_000_000 + "\n---\na: 1",
    "directives": "%YAML 1.1\n" * 100_000 + "---\n",
    "objects": "a: !!python/object/apply:os.system [echo]\n" * 20_000,
    "lists in flow": "[" * 1_000_000,
    "mappings in flow": "{" * 1_000_000,
    "keys in flow": "{a: " * 250_000,
    "closed lists": "[" * 500_000 + "]" * 500_000,
    "lists in block": "- " * 500_000,
    "keys in block": "? " * 500_000,
    "indented lists": "".join(" " * level + "-\n" for level in range(1_400)),
    "indented mappings": "".join(" " * level + "a:\n" for level in range(1_400)),
    "a wide list": "a: [" + "1," * 500_000 + "]",
    "a wide list in block": "a:\n" + "- 1\n" * 250_000,
    "empty items": "-\n" * 500_000,
    "a wide mapping": "".join(f"k{number}: 1\n" for number in range(90_000)),
    "a wide mapping in flow": "{" + ",".join(f"k{number}" for number in range(100_000)) + "}",
    "equal keys": "a: 1\n" * 200_000,
    "long keys": "".join(f"? {'k' * 1_000}{number}\n: 1\n" for number in range(1_000)),
    "a long key": "a" * 1_000_000 + ": 1",
    "a long number": "id: " + "9" * 1_000_000,
    "a long float": "id: 1." + "9" * 1_000_000,
    "a long hexadecimal number": "id: 0x" + "f" * 1_000_000,
    "a long sum": "id: " + "+-" * 500_000,
    "an open quote": "a: '" + "x\n\n" * 300_000,
    "an open double quote": 'a: "' + "\\n" * 500_000,
    "escapes": 'a: "' + "\\U0001F600" * 100_000 + '"',
    "folded lines": "a: >\n" + "  x\n\n" * 200_000,
    "documents": "--- 1\n" * 170_000,
    "empty documents": "---\n...\n" * 130_000,
    "colons": "a: b: " * 170_000,
    "question marks": "[?" * 500_000,
    "comments": "#\n" * 500_000,
    "spaces": " " * 1_000_000 + "a: [",
    "tabs": "a:\n" + "\t" * 1_000_000,
    "line breaks": "\n" * 1_000_000 + "- a",
    "line breaks of YAML 1.1": "\u2028" * 340_000 + "- a",
    "carriage returns": "\r" * 1_000_000 + "- a",
    "percent signs": "%" * 1_000_000,
    "more than 1 MiB": "a: " + "x" * (8 * MIB),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_long_before_it_hurts(text):
    with pytest.raises(TemplateInvalid) as refusal:
        parse_yaml(text)
    assert len(refusal.value.errors) <= 100
    assert sum(len(fault.message) for fault in refusal.value.errors) < 20_000


READ_LINES = """
import json, pathlib, re, resource, sys
from dakora_server.core.exceptions import TemplateInvalid
from dakora_server.core.templates.serialization import parse_yaml

def peak():
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # on Linux `ru_maxrss` begins with what the parent had
        return int(re.search("VmHWM:[^0-9]*([0-9]+)", status.read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before = None
for line in sys.stdin:
    text = json.loads(line)
    try:
        parse_yaml(text)
    except TemplateInvalid:
        pass
    before = before or peak()
print(peak() - before)
"""


def test_bombs_take_no_memory_to_speak_of():
    harmless = HEAD + "# " + "x" * 1_000_000
    texts = [harmless, *(text for text in BOMBS.values() if len(text) <= 2 * MIB)]
    lines = "\n".join(map(json.dumps, texts))
    reading = subprocess.run(
        [sys.executable, "-c", READ_LINES], input=lines, capture_output=True, text=True, check=True
    )
    assert int(reading.stdout) < 32 * 1024
