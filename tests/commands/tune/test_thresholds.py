"""The best thresholds, against brute force over all combinations of cuts."""

from fractions import Fraction
from itertools import product

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer.commands.tune.cross_fitting import choices, cross_fit
from spacy_globalpointer.commands.tune.thresholds import (
    Candidates,
    Curve,
    Thresholds,
    best_global,
    best_macro,
    best_per_label,
    best_recall,
    count,
    make_curve,
    maximise_micro_f1,
    part_scores,
)
from spacy_globalpointer.pipeline.settings import label_cuts

LOWEST = 0.01
CFG = {"max_length": None, "max_spans": None, "missing": "skip", "lr_scale": 1.0}


@st.composite
def candidates_of(draw, labels=3, documents=3, most=9):
    """Few candidates with scores that often are equal; some gold spans have no candidate."""
    n_labels, n_documents = draw(st.integers(1, labels)), draw(st.integers(1, documents))
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, n_documents - 1),
                st.integers(0, n_labels - 1),
                st.integers(-4, 6),
                st.booleans(),
            ),
            max_size=most,
        )
    )
    missed = draw(
        st.lists(
            st.lists(st.integers(0, 2), min_size=n_labels, max_size=n_labels),
            min_size=n_documents,
            max_size=n_documents,
        )
    )
    gold = numpy.array(missed)
    for document, label, _, is_gold in rows:
        gold[document, label] += is_gold
    columns = list(zip(*rows, strict=True)) if rows else [()] * 4
    document, label = (numpy.array(column, dtype=numpy.int64) for column in columns[:2])
    score = numpy.array(columns[2], dtype=numpy.float32) / 2
    is_gold = numpy.array(columns[3], dtype=bool)
    change = numpy.ones(len(rows), dtype=numpy.int64)
    return Candidates(document, label, score, is_gold, change, gold, LOWEST)


def f1(right, predicted, gold):
    return Fraction(2 * int(right), max(1, int(predicted + gold)))


def outcomes(candidates, label=None):
    """{(right, predicted)} above each distinct score and above none, by loops."""
    rows = [
        (score, is_gold)
        for score, own, is_gold in zip(
            candidates.score, candidates.label, candidates.is_gold, strict=True
        )
        if label in (None, own)
    ]
    cuts = [numpy.inf, *{score for score, _ in rows}]
    found = [[is_gold for score, is_gold in rows if score >= cut] for cut in cuts]
    return {(sum(part), len(part)) for part in found}


def micro_f1(counts):
    return f1(*(column.sum() for column in counts))


@given(candidates_of())
def test_the_global_threshold_is_the_best_of_all(candidates):
    best = max(f1(*pair, candidates.gold.sum()) for pair in outcomes(candidates))
    assert micro_f1(count(candidates, best_global(candidates))) == best


@given(candidates_of(), st.integers(1, 4))
def test_label_thresholds_reach_the_greatest_micro_f1(candidates, min_count):
    """Over all combinations of cuts; labels with few gold spans keep the global threshold."""
    chosen = best_per_label(candidates, min_count)
    gold = candidates.gold.sum(0)
    at_shared = count(candidates, best_global(candidates))
    options = [
        outcomes(candidates, label)
        if gold[label] >= min_count
        else {(int(at_shared.right[label]), int(at_shared.predicted[label]))}
        for label in range(len(gold))
    ]
    best = max(f1(*map(sum, zip(*cells, strict=True)), gold.sum()) for cells in product(*options))
    assert micro_f1(count(candidates, chosen)) == best
    assert all(gold[label] >= min_count for label in chosen.own)
    assert chosen.shared == best_global(candidates).shared


@given(candidates_of())
def test_macro_thresholds_have_the_best_f1_of_each_label(candidates):
    counts = count(candidates, best_macro(candidates))
    for label, gold in enumerate(candidates.gold.sum(0)):
        if gold:
            best = max(f1(*pair, gold) for pair in outcomes(candidates, label))
            assert f1(*(column[label] for column in counts)) == best


@given(candidates_of(), st.sampled_from([0.3, 0.5, 2 / 3, 0.9, 1.0]))
def test_the_best_recall_at_a_precision(candidates, precision):
    counts = count(candidates, best_recall(candidates, precision))
    right, predicted = int(counts.right.sum()), int(counts.predicted.sum())
    some = [(r, p) for r, p in outcomes(candidates) if p]
    enough = [(r, -p) for r, p in some if r / p >= precision]
    if enough:
        assert (right, -predicted) == max(enough)
    elif some:
        assert right / max(1, predicted) == max(r / p for r, p in some)


@st.composite
def curves_of(draw):
    """Up to four curves of up to five rows, with counts as large as those of real labels."""
    curves = []
    for _ in range(draw(st.integers(1, 4))):
        steps = st.tuples(st.integers(0, 40), st.integers(0, 40))
        right, wrong = numpy.cumsum([(0, 0), *draw(st.lists(steps, max_size=4))], axis=0).T
        curves.append(Curve(numpy.zeros(len(right)), right + wrong, right))
    right, wrong = draw(st.tuples(st.integers(0, 60), st.integers(0, 60)))
    most = right + sum(int(curve.right[-1]) for curve in curves)
    return curves, max(1, most) + draw(st.integers(0, 60)), right, right + wrong


@given(curves_of())
def test_dinkelbach_is_as_good_as_all_combinations(case):
    curves, gold, right, predicted = case
    rows = maximise_micro_f1(curves, gold, right=right, predicted=predicted)

    def value(rows):
        chosen = list(zip(curves, rows, strict=True))
        return f1(
            right + sum(curve.right[row] for curve, row in chosen),
            predicted + sum(curve.predicted[row] for curve, row in chosen),
            gold,
        )

    everything = product(*(range(len(curve.right)) for curve in curves))
    assert value(rows) == max(map(value, everything))


FLOATS = st.floats(-7, 20, width=32)


@given(st.lists(st.tuples(FLOATS, st.booleans()), min_size=1, max_size=12))
def test_counts_of_a_curve_are_those_of_the_component(rows):
    """Each row's threshold lets exactly its spans pass, with the component's own cut."""
    candidates = make_candidates([(0, 0, *row) for row in rows], [[0]], lowest=1e-7)
    score, is_gold = candidates.score, candidates.is_gold
    curve = make_curve(candidates)
    assert (numpy.diff(curve.threshold) < 0).all()
    assert (numpy.diff(curve.predicted) > 0).all()
    assert curve.predicted[0] == 0
    assert curve.predicted[-1] == len(rows)
    for threshold, predicted, right in zip(*curve, strict=True):
        cfg = {**CFG, "threshold": float(threshold), "label_thresholds": []}
        cut = numpy.float32(label_cuts("pipe", ["A"], cfg)[0])
        assert (score >= cut).sum() == predicted
        assert is_gold[score >= cut].sum() == right
        assert threshold == round(threshold, 10)


@given(FLOATS, FLOATS)
def test_a_threshold_parts_two_scores_if_any_does(a, b):
    below, above = sorted(map(numpy.float32, (a, b)))
    if below == above:
        return
    threshold = part_scores(numpy.array([below]), numpy.array([above]))[0]
    if numpy.isnan(threshold):
        low, high = 1 / (1 + numpy.exp(-2 * numpy.float64([below, above])))
        assert high - low < 3e-10
    else:
        cfg = {**CFG, "threshold": float(threshold), "label_thresholds": []}
        assert below < numpy.float32(label_cuts("pipe", ["A"], cfg)[0]) <= above


def test_scores_that_no_threshold_parts_stay_together():
    rows = [(0, 0, 19, True), (0, 0, 18, False), (0, 0, 1, True), (0, 0, 0, False)]
    curve = make_curve(make_candidates(rows, [[2]]))
    assert curve.predicted.tolist() == [0, 2, 3, 4]
    assert curve.right.tolist() == [0, 1, 2, 2]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.floats(0, 1))
def test_cuts_are_those_of_the_component(own, shared):
    labels = [*"ABCDE"]
    thresholds = Thresholds(shared, dict(enumerate(own)))
    pairs = [[labels[i], t] for i, t in thresholds.own.items()]
    cuts = label_cuts("pipe", labels, {**CFG, "threshold": shared, "label_thresholds": pairs})
    numpy.testing.assert_array_equal(thresholds.cuts(5), numpy.float32(cuts))


def make_candidates(rows, gold, lowest=LOWEST):
    """Rows of document, label, score, is_gold."""
    document, label, score, is_gold = zip(*rows, strict=True)
    return Candidates(
        numpy.array(document),
        numpy.array(label),
        numpy.array(score, dtype=numpy.float32),
        numpy.array(is_gold),
        numpy.ones(len(rows), dtype=numpy.int64),
        numpy.array(gold),
        lowest,
    )


@pytest.mark.parametrize(
    ("n_wrong", "right", "predicted", "f"),
    [
        # One more right span of label 0 for two more wrong ones is not worth it: 8 / 11,
        (0, [1, 2], [1, 2], 6 / 8),
        # but is where there are many wrong ones already: against 6 / 12.
        (4, [2, 2], [4, 6], 8 / 15),
    ],
)
def test_labels_that_keep_the_global_threshold_count_too(n_wrong, right, predicted, f):
    """Label 1 has too few gold spans for a threshold of its own."""
    rows = [(0, 1, 5.0, True), (0, 1, 4.0, True), *[(0, 1, 4.5, False)] * n_wrong]
    rows += [(0, 0, 3.0, True), (0, 0, 2.0, False), (0, 0, 1.0, False), (0, 0, 0.5, True)]
    candidates = make_candidates(rows, [[3, 2]])
    chosen = best_per_label(candidates, min_count=3)
    assert list(chosen.own) == [0]
    counts = count(candidates, chosen)
    assert counts.right.tolist() == right
    assert counts.predicted.tolist() == predicted
    assert counts.scores()["f"] == f


def test_scores_of_counts():
    candidates = make_candidates(
        [(0, 0, 2.0, True), (0, 0, 1.0, False), (0, 1, 1.5, True), (1, 1, -0.5, True)],
        [[1, 2, 0], [1, 1, 0]],
    )
    counts = count(candidates, Thresholds(0.5, {0: 0.95}))
    assert counts.right.tolist() == [1, 1, 0]
    assert counts.predicted.tolist() == [1, 1, 0]
    assert counts.gold.tolist() == [2, 3, 0]
    # The third label is neither in gold nor predicted.
    expected = {"p": 1.0, "r": 2 / 5, "f": 4 / 7, "macro_f": (2 / 3 + 2 / 4) / 2}
    assert counts.scores() == pytest.approx(expected)
    on_the_cut = make_candidates([(0, 0, 0.0, True)], [[1]])
    assert count(on_the_cut, Thresholds(0.5, {})).right.tolist() == [1]
    nothing = count(candidates, Thresholds(1.0, {}))
    assert nothing.scores() == {"p": 0.0, "r": 0.0, "f": 0.0, "macro_f": 0.0}


def test_what_a_full_document_may_lack_is_no_candidate():
    rows = [(0, 0, s, True) for s in (3, 2, 1, 0.5)] + [(1, 0, s, False) for s in (2.5, 0, -1)]
    candidates = make_candidates(rows, [[4], [0]])
    above = candidates.above(0.5)
    assert sorted(above.score.tolist()) == [1, 2, 2.5, 3]
    assert above.lowest == pytest.approx(1 / (1 + numpy.exp(-1.5)))
    assert make_curve(above).predicted.tolist() == [0, 1, 2, 3, 4]
    nothing = candidates.above(3)
    assert (len(nothing.score), nothing.lowest) == (0, 1.0)


@given(candidates_of(documents=6, most=14), st.integers(2, 4))
def test_cross_fitting_counts_each_document_without_having_seen_it(candidates, folds):
    seen = []

    def choose(part):
        seen.append(part)
        return Thresholds(0.5, {})

    counts = cross_fit(candidates, choose, folds)
    n = len(candidates.gold)
    if n < 2:
        assert counts is None
        return
    expected = count(candidates, Thresholds(0.5, {}))
    assert all((a == b).all() for a, b in zip(counts.add_up(), expected, strict=True))
    right = [
        count(candidates.of(numpy.arange(n) == i), Thresholds(0.5, {})).right for i in range(n)
    ]
    assert (counts.right == right).all()
    assert counts.by_document().sum() == (counts.predicted + counts.gold - counts.right).sum()
    assert sum(n - len(part.gold) for part in seen) == n
    for part in seen:
        assert set(part.document) <= set(range(len(part.gold)))
        total = numpy.bincount(part.label[part.is_gold], minlength=part.gold.shape[1])
        assert (total <= part.gold.sum(0)).all()


def test_cross_fitting_sees_through_luck():
    """Labels of pure noise gain on the documents that they are tuned on, and on no others."""
    random = numpy.random.default_rng(1)
    n, n_labels = 600, 20
    is_gold = random.random(n) < 0.5
    rows = zip(
        random.integers(0, 60, n),
        random.integers(0, n_labels, n),
        random.normal(0.3 * is_gold, 1),
        is_gold,
        strict=True,
    )
    rows = list(rows)
    gold = numpy.zeros((60, n_labels), dtype=int)
    for document, label, _, right in rows:
        gold[document, label] += right
    candidates = make_candidates(rows, gold, lowest=1e-6)
    ways = choices(min_count=1)
    inside = {name: count(candidates, way(candidates)).scores()["f"] for name, way in ways.items()}
    outside = {
        name: cross_fit(candidates, way, 5).add_up().scores()["f"] for name, way in ways.items()
    }
    assert inside["per-label"] > inside["global"] + 0.02
    assert outside["per-label"] < outside["global"]
