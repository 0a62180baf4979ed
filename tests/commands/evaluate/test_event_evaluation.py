"""The kinds of errors in events."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer.commands.evaluate.event_evaluation import name_event_errors
from spacy_globalpointer.spans import LabelledEvent, LabelledSpan

T, OTHER, NEAR = LabelledSpan(3, 5, "Meet"), LabelledSpan(8, 9, "Meet"), LabelledSpan(4, 6, "Meet")
A, B, C, D = (LabelledSpan(i, i + 1, "PER") for i in (0, 1, 11, 12))
SPANS = st.tuples(st.integers(0, 3), st.sampled_from(["Meet", "PER"])).map(
    lambda own: LabelledSpan(own[0], own[0] + 1, own[1])
)
ARGUMENTS = st.frozensets(st.tuples(st.sampled_from(["who", "where"]), SPANS), max_size=3)
WITH = st.builds(lambda t, arguments: LabelledEvent(t.label, t, arguments), SPANS, ARGUMENTS)
WITHOUT = st.builds(
    lambda kind, arguments: LabelledEvent(kind, None, arguments),
    st.sampled_from(["Meet", "Pay"]),
    ARGUMENTS.filter(bool),
)


def meet(*spans, trigger=T, role="who"):
    kind = "Meet" if trigger is None else trigger.label
    return LabelledEvent(kind, trigger, frozenset((role, span) for span in spans))


@pytest.mark.parametrize(
    ("gold", "found", "kinds"),
    [
        ([meet(A, B)], [meet(A, B, role="where")], ["role"]),
        ([meet(A, B)], [meet(A)], ["missing argument"]),
        ([meet(A)], [meet(A, B)], ["spurious argument"]),
        ([meet(A, B)], [meet(A, C)], ["arguments"]),
        ([meet(A, B)], [meet()], ["missing argument"]),
        ([meet(A, B), meet(A, C)], [meet(A, B, C)], ["merged"]),
        ([meet(A, B, C)], [meet(A, B), meet(A, C)], ["split", "split"]),
        # A trigger alone is no event whose arguments another one took.
        ([meet(), meet(A)], [meet(A, B)], ["spurious argument"]),
        ([meet(A)], [meet(A, trigger=LabelledSpan(3, 5, "Pay"))], ["type"]),
        ([meet(A, B)], [meet(A, B, trigger=OTHER)], ["trigger"]),
        ([meet(A, B)], [meet(C, trigger=NEAR)], ["trigger"]),
        ([meet(A, B)], [meet(A, trigger=OTHER)], ["spurious"]),
        ([], [meet(A)], ["spurious"]),
        # Without triggers.
        ([meet(A, B, trigger=None)], [meet(A, trigger=None)], ["missing argument"]),
        ([meet(A, B, trigger=None)], [meet(C, trigger=None)], ["spurious"]),
        ([meet(A, B, trigger=None)], [LabelledEvent("Pay", None, meet(A, B).arguments)], ["type"]),
    ],
)
def test_kinds_of_wrong_events(gold, found, kinds):
    errors = name_event_errors(set(gold), set(found), {A, B, C, D, T, OTHER})
    assert sorted(kind for event, kind in errors if event in found) == kinds


def test_kinds_of_missed_events():
    gold = {meet(A), meet(A, trigger=OTHER), meet(D)}
    kinds = dict(name_event_errors(gold, set(), {A, T}))
    assert kinds == {
        meet(A): "missed",
        meet(A, trigger=OTHER): "missed trigger",
        meet(D): "missed span",
    }


def test_what_is_found_excuses_no_wrong_event():
    """An error is named after events that were missed only."""
    gold, wrong = {meet(A, B)}, meet(A)
    assert dict(name_event_errors(gold, {*gold, wrong}, {A, B, T})) == {wrong: "spurious"}


@given(st.sets(WITH | WITHOUT, max_size=5), st.sets(WITH | WITHOUT, max_size=5), st.sets(SPANS))
def test_each_wrong_and_each_missed_event_has_one_kind(gold, found, spans):
    errors = list(name_event_errors(gold, found, spans))
    assert {event for event, _ in errors} == gold ^ found
    assert len(errors) == len(gold ^ found)
    kinds = Counter(kind for event, kind in errors if event in gold)
    lost = sum(not set(event.spans) <= spans for event in gold - found)
    assert kinds["missed"] == len(gold - found) - lost
