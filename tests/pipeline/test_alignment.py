import time
from itertools import pairwise

import pytest
import spacy
import strategies  # noqa: F401  (the profile of the property tests)
from hypothesis import example, given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_globalpointer.pipeline.alignment import (
    align_spans,
    labelled_spans,
    to_predicted,
    to_reference,
)
from spacy_globalpointer.pipeline.scorer import score_span_groups
from spacy_globalpointer.spans import LabelledSpan

VOCAB = spacy.blank("en").vocab
TEXT = "The cost of 5 mg/ml"


def cut(text, borders):
    """A document whose tokens end at some characters, and at blanks."""
    words, spaces = [], []
    for word in text.split(" "):
        at = sorted({0, len(word), *(n for n in borders if 0 < n < len(word))})
        words += [word[a:b] for a, b in pairwise(at)]
        spaces += [False] * (len(at) - 2) + [True]
    spaces[-1] = False
    return Doc(VOCAB, words=words, spaces=spaces)


DOCS = st.sets(st.integers(1, 4)).map(lambda borders: cut(TEXT, borders))
PLACES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 4), st.sampled_from("AB")), max_size=8
)


def place(doc, places):
    return [
        Span(doc, start % len(doc), min(len(doc), start % len(doc) + length), label=label)
        for start, length, label in places
    ]


def characters(span):
    return span.start_char, span.end_char, span.label_


@given(DOCS, DOCS, PLACES)
@example(cut(TEXT, {2}), cut(TEXT, {1, 3}), [(i, n, "A") for i in range(9) for n in (1, 2)])
def test_spans_fit_where_spacy_aligns_them_and_none_is_lost(predicted, reference, places):
    both = Example(predicted, reference)
    spans = place(predicted, places)
    given = labelled_spans(spans)
    moved = to_reference(both, given)
    aligned = labelled_spans(both.get_aligned_spans_x2y(spans, allow_overlap=True))
    assert [span for span in moved if span.is_whole] == aligned
    # What was different is different still, and lies in the same order.
    assert len(set(moved)) == len({characters(span) for span in spans})
    by_characters = sorted(range(len(spans)), key=lambda i: characters(spans[i])[:2])
    assert [moved[i].extent for i in by_characters] == sorted(span.extent for span in moved)
    back = Example(reference, predicted)
    assert to_predicted(back, given) == moved


@given(st.text("abA \n", min_size=2, max_size=12), st.data())
def test_spans_are_aligned_as_spacy_does_it(text, data):
    """Those that begin and end with letters, where white space is a token of its own."""
    must = {i for i in range(1, len(text)) if text[i - 1].isspace() != text[i].isspace()}
    docs = []
    for _ in range(2):
        cuts = sorted(must | data.draw(st.sets(st.integers(1, len(text) - 1))))
        words = [text[i:j] for i, j in pairwise([0, *cuts, len(text)])]
        docs.append(Doc(VOCAB, words=words, spaces=[False] * len(words)))
    both = Example(*docs)
    letters = [token.i for token in docs[1] if not token.is_space]
    spans = [Span(docs[1], i, j + 1, label="X") for i in letters for j in letters if i <= j]
    kept = [span for span in align_spans(both, spans) if span is not None]
    expected = both.get_aligned_spans_y2x(spans, allow_overlap=True)
    assert labelled_spans(kept) == labelled_spans(expected)


@given(DOCS, DOCS, PLACES, PLACES)
def test_every_predicted_span_is_right_or_wrong(predicted, reference, found, gold):
    predicted.spans["k"] = found = place(predicted, found)
    reference.spans["k"] = gold = place(reference, gold)
    scores = score_span_groups([Example(predicted, reference)], spans_key="k")
    found, gold = ({characters(span) for span in spans} for spans in (found, gold))
    right = len(found & gold)
    if not found | gold:
        assert scores["spans_k_p"] is None
        return
    assert scores["spans_k_p"] == pytest.approx(right / max(1, len(found)))
    assert scores["spans_k_r"] == pytest.approx(right / max(1, len(gold)))
    assert scores["spans_k_f"] == pytest.approx(2 * right / (len(found) + len(gold)))
    for label in {span[2] for span in found | gold}:
        own = [{span for span in spans if span[2] == label} for spans in (found, gold)]
        per_type = scores["spans_k_per_type"][label]
        assert per_type["p"] == pytest.approx(len(own[0] & own[1]) / max(1, len(own[0])))
        assert per_type["r"] == pytest.approx(len(own[0] & own[1]) / max(1, len(own[1])))
    borders = [{span[:2] for span in spans} for spans in (found, gold)]
    expected = len(borders[0] & borders[1]) / max(1, len(borders[0]))
    assert scores["spans_k_boundary_p"] == pytest.approx(expected)


def test_entities_that_do_not_fit_are_wrong_too():
    predicted, reference = cut("ab cd", {1}), cut("ab cd", set())
    predicted.set_ents([Span(predicted, i, i + 1, label="A") for i in (0, 2)])
    reference.set_ents([Span(reference, 1, 2, label="A")])
    predicted.spans["sc"] = reference.spans["sc"] = []
    both = [Example(predicted, reference)]
    assert score_span_groups(both, annotate_ents=True)["ents_p"] == 0.0
    predicted.set_ents([Span(predicted, 2, 4, label="A"), Span(predicted, 0, 1, label="A")])
    scores = score_span_groups(both, annotate_ents=True)
    assert (scores["ents_p"], scores["ents_r"]) == (0.5, 1.0)


def as_spans(extents):
    return [LabelledSpan(*extent, "A") for extent in extents]


@pytest.mark.parametrize(
    ("given", "moved"),
    [
        ((0, 1), (0, 1)),
        ((2, 3), (1, 2)),
        ((3, 4), (3, 4)),
        ((0, 4), (0, 4)),
        # A span that ends with white space takes that of the reference along, where it has some.
        ((0, 2), (0, 1)),
    ],
)
def test_white_space_tokens_do_not_move_a_span(given, moved):
    predicted = Doc(VOCAB, words=["a", " ", "b", "c"], spaces=[False, False, True, False])
    reference = Doc(VOCAB, words=["A", "b", "  ", "c"], spaces=[True, False, False, False])
    both = Example(predicted, reference)
    assert to_reference(both, as_spans([given])) == as_spans([moved])


def test_white_space_inside_a_span_may_differ():
    """As in the scores: whoever cleans the texts of one side must not lose the gold spans."""
    predicted = Doc(VOCAB, words=["a", "b", "c"])
    reference = Doc(VOCAB, words=["a", "\n\n", "b", "c"], spaces=[False, False, True, False])
    both = Example(predicted, reference)
    assert to_predicted(both, as_spans([(0, 3), (2, 4)])) == as_spans([(0, 2), (1, 3)])
    assert to_reference(both, as_spans([(0, 2), (1, 3)])) == as_spans([(0, 3), (2, 4)])


def test_other_texts_are_refused():
    both = Example(Doc(VOCAB, words=["a", "b"]), Doc(VOCAB, words=["a"]))
    with pytest.raises(ValueError, match="E949"):
        to_reference(both, [])


def test_many_spans_of_a_long_document_are_moved_at_once():
    """One by one, spaCy takes seconds."""
    words = [f"w{i}" for i in range(8000)]
    predicted, reference = Doc(VOCAB, words=words), Doc(VOCAB, words=[*words[:-2], "w7998w7999"])
    both = Example(predicted, reference)
    spans = as_spans((i, i + 2) for i in range(7999))
    begin = time.process_time()
    moved = to_reference(both, spans)
    assert time.process_time() - begin < 1
    assert moved[:-1] == [*spans[:-2], (7997, 7998.5, "A")]
    assert align_spans(Example(reference, predicted), [predicted[0:2]])[0].text == "w0 w1"
