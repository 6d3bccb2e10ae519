"""Two edits of one prompt become one, or a conflict that names its field; nobody's line is ever lost."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakora_server.core.exceptions import TemplateInvalid
from dakora_server.core.templates.merge import conflict_file, merge
from dakora_server.core.templates.merge_lines import chunks, has_markers, merge_text
from dakora_server.core.templates.model import parse_spec
from dakora_server.core.templates.serialization import Document, parse_yaml, to_yaml

EXAMPLES = int(os.environ.get("DAKORA_EXAMPLES", "500"))


def prompt(**fields):
    fields = {"template": "Hello"} | fields if "messages" not in fields else fields
    return parse_spec({"id": "greeting", **fields})


def merged(base, ours, theirs):
    found = merge(base, ours, theirs)
    assert found.conflicts == ()
    assert found.ours == found.theirs
    return found.ours


class TestFields:
    def test_changes_of_different_fields_are_both_in(self):
        base = prompt(description="Old", metadata={"owner": "us", "tags": ["a"]})
        ours = prompt(description="New", metadata={"owner": "us", "tags": ["a"]})
        theirs = prompt(description="Old", template="Hi", metadata={"owner": "them", "tags": ["a"], "more": 1})
        assert merged(base, ours, theirs) == prompt(
            description="New", template="Hi", metadata={"owner": "them", "tags": ["a"], "more": 1}
        )

    def test_changes_of_different_lines_of_one_text_are_both_in(self):
        lines = "One\nTwo\nThree\nFour\n"
        ours, theirs = lines.replace("One", "Eins"), lines.replace("Four", "Vier\nFünf")
        assert merged(prompt(template=lines), prompt(template=ours), prompt(template=theirs)) == prompt(
            template="Eins\nTwo\nThree\nVier\nFünf\n"
        )

    def test_one_input_changed_here_and_another_there(self):
        one, two = {"type": "string"}, {"type": "number"}
        base = prompt(inputs={"one": one, "two": two})
        ours = prompt(inputs={"new": one, "one": {**one, "description": "First"}, "two": two})
        theirs = prompt(inputs={"one": {**one, "default": "x", "required": False}, "three": two})
        found = merged(base, ours, theirs)
        assert list(found.inputs) == ["new", "one", "three"]
        assert (found.inputs["one"].description, found.inputs["one"].default) == ("First", "x")

    def test_tags_are_a_set(self):
        base, ours, theirs = (
            prompt(metadata={"tags": tags}) for tags in (["a", "b"], ["b", "mine", "a"], ["a", "theirs"])
        )
        assert merged(base, ours, theirs).metadata["tags"] == ["mine", "a", "theirs"]

    def test_each_message_is_merged_with_what_became_of_it(self):
        system, user = {"role": "system", "content": "Be kind.\nBe brief."}, {"role": "user", "content": "Hello"}
        answer = {"role": "assistant", "content": "Hi"}
        ours = prompt(messages=[{**system, "content": "Be very kind.\n\nBe brief."}, user, answer])
        theirs = prompt(messages=[{**system, "content": "Be kind.\n\nBe short."}, {**user, "content": "Hey"}])
        found = merge(prompt(messages=[{**system, "content": "Be kind.\n\nBe brief."}, user]), ours, theirs)
        assert found.conflicts == ()
        assert [message.content for message in found.ours.messages] == ["Be very kind.\n\nBe short.", "Hey", "Hi"]

    def test_a_list_that_both_changed_is_a_conflict(self):
        tools = [[{"name": name}] for name in ("a", "b", "c")]
        assert merge(*(prompt(tools=one) for one in tools)).conflicts == (("tools",),)

    @pytest.mark.parametrize(
        ("base", "ours", "theirs", "field"),
        [
            ({"description": "a"}, {"description": "b"}, {"description": "c"}, ("description",)),
            ({"description": "a"}, {}, {"description": "c"}, ("description",)),
            ({"template": "a\nb"}, {"template": "x\nb"}, {"template": "y\nb"}, ("template",)),
            ({"metadata": {"a": {"b": 1}}}, {"metadata": {"a": {"b": 2}}}, {}, ("metadata",)),
            (
                {"metadata": {"a": {"b": 1}}},
                {"metadata": {"a": {"b": 1.0}}},
                {"metadata": {"a": {"b": True}}},
                ("metadata", "a", "b"),
            ),
            ({"template": "a"}, {"messages": [{"role": "user", "content": "a"}]}, {"template": "b"}, ("messages",)),
        ],
    )
    def test_what_both_changed_is_a_conflict_that_names_the_field(self, base, ours, theirs, field):
        found = merge(prompt(**base), prompt(**ours), prompt(**theirs))
        assert found.conflicts == (field,)
        assert (found.ours, found.theirs) == (prompt(**ours), prompt(**theirs))

    def test_changes_that_do_not_fit_together_are_a_conflict(self):
        before = {"type": "string", "required": False, "default": "5"}
        ours = {**before, "type": "number", "default": "5"}
        theirs = {**before, "default": "five"}
        found = merge(*(prompt(inputs={"x": declared}) for declared in (before, ours, theirs)))
        assert found.conflicts in ((("inputs", "x"),), (("inputs", "x", "default"),))
        assert found.ours.inputs["x"].type == "number"
        assert found.theirs.inputs["x"].default == "five"

    def test_without_a_base_only_what_differs_is_a_conflict(self):
        found = merge(None, prompt(description="Same"), prompt(description="Same", template="Hi"))
        assert found.conflicts == (("template",),)
        assert found.base is None


class TestTheFile:
    BASE = "# Ours\nid: greeting\nversion: 1.0.0\ntemplate: |\n  One\n  Two\n  Three\nmetadata:\n  owner: us # me\n"

    def conflict(self):
        base = parse_yaml(self.BASE)
        mine = self.BASE.replace("Two", "Zwei")
        theirs = parse_yaml(self.BASE.replace("Two", "Deux").replace("us #", "them #"))
        found = merge(base, parse_yaml(mine), theirs)
        return conflict_file(mine, found, version="1.0.1", theirs_name="server 1.0.1")

    def test_conflicts_are_marked_as_git_does_and_the_rest_is_merged(self):
        assert self.conflict() == (
            "# Ours\nid: greeting\nversion: 1.0.1\ntemplate: |\n  One\n<<<<<<< yours\n  Zwei\n||||||| base\n  Two\n"
            "=======\n  Deux\n>>>>>>> server 1.0.1\n  Three\nmetadata:\n  owner: them\n"
        )

    def test_such_a_file_is_no_prompt_and_says_where(self):
        with pytest.raises(TemplateInvalid) as refused:
            parse_yaml(self.conflict(), filename="greeting.yaml")
        fault = refused.value.errors[0]
        assert (fault.type, fault.line) == ("unsolved_conflict", 6)

    def test_line_ends_of_windows_stay(self):
        text = self.BASE.replace("\n", "\r\n")
        found = merge(*(prompt(template=one) for one in ("a", "b", "c")))
        marked = conflict_file(text, found, version=None, theirs_name="server 1.0.1")
        assert marked.count("\n") == marked.count("\r\n")
        assert has_markers(marked) is not None


ANY_CHAR = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
IN_A_LINE = st.characters(exclude_categories=["Cs"], exclude_characters="\0\n")
LINES = st.lists(st.sampled_from(["a", "b", "c", "", "  d"]) | st.text(IN_A_LINE, max_size=5), max_size=8)
TEXTS = LINES.map("\n".join) | st.text(ANY_CHAR, max_size=9)
ROLES = st.sampled_from(["system", "user", "assistant"])
MESSAGES = st.lists(st.fixed_dictionaries({"role": ROLES, "content": TEXTS}), min_size=1, max_size=5)
VALUES = st.sampled_from([None, True, 1, 1.0, "x", "x\ny", [], [1], {}, {"a": 1}, {"a": {"b": "c"}}])
INPUTS = st.dictionaries(
    st.sampled_from(["one", "two", "three"]),
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "number", "default": 5},
            {"type": "string", "default": "5"},
            {"type": "string", "required": False, "description": "x"},
        ]
    ),
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "description": TEXTS,
        "inputs": INPUTS,
        "metadata": st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES)
        | st.lists(st.sampled_from("abc"), unique=True).map(lambda tags: {"tags": tags}),
        "tools": st.just([{"name": "a"}]) | st.just([{"name": "b"}]),
        "model": st.just({"provider": "p", "name": "n"}) | st.just({"provider": "p", "name": "m"}),
    },
)
PROMPTS = st.builds(
    lambda body, fields: parse_spec({"id": "greeting", **body, **fields}),
    TEXTS.map(lambda text: {"template": text}) | MESSAGES.map(lambda messages: {"messages": messages}),
    FIELDS,
)


def unordered(value):
    """The value, whatever the order of its keys and tags."""
    if isinstance(value, dict):
        return {key: sorted(inner) if key == "tags" else unordered(inner) for key, inner in value.items()}
    return [unordered(inner) for inner in value] if isinstance(value, list) else value


class TestAlways:
    @settings(max_examples=EXAMPLES)
    @given(PROMPTS, PROMPTS)
    def test_what_only_one_side_changed_is_the_result(self, base, side):
        for found in (merge(base, side, base), merge(base, base, side), merge(base, side, side)):
            assert found.conflicts == ()
            assert Document.of(found.ours) == Document.of(side) == Document.of(found.theirs)

    @settings(max_examples=EXAMPLES)
    @given(PROMPTS | st.none(), PROMPTS, PROMPTS)
    def test_both_sides_are_treated_alike(self, base, ours, theirs):
        there, back = merge(base, ours, theirs), merge(base, theirs, ours)
        assert set(there.conflicts) == set(back.conflicts)
        assert unordered(there.ours.content()) == unordered(back.theirs.content())
        assert unordered(there.theirs.content()) == unordered(back.ours.content())

    @settings(max_examples=EXAMPLES)
    @given(PROMPTS | st.none(), PROMPTS, PROMPTS)
    def test_a_conflict_is_seen_in_the_file_and_solved_by_either_side(self, base, ours, theirs):
        found = merge(base, ours, theirs)
        if not found.conflicts:
            assert Document.of(found.ours).hash == Document.of(found.theirs).hash
            return
        assert Document.of(found.ours) != Document.of(found.theirs)
        text = conflict_file(to_yaml(ours), found, version="1.2.3", theirs_name="server 1.2.3")
        assert has_markers(text) is not None
        for side, spec in (("ours", found.ours), ("theirs", found.theirs)):
            assert Document.of(parse_yaml(solved(text, side))) == Document.of(spec)

    @settings(max_examples=EXAMPLES)
    @given(LINES, LINES, LINES)
    def test_no_line_of_either_side_is_lost(self, base, ours, theirs):
        texts = ["\n".join(lines) for lines in (base, ours, theirs)]
        found = merge_text(*texts)
        before, mine, other = (set(text.split("\n")) for text in texts)
        assert (mine | other) - before <= set(found.ours.split("\n")) | set(found.theirs.split("\n"))
        assert not found.is_clean or (mine | other) - before <= set(found.ours.split("\n"))

    @settings(max_examples=EXAMPLES)
    @given(LINES, LINES, LINES)
    def test_the_pieces_together_are_the_texts(self, base, ours, theirs):
        pieces = list(chunks(base, ours, theirs))
        for place, lines in enumerate((base, ours, theirs)):
            assert [line for piece in pieces for line in piece[place]] == lines


def solved(text, side):
    """The file as a person leaves it who takes one side everywhere."""
    kept, part = [], None
    for line in text.split("\n"):
        if line == "<<<<<<< yours":
            part = "ours"
        elif line == "||||||| base":
            part = "base"
        elif line == "=======":
            part = "theirs"
        elif line == ">>>>>>> server 1.2.3":
            part = None
        elif part in (None, side):
            kept.append(line)
    return "\n".join(kept)
