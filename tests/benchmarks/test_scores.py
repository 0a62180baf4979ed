"""How spans are counted."""

import pytest

from benchmarks.scores import count_each, read_documents, score_parts
from benchmarks.text import AnnotatedText
from spacy_globalpointer.spans import Counts, LabelledSpan

WORDS = list("abcdefghijklmnopqrstuvwxyz")
GOLD = [
    AnnotatedText(WORDS, [(0, 5, "A"), (1, 3, "B"), (10, 11, "A")], lost=2),
    AnnotatedText(WORDS, [(3, 7, "B")]),
]
FOUND = [
    {LabelledSpan(0, 5, "A"), LabelledSpan(1, 3, "A"), LabelledSpan(20, 22, "B")},
    {LabelledSpan(3, 7, "B")},
]


def test_spans_that_the_tokens_cannot_hold_are_missed():
    counts = Counts.total(count_each(GOLD, FOUND))
    assert counts == Counts(right=2, wrong=2, missed=4)
    assert counts.scores()["r"] == pytest.approx(2 / 6)


def test_scores_by_label_length_and_nesting():
    scores = score_parts(GOLD, FOUND)
    parts = {
        part: {key: (s["right"], s["wrong"], s["missed"]) for key, s in scores[part].items()}
        for part in ("by_label", "by_length")
    }
    assert parts["by_label"] == {"A": (1, 1, 1), "B": (1, 1, 1)}
    assert parts["by_length"] == {"1": (0, 0, 1), "2": (0, 2, 1), "4": (2, 0, 0)}
    nested = scores["nested"]
    # (1, 3, A) is inside (0, 5, A) among the predicted spans.
    assert (nested["right"], nested["wrong"], nested["missed"]) == (1, 1, 1)
    assert scores["lost"] == 2
    assert scores["documents"] == "1/2/4 1/0/0"
    assert read_documents(scores["documents"]).tolist() == [[1, 2, 4], [1, 0, 0]]
    assert scores["errors"] == {"missed": 1, "missed nested": 1, "spurious": 1, "type": 1}
