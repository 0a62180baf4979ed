"""The published decoding of events, and what each of the two decodings cannot tell apart."""

import pytest

from benchmarks.event_oracle import make_dense, score_oracle
from benchmarks.published_events import TRIGGER, as_published, find_published_events
from spacy_globalpointer.pipeline.event_edges import SAME_EVENT, to_edges
from spacy_globalpointer.spans import LabelledEvent, LabelledRelation, LabelledSpan


def name(label, start, end=None):
    return LabelledSpan(start, end or start + 1, label)


def event(trigger, *arguments):
    return LabelledEvent(trigger.label, trigger, frozenset(arguments))


HIT, MISS, OTHER = name("Hit", 0), name("Miss", 10), name("Hit", 20)
ANNA, BOB, CAT, DAN = (name("PER", place) for place in (1, 2, 3, 4))


def decode(*events, has_links=True):
    edges = {x for gold in events for x in to_edges([gold]) if has_links or x.label != SAME_EVENT}
    return find_published_events(edges, {x.trigger for x in events}, has_links)


@pytest.mark.parametrize(
    "events",
    [
        [event(HIT)],
        [event(HIT, ("who", ANNA), ("whom", BOB))],
        # An argument of two events of different types, with one role in both.
        [event(HIT, ("who", ANNA)), event(MISS, ("who", ANNA), ("whom", BOB))],
        # Two events with one trigger: no cell joins their own arguments.
        [event(HIT, ("who", ANNA), ("whom", BOB)), event(HIT, ("who", ANNA), ("whom", CAT))],
        # The trigger is an argument too; a span has two roles.
        [event(HIT, ("what", HIT))],
        [event(HIT, ("who", ANNA), ("whom", ANNA), ("with", BOB))],
        # A nested argument: the cells of both are set.
        [event(HIT, ("who", name("ORG", 1, 4)), ("where", name("LOC", 3, 4)))],
    ],
)
def test_what_both_decodings_find(events):
    assert decode(*events) == set(map(as_published, events))
    assert score_oracle([events])["ours"]["f"] == 1.0


def test_without_links_the_arguments_of_a_trigger_are_one_event():
    gold = event(HIT, ("who", ANNA), ("whom", BOB))
    assert decode(gold, has_links=False) == {as_published(gold)}
    assert score_oracle([[gold]])["has_links"] is False


def test_two_events_of_a_type_that_are_joined_by_others():
    """Anna hits Bob, whose hit Cat causes: the tables do not know which hit a role belongs to."""
    first = event(HIT, ("who", ANNA), ("what", OTHER))
    second = event(OTHER, ("who", ANNA), ("whom", BOB))
    found = decode(first, second)
    # As a trigger and as an argument, the second hit is joined with the first one and with Anna.
    assert found != {as_published(first), as_published(second)}
    kinds = [sorted(role for role, _ in nodes) for _, nodes in found]
    assert [TRIGGER, TRIGGER, "who"] in kinds
    scores = score_oracle([[first, second]])
    assert scores["ours"]["f"] == 1.0
    assert scores["published"]["f"] < 1.0


def test_starts_and_ends_are_joined_each_on_their_own():
    """Pairs of spans that are linked set the cells of one that is not."""
    long, short = name("ORG", 1, 4), name("ORG", 1, 2)
    far, near = name("LOC", 6, 9), name("LOC", 6, 7)
    first = event(HIT, ("who", long), ("where", far))
    second = event(HIT, ("who", short), ("where", near))
    # Its ends, and the starts of the others, join the long ORG and the short LOC.
    third = event(MISS, ("who", name("ORG", 3, 4)), ("where", name("LOC", 5, 7)))
    assert decode(first, second) == {as_published(first), as_published(second)}
    scores = score_oracle([[first, second, third]])
    assert scores["ours"]["f"] == 1.0
    assert scores["published"]["wrong"] > 0


def test_a_set_of_arguments_without_a_trigger_is_no_event():
    # Dan is linked to Anna, and each of them to one trigger only.
    edges = to_edges([event(HIT, ("who", ANNA)), event(OTHER, ("whom", DAN))])
    edges |= {LabelledRelation(ANNA, DAN, SAME_EVENT)}
    found = find_published_events(edges, [HIT, OTHER], True)
    assert found == {
        as_published(event(HIT, ("who", ANNA))),
        as_published(event(OTHER, ("whom", DAN))),
    }


def test_an_event_within_another_is_lost_by_both():
    """No maximal clique is a part of another one."""
    events = [event(HIT, ("who", ANNA)), event(HIT, ("who", ANNA), ("whom", BOB))]
    scores = score_oracle([events])
    assert scores["ours"]["missed"] == scores["published"]["missed"] == 1


def test_a_dense_trigger_has_many_events():
    found = make_dense(seed=0)()
    assert 10 < len(found.scores) <= 64
    assert found.n_left_out == 0
