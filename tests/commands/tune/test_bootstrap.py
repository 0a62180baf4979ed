import numpy
import pytest

from spacy_globalpointer.commands.tune.bootstrap import compare, sample_f1
from spacy_globalpointer.spans import Counts


def bootstrap(ours, theirs):
    f1 = sample_f1({"ours": Counts(*ours), "theirs": Counts(*theirs)})
    return compare(f1["ours"], f1["theirs"])


def test_bootstrap_of_the_same_counts_is_zero_and_of_a_clear_lead_is_above_it():
    counts = numpy.array([[3.0, 1, 2], [0, 2, 0], [5, 0, 1]] * 20).T
    assert bootstrap(counts, counts) == (0.0, 0.0, 0.0)
    worse = counts + numpy.array([[-1], [1], [1]]) * (counts[:1] > 0)
    difference, low, high = bootstrap(counts, worse)
    assert difference == pytest.approx(320 / (320 + 60 + 60) - 240 / (240 + 100 + 100))
    assert 0 < low < difference < high
    assert bootstrap(worse, counts).f == -difference


def test_bootstrap_agrees_with_samples_drawn_one_by_one():
    random = numpy.random.default_rng(3)
    ours, theirs = (random.integers(0, 4, (3, 40)) for _ in range(2))
    differences = []
    for _ in range(4000):
        places = random.integers(0, 40, 40)
        sums = [counts[:, places].sum(1) for counts in (ours, theirs)]
        f = [2 * r / (2 * r + w + m) for r, w, m in sums]
        differences.append(f[0] - f[1])
    _, low, high = bootstrap(ours, theirs)
    assert (low, high) == pytest.approx(numpy.quantile(differences, (0.025, 0.975)), abs=0.01)


def test_bootstrap_needs_the_same_documents():
    with pytest.raises(ValueError, match="all must count the same documents, were: 1 and 2"):
        bootstrap(numpy.zeros((3, 1)), numpy.zeros((3, 2)))


def test_a_difference_does_not_depend_on_the_other_systems():
    random = numpy.random.default_rng(3)
    counts = {name: Counts(*random.integers(0, 4, (3, 40)) / 3) for name in "abc"}
    f1 = sample_f1(counts)
    for one, other in ("ab", "ac", "cb"):
        two = sample_f1({name: counts[name] for name in (one, other)})
        assert compare(f1[one], f1[other]) == compare(two[one], two[other])


def test_nothing_to_compare_is_no_error():
    assert sample_f1({}) == {}
