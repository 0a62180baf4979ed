"""The published decoding of events, which ours is scored beside: that of GPLinker for DuEE, of
events with triggers (https://kexue.fm/archives/8926; bojone/GPLinker, duee_v1.py).

A node is a span with a role in a type of event; being the trigger is one more role. Two tables of
token pairs, shared by all types, say what belongs to one event: one has a cell for the starts of
two spans, the other for their ends, in both with the smaller number first. Two nodes of a type are
joined if both cells of their spans are set. Every maximal clique of the nodes of a type is an
event; one without a trigger is dropped.

Nodes and tables follow from the edges that our decoding reads, gold or found:
- Every trigger is a node. A role from a trigger to a span makes a node of that span, with the role
  and the type of the trigger; it sets the cells of trigger and span. Nodes of a type that differ in
  nothing but their triggers are one.
- A link sets the cells of its two spans. If there are no links, as no two events share a trigger,
  each two arguments of a trigger set theirs: our decoding makes one event of them.
- A span with several roles of one trigger sets the cells that it has with itself.

The published search for cliques, which is exponential, is replaced by one that finds the same.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from itertools import combinations

from spacy_globalpointer.nn import maximal_cliques
from spacy_globalpointer.pipeline.event_edges import SAME_EVENT
from spacy_globalpointer.spans import LabelledEvent, LabelledRelation, LabelledSpan

# The role of triggers; in brackets, to be no role of an argument.
TRIGGER = "(trigger)"
# Of the events of one type in a text. More would be wrong, but for a few: they are left out in
# favour of the published decoding.
MOST_EVENTS = 10_000

# Role and span.
Node = tuple[str, LabelledSpan]
# A type and all nodes: it may have several triggers, so it is no LabelledEvent.
PublishedEvent = tuple[str, frozenset[Node]]
# Starts, or ends, of two spans.
Cell = tuple[int, int]


def as_published(event: LabelledEvent) -> PublishedEvent:
    """An event in the published form: its trigger is one of its nodes."""
    trigger = frozenset() if event.trigger is None else frozenset([(TRIGGER, event.trigger)])
    return event.type, event.arguments | trigger


def find_published_events(
    edges: Collection[LabelledRelation], triggers: Iterable[LabelledSpan], has_links: bool
) -> set[PublishedEvent]:
    """Find the events of a text as published.

    edges: roles and links of SAME_EVENT that reach their thresholds.
    triggers: spans whose label is a type of event, with arguments or without.
    has_links: whether events may share a trigger, so that there are links.
    """
    nodes: defaultdict[str, set[Node]] = defaultdict(set)
    for trigger in triggers:
        nodes[trigger.label].add((TRIGGER, trigger))
    own: defaultdict[LabelledSpan, list[LabelledSpan]] = defaultdict(list)
    starts: set[Cell] = set()
    ends: set[Cell] = set()
    joined = [(edge.head, edge.child) for edge in edges]
    for head, child, label in edges:
        if label != SAME_EVENT:
            nodes[head.label].add((label, child))
            own[head].append(child)
    for arguments in own.values():
        pairs = combinations(arguments, 2)
        joined += [(a, b) for a, b in pairs if a == b or not has_links]
    for one, other in joined:
        starts.add(_cell(one.start, other.start))
        ends.add(_cell(one.end, other.end))
    return {
        (kind, frozenset(clique))
        for kind, members in nodes.items()
        for clique in _find_cliques(sorted(members), starts, ends)
        if any(role == TRIGGER for role, _ in clique)
    }


def _find_cliques(nodes: list[Node], starts: set[Cell], ends: set[Cell]) -> list[list[Node]]:
    adjacency = [0] * len(nodes)
    for (i, (_, one)), (j, (_, other)) in combinations(enumerate(nodes), 2):
        if _cell(one.start, other.start) in starts and _cell(one.end, other.end) in ends:
            adjacency[i] |= 1 << j
            adjacency[j] |= 1 << i
    return [[nodes[i] for i in clique] for clique in maximal_cliques(adjacency, MOST_EVENTS)]


def _cell(one: int, other: int) -> Cell:
    return min(one, other), max(one, other)
