from collections import Counter

import pytest
import spacy
from samples import make_example
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_globalpointer.commands.debug.gold import (
    DUPLICATE,
    IDEOGRAPHS,
    LETTERS,
    PADDED,
    PUNCTUATION,
    read_example,
    read_record,
)
from spacy_globalpointer.corpora import Record
from spacy_globalpointer.pipeline.gold import EMPTY, MISALIGNED
from spacy_globalpointer.pipeline.gold import WHITESPACE as SPACE_TOKEN

EN = spacy.blank("en")


def group_of(text, *spans, nlp=EN):
    return read_record(Record(text, spans), nlp, "sc").groups["sc"]


def test_spans_of_a_record_meet_the_tokens():
    group = group_of("Ada saw IL-2-cells.", (0, 3, "PER"), (0, 4, "PER"), (8, 10, "X"), (3, 8, "V"))
    assert group.spans == {(0, 1, "PER"), (1, 2, "V")}
    assert group.gold == {(0, 3, "PER"), (8, 10, "X"), (4, 7, "V")}
    assert group.remarks == [
        (DUPLICATE, "PER", "[Ada ]saw IL-2-cells."),
        (MISALIGNED, "X", "Ada saw [IL]-2-cells."),
        (PADDED, "V", "Ada[ saw ]IL-2-cells."),
    ]
    assert group.breaks == {"-": 1}


def test_a_span_of_white_space_is_empty():
    group = group_of("Ada saw", (3, 4, "X"))
    assert (group.remarks, group.gold, group.spans) == ([(EMPTY, "X", "Ada[ ]saw")], set(), set())


@pytest.mark.parametrize(
    ("lang", "text", "span", "signs"),
    [
        ("en", "北京大学在北京", (0, 2), {IDEOGRAPHS: 1}),
        ("en", "overland", (4, 8), {LETTERS: 1}),
        ("en", "overland", (2, 4), {LETTERS: 2}),
        ("zh", "北京大学在北京", (0, 2), {}),
    ],
)
def test_breaks_say_where_tokens_are_cut(lang, text, span, signs):
    assert group_of(text, (*span, "X"), nlp=spacy.blank(lang)).breaks == Counter(signs)


@pytest.mark.parametrize(
    ("span", "is_odd"),
    [
        ("Rome .", True),
        ("U.S.", False),
        ('"Rome"', False),
        ('"Rome', True),
        ("NF(P)", False),
        ("Rome )", True),
        ("《红楼梦》", False),
        (", Rome", True),
        ("65 %", False),
        ("#food", False),
        ("-", True),
    ],
)
def test_loose_punctuation_is_odd(span, is_odd):
    text = f"He saw {span} often"
    group = group_of(text, (7, 7 + len(span), "X"))
    expected = [(PUNCTUATION, "X", f"He saw [{span}] often")] if is_odd else []
    assert [remark for remark in group.remarks if remark[0] != MISALIGNED] == expected


def test_an_example_is_read_on_the_predicted_tokens():
    # The reference has "Ulm." as one token, the tokenizer two.
    words = (["In", "Ulm."], [True, False])
    example = make_example(
        EN, "In Ulm.", [("In", "X"), ("Ulm.", "GPE"), ("In Ulm.", "Y")], words=words
    )
    document = read_example(example, ["sc", "other"])
    assert (document.n_tokens, document.names, list(document.groups)) == (3, ("sc",), ["sc"])
    assert document.groups["sc"].spans == {(0, 1, "X"), (1, 3, "GPE"), (0, 3, "Y")}


def test_what_an_example_cannot_teach_is_lost():
    predicted = Doc(EN.vocab, words=["a-b", "c"], spaces=[True, False])
    reference = Doc(EN.vocab, words=["a", "-", "b", "c"], spaces=[False, False, True, False])
    spans = [(0, 1, "A"), (0, 3, "B"), (0, 3, "B"), (2, 4, "A"), (3, 3, "E")]
    reference.spans["sc"] = [Span(reference, s, e, label=label) for s, e, label in spans]
    group = read_example(Example(predicted, reference), ["sc"]).groups["sc"]
    assert group.spans == {(0, 1, "B")}
    assert group.gold == {(0, 1, "A"), (0, 3, "B"), (2, 5, "A")}
    assert group.remarks == [
        (MISALIGNED, "A", "[a]-b c"),
        (DUPLICATE, "B", "[a-b] c"),
        (MISALIGNED, "A", "a-[b c]"),
        (EMPTY, "E", ""),
    ]
    assert group.breaks == {"-": 2}


def test_a_span_on_a_white_space_token_is_lost():
    doc = EN.make_doc("a  b")
    doc.spans["sc"] = [Span(doc, 0, 2, "X"), Span(doc, 2, 3, "X")]
    group = read_example(Example(EN.make_doc(doc.text), doc), ["sc"]).groups["sc"]
    assert group.spans == {(2, 3, "X")}
    assert [remark[0] for remark in group.remarks] == [SPACE_TOKEN]


def test_entities_and_other_groups_are_named():
    doc = EN("Ada")
    doc.ents = [Span(doc, 0, 1, "PER")]
    doc.spans["gold"] = []
    document = read_example(Example(EN.make_doc("Ada"), doc), ["sc"])
    assert (document.names, document.n_ents, document.groups) == (("gold",), 1, {})
