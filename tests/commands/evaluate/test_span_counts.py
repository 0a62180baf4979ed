"""How spans are counted."""

from collections import Counter

from spacy_globalpointer.spans import Counts, LabelledSpan, name_errors


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
