"""What is said of the words inside changed lines: both texts come back, whatever they are, and the work has a bound."""

import itertools
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dakora_server.core.templates.diff import diff_documents
from dakora_server.core.templates.word_diff import Budget, Word, changed_words, paired_lines, tokens

EXAMPLES = int(os.environ.get("DAKORA_EXAMPLES", "300"))
# Words, spaces and signs of several scripts, so that random texts have something in common.
SIGNS = ("a", "b", "word", " ", "  ", "\t", "\r", ".", ",", "{{", " x ", "}}", "{%", "é", "e\u0301", "\u200d")
PIECES = st.sampled_from([*SIGNS, "日", "本", "語", "नमस्ते", "👍🏽"])
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60)


def kept(words, *ops):
    return "".join(word.text for word in words if word.op in {"equal", *ops})


@settings(max_examples=EXAMPLES, deadline=None)
@given(TEXTS)
def test_the_tokens_of_a_text_are_the_text(text):
    assert "".join(tokens(text)) == text


@settings(max_examples=EXAMPLES, deadline=None)
@given(TEXTS, TEXTS)
def test_the_words_give_back_both_texts(old, new):
    words = changed_words(old, new, Budget())
    if words is not None:
        assert (kept(words, "delete"), kept(words, "insert")) == (old, new)
        assert all(word.text for word in words)
        assert all(one.op != other.op for one, other in itertools.pairwise(words))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(TEXTS, max_size=8), st.lists(TEXTS, max_size=8))
def test_the_lines_of_a_changed_text_give_back_both_texts_with_their_words(old, new):
    before, after = "\n".join(["same", *old, "end"]), "\n".join(["same", *new, "end"])
    for change in diff_documents({"template": before}, {"template": after}):
        for op, text in (("+", before), ("-", after)):
            lines = [line for line in change["lines"] if line["op"] != op]
            assert "\n".join(line["text"] for line in lines) == text
            for line in lines:
                if "words" in line:
                    assert "".join(word["text"] for word in line["words"]) == line["text"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Be kind.", "Be brief.", [("equal", "Be "), ("delete", "kind"), ("insert", "brief"), ("equal", ".")]),
        ("a b c", "a c", [("equal", "a "), ("delete", "b "), ("equal", "c")]),
        ("Hi {{ a }}!", "Hi {{ b }}!", [("equal", "Hi {{ "), ("delete", "a"), ("insert", "b"), ("equal", " }}!")]),
        ("Zeile eins\r", "Zeile eins", [("equal", "Zeile eins"), ("delete", "\r")]),
        ("cafe\u0301 noir", "cafe noir", [("delete", "cafe\u0301"), ("insert", "cafe"), ("equal", " noir")]),
        ("日本語", "日本人", [("equal", "日本"), ("delete", "語"), ("insert", "人")]),
        ("ok 👨\u200d👩\u200d👧 x", "ok 👨\u200d👩\u200d👦 x", None),
        ("one two three", "four five six", None),
        ("", "word", None),
        ("   ", "\t", None),
    ],
)
def test_words_are_what_readers_take_for_words(old, new, said):
    words = changed_words(old, new, Budget())
    if old.startswith("ok"):
        # A family is one sign, never half of one.
        assert [word.text for word in words if word.op != "equal"] == ["👨\u200d👩\u200d👧", "👨\u200d👩\u200d👦"]
    else:
        assert words == (said if said is None else [Word(*one) for one in said])


def test_a_line_put_in_between_does_not_part_lines_that_belong_together():
    old = ["You answer in French.", "You are very brief."]
    new = ["Something else altogether!", "You answer in German.", "You are very brief, always."]
    assert [(pair.old, pair.new) for pair in paired_lines(old, new, Budget())] == [(0, 1), (1, 2)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a b " * 15_000, "b a " * 15_000),
        ("x" * 65_000 + " a", "y" * 65_000 + " a"),
        ("\r" * 65_000, "\n" * 65_000),
        ("\u0301" * 30_000, "\u0301" * 29_999 + "a"),
        ("\n".join("a b " * 30 for _ in range(500)), "\n".join("b a " * 30 for _ in range(500))),
        ("\n".join(f"a b {n}" for n in range(3000)), "\n".join(f"b a {n}" for n in range(3000))),
    ],
)
def test_texts_made_to_be_hard_are_told_roughly_and_wholly(old, new):
    (change,) = diff_documents({"template": old}, {"template": new})
    if "lines" in change:
        assert "\n".join(line["text"] for line in change["lines"] if line["op"] != "+") == old
        assert "\n".join(line["text"] for line in change["lines"] if line["op"] != "-") == new
    elif "words" in change:
        assert len(change["words"]) < 10


def test_no_comparison_takes_more_than_is_left():
    budget = Budget(steps=100)
    assert changed_words("a " * 500, "a " * 499 + "b", budget) is None
    assert budget.steps == 100
    told = changed_words("one two three", "one 2 three", budget)
    assert told is not None
    assert 0 <= budget.steps < 100


def test_messages_are_compared_message_by_message():
    before = [{"role": "system", "content": "Be kind.\r\nBe brief."}, {"role": "user", "content": "Ask {{ it }}"}]
    after = [{"role": "system", "content": "Be kind.\nBe brief."}, {"role": "user", "content": "Ask {{ that }}"}]
    first, second = diff_documents({"messages": before}, {"messages": after})
    assert (first["field"], second["field"]) == ("messages[0].content", "messages[1].content")
    assert first["lines"][0]["words"] == [{"op": "equal", "text": "Be kind."}, {"op": "delete", "text": "\r"}]
    assert first["lines"][1] == {"op": "+", "text": "Be kind.", "words": [{"op": "equal", "text": "Be kind."}]}
    assert [word["text"] for word in second["words"]] == ["Ask {{ ", "it", "that", " }}"]


def test_a_description_has_words_too():
    (change,) = diff_documents({"description": "Greets a person"}, {"description": "Greets every person"})
    assert [(word["op"], word["text"]) for word in change["words"]] == [
        ("equal", "Greets "),
        ("delete", "a"),
        ("insert", "every"),
        ("equal", " person"),
    ]
