"""What `diff_documents` says of two versions."""

import pytest

from dakora_server.core.templates.diff import diff_documents


def test_a_document_does_not_differ_from_itself():
    document = {"template": "a\nb", "inputs": {"x": {"type": "string"}}, "metadata": {"tags": ["a"]}}

    assert diff_documents(document, dict(document)) == []


def test_a_changed_text_of_one_line_has_no_lines():
    assert diff_documents({"template": "a"}, {"template": "b"}) == [
        {"field": "template", "op": "changed", "before": "a", "after": "b"}
    ]


def test_a_changed_text_of_several_lines_is_told_line_by_line():
    (change,) = diff_documents({"template": "a\nb\nc"}, {"template": "a\nB\nc\n"})

    assert change["lines"] == [
        {"op": " ", "text": "a"},
        {"op": "-", "text": "b"},
        {"op": "+", "text": "B"},
        {"op": " ", "text": "c"},
        {"op": "+", "text": ""},
    ]


def test_the_lines_give_back_both_texts():
    before, after = "one\ntwo\n\nthree\n", "zero\none\n\nthree\nfour"

    (change,) = diff_documents({"template": before}, {"template": after})

    assert "\n".join(line["text"] for line in change["lines"] if line["op"] != "+") == before
    assert "\n".join(line["text"] for line in change["lines"] if line["op"] != "-") == after


def test_fields_are_named_by_their_path():
    before = {
        "messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}],
        "inputs": {"name": {"type": "string"}},
        "model": {"provider": "p", "parameters": {"temperature": 0}},
        "metadata": {"a.b": 1},
    }
    after = {
        "messages": [{"role": "system", "content": "c"}, {"role": "assistant", "content": "b"}],
        "inputs": {"name": {"type": "number"}},
        "model": {"provider": "p", "parameters": {"temperature": 1}},
        "metadata": {"a.b": 2},
    }

    assert [change["field"] for change in diff_documents(before, after)] == [
        "messages[0].content",
        "messages[1].role",
        "inputs.name.type",
        "model.parameters.temperature",
        'metadata["a.b"]',
    ]


def test_a_whole_input_or_message_that_comes_or_goes_is_one_difference():
    message = {"role": "user", "content": "b"}
    before = {"messages": [], "inputs": {"old": {"type": "string", "required": True}}}
    after = {"messages": [message], "inputs": {"new": {"type": "number"}}}

    assert diff_documents(before, after) == [
        {"field": "messages[0]", "op": "added", "before": None, "after": message},
        {"field": "inputs.old", "op": "removed", "before": {"type": "string", "required": True}, "after": None},
        {"field": "inputs.new", "op": "added", "before": None, "after": {"type": "number"}},
    ]


def test_a_text_that_becomes_a_chat_is_removed_and_added():
    changes = diff_documents(
        {"template": "a", "messages": None}, {"template": None, "messages": [{"role": "user", "content": "a"}]}
    )

    assert [(change["field"], change["op"]) for change in changes] == [("template", "removed"), ("messages", "added")]


@pytest.mark.parametrize(("old", "new"), [(1, True), (1, 1.0), (0, False), ("1", 1), (None, ""), ([1], [True])])
def test_values_that_only_python_holds_for_equal_differ(old, new):
    assert [change["op"] for change in diff_documents({"metadata": {"x": old}}, {"metadata": {"x": new}})] == [
        "changed"
    ]


def test_below_the_top_null_and_absent_differ():
    (change,) = diff_documents({"inputs": {"x": {"default": None}}}, {"inputs": {"x": {}}})

    assert (change["field"], change["op"]) == ("inputs.x.default", "removed")


def test_a_list_of_plain_values_changes_as_one():
    (change,) = diff_documents({"metadata": {"tags": ["a", "b"]}}, {"metadata": {"tags": ["b"]}})

    assert change == {"field": "metadata.tags", "op": "changed", "before": ["a", "b"], "after": ["b"]}


def test_the_version_number_is_no_content():
    assert diff_documents({"version": "1.0.0", "id": "a"}, {"version": "1.0.1", "id": "b"}) == []
