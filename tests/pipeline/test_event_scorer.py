from collections import Counter
from itertools import permutations
from time import process_time

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

from spacy_globalpointer import Argument, Event, set_events
from spacy_globalpointer.pipeline.event_scorer import PARTS, score_events

VOCAB = spacy.blank("en").vocab
WORDS = list("abcdef")
# Spans by their tokens: triggers of two types, and arguments.
ATTACK, MOVE = (1, 2, "attack"), (3, 4, "move")
A, B, C, LONG = (0, 1, "X"), (2, 3, "Y"), (4, 5, "X"), (4, 6, "X")


def make_doc(events, words=WORDS, key="events"):
    """A document; events: type, trigger, {(role, span)}; None for not annotated."""
    doc = Doc(VOCAB, words=words, spaces=[False] * len(words))
    if events is not None:
        made = [
            Event(
                kind,
                trigger and Span(doc, trigger[0], trigger[1], label=trigger[2]),
                tuple(Argument(role, Span(doc, s, e, label=x)) for role, (s, e, x) in arguments),
            )
            for kind, trigger, arguments in events
        ]
        set_events(doc, made, key)
    return doc


def score(gold, found, **words):
    return score_events([Example(make_doc(found, **words), make_doc(gold))])


def f_scores(scores):
    return [scores[f"events_{part}_f"] for part in PARTS], scores["events_f"]


def test_an_event_is_right_if_all_of_it_is():
    gold = [("attack", ATTACK, [("who", A), ("whom", B)]), ("move", MOVE, [("what", ATTACK)])]
    assert f_scores(score(gold, gold)) == ([1.0] * 5, 1.0)
    less = [("attack", ATTACK, [("who", A)]), gold[1]]
    scores = score(gold, less)
    assert (scores["events_p"], scores["events_r"]) == (0.5, 0.5)
    assert (scores["events_role_p"], scores["events_role_r"]) == (1.0, pytest.approx(2 / 3))
    assert scores["events_trigger_type_f"] == 1.0
    assert scores["events_per_type"]["move"]["f"] == 1.0
    assert scores["events_per_type"]["attack"]["f"] == 0.0


def test_a_wrong_type_is_wrong_everywhere_but_in_the_borders_of_the_trigger():
    found = [("move", (*ATTACK[:2], "move"), [("who", A)])]
    assert f_scores(score([("attack", ATTACK, [("who", A)])], found)) == ([1.0, 0, 0, 0, 0], 0.0)


def test_an_argument_of_a_missed_trigger_is_still_found_but_not_attached():
    gold = [("attack", ATTACK, [("who", A)])]
    other = [("attack", (3, 4, "attack"), [("who", A)])]
    assert f_scores(score(gold, other)) == ([0.0, 0.0, 1.0, 1.0, 0.0], 0.0)


def test_an_argument_without_a_trigger_is_no_gift():
    """Nothing predicted: triggers and arguments are missed, never taken from gold."""
    gold = [("attack", ATTACK, [("who", A)])]
    for found in ([], None):
        assert f_scores(score(gold, found)) == ([0.0] * 5, 0.0)


def test_events_that_share_a_trigger_are_told_apart_by_the_whole_only():
    gold = [("attack", ATTACK, [("who", A)]), ("attack", ATTACK, [("who", B)])]
    joined = [("attack", ATTACK, [("who", A), ("who", B)])]
    assert f_scores(score(gold, joined)) == ([1.0] * 5, 0.0)


def test_a_label_of_an_argument_counts_in_the_whole_only():
    other = [("attack", ATTACK, [("who", (*A[:2], "Z"))])]
    assert f_scores(score([("attack", ATTACK, [("who", A)])], other)) == ([1.0] * 5, 0.0)


def test_events_without_triggers_are_matched_by_their_arguments():
    gold = [("hire", None, [("who", A), ("whom", B)]), ("hire", None, [("who", C)])]
    found = [("hire", None, [("who", C), ("whom", B)]), ("hire", None, [("who", A), ("whom", B)])]
    scores = score(gold, found)
    assert scores["events_trigger_f"] is scores["events_trigger_type_f"] is None
    assert (scores["events_p"], scores["events_r"]) == (0.5, 0.5)
    assert scores["events_role_f"] == 1.0
    assert (scores["events_attached_p"], scores["events_attached_r"]) == (0.75, 1.0)


def test_two_predicted_events_do_not_share_one_gold_event():
    gold = [("hire", None, [("who", A), ("whom", B)])]
    found = [("hire", None, [("who", A)]), ("hire", None, [("whom", B)])]
    scores = score(gold, found)
    assert (scores["events_attached_p"], scores["events_attached_r"]) == (0.5, 0.5)


def test_documents_that_are_not_annotated_are_left_out():
    event = [("attack", ATTACK, [])]
    with pytest.warns(UserWarning, match=r"nothing was scored: doc.spans\['events'\] is in none"):
        assert set(score(None, event).values()) == {None}
    assert set(score([], []).values()) == {None}
    assert set(score_events([]).values()) == {None}
    assert score([], event)["events_p"] == 0.0


def test_predictions_on_other_tokens_are_moved():
    gold = [("attack", ATTACK, [("who", A), ("whom", LONG)])]
    found = [("attack", ATTACK, [("who", A), ("whom", (4, 5, "X"))])]
    assert f_scores(score(gold, found, words=["a", "b", "c", "d", "ef"])) == ([1.0] * 5, 1.0)
    # A trigger that is no token of the reference is wrong.
    apart = [("attack", (0, 1, "attack"), [])]
    assert score(gold, apart, words=["ab", "c", "d", "e", "f"])["events_trigger_f"] == 0.0


def test_the_scorer_is_registered_and_names_scores_by_the_key():
    scorer = registry.scorers.get("spacy_globalpointer.event_scorer.v1")()
    event = [("attack", ATTACK, [("who", A)])]
    example = Example(make_doc(event, key="other"), make_doc(event, key="other"))
    assert scorer([example], events_key="other", threshold=0.5)["other_attached_f"] == 1.0


SPANS = st.sampled_from([A, B, C, LONG, ATTACK])
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["attack", "move"]),
        st.sampled_from([1, 3]),
        st.lists(st.tuples(st.sampled_from(["who", "whom"]), SPANS), max_size=3),
    ),
    max_size=4,
).map(lambda rows: [(kind, (at, at + 1, kind), arguments) for kind, at, arguments in rows])


@given(st.lists(st.tuples(EVENTS, EVENTS), min_size=1, max_size=3))
def test_scores_are_those_of_a_plain_count(documents):
    """Each score, counted with loops over all gold and all predicted items."""
    examples = [Example(make_doc(found), make_doc(gold)) for gold, found in documents]
    scores = score_events(examples)
    views = {
        "": lambda e: [(e[0], e[1], tuple(sorted(set(e[2]))))],
        "_trigger": lambda e: [e[1][:2]],
        "_trigger_type": lambda e: [(e[0], e[1][:2])],
        "_argument": lambda e: [(e[0], span[:2]) for _, span in e[2]],
        "_role": lambda e: [(e[0], role, span[:2]) for role, span in e[2]],
        "_attached": lambda e: [(e[0], e[1][:2], role, span[:2]) for role, span in e[2]],
    }
    for name, view in views.items():
        n: Counter[str] = Counter()
        for gold, found in documents:
            items = [list(dict.fromkeys(x for e in own for x in view(e))) for own in (gold, found)]
            n["right"] += sum(x in items[1] for x in items[0])
            n["gold"] += len(items[0])
            n["found"] += len(items[1])
        if not n["gold"] + n["found"]:
            assert scores[f"events{name}_f"] is None
            continue
        assert scores[f"events{name}_r"] == (n["right"] / n["gold"] if n["gold"] else 0.0)
        assert scores[f"events{name}_p"] == (n["right"] / n["found"] if n["found"] else 0.0)


LOOSE = st.lists(
    st.lists(
        st.tuples(st.sampled_from(["who", "whom"]), st.sampled_from([A, B, C])),
        min_size=1,
        max_size=3,
        unique=True,
    ),
    max_size=3,
    unique_by=frozenset,
).map(lambda rows: [("hire", None, arguments) for arguments in rows])


@given(LOOSE, LOOSE)
def test_events_without_triggers_are_matched_as_by_hand(gold, found):
    """The pair with most in common, again and again; at least half of the best there is."""
    scores = score(gold, found)
    sides = [
        [frozenset((r, at[:2]) for r, at in event[2]) for event in own] for own in (gold, found)
    ]
    shorter, longer = sorted(sides, key=len)
    best = max(
        sum(len(a & b) for a, b in zip(shorter, order, strict=False))
        for order in permutations(longer)
    )
    totals = [sum(map(len, side)) for side in sides]
    attached, left = 0, [list(side) for side in sides]
    while left[0] and left[1]:
        pairs = [(a, b) for a in left[0] for b in left[1]]
        a, b = max(pairs, key=lambda pair: len(pair[0] & pair[1]))
        attached += len(a & b)
        left[0].remove(a)
        left[1].remove(b)
    assert best / 2 <= attached <= best
    if not sum(totals):
        assert scores["events_attached_f"] is None
    else:
        assert scores["events_attached_r"] == (attached / totals[0] if totals[0] else 0.0)
        assert scores["events_attached_p"] == (attached / totals[1] if totals[1] else 0.0)


def test_a_thousand_events_are_matched_at_once():
    words = ["a"] * 1000
    events = [("hire", None, [("who", (i, i + 1, "X"))]) for i in range(1000)]
    started = process_time()
    doc = make_doc(events, words)
    assert score_events([Example(doc.copy(), doc)])["events_attached_f"] == 1.0
    assert process_time() - started < 1.5
