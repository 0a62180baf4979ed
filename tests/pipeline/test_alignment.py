from collections import Counter

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_globalpointer.pipeline.alignment import (
    MISALIGNED,
    TOO_LONG,
    WHITESPACE,
    GoldSpan,
    align_gold,
    look_over,
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
    lost = Counter()
    gold = align_gold(_example(predicted, reference, spans), "sc", None, lost)
    assert gold == {GoldSpan(VOCAB.strings["X"], *cell) for cell in aligned}
    assert lost["X", MISALIGNED] == len(set(spans)) - len(aligned)


def test_a_missing_group_is_none_and_an_empty_one_is_empty():
    assert align_gold(_example(["a"], ["a"], None), "sc", None, Counter()) is None
    assert align_gold(_example(["a"], ["a"], [(0, 1)], key="other"), "sc", None, Counter()) is None
    assert align_gold(_example(["a"], ["a"], []), "sc", None, Counter()) == set()


def test_what_cannot_be_learned_is_counted_by_label_and_reason():
    words = ["a", " ", "b", "c", "d"]
    example = _example(words, words, [(0, 2), (1, 3), (0, 3), (2, 5), (3, 4)])
    data = look_over([example, _example(["a"], ["a"], None)], "sc", 2)
    assert data.lost == {("X", WHITESPACE): 2, ("X", TOO_LONG): 2}
    assert data.gold == {0: {GoldSpan(VOCAB.strings["X"], 3, 3)}}
    assert data.total == 5
    assert data.labels == {"X"}
    assert [len(doc) for doc in data.sample] == [5, 1]
