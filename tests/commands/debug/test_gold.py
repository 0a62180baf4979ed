from collections import Counter

import pytest
import spacy
from samples import make_example
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_globalpointer.commands.debug.gold import (
    DUPLICATE,
    EMPTY,
    IDEOGRAPHS,
    LETTERS,
    MISALIGNED,
    PADDED,
    PUNCTUATION,
    SPACE_TOKEN,
    read_example,
    read_record,
)
from spacy_globalpointer.commands.debug.statistics import SplitStatistics
from spacy_globalpointer.corpora import Record

EN = spacy.blank("en")


def count(text):
    """The group of one text."""
    split = SplitStatistics({"sc": None})
    split.add(text)
    return split.groups["sc"]


def group_of(text, *spans, nlp=EN):
    return count(read_record(Record(text, spans), nlp, "sc"))


def tokens_of(text):
    """(start, end, label) of the tokens of each span; None for one that has none."""
    spans = [tokens for _, tokens in text.groups["sc"]]
    return [span and (span.start, span.end, span.label_) for span in spans]


def test_spans_of_a_record_meet_the_tokens():
    spans = (0, 3, "PER"), (0, 4, "PER"), (8, 10, "X"), (3, 8, "V")
    text = read_record(Record("Ada saw IL-2-cells.", spans), EN, "sc")
    assert [given for given, _ in text.groups["sc"]] == list(spans)
    assert tokens_of(text) == [(0, 1, "PER"), None, None, (1, 2, "V")]
    group = count(text)
    assert (group.labels, group.lengths) == (
        {"PER": 1, "X": 1, "V": 1},
        {"PER": {1: 1}, "V": {1: 1}},
    )
    assert group.examples == {
        (DUPLICATE, "PER"): ["[Ada ]saw IL-2-cells."],
        (MISALIGNED, "X"): ["Ada saw [IL]-2-cells."],
        (PADDED, "V"): ["Ada[ saw ]IL-2-cells."],
    }
    assert group.breaks == {"-": 1}


def test_a_span_of_white_space_is_empty():
    group = group_of("Ada saw", (3, 4, "X"))
    assert (group.examples, group.n_spans) == ({(EMPTY, "X"): ["Ada[ ]saw"]}, 0)
    assert (group.n_empty, group.n_learned) == (0, 0)


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
    assert group.examples.get((PUNCTUATION, "X"), []) == [f"He saw [{span}] often"] * is_odd


def test_an_example_is_read_on_the_predicted_tokens():
    # The reference has "Ulm." as one token, the tokenizer two.
    words = (["In", "Ulm."], [True, False])
    example = make_example(
        EN, "In Ulm.", [("In", "X"), ("Ulm.", "GPE"), ("In Ulm.", "Y")], words=words
    )
    text = read_example(example, ["sc", "other"])
    assert list(text.groups) == ["sc"]
    assert tokens_of(text) == [(0, 1, "X"), (1, 3, "GPE"), (0, 3, "Y")]


def test_what_an_example_cannot_teach_is_lost():
    predicted = Doc(EN.vocab, words=["a-b", "c"], spaces=[True, False])
    reference = Doc(EN.vocab, words=["a", "-", "b", "c"], spaces=[False, False, True, False])
    spans = [(0, 1, "A"), (0, 3, "B"), (0, 3, "B"), (2, 4, "A"), (3, 3, "E")]
    reference.spans["sc"] = [Span(reference, s, e, label=label) for s, e, label in spans]
    group = count(read_example(Example(predicted, reference), ["sc"]))
    assert (group.labels, group.lengths) == ({"A": 2, "B": 1}, {"B": {1: 1}})
    assert group.examples == {
        (MISALIGNED, "A"): ["[a]-b c", "a-[b c]"],
        (DUPLICATE, "B"): ["[a-b] c"],
        (EMPTY, "E"): ["a-b []c"],
    }
    assert group.breaks == {"-": 2}


def test_a_span_on_a_white_space_token_is_lost():
    doc = EN.make_doc("a  b")
    doc.spans["sc"] = [Span(doc, 0, 2, "X"), Span(doc, 2, 3, "X")]
    group = count(read_example(Example(EN.make_doc(doc.text), doc), ["sc"]))
    assert group.lengths == {"X": {1: 1}}
    assert list(group.remarks) == [(SPACE_TOKEN, "X")]


def test_entities_and_other_groups_are_named():
    doc = EN("Ada")
    doc.ents = [Span(doc, 0, 1, "PER")]
    doc.spans["gold"] = []
    split = SplitStatistics({"sc": None})
    split.add(read_example(Example(EN.make_doc("Ada"), doc), ["sc"]))
    assert (split.names, split.n_ents, split.groups["sc"].n_missing) == ({"gold": 1}, 1, 1)
