from itertools import pairwise

import pytest
import spacy
import strategies  # noqa: F401  (the profile of the property tests)
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_globalpointer.pipeline.alignment import (
    EMPTY,
    MISALIGNED,
    TOO_LONG,
    WHITESPACE,
    GoldReader,
    GoldSpan,
    align_spans,
    label_cells,
)

VOCAB = spacy.blank("en").vocab


def _example(predicted, reference, spans, key="sc"):
    """Words without spaces between them; None for no group."""
    documents = [
        Doc(VOCAB, words=words, spaces=[False] * len(words)) for words in (predicted, reference)
    ]
    if spans is not None:
        documents[1].spans[key] = [Span(documents[1], s, e, label="X") for s, e in spans]
    return Example(*documents)


@pytest.mark.parametrize(
    ("predicted", "reference", "spans", "aligned"),
    [
        (["ab", "c"], ["ab", "c"], [(0, 1), (0, 2)], {(0, 0), (0, 1)}),
        (["ab", "c"], ["a", "b", "c"], [(0, 2), (0, 3)], {(0, 0), (0, 1)}),
        (["ab", "c"], ["a", "b", "c"], [(0, 1), (1, 3)], set()),
        (["a", "b", "c"], ["ab", "c"], [(0, 1), (1, 2)], {(0, 1), (2, 2)}),
        (["a", "bc"], ["ab", "c"], [(0, 1), (0, 2)], {(0, 1)}),
        (["ab", "c"], ["ab", "c"], [(0, 1), (0, 1)], {(0, 0)}),
        (["ab"], ["ab"], [], set()),
        ([], [], [], set()),
    ],
)
def test_spans_on_other_tokens(predicted, reference, spans, aligned):
    reader = GoldReader("sc", None)
    gold = reader.read(_example(predicted, reference, spans))
    assert gold == {GoldSpan("X", *cell) for cell in aligned}
    assert reader.lost["X", MISALIGNED] == len(set(spans)) - len(aligned)


def test_a_missing_group_is_none_and_an_empty_one_is_empty():
    reader = GoldReader("sc", None)
    assert reader.read(_example(["a"], ["a"], None)) is None
    assert reader.read(_example(["a"], ["a"], [(0, 1)], key="other")) is None
    assert reader.documents == 0
    assert reader.read(_example(["a"], ["a"], [])) == set()
    assert reader.documents == 1


def test_what_cannot_be_learned_is_counted_by_label_and_reason():
    words = ["a", " ", "b", "c", "d"]
    reader = GoldReader("sc", 2)
    gold = reader.read(_example(words, words, [(0, 2), (1, 3), (0, 3), (2, 5), (3, 4), (5, 5)]))
    assert gold == {GoldSpan("X", 3, 3)}
    assert reader.lost == {("X", WHITESPACE): 2, ("X", TOO_LONG): 2, ("X", EMPTY): 1}
    assert reader.labels == {"X"}
    assert reader.longest == 1
    message = "'pipe' cannot learn 5 of 6 gold spans, and will miss them: 2 are longer than max_"
    assert reader.describe_lost("pipe").startswith(message)


def test_labels_become_indices_and_unknown_ones_are_named():
    gold = {GoldSpan("X", 1, 2)}
    assert label_cells("pipe", ["Y", "X"], gold) == {(1, 1, 2)}
    with pytest.raises(ValueError, match=r"'pipe' does not know the label 'X'.*labels are: Y"):
        label_cells("pipe", ["Y"], gold)


def test_alignment_is_looked_up_once():
    """An Example compares all its words each time that it is asked for its alignment."""
    words = ["a", "b"] * 40
    example = _example(["ab", *words[2:]], words, [(i, i + 2) for i in range(2, 70)])

    class Counting:
        predicted, reference, asked = example.predicted, example.reference, 0

        @property
        def alignment(self):
            self.asked += 1
            return example.alignment

    counting = Counting()
    gold = GoldReader("sc", None).read(counting)
    assert gold == GoldReader("sc", None).read(example)
    assert len(gold) == 68
    assert counting.asked == 1


@given(st.data())
def test_spans_are_aligned_as_spacy_does_it(data):
    text = data.draw(st.text("abA ", min_size=2, max_size=12))
    docs = []
    for _ in range(2):
        cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1))))
        words = [text[i:j] for i, j in pairwise([0, *cuts, len(text)])]
        docs.append(Doc(VOCAB, words=words, spaces=[False] * len(words)))
    example = Example(*docs)
    n = len(docs[1])
    spans = [Span(docs[1], i, j, label="X") for i in range(n) for j in range(i + 1, n + 1)]
    kept = [(span.start, span.end) for span in align_spans(example, spans) if span is not None]
    expected = example.get_aligned_spans_y2x(spans, allow_overlap=True)
    assert kept == [(span.start, span.end) for span in expected]
