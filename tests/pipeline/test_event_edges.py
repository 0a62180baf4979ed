"""From events to edges and back: against networkx, and the round trip."""

import time
from itertools import combinations, pairwise

import networkx
import strategies  # noqa: F401  sets the profile
from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer.pipeline.event_edges import (
    SAME_EVENT,
    EventRules,
    share_triggers,
    to_edges,
    to_events,
)
from spacy_globalpointer.spans import LabelledEvent, LabelledRelation, LabelledSpan, turn_forward

TYPES = frozenset({"Attack", "Meet"})
SPANS = [LabelledSpan(i, i + 1 + i % 2, "X") for i in range(6)]
TRIGGERS = [LabelledSpan(i, i + 1, kind) for i in (1, 4) for kind in sorted(TYPES)]
NODES = {f"{kind}|{role}": (kind, role) for kind in TYPES for role in "ABC"}
NODE_SPANS = [LabelledSpan(i, i + 2, label) for i in range(3) for label in sorted(NODES)]
WITH_LINKS = EventRules(TYPES, None, True, 32, 64)
STARS = WITH_LINKS._replace(has_links=False)
WITHOUT_TRIGGERS = EventRules(TYPES, NODES, True, 32, 64)

# Another trigger, or the event's own, may be an argument.
ARGUMENTS = st.tuples(st.sampled_from("ABC"), st.sampled_from(SPANS + TRIGGERS))


@st.composite
def events_with_triggers(draw):
    found = draw(st.lists(st.tuples(st.sampled_from(TRIGGERS), st.frozensets(ARGUMENTS))))
    return {LabelledEvent(trigger.label, trigger, own) for trigger, own in found}


@st.composite
def events_without_triggers(draw):
    events = set()
    for kind in TYPES:
        own = [span for span in NODE_SPANS if NODES[span.label][0] == kind]
        sets = draw(st.lists(st.frozensets(st.sampled_from(own), min_size=1, max_size=4)))
        events |= {
            LabelledEvent(kind, None, frozenset((NODES[x.label][1], x) for x in spans))
            for spans in sets
        }
    return events


def back(events, rules, spans=None):
    edges = dict.fromkeys(to_edges(events, trigger=rules.nodes is None), 1.0)
    if rules.nodes is not None and spans is None:
        spans = [span for event in events for _, span in event.arguments]
    return set(to_events(edges, dict.fromkeys(spans or TRIGGERS + SPANS, 1.0), rules).scores)


def cliques_of(nodes, links):
    graph = networkx.Graph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(
        pair
        for pair in combinations(nodes, 2)
        if pair[0][1] == pair[1][1] or frozenset((pair[0][1], pair[1][1])) in links
    )
    return map(frozenset, networkx.find_cliques(graph))


@given(events_with_triggers())
def test_every_maximal_clique_of_a_trigger_is_an_event(events):
    links = {frozenset(x for _, x in pair) for e in events for pair in combinations(e.arguments, 2)}
    wanted = set()
    for trigger in TRIGGERS:
        nodes = {a for event in events if event.trigger == trigger for a in event.arguments}
        for own in [*cliques_of(nodes, links)] or [frozenset()]:
            wanted.add(LabelledEvent(trigger.label, trigger, own))
    assert back(events, WITH_LINKS) == wanted


@given(events_without_triggers())
def test_every_maximal_clique_of_a_type_is_an_event(events):
    wanted = set()
    for kind in TYPES:
        sets = [event.arguments for event in events if event.type == kind]
        links = {frozenset(x for _, x in pair) for own in sets for pair in combinations(own, 2)}
        nodes = {argument for own in sets for argument in own}
        wanted |= {LabelledEvent(kind, None, own) for own in cliques_of(nodes, links)}
    assert back(events, WITHOUT_TRIGGERS) == wanted


ROLES = st.frozensets(st.sampled_from("ABC"), min_size=1)


@given(st.permutations(SPANS + TRIGGERS), st.lists(ROLES, min_size=3, max_size=10))
def test_two_events_of_a_trigger_come_back(spans, roles):
    """With shared arguments or without, nested, with several roles; both have one of their own."""
    own = [{(role, span) for role in x} for span, x in zip(spans, roles, strict=False)]
    both = frozenset().union(*own[2:])
    one, other = both | own[0], both | own[1]
    events = {LabelledEvent("Attack", TRIGGERS[0], own) for own in (one, other)}
    assert share_triggers(events)
    rest = [trigger for trigger in TRIGGERS if trigger != TRIGGERS[0]]
    alone = {LabelledEvent(trigger.label, trigger, frozenset()) for trigger in rest}
    assert back(events, WITH_LINKS) == events | alone


@given(st.lists(st.frozensets(ARGUMENTS), min_size=4, max_size=4))
def test_events_that_share_no_trigger_need_no_links(sets):
    pairs = zip(TRIGGERS, sets, strict=True)
    events = {LabelledEvent(trigger.label, trigger, own) for trigger, own in pairs}
    assert not share_triggers(events)
    assert back(events, STARS) == events


@given(events_with_triggers(), st.randoms(use_true_random=False))
def test_the_order_and_direction_given_change_nothing(events, random):
    scored = {edge: random.random() for edge in sorted(to_edges(events))}
    rules = WITH_LINKS._replace(max_arguments=3, max_events=2)
    spans = {span: random.random() for span in TRIGGERS + SPANS}
    found = to_events(scored, spans, rules)
    turned = {
        LabelledRelation(e.child, e.head, e.label) if e.label == SAME_EVENT else e: score
        for e, score in random.sample(list(scored.items()), len(scored))
    }
    shuffled = dict(random.sample(list(spans.items()), len(spans)))
    again = to_events(turned, shuffled, rules)
    assert again == found
    assert list(again.scores) == list(found.scores)


@given(events_with_triggers(), events_without_triggers(), st.randoms(use_true_random=False))
def test_the_score_of_an_event_is_that_of_its_weakest_edge(some, others, random):
    for events, rules in (some, WITH_LINKS), (some, STARS), (others, WITHOUT_TRIGGERS):
        is_star = not rules.has_links
        edges = {
            edge: random.random()
            for edge in sorted(to_edges(events, rules.nodes is None))
            if not is_star or edge.label != SAME_EVENT
        }
        given = {span: random.random() for span in TRIGGERS + SPANS + NODE_SPANS}
        for event, score in to_events(edges, given, rules).scores.items():
            own = to_edges([event], rules.nodes is None)
            own = {e for e in own if e.label != SAME_EVENT} if is_star else own
            alone = event.trigger or next(iter(event.arguments))[1]
            assert score == min((edges[e] for e in own), default=given[alone])


def test_the_best_arguments_are_kept_and_the_others_counted():
    trigger, spans = TRIGGERS[0], SPANS[:4]
    edges = {LabelledRelation(trigger, x, "A"): 0.6 + i / 10 for i, x in enumerate(spans)}
    given = dict.fromkeys([trigger, *spans], 1.0)
    found = to_events(edges, given, STARS._replace(max_arguments=3))
    wanted = LabelledEvent("Attack", trigger, frozenset(("A", x) for x in spans[1:]))
    assert found == ({wanted: 0.7}, 1, 0)
    found = to_events(edges, given, WITH_LINKS._replace(max_events=2))
    assert (len(found.scores), found.n_left_out, found.n_full) == (2, 0, 1)


def test_the_best_links_are_kept_and_the_others_counted():
    first, *others = [span for span in NODE_SPANS if span.label == "Attack|A"]
    assert len(others) == 2
    edges = {turn_forward(LabelledRelation(first, others[0], "Attack")): 0.9}
    edges[turn_forward(LabelledRelation(first, others[1], "Attack"))] = 0.8
    given = dict.fromkeys([first, *others], 0.7)
    found = to_events(edges, given, WITHOUT_TRIGGERS._replace(max_arguments=1))
    wanted = {frozenset((("A", first), ("A", others[0]))): 0.9, frozenset((("A", others[1]),)): 0.7}
    assert {e.arguments: score for e, score in found.scores.items()} == wanted
    assert found.n_left_out == 1
    # links of one type, to spans of another, and of no known label
    strange = LabelledSpan(9, 10, "Meet|A"), LabelledSpan(10, 11, "?")
    edges = {LabelledRelation(first, x, "Attack"): 0.9 for x in strange}
    found = to_events(edges, dict.fromkeys([first, *strange], 0.7), WITHOUT_TRIGGERS)
    assert [len(event.arguments) for event in found.scores] == [1, 1]


def test_cycles_are_data():
    one, other = TRIGGERS[0], TRIGGERS[3]
    events = {
        LabelledEvent(one.label, one, frozenset({("A", other), ("B", one)})),
        LabelledEvent(other.label, other, frozenset({("A", one)})),
    }
    assert back(events, WITH_LINKS, [one, other]) == events


def test_a_thousand_triggers_and_dense_arguments_take_bounded_time():
    triggers = [LabelledSpan(i, i + 1, "Attack") for i in range(1000)]
    edges = {
        LabelledRelation(trigger, triggers[(i + k) % 1000], "A"): 0.9
        for i, trigger in enumerate(triggers)
        for k in range(1, 31)
    }
    # of 30 neighbours, each third is not joined: 3^10 cliques a trigger
    edges |= {
        LabelledRelation(a, b, SAME_EVENT): 0.9
        for i, a in enumerate(triggers)
        for b in triggers[i + 1 : i + 31]
        if a.start // 3 != b.start // 3
    }
    started = time.process_time()
    found = to_events(edges, dict.fromkeys(triggers, 1.0), WITH_LINKS._replace(max_events=8))
    assert found.n_full > 900
    assert len(found.scores) <= 8000
    assert time.process_time() - started < 20

    nodes = [LabelledSpan(i, i + 1, "Attack|A") for i in range(1000)]
    edges = {LabelledRelation(a, b, "Attack"): 0.9 for a, b in pairwise(nodes)}
    found = to_events(edges, dict.fromkeys(nodes, 1.0), WITHOUT_TRIGGERS)
    assert (len(found.scores), found.n_left_out, found.n_full) == (999, 0, 0)
