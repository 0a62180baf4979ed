"""Events as labelled edges between spans, which a model of pairs can score, and back.

With triggers, a role leads from the trigger of an event to each argument, and as several events may
share a trigger, a link without direction joins the arguments that belong to one of them. Without
triggers, the label of a span says its role, and a link with the type of the event joins its
arguments. The arguments of an event are those of a maximal clique: a set in which each two are
joined, and that no other argument completes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from ..nn import maximal_cliques
from ..spans import LabelledEvent, LabelledRelation, LabelledSpan, turn_forward

# Joins two arguments of one event with a trigger; in brackets, to be no name of a role.
SAME_EVENT = "(same event)"

Argument = tuple[str, LabelledSpan]
# The scores of links, by their spans in the order of the text.
Links = Mapping[tuple[LabelledSpan, LabelledSpan], float]


class EventRules(NamedTuple):
    """How edges become events.

    types: the labels of triggers, each the type of an event; none without triggers.
    nodes: of events without triggers, {label of an argument: (type of the event, role)}; None with
        triggers.
    has_links: whether events share triggers; otherwise all arguments of one are an event.
    max_arguments: most arguments of a trigger, or links of an argument; the best are kept.
    max_events: most events of a trigger, or for each of some arguments that links join.
    """

    types: frozenset[str]
    nodes: Mapping[str, tuple[str, str]] | None
    has_links: bool
    max_arguments: int
    max_events: int


class FoundEvents(NamedTuple):
    """The events of a document.

    scores: each with the lowest score of its edges; of a span alone, that of the span.
    n_left_out: edges beyond max_arguments.
    n_full: triggers, or sets of joined arguments, with more than max_events.
    """

    scores: dict[LabelledEvent, float]
    n_left_out: int
    n_full: int


def share_triggers(events: Iterable[LabelledEvent]) -> bool:
    """Whether two of the events have the same trigger."""
    triggers = [event.trigger for event in set(events) if event.trigger is not None]
    return len(triggers) > len(set(triggers))


def to_edges(events: Iterable[LabelledEvent], trigger: bool = True) -> set[LabelledRelation]:
    """The edges of events, those without direction from the first span.

    trigger: whether roles lead from triggers; an event has one then, otherwise it has none.
    RETURNS: role edges and links of SAME_EVENT; or links with the type of the event.
    """
    edges = set()
    for event in events:
        if event.trigger is not None and trigger:
            edges |= {LabelledRelation(event.trigger, x, role) for role, x in event.arguments}
        link = SAME_EVENT if trigger else event.type
        edges |= {LabelledRelation(*pair, link) for pair in _pairs(event.arguments)}
    return edges


def to_events(
    edges: Mapping[LabelledRelation, float],
    spans: Mapping[LabelledSpan, float],
    rules: EventRules,
) -> FoundEvents:
    """Find the events whose edges are given, in the order of the text.

    edges: those that reach their thresholds, with their scores.
    spans: all candidates, with their scores.
    """
    if rules.nodes is not None:
        return _without_triggers(edges, spans, rules, rules.nodes)
    links = {_ends(edge): score for edge, score in edges.items() if edge.label == SAME_EVENT}
    arguments: defaultdict[LabelledSpan, list[tuple[Argument, float]]] = defaultdict(list)
    for edge, score in edges.items():
        if edge.label != SAME_EVENT:
            arguments[edge.head].append(((edge.label, edge.child), score))
    found: dict[LabelledEvent, float] = {}
    n_left_out = n_full = 0
    for trigger in sorted(spans, key=_rank):
        if trigger.label not in rules.types:
            continue
        best = dict(sorted(arguments[trigger], key=_best_first)[: rules.max_arguments])
        n_left_out += len(arguments[trigger]) - len(best)
        known = links if rules.has_links else None
        groups = _find_groups(list(best), known, rules.max_events + 1)
        n_full += len(groups) > rules.max_events
        for group in groups[: rules.max_events]:
            scores = [best[argument] for argument in group]
            scores += [links[pair] for pair in _pairs(group)] if rules.has_links else []
            event = LabelledEvent(trigger.label, trigger, frozenset(group))
            found[event] = min(scores, default=spans[trigger])
        if not groups:
            found[LabelledEvent(trigger.label, trigger, frozenset())] = spans[trigger]
    return FoundEvents(found, n_left_out, n_full)


def _without_triggers(
    edges: Mapping[LabelledRelation, float],
    spans: Mapping[LabelledSpan, float],
    rules: EventRules,
    nodes: Mapping[str, tuple[str, str]],
) -> FoundEvents:
    """The events of spans whose labels say what they are in which type of event."""
    own: defaultdict[str, list[Argument]] = defaultdict(list)
    for span in sorted(spans, key=_rank):
        if span.label in nodes:
            kind, role = nodes[span.label]
            own[kind].append((role, span))
    found: dict[LabelledEvent, float] = {}
    n_left_out = n_full = 0
    for kind, arguments in sorted(own.items()):
        known = {span for _, span in arguments}
        joined = {_ends(edge): s for edge, s in edges.items() if edge.label == kind}
        joined = {pair: score for pair, score in joined.items() if known.issuperset(pair)}
        links = _best_links(joined, rules.max_arguments)
        n_left_out += len(joined) - len(links)
        for part in _connected(arguments, links):
            most = rules.max_events * len(part)
            groups = _find_groups(part, links, most + 1)
            n_full += len(groups) > most
            for group in groups[:most]:
                scores = [links[pair] for pair in _pairs(group)]
                event = LabelledEvent(kind, None, frozenset(group))
                found[event] = min(scores, default=spans[group[0][1]])
    return FoundEvents(found, n_left_out, n_full)


def _find_groups(
    arguments: Sequence[Argument], links: Links | None, limit: int
) -> list[list[Argument]]:
    """The arguments of each event, at most a limit of them; without links they are one."""
    if links is None:
        return [list(arguments)] if arguments else []
    ordered = sorted(arguments, key=lambda x: (_rank(x[1]), x[0]))
    adjacency = [0] * len(ordered)
    for (i, (_, one)), (j, (_, other)) in combinations(enumerate(ordered), 2):
        # A span with two roles is in one event, unless data say otherwise, which no edge can.
        if one == other or (one, other) in links:
            adjacency[i] |= 1 << j
            adjacency[j] |= 1 << i
    return [[ordered[i] for i in clique] for clique in maximal_cliques(adjacency, limit)]


def _best_links(links: Links, most: int) -> dict[tuple[LabelledSpan, LabelledSpan], float]:
    """The links that are among the best of both their spans."""
    counts: defaultdict[LabelledSpan, int] = defaultdict(int)
    kept = {}
    best_first = sorted(links.items(), key=lambda x: (-x[1], *map(_rank, x[0])))
    for pair, score in best_first:
        for span in pair:
            counts[span] += 1
        if all(counts[span] <= most for span in pair):
            kept[pair] = score
    return kept


def _connected(arguments: Sequence[Argument], links: Links) -> Iterator[list[Argument]]:
    """The arguments that are joined by links, directly or through others."""
    neighbours: defaultdict[LabelledSpan, list[LabelledSpan]] = defaultdict(list)
    for one, other in links:
        neighbours[one].append(other)
        neighbours[other].append(one)
    waiting = {span: role for role, span in arguments}
    for _, first in arguments:
        reached = [(waiting.pop(first), first)] if first in waiting else []
        for _, span in reached:  # grows
            reached += [(waiting.pop(x), x) for x in neighbours[span] if x in waiting]
        if reached:
            yield reached


def _pairs(arguments: Iterable[Argument]) -> Iterator[tuple[LabelledSpan, LabelledSpan]]:
    """Each two of the distinct spans of an event, in the order of the text."""
    return combinations(sorted({span for _, span in arguments}, key=_rank), 2)


def _ends(link: LabelledRelation) -> tuple[LabelledSpan, LabelledSpan]:
    """The spans of a link, in the order of the text."""
    return turn_forward(link)[:2]


def _rank(span: LabelledSpan) -> tuple[float, float, str]:
    return span.rank


def _best_first(scored: tuple[Argument, float]) -> tuple:
    (role, span), score = scored
    return -score, _rank(span), role
