import numpy
import pytest

from spacy_globalpointer.commands.tune.bootstrap import bootstrap
from spacy_globalpointer.spans import Counts


def test_bootstrap_of_the_same_counts_is_zero_and_of_a_clear_lead_is_above_it():
    counts = numpy.array([[3.0, 1, 2], [0, 2, 0], [5, 0, 1]] * 20).T
    assert bootstrap(Counts(*counts), Counts(*counts)) == (0.0, 0.0, 0.0)
    worse = counts + numpy.array([[-1], [1], [1]]) * (counts[:1] > 0)
    difference, low, high = bootstrap(Counts(*counts), Counts(*worse))
    assert difference == pytest.approx(320 / (320 + 60 + 60) - 240 / (240 + 100 + 100))
    assert 0 < low < difference < high
    assert bootstrap(Counts(*worse), Counts(*counts)).f == -difference


def test_bootstrap_agrees_with_samples_drawn_one_by_one():
    random = numpy.random.default_rng(3)
    ours, theirs = (random.integers(0, 4, (3, 40)) for _ in range(2))
    differences = []
    for _ in range(4000):
        places = random.integers(0, 40, 40)
        sums = [counts[:, places].sum(1) for counts in (ours, theirs)]
        f = [2 * r / (2 * r + w + m) for r, w, m in sums]
        differences.append(f[0] - f[1])
    _, low, high = bootstrap(Counts(*ours), Counts(*theirs))
    assert (low, high) == pytest.approx(numpy.quantile(differences, (0.025, 0.975)), abs=0.01)


def test_bootstrap_needs_the_same_documents():
    with pytest.raises(ValueError, match="both must count the same documents, were: 1 and 2"):
        bootstrap(Counts(*numpy.zeros((3, 1))), Counts(*numpy.zeros((3, 2))))
