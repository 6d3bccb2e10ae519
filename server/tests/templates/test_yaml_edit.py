"""A person's file keeps their comments, order and spelling wherever its content does not change."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakora_server.core.exceptions import TemplateInvalid
from dakora_server.core.templates.model import TemplateSpec, parse_spec
from dakora_server.core.templates.serialization import (
    canonical_text,
    file_fields,
    parse_yaml,
    replace_version,
    to_yaml,
    update_yaml,
)

EXAMPLES = int(os.environ.get("DAKORA_EXAMPLES", "2000"))

FILE = """\
# Our greeting. Ask Ada before you change it.

metadata:          # for the catalogue
  # kept sorted
  tags: ["example", greeting]   # flow, mixed quotes
  owner: 'Ada'

  since: 2024-01-01

id: greeting
version: 1.0.0 # raised by hand

# The text itself.
template: |
    # Hello

    {{ name }}!   {# four spaces, not two #}

# What goes in.
inputs:
  # the person greeted
  name: {type: string}
  tone:
    type: string
    default: warm   # or dry
    enum:
    - warm
    - dry
# the end
"""


def changed(spec: TemplateSpec, **fields) -> TemplateSpec:
    return parse_spec({**spec.content(), "version": spec.version, **fields})


def updated(original: str, spec: TemplateSpec, version: str | None = "1.0.0") -> str:
    text = update_yaml(original, spec, version=version)
    read = parse_yaml(text)
    assert json.dumps(file_fields(read, read.version), sort_keys=True) == json.dumps(
        file_fields(spec, version), sort_keys=True
    )
    assert canonical_text(read) == canonical_text(spec)
    return text


SPEC = parse_yaml(FILE)


def test_a_file_that_says_it_already_is_not_touched():
    assert updated(FILE, SPEC) == FILE
    assert updated(FILE, parse_yaml(to_yaml(SPEC))) == FILE


def test_a_new_version_changes_one_line():
    assert replace_version(FILE, "1.0.1") == FILE.replace("version: 1.0.0 # raised by hand", "version: 1.0.1")


def test_a_new_text_leaves_everything_else():
    text = updated(FILE, changed(SPEC, template="# Good day\n\n{{ name }}\n"), "1.0.1")
    old = "template: |\n    # Hello\n\n    {{ name }}!   {# four spaces, not two #}\n"
    expected = FILE.replace(old, "template: |\n  # Good day\n\n  {{ name }}\n")
    assert text == expected.replace("version: 1.0.0 # raised by hand", "version: 1.0.1")


def test_a_changed_member_leaves_its_neighbours():
    inputs = SPEC.content()["inputs"]
    inputs["tone"]["default"] = "dry"
    expected = FILE.replace("    default: warm   # or dry\n", "    default: dry\n")
    assert updated(FILE, changed(SPEC, inputs=inputs)) == expected


def test_new_keys_come_behind_the_one_they_follow():
    inputs = SPEC.content()["inputs"]
    inputs["tone"]["description"] = "How it sounds"
    spec = changed(SPEC, description="A greeting", inputs={**inputs, "count": {"type": "number", "default": 1}})
    expected = FILE.replace(
        "version: 1.0.0 # raised by hand\n", "version: 1.0.0 # raised by hand\ndescription: A greeting\n"
    )
    expected = expected.replace(
        "    default: warm   # or dry\n", "    default: warm   # or dry\n    description: How it sounds\n"
    )
    expected = expected.replace(
        "    - dry\n", "    - dry\n  count:\n    type: number\n    required: false\n    default: 1\n"
    )
    assert updated(FILE, spec) == expected


def test_a_key_that_is_gone_is_removed_with_the_blank_lines_behind_it():
    metadata = {key: value for key, value in SPEC.metadata.items() if key != "owner"}
    assert updated(FILE, changed(SPEC, metadata=metadata)) == FILE.replace("  owner: 'Ada'\n\n", "")
    gone = updated(FILE, changed(SPEC, metadata={}))
    assert gone.startswith("# Our greeting. Ask Ada before you change it.\n\nid: greeting\n")
    assert updated(FILE, SPEC, None) == FILE.replace("version: 1.0.0 # raised by hand\n\n", "")


def test_a_version_is_added_behind_the_id():
    assert replace_version("id: p # mine\ntemplate: x\n", "2.0.0") == "id: p # mine\nversion: 2.0.0\ntemplate: x\n"
    assert replace_version("template: x\nid: p", "2.0.0") == "template: x\nid: p\nversion: 2.0.0\n"


def test_text_may_become_messages_and_messages_text():
    chat = parse_spec({"id": "p", "messages": [{"role": "user", "content": "Hi\nthere"}]})
    text = updated("# mine\nid: p\n\n# the text\ntemplate: x\n", chat, None)
    assert text == "# mine\nid: p\nmessages:\n  - role: user\n    content: |-\n      Hi\n      there\n\n# the text\n"
    assert updated(text, parse_spec({"id": "p", "template": "x"}), None).startswith("# mine\nid: p\ntemplate: x\n")


def test_a_new_order_of_inputs_is_kept():
    inputs = SPEC.content()["inputs"]
    text = updated(FILE, changed(SPEC, inputs={"tone": inputs["tone"], "name": inputs["name"]}))
    assert list(parse_yaml(text).inputs) == ["tone", "name"]
    assert text.startswith(FILE[: FILE.index("# What goes in.")])


@pytest.mark.parametrize("value", ["x", "x\n", "x\n\n\n", "\n\n", "\n x\n", "", "#\n#\n", "x\n\n# no comment\n\n"])
@pytest.mark.parametrize(
    "old",
    ["|\n  y\n\n# comment\n\n", "|+\n  y\n\n\n# comment\n\n", "|-\n  y", "y", '"y"\n\n\n', "|\n  y", ">\n  a\n  b\n\n"],
)
def test_blank_lines_around_a_text_never_become_part_of_it(old, value):
    for original in (f"id: p\ntemplate: {old}", f"id: p\ntemplate: {old}\ndescription: d\n"):
        spec = parse_yaml(original)
        assert updated(original, spec, None) == original
        updated(original, changed(spec, template=value), None)
        updated(original, changed(spec, description=value), None)
        updated(original, changed(spec, metadata={"a": value}), None)
        updated(original, spec, "1.0.0")


def test_line_breaks_of_windows_and_byte_order_marks_stay():
    original = "\ufeff" + FILE.replace("\n", "\r\n")
    text = updated(original, changed(SPEC, template="a\nb\n"), "1.0.1")
    assert text.startswith("\ufeff# Our greeting.")
    assert text.count("\n") == text.count("\r\n")
    assert "template: |\r\n  a\r\n  b\r\n" in text


@pytest.mark.parametrize(
    "original",
    [
        "{id: p, template: x} # flow\n",
        "  id: p\n  template: x\n",
        "--- {id: p, template: x}\n",
        "? id\n: p\n? template\n: x\n",
        "%YAML 1.2\n---\nid: p # mine\ntemplate: x\n...\n",
        "---\nid: p\ntemplate: x\n---\n",
        "id: p\ntemplate: [\n",
        "nothing\n",
        "",
    ],
)
def test_any_file_can_be_made_to_say_anything(original):
    spec = parse_spec({"id": "p", "template": "y\n\n", "description": "d", "metadata": {"a": {"b": "c\n"}}})
    updated(original, spec, "1.0.0")
    updated(original, parse_spec({"id": "q", "template": "x"}), None)


def test_a_directive_and_the_marks_of_a_document_stay():
    original = "%YAML 1.2\n---\nid: p # mine\ntemplate: x\n...\n"
    assert updated(original, parse_spec({"id": "p", "template": "z"}), None) == original.replace(": x", ": z")


def test_the_version_of_a_file_that_is_no_prompt_cannot_be_replaced():
    with pytest.raises(TemplateInvalid):
        replace_version("id: [", "1.0.0")


LINES = st.lists(
    st.sampled_from(["a", "", " b", "# c", "key: d", "- e", "{{ f }}", "---", "...", "\u2028", "\t"]), max_size=5
)
TEXTS = st.builds(lambda lines, end: "\n".join(lines) + end, LINES, st.sampled_from(["", "\n", "\n\n"]))
MEMBERS = st.dictionaries(st.sampled_from("abc"), TEXTS | st.booleans() | st.lists(TEXTS, max_size=2), max_size=3)
SPECS = st.builds(
    lambda template, description, metadata, inputs: parse_spec(
        {"id": "p", "template": template, "description": description, "metadata": metadata, "inputs": inputs}
    ),
    TEXTS,
    TEXTS,
    st.dictionaries(st.sampled_from("xyz"), MEMBERS | TEXTS, max_size=3),
    st.dictionaries(
        st.sampled_from("nm"),
        st.fixed_dictionaries({"type": st.just("string")}, optional={"default": TEXTS, "description": TEXTS}),
    ),
)
VERSIONS = st.none() | st.sampled_from(["1.0.0", "2.0.0"])


@st.composite
def files(draw: st.DrawFn) -> str:
    """A file of ours with a person's comments and blank lines between its top-level keys."""
    spec = draw(SPECS)
    lines = to_yaml(spec, version=draw(VERSIONS)).split("\n")
    for place in range(len(lines) - 1, -1, -1):
        if lines[place][:1].isalpha():
            lines[place:place] = draw(st.lists(st.sampled_from(["", "# note", "#"]), max_size=2))
    return "\n".join(lines)


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(files(), SPECS, VERSIONS)
def test_whatever_changes_the_file_says_it_afterwards(original, spec, version):
    text = updated(original, spec, version)
    assert updated(text, spec, version) == text
    before = parse_yaml(original)
    assert updated(original, before, before.version) == original
