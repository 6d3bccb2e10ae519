"""What is written as YAML is what is read back, byte for byte, and the same content is the same document."""

import hashlib
import json
import os

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dakora_server.core.exceptions import DocumentCorrupt, TemplateInvalid
from dakora_server.core.templates import yaml_reader
from dakora_server.core.templates.model import parse_spec
from dakora_server.core.templates.serialization import (
    Document,
    canonical_text,
    content_hash,
    file_fields,
    parse_yaml,
    to_yaml,
)

EXAMPLES = int(os.environ.get("DAKORA_EXAMPLES", "2000"))
LOADERS = [yaml.CSafeLoader, yaml.SafeLoader]

# Everything YAML gives a meaning to, and every character its readers are known to disagree on.
AWKWARD = (
    "\n\n\n   \t\r\x85\u2028\u2029\ufeff#:-?|>'\"\\{}[]&*!%@`~,.=<01aEe"
    "\x01\x1b\x7f\x9f\xa0\ufffd\ufffe\uffff😀\U0010ffff"
)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
TEXTS = ANY_TEXT | st.text(st.sampled_from(AWKWARD), max_size=12) | st.text(st.sampled_from("\n \tab#"), max_size=9)
TRICKY = [
    *("", " ", "\n", "\n\n", " \n", "\n ", "\t", "\t\n", "a\n", "a\n\n", "a\n\n\n\n", "a\n ", "a \n", "\na", "\n\na\n"),
    *(
        " a\nb",
        "\ta\nb\n",
        "a\n\tb\n",
        "a\n\n  b\n\nc",
        "#a\nb",
        "a\n#b\n",
        "--- a\nb\n",
        "...\n",
        "%a\nb\n",
        "a\n...\nb",
    ),
    *("yes", "No", "on", "y", "true", "null", "~", "1", "1.0", "1e3", "0x10", "0o17", "010", "1_000", "12:30:00"),
    *("2024-01-01", ".inf", ".NaN", "=", "<<", "- a", "? a", ": a", "a: b", "a #b", "a:", "'a", '"a', "{a", "[a", "&a"),
    *(
        "*a",
        "!a",
        "|",
        ">",
        "%",
        "@",
        "`",
        "a\\b",
        "C:\\new",
        "it's",
        'say "x"',
        "a\rb",
        "a\r\nb\r\n",
        "a\x85b\n",
        "\ufeffa",
    ),
    *(
        "a\u2028b\n",
        "a\x1bb\n",
        "\x7f",
        "é\n😀\n",
        "\U0010ffff\nb",
        "x" * 5_000,
        "word " * 2_000,
        ("é" * 300 + "\n") * 9,
    ),
    *("{{ a }}", "{% if a %}\n  x\n{% endif %}\n", "Hello {{ name }}!", "a" * 130 + ": b"),
]


def of_text(text: str, **fields):
    return parse_spec({"id": "p", "template": text, **fields}, max_source_bytes=1 << 20)


def assert_comes_back(spec):
    """The file and the document of `spec` say exactly what it says, to both parsers and to a plain YAML 1.1 reader."""
    written, expected = to_yaml(spec), json.dumps(file_fields(spec, spec.version))
    for loader in LOADERS:
        yaml_reader.LOADER, before = loader, yaml_reader.LOADER
        try:
            read = parse_yaml(written, max_source_bytes=1 << 20)
        finally:
            yaml_reader.LOADER = before
        assert json.dumps(file_fields(read, read.version)) == expected
    assert json.dumps(yaml.load(written, yaml.CSafeLoader)) == expected
    document = Document.of(spec)
    assert json.dumps(Document.load_verified(document.hash, document.text).spec.content()) == json.dumps(spec.content())


@settings(max_examples=EXAMPLES, deadline=None)
@given(TEXTS)
def test_any_text_comes_back_byte_for_byte_from_every_field(text):
    short = text[:64]
    assert_comes_back(
        of_text(
            text,
            version="1.2.3",
            description=text,
            metadata={"text": text, text: {text: [text]}, "tags": [short or "t"]},
        )
    )


@pytest.mark.parametrize("text", TRICKY)
def test_texts_yaml_is_known_to_change_come_back(text):
    assert_comes_back(of_text(text, metadata={text: [text, [text, [text]]]}))
    assert_comes_back(
        parse_spec({"id": "p", "messages": [{"role": "user", "content": text}, {"role": "tool", "content": text}]})
    )


SCALARS = (
    TEXTS
    | st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=10
)


@settings(max_examples=EXAMPLES // 4, deadline=None)
@given(st.dictionaries(TEXTS.filter(lambda key: key != "tags"), VALUES, max_size=4))
@example({"floats": [1.0, 1e300, 1e16, -0.0, 5e-324, 1e-7], "ints": [1, 0, -1, 2**64 - 1, -(2**63)]})
@example({"empty": [{}, [], "", None, [[]], [{}], {"a": {}, "b": []}]})
def test_any_json_value_comes_back_with_its_type_and_the_order_of_its_keys(metadata):
    assert_comes_back(of_text("x", metadata=metadata))


def test_a_file_reads_as_a_person_would_write_it():
    spec = parse_spec(
        {
            "metadata": {"tags": ["example", "greeting"], "owner": "team: support"},
            "inputs": {
                "name": {"type": "string", "required": True, "description": "Who is greeted"},
                "tone": {"type": "string", "default": "yes", "enum": ["yes", "no", "1.10"]},
                "count": {"type": "number", "default": 1.0},
            },
            "model": {"provider": "openai", "name": "gpt-4o", "parameters": {"temperature": 0.7, "stop": []}},
            "template": "Hello {{ name }}! 👋\n{% if tone == 'yes' %}\n\tNice to see you.  \n{% endif %}\n",
            "description": "A greeting, warm or not",
            "response_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
            "id": "greeting",
        }
    )
    assert to_yaml(spec, version="1.0.0") == (
        "id: greeting\n"
        "version: 1.0.0\n"
        "description: A greeting, warm or not\n"
        "template: |\n"
        "  Hello {{ name }}! 👋\n"
        "  {% if tone == 'yes' %}\n"
        "  \tNice to see you.  \n"
        "  {% endif %}\n"
        "inputs:\n"
        "  name:\n"
        "    type: string\n"
        "    required: true\n"
        "    description: Who is greeted\n"
        "  tone:\n"
        "    type: string\n"
        "    required: false\n"
        '    default: "yes"\n'
        '    enum: ["yes", "no", "1.10"]\n'
        "  count:\n"
        "    type: number\n"
        "    required: false\n"
        "    default: 1.0\n"
        "model:\n"
        "  provider: openai\n"
        "  name: gpt-4o\n"
        "  parameters:\n"
        "    temperature: 0.7\n"
        "    stop: []\n"
        "response_schema:\n"
        "  type: object\n"
        "  properties:\n"
        "    text:\n"
        "      type: string\n"
        "metadata:\n"
        "  tags: [example, greeting]\n"
        '  owner: "team: support"\n'
    )


def test_a_chat_prompt_reads_as_a_person_would_write_it():
    messages = [{"role": "system", "content": "Be brief.\nBe kind."}, {"role": "user", "content": "{{ question }}"}]
    assert to_yaml(parse_spec({"id": "chat", "messages": messages})) == (
        "id: chat\n"
        "messages:\n"
        "  - role: system\n"
        "    content: |-\n"
        "      Be brief.\n"
        "      Be kind.\n"
        "  - role: user\n"
        '    content: "{{ question }}"\n'
    )


class TestDocument:
    def test_the_hash_is_the_sha256_of_the_canonical_text(self):
        document = Document.of(of_text("Hi"))
        assert document.text == "# dakora prompt, format 1\nid: p\ntemplate: Hi\n"
        assert document.hash == content_hash(document.text) == hashlib.sha256(document.text.encode()).hexdigest()
        assert document.hash == "0037333ceb70271faf88f798f0bc2ad11effcd3eec5fc56f8edd1e3bb29bd887"

    def test_the_version_is_no_part_of_the_content(self):
        old, new = of_text("Hi", version="1.0.0"), of_text("Hi", version="2.0.0")
        assert Document.of(old) == Document.of(new)
        assert Document.of(new).spec.version is None
        assert Document.of(new) == Document.load(Document.of(new).text)

    def test_ways_of_saying_the_same_have_one_document(self):
        long = {
            "id": "p",
            "template": "x",
            "description": "",
            "metadata": {},
            "model": None,
            "messages": None,
            "version": None,
        }
        assert canonical_text(parse_spec(long)) == canonical_text(of_text("x"))
        spelt_out = of_text("x", inputs={"a": {"type": "number", "required": False, "default": 5, "enum": None}})
        assert canonical_text(of_text("x", inputs={"a": {"type": "number", "default": "5"}})) == canonical_text(
            spelt_out
        )

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ({"a": 1}, {"a": 1.0}),
            ({"a": 1}, {"a": True}),
            ({"a": None}, {}),
            ({"a": "1"}, {"a": 1}),
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
            ({"a": "e\u0301"}, {"a": "é"}),
            ({"a": "x\n"}, {"a": "x"}),
        ],
    )
    def test_different_contents_have_different_documents(self, one, other):
        assert Document.of(of_text("x", metadata=one)).hash != Document.of(of_text("x", metadata=other)).hash

    def test_a_damaged_document_is_told(self):
        document = Document.of(of_text("Hi"))
        for text in (document.text + " ", document.text.encode() + b"\xff", "", b"\x00"):
            with pytest.raises(DocumentCorrupt):
                Document.load_verified(document.hash, text)
        for text in ("id: [", "nothing", "", b"\xff"):
            with pytest.raises(DocumentCorrupt):
                Document.load_verified(content_hash(text), text)
        assert Document.load_verified(document.hash, document.text.encode()) == document

    def test_a_document_of_more_than_1_mib_is_refused(self):
        with pytest.raises(TemplateInvalid) as refusal:
            Document.of(of_text("x", metadata={"a": "é" * 600_000}))
        assert refusal.value.errors[0].type == "document_too_large"

    def test_the_widest_document_is_read_again_with_a_version(self):
        spec = of_text("x", metadata={"a": [{"": 0}] * 1_663})
        assert Document.load(Document.of(spec).text).spec == spec
        assert parse_yaml(to_yaml(spec, version="1.0.0")).metadata == spec.metadata

    def test_the_largest_document_is_read_again_with_a_version(self):
        frame = len(canonical_text(of_text("x", metadata={"a": "b" * 300}))) - 300
        spec = of_text("x", metadata={"a": "b" * (1024 * 1024 - 256 - frame)})
        document = Document.of(spec)
        assert Document.load(document.text) == document
        version = "1.0.0-" + "a" * 58
        assert parse_yaml(to_yaml(spec, version=version)).version == version
