"""The best thresholds, against brute force over all combinations of cuts."""

from fractions import Fraction
from itertools import product

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer.commands.tune.objectives import Options, cross_fit
from spacy_globalpointer.commands.tune.report import describe_counts
from spacy_globalpointer.commands.tune.thresholds import (
    CANDIDATE,
    Candidates,
    Thresholds,
    best_global,
    best_macro,
    best_per_label,
    best_recall,
    count,
    maximise_micro_f1,
    part_scores,
)
from spacy_globalpointer.pipeline.settings import label_cuts
from spacy_globalpointer.spans import Counts

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
    return make_candidates([(d, c, s / 2, is_gold) for d, c, s, is_gold in rows], gold)


def make_candidates(rows, gold, lowest=LOWEST):
    """Rows of document, label, score, is_gold."""
    spans = numpy.array([(*row, 1) for row in rows], dtype=CANDIDATE)
    gold = numpy.array(gold)
    return Candidates(spans, [*"ABCDEFGHIJKLMNOPQRST"[: gold.shape[1]]], gold, lowest)


def f1(right, predicted, gold):
    return Fraction(2 * int(right), max(1, int(predicted + gold)))


def count_labels(candidates, thresholds):
    """Counts of each label, of all documents together."""
    return Counts(*numpy.sum(count(candidates, thresholds.cuts(candidates.labels)), axis=1))


def outcomes(candidates, label=None):
    """{(right, predicted)} above each distinct score and above none, by loops."""
    rows = [
        (score, is_gold) for _, own, score, is_gold, _ in candidates.spans if label in (None, own)
    ]
    cuts = [numpy.inf, *{score for score, _ in rows}]
    found = [[is_gold for score, is_gold in rows if score >= cut] for cut in cuts]
    return {(sum(part), len(part)) for part in found}


def micro_f1(counts):
    right, wrong, missed = (column.sum() for column in counts)
    return f1(right, right + wrong, right + missed)


@given(candidates_of())
def test_the_global_threshold_is_the_best_of_all(candidates):
    best = max(f1(*pair, candidates.gold.sum()) for pair in outcomes(candidates))
    assert micro_f1(count_labels(candidates, best_global(candidates))) == best


@given(candidates_of(), st.integers(1, 4))
def test_label_thresholds_reach_the_greatest_micro_f1(candidates, min_count):
    """Over all combinations of cuts; labels with few gold spans keep the global threshold."""
    chosen = best_per_label(candidates, min_count)
    gold = candidates.gold.sum(0)
    at_shared = count_labels(candidates, best_global(candidates))
    options = [
        outcomes(candidates, label)
        if gold[label] >= min_count
        else {(int(at_shared.right[label]), int((at_shared.right + at_shared.wrong)[label]))}
        for label in range(len(gold))
    ]
    best = max(f1(*map(sum, zip(*cells, strict=True)), gold.sum()) for cells in product(*options))
    assert micro_f1(count_labels(candidates, chosen)) == best
    assert all(gold[candidates.labels.index(label)] >= min_count for label in chosen.own)
    assert chosen.shared == best_global(candidates).shared


@given(candidates_of())
def test_macro_thresholds_have_the_best_f1_of_each_label(candidates):
    counts = count_labels(candidates, best_macro(candidates))
    for label, gold in enumerate(candidates.gold.sum(0)):
        if gold:
            best = max(f1(*pair, gold) for pair in outcomes(candidates, label))
            assert micro_f1([column[label] for column in counts]) == best


@given(candidates_of(), st.sampled_from([0.3, 0.5, 2 / 3, 0.9, 1.0]))
def test_the_best_recall_at_a_precision(candidates, precision):
    right, wrong, _ = numpy.sum(
        count_labels(candidates, best_recall(candidates, precision)), axis=1
    ).tolist()
    predicted = right + wrong
    some = [(r, p) for r, p in outcomes(candidates) if p]
    enough = [(r, -p) for r, p in some if r / p >= precision]
    if enough:
        assert (right, -predicted) == max(enough)
    elif some:
        assert right / max(1, predicted) == max(r / p for r, p in some)


@st.composite
def options_of(draw):
    """Of up to five labels up to five options, with counts as large as those of real labels."""
    options = []
    for _ in range(draw(st.integers(1, 5))):
        steps = st.tuples(st.integers(0, 40), st.integers(0, 40))
        first = draw(st.sampled_from([(0, 0), (17, 5)]))
        right, wrong = numpy.cumsum([first, *draw(st.lists(steps, max_size=4))], axis=0).T
        options.append(Counts(right, wrong, right[-1] + draw(st.integers(0, 60)) - right))
    return options


@given(options_of())
def test_dinkelbach_is_as_good_as_all_combinations(options):
    def value(rows):
        chosen = zip(options, rows, strict=True)
        return micro_f1(numpy.array([[column[row] for column in c] for c, row in chosen]).T)

    everything = product(*(range(len(counts.right)) for counts in options))
    assert value(maximise_micro_f1(options)) == max(map(value, everything))


def test_of_equals_the_first_option_is_chosen():
    """Options go from the highest threshold to the lowest; both of label A have an F1 of 2 / 3."""
    label_a = Counts(numpy.array([0, 1, 2]), numpy.array([0, 0, 2]), numpy.array([2, 1, 0]))
    nothing = Counts(*numpy.zeros((3, 1), dtype=int))
    assert maximise_micro_f1([label_a, nothing]) == [1, 0]


FLOATS = st.floats(-7, 20, width=32)


@given(st.lists(st.tuples(FLOATS, st.booleans()), min_size=1, max_size=12))
def test_counts_of_a_curve_are_those_of_the_component(rows):
    """Each row's threshold lets exactly its spans pass, with the component's own cut."""
    candidates = make_candidates([(0, 0, *row) for row in rows], [[0]], lowest=1e-7)
    score, is_gold = candidates.spans["score"], candidates.spans["is_gold"]
    thresholds, counts = candidates.curve()
    found = counts.right + counts.wrong
    assert (numpy.diff(thresholds) < 0).all()
    assert (numpy.diff(found) > 0).all()
    assert found[0] == 0
    assert found[-1] == len(rows)
    for threshold, predicted, right in zip(thresholds, found, counts.right, strict=True):
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
    counts = make_candidates(rows, [[2]]).curve().counts
    assert counts.right.tolist() == [0, 1, 2, 2]
    assert counts.wrong.tolist() == [0, 1, 1, 2]
    assert counts.missed.tolist() == [2, 1, 0, 0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.floats(0, 1))
def test_cuts_are_those_of_the_component(own, shared):
    labels = [*"ABCDE"]
    thresholds = Thresholds(shared, dict(zip(labels[1:], own, strict=False)))
    pairs = [list(pair) for pair in thresholds.own.items()]
    cuts = label_cuts("pipe", labels, {**CFG, "threshold": shared, "label_thresholds": pairs})
    numpy.testing.assert_array_equal(thresholds.cuts(labels), numpy.float32(cuts))
    assert thresholds.least == min(shared, *own)


@pytest.mark.parametrize(
    ("n_wrong", "right", "wrong", "f"),
    [
        # One more right span of label A for two more wrong ones is not worth it: 8 / 11,
        (0, [1, 2], [0, 0], 6 / 8),
        # but is where there are many wrong ones already: against 6 / 12.
        (4, [2, 2], [2, 4], 8 / 15),
    ],
)
def test_labels_that_keep_the_global_threshold_count_too(n_wrong, right, wrong, f):
    """Label B has too few gold spans for a threshold of its own."""
    rows = [(0, 1, 5.0, True), (0, 1, 4.0, True), *[(0, 1, 4.5, False)] * n_wrong]
    rows += [(0, 0, 3.0, True), (0, 0, 2.0, False), (0, 0, 1.0, False), (0, 0, 0.5, True)]
    candidates = make_candidates(rows, [[3, 2]])
    chosen = best_per_label(candidates, min_count=3)
    assert list(chosen.own) == ["A"]
    counts = count_labels(candidates, chosen)
    assert counts.right.tolist() == right
    assert counts.wrong.tolist() == wrong
    assert float(micro_f1(counts)) == f


def test_scores_of_counts():
    candidates = make_candidates(
        [(0, 0, 2.0, True), (0, 0, 1.0, False), (0, 1, 1.5, True), (1, 1, -0.5, True)],
        [[1, 2, 0], [1, 1, 0]],
    )
    counts = count(candidates, Thresholds(0.5, {"A": 0.95}).cuts(candidates.labels))
    assert counts.right.tolist() == [[1, 1, 0], [0, 0, 0]]
    assert counts.wrong.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert counts.missed.tolist() == [[0, 1, 0], [1, 1, 0]]
    # The third label is neither in gold nor predicted.
    expected = {"p": 1.0, "r": 2 / 5, "f": 4 / 7, "macro_f": (2 / 3 + 2 / 4) / 2}
    assert describe_counts(counts) == pytest.approx(expected)
    on_the_cut = make_candidates([(0, 0, 0.0, True)], [[1]])
    assert count_labels(on_the_cut, Thresholds(0.5, {})).right.tolist() == [1]
    nothing = count(candidates, Thresholds(1.0, {}).cuts(candidates.labels))
    assert describe_counts(nothing) == {"p": 0.0, "r": 0.0, "f": 0.0, "macro_f": 0.0}
    # Each document can have cuts of its own.
    cuts = numpy.array([[9, 9, 9], [-1, -1, -1]])
    assert count(candidates, cuts).right.tolist() == [[0, 0, 0], [0, 1, 0]]


def test_what_a_full_document_may_lack_is_no_candidate():
    rows = [(0, 0, s, True) for s in (3, 2, 1, 0.5)] + [(1, 0, s, False) for s in (2.5, 0, -1)]
    candidates = make_candidates(rows, [[4], [0]])
    above = candidates.above(0.5)
    assert sorted(above.spans["score"].tolist()) == [1, 2, 2.5, 3]
    assert above.lowest == pytest.approx(1 / (1 + numpy.exp(-1.5)))
    assert sum(above.curve().counts[:2]).tolist() == [0, 1, 2, 3, 4]
    nothing = candidates.above(3)
    assert (len(nothing.spans), nothing.lowest) == (0, 1.0)
    assert best_global(nothing).shared == 1.0


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
    expected = count(candidates, Thresholds(0.5, {}).cuts(candidates.labels))
    numpy.testing.assert_array_equal(counts, expected)
    assert sum(n - len(part.gold) for part in seen) == n
    for part in seen:
        assert set(part.spans["document"]) <= set(range(len(part.gold)))
        labels = part.spans["label"][part.spans["is_gold"]]
        total = numpy.bincount(labels, minlength=part.gold.shape[1])
        assert (total <= part.gold.sum(0)).all()


@given(candidates_of(documents=5, most=14))
def test_cross_fitting_counts_with_the_thresholds_of_the_other_documents(candidates):
    """With a fold for each document, by hand."""
    n = len(candidates.gold)
    counts = cross_fit(candidates, best_per_label, n)
    for i in range(n if n > 1 else 0):
        chosen = best_per_label(candidates.of_documents(numpy.arange(n) != i))
        own = count_labels(candidates.of_documents(numpy.arange(n) == i), chosen)
        assert [column[i].tolist() for column in counts] == [column.tolist() for column in own]


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
    ways = Options("auto", None, 1, 5, True).choices()
    inside = {name: micro_f1(count_labels(candidates, w(candidates))) for name, w in ways.items()}
    outside = {name: micro_f1(cross_fit(candidates, way, 5)) for name, way in ways.items()}
    assert inside["per-label"] > inside["global"] + Fraction(2, 100)
    assert outside["per-label"] < outside["global"]
