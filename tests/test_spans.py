from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer.spans import (
    Counts,
    LabelledSpan,
    count_parts,
    crossing_extents,
    name_errors,
    nesting_depths,
)

INTERVALS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 6)).map(lambda pair: (pair[0], sum(pair))),
    max_size=12,
)


def holds(outer, inner):
    return outer != inner and set(range(*inner)) <= set(range(*outer))


def depth(interval, intervals):
    """The longest chain of intervals, each around the next, that ends here."""
    return 1 + max((depth(o, intervals) for o in intervals if holds(o, interval)), default=0)


def crosses(a, b):
    one, other = set(range(*a)), set(range(*b))
    return bool(one & other) and not one <= other and not other <= one


@given(INTERVALS)
def test_depth_is_the_longest_chain_of_intervals_around(intervals):
    assert nesting_depths(intervals) == {i: depth(i, set(intervals)) for i in intervals}


@given(INTERVALS)
def test_crossing_extents_share_a_part_only(intervals):
    expected = {a for a in intervals if any(crosses(a, b) for b in intervals)}
    assert crossing_extents(intervals) == expected


def test_a_crossing_interval_is_not_around():
    assert nesting_depths([(0, 4), (2, 6), (2, 4), (3, 4)]) == {
        (0, 4): 1,
        (2, 6): 1,
        (2, 4): 2,
        (3, 4): 3,
    }
    assert crossing_extents([(0, 4), (2, 6), (2, 4), (3, 4)]) == {(0, 4), (2, 6)}


def test_intervals_that_touch_share_nothing():
    assert crossing_extents([(0, 2), (2, 4)]) == set()
    assert nesting_depths([(0, 2), (2, 4)]) == {(0, 2): 1, (2, 4): 1}


def test_errors_have_names():
    gold = {
        LabelledSpan(0, 4, "A"),
        LabelledSpan(6, 8, "A"),
        LabelledSpan(6, 7, "B"),
        LabelledSpan(10, 12, "A"),
    }
    found = {
        LabelledSpan(0, 3, "A"),
        LabelledSpan(6, 8, "B"),
        LabelledSpan(10, 12, "A"),
        LabelledSpan(11, 12, "A"),
        LabelledSpan(20, 21, "A"),
    }
    assert Counter(kind for _, kind in name_errors(gold, found)) == {
        "border": 1,  # (0, 3, A)
        "type": 1,  # (6, 8, B)
        "spurious": 2,  # (11, 12, A) overlaps a span that was found, (20, 21, A) overlaps none
        "missed": 1,  # (0, 4, A)
        "missed nested": 2,  # (6, 8, A) and (6, 7, B)
    }


def test_nothing_gives_zero():
    assert Counts.total([]).scores()["f"] == 0.0


def test_spans_are_counted_by_part():
    outer, inner, alone = LabelledSpan(0, 3, "A"), LabelledSpan(1, 2, "B"), LabelledSpan(5, 9, "A")
    parts = count_parts([({outer, inner}, {outer, alone}), (set(), set())])
    assert parts.label == {"A": Counts(1, 1, 0), "B": Counts(0, 0, 1)}
    assert parts.length == {1: Counts(0, 0, 1), 3: Counts(1, 0, 0), 4: Counts(0, 1, 0)}
    assert parts.nested == {True: Counts(1, 0, 1), False: Counts(0, 1, 0)}
    assert count_parts([]) == ({}, {}, {False: Counts(), True: Counts()})
