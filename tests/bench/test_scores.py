"""How spans are counted."""

import numpy
import pytest

from spacy_globalpointer.bench.scores import bootstrap, count_each, read_documents, score_parts
from spacy_globalpointer.bench.text import Annotated
from spacy_globalpointer.training.span_counts import Counts, add_up

WORDS = list("abcdefghijklmnopqrstuvwxyz")
GOLD = [
    Annotated(WORDS, [(0, 5, "A"), (1, 3, "B"), (10, 11, "A")], lost=2),
    Annotated(WORDS, [(3, 7, "B")]),
]
FOUND = [{(0, 5, "A"), (1, 3, "A"), (20, 22, "B")}, {(3, 7, "B")}]


def test_spans_that_the_tokens_cannot_hold_are_missed():
    counts = add_up(count_each(GOLD, FOUND))
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


def test_bootstrap_of_the_same_counts_is_zero_and_of_a_clear_lead_is_above_it():
    counts = numpy.array([[3.0, 1, 2], [0, 2, 0], [5, 0, 1]] * 20)
    assert bootstrap(counts, counts) == (0.0, 0.0, 0.0)
    worse = counts + [-1, 1, 1] * (counts[:, :1] > 0)
    difference, low, high = bootstrap(counts, worse)
    assert difference == pytest.approx(320 / (320 + 60 + 60) - 240 / (240 + 100 + 100))
    assert 0 < low < difference < high
    assert bootstrap(worse, counts)[0] == -difference


def test_bootstrap_agrees_with_samples_drawn_one_by_one():
    random = numpy.random.default_rng(3)
    ours, theirs = (random.integers(0, 4, (40, 3)).astype(float) for _ in range(2))
    differences = []
    for _ in range(4000):
        places = random.integers(0, 40, 40)
        sums = [counts[places].sum(0) for counts in (ours, theirs)]
        f = [2 * r / (2 * r + w + m) for r, w, m in sums]
        differences.append(f[0] - f[1])
    _, low, high = bootstrap(ours, theirs)
    assert (low, high) == pytest.approx(numpy.quantile(differences, (0.025, 0.975)), abs=0.01)


def test_bootstrap_needs_the_same_documents():
    with pytest.raises(ValueError, match="both must count the same documents, were: 1 and 2"):
        bootstrap(numpy.zeros((1, 3)), numpy.zeros((2, 3)))
